//! What the guides on moving say of users who are signed in: the middlewares that carry them over, as they stand there.

pub mod from_actix_session;
pub mod from_axum_login;
pub mod from_tower_sessions;
