//! Handlers beside the probe's: what its fixed surface has no route for. Each framework has its own, as its users
//! would write them.

pub(crate) mod actix;
pub(crate) mod axum;
