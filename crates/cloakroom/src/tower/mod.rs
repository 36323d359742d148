//! The tower layer: gives each request a session to ask for, and writes it when the response is there.
//!
//! Works with every tower server whose requests and responses are those of `http` 1. A handler that has no
//! extractor asks with [`session`].

mod future;
mod layer;
pub(crate) mod refusal;
mod service;
pub(crate) mod sign_in;
mod slot;

pub use future::ResponseFuture;
pub use layer::SessionLayer;
pub use service::SessionService;
pub use slot::session;
