//! The tower layer: gives each request a session to ask for, and writes it when the response is there.
//!
//! Works with every tower server whose requests and responses are those of `http` 1. A handler that has no
//! extractor asks with [`session`].
//!
//! Beside it is the layer of [`CrossSite`](crate::CrossSite), which needs no session.

#[cfg(feature = "testing")]
mod cookie_jar;
mod cross_site;
mod future;
mod layer;
pub(crate) mod refusal;
mod service;
mod session;
mod sign_in;

pub use cross_site::{CrossSiteFuture, CrossSiteLayer, CrossSiteService};
pub use future::ResponseFuture;
pub use layer::SessionLayer;
pub use service::SessionService;
pub use session::{session, session_from};
