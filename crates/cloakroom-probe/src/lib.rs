//! A fixed HTTP surface over any store, so that anyone can attack any store and strategy from outside.
//!
//! [`app`] is the surface on axum and [`actix_app`] on actix-web, the same routes for every store. [`doubles`]
//! stand between the library and a store: they count requests, hold them, and fail them. The request suite in
//! `tests/` is built of both.

mod app;
mod options;
mod pause;
mod serve;

pub mod doubles;

pub use app::{actix_app, app};
pub use options::{Framework, Options, Strategy};
pub use pause::Pause;
pub use serve::serve;
