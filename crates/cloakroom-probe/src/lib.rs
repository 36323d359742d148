//! A fixed HTTP surface over any store, so that anyone can attack any store and strategy from outside.
//!
//! [`app`] is the surface, the same routes for every store and framework. [`doubles`] stand between the library
//! and a store: they count requests, hold them, and fail them. The request suite in `tests/` is built of both.

mod app;
mod options;
mod pause;
mod serve;

pub mod doubles;

pub use app::app;
pub use options::{Framework, Options, Strategy};
pub use pause::Pause;
pub use serve::serve;
