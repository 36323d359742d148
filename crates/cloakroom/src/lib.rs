//! Sessions that survive races: how a server remembers who is asking.
//!
//! HTTP forgets. A browser remembers a cookie; this crate makes it a ticket for what the server keeps, and keeps
//! that right when requests race: no update is lost, nobody who signed out comes back, and a store that is down is
//! an error, never a logout.
//!
//! ```no_run
//! # #[cfg(all(feature = "axum", feature = "memory"))]
//! # mod app {
//! use axum::{Router, routing::get};
//! use cloakroom::stores::Memory;
//! use cloakroom::{Error, Key, Session, Sessions};
//!
//! const VISITS: Key<u32> = Key::new("visits");
//!
//! async fn visits(session: Session) -> Result<String, Error> {
//!     session.update(VISITS, |seen| seen.unwrap_or(0) + 1)?;
//!     Ok(format!("visit number {}", session.get(VISITS)?.unwrap_or(0)))
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let sessions = Sessions::new(Memory::default());
//!     let app = Router::new().route("/", get(visits)).layer(sessions.layer());
//!     axum::serve(tokio::net::TcpListener::bind("localhost:3000").await?, app).await?;
//!     Ok(())
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! # Three types
//!
//! * [`Sessions`]: where sessions are kept, in a store or [sealed](Sessions::sealed) in their cookies, and how: a
//!   [`Policy`], a [`Cookie`], perhaps a [`KeyRing`].
//! * [`Session`]: what a handler holds. It reads and changes values named by a [`Key`], signs in and out.
//! * [`Error`]: what can go wrong. As an axum response it tells the client the kind, and the log the story.
//!
//! # What a request costs the store
//!
//! Nothing, unless the handler asks for the session, and nothing for a visitor without one. Reading is one request
//! to the store; writing one more; signing in is one write. A session that is only read is touched at most once in
//! 5 % of its idle timeout. [Sealed](Sessions::sealed) sessions ask nothing but when they sign in or end:
//! [`guide::choosing_a_strategy`] says what that costs otherwise.
//!
//! # What happens when
//!
//! `set`, `remove`, `update`, `clear`, `sign_in` and `rotate` are recorded, and applied together when the handler
//! has answered: with one conditional write, and again on top of whatever a neighbour wrote in between. A 5xx, a
//! panic or a client that goes away drops them together, unless [`Session::save`] was awaited before. `sign_out`,
//! `end` and their like act when awaited, and nothing undoes them.
//!
//! # Stores
//!
//! [`stores`] has those that come along, and [`guide::choosing_a_store`] says which is for whom. One of your own implements [`store::Store`] and runs the conformance suite
//! of the crate `cloakroom-store`.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `axum` | yes | [`Session`] as an axum extractor, errors as responses; implies `tower` |
//! | `tower` | | [`SessionLayer`], for anything that speaks tower |
//! | `memory` | yes | `stores::Memory` |
//! | `disk` | | `stores::Disk` |
//! | `sqlite` | | `stores::Sqlite`, with SQLite itself |
//! | `redis` | | `stores::Redis` and `stores::RedisCluster`, also for Valkey |
//! | `memcached` | | `stores::Memcached` |
//! | `postgres` | | `stores::Postgres` |
//! | `mysql` | | `stores::Mysql`, also for MariaDB |
//! | `deadpool-postgres_v0_14` | | `stores::Postgres::from_pool`, over a pool of `deadpool-postgres` 0.14; implies `postgres` |
//! | `cached` | | `stores::Cached`, a near cache in front of any store |
//! | `server` | | nothing by itself: what stores with a server share |
//! | `testing` | | a clock to set by hand, for the tests of your application |
//!
//! # What it does not do
//!
//! It does not check passwords, and does not stop cross-site requests by itself. It needs a tokio runtime with time
//! enabled. [`guide::security_model`] says what is protected against whom, and [`guide::operating`] what to watch.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod session;
mod sessions;

mod cookie;
mod ending;
mod key;
mod key_file;
mod key_watch;
mod keyring;
mod policy;
mod refresher;
mod revocations;
mod sign_in;
mod sweeper;

mod change;
mod commit;
mod sealed;
mod settle;
mod shared;
mod state;

mod base64url;
mod claims;
mod data;
mod envelope;
mod held;
mod paseto;
mod recent;
mod rfc3339;
mod seal;
mod sealed_cookie;
mod snapshot;
mod token;

mod bounded;
mod clock;
mod config;
mod cookie_header;
mod error;
mod events;
mod gone;
mod nowhere;
mod random;

pub mod guide;
pub mod stores;

#[cfg(feature = "axum")]
mod axum;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;

pub use cloakroom_store as store;
pub use cookie::{Cookie, CookieBuilder, Prefix, SameSite};
pub use ending::SessionInfo;
pub use error::{Error, ErrorKind};
pub use key::Key;
pub use key_file::KeyFile;
pub use key_watch::{KeyWatcher, Looked, RunningKeyWatcher};
pub use keyring::{KeyDate, KeyId, KeyInfo, KeyRing, KeyState, KeyUse, Keys, ServerKey, Successor};
pub use policy::{Lifetime, Policy};
pub use refresher::{RevocationsRefresher, RunningRevocationsRefresher};
pub use revocations::Revocations;
pub use session::Session;
pub use sessions::{Finished, Outcome, Sessions};
pub use sign_in::SignIn;
pub use sweeper::{RunningSweeper, Sweeper};
#[cfg(feature = "tower")]
pub use tower::SessionLayer;

/// The README's program compiles.
#[cfg(all(doctest, feature = "axum", feature = "memory"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
