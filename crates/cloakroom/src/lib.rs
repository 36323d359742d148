//! Sessions that survive races: how a server remembers who is asking.

mod session;
mod sessions;

mod cookie;
mod ending;
mod key;
mod keyring;
mod policy;
mod sign_in;
mod sweeper;

mod change;
mod commit;
mod settle;
mod shared;
mod state;

mod data;
mod envelope;
mod held;
mod recent;
mod seal;
mod token;

mod bounded;
mod clock;
mod config;
mod cookie_header;
mod error;
mod events;
mod random;

pub mod stores;

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;

pub use cloakroom_store as store;
pub use cookie::{Cookie, CookieBuilder, Prefix, SameSite};
pub use ending::SessionInfo;
pub use error::{Error, ErrorKind};
pub use key::Key;
pub use keyring::{KeyRing, ServerKey};
pub use policy::{Lifetime, Policy};
pub use session::Session;
pub use sessions::Sessions;
pub use sign_in::SignIn;
pub use sweeper::{RunningSweeper, Sweeper};
#[cfg(feature = "tower")]
pub use tower::SessionLayer;
