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
//! * [`Error`]: what can go wrong. As an axum or actix-web response it tells the client the kind, and the log the story.
//!
//! # The signed-in user
//!
//! [`sign_in`](Session::sign_in) takes a [`SignIn`]: who it is, by what they have shown it, and a fingerprint of their
//! credentials. [`Sessions::users`] takes a value that finds your users, and a handler asks for a [`User`]: found once per
//! request, and signed out where they are gone, disabled or have another password.
//! [`require_recent`](Session::require_recent) asks for the password again before what matters. [`Sessions::subscribe`] tells
//! what happens to sessions, and [`Session::guard`] ends a websocket with its session.
//!
//! ```no_run
//! # #[cfg(all(feature = "axum", feature = "memory"))]
//! # mod app {
//! use std::time::Duration;
//!
//! use axum::{Router, routing::{get, post}};
//! use cloakroom::store::Principal;
//! use cloakroom::stores::Memory;
//! use cloakroom::{Error, Session, Sessions, SignIn, User, Users};
//! # struct Database;
//! # impl Database { async fn account(&self, id: &str) -> Result<Option<Account>, std::io::Error> { Ok(None) } }
//! # async fn check_password() -> Account { Account { id: "7".to_owned(), name: "Alice".to_owned(), hash: String::new() } }
//!
//! struct Account {
//!     id: String,
//!     name: String,
//!     hash: String,
//! }
//!
//! impl Users for Database {
//!     type User = Account;
//!     type Error = std::io::Error;
//!
//!     async fn find(&self, id: &Principal) -> Result<Option<Account>, std::io::Error> {
//!         self.account(id.as_str()).await
//!     }
//!
//!     fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
//!         Some(account.hash.as_bytes())
//!     }
//! }
//!
//! async fn sign_in(session: Session) -> Result<(), Error> {
//!     let account = check_password().await;
//!     session.sign_in(SignIn::new(account.id).method("password").credentials(account.hash))
//! }
//!
//! async fn home(User(account): User<Account>) -> String {
//!     format!("Hello, {}.", account.name)
//! }
//!
//! async fn delete(User(account): User<Account>, session: Session) -> Result<String, Error> {
//!     session.require_recent(Duration::from_secs(300))?;
//!     Ok(format!("Goodbye, {}.", account.name))
//! }
//!
//! fn app(database: Database) -> Result<Router, Error> {
//!     let sessions = Sessions::new(Memory::default())
//!         .users(database)
//!         .sign_in_page("/sign-in")?;
//!     Ok(Router::new()
//!         .route("/", get(home))
//!         .route("/sign-in", post(sign_in))
//!         .route("/delete", post(delete))
//!         .layer(sessions.layer()))
//! }
//! # }
//! ```
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
//! # Frameworks
//!
//! axum and actix-web have adapters, and [`SessionLayer`] is for everything that speaks tower: [`guide::frameworks`] says what
//! does.
//!
//! # Forms
//!
//! [`CrossSite`] refuses forms that other sites send, [`Session::form_token`] is for rules that ask for a token as well, and
//! [`Session::flash`] says something on the page after a redirect. [`guide::forms`] has all three.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `actix` | | [`Session`] and [`User`] as actix-web extractors, the middlewares of [`Sessions`] and [`CrossSite`], errors as responses |
//! | `axum` | yes | [`Session`] and [`User`] as axum extractors, errors as responses; implies `tower` |
//! | `tower` | | [`SessionLayer`] and the layer of [`CrossSite`], for anything that speaks tower |
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
//! | `testing` | | a clock to set by hand and the cookies of a browser, for the tests of your application |
//!
//! # What it does not do
//!
//! It does not check passwords, and does not stop cross-site requests before its layer for that, [`CrossSite`], is added:
//! [`guide::forms`] says how. It needs a tokio runtime with time enabled. [`guide::security_model`] says what is protected
//! against whom, and [`guide::operating`] what to watch.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod session;
mod sessions;

mod authentication;
mod cookie;
mod cross_site;
mod ending;
mod flash;
mod forms;
mod guard;
mod key;
mod key_file;
mod key_watch;
mod keyring;
mod lifecycle;
mod listing;
mod local_path;
mod policy;
mod refresher;
mod revocations;
mod sign_in;
mod signed_in;
mod subscription;
mod sweeper;
mod user;
mod users;

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
mod form_token;
mod held;
mod origin;
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

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(any(feature = "actix", feature = "tower"))]
mod adapter;
#[cfg(feature = "axum")]
mod axum;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;

#[cfg(feature = "actix")]
pub use actix::SessionMiddleware;
pub use authentication::Authentication;
pub use cloakroom_store as store;
pub use cookie::{Cookie, CookieBuilder, Prefix, SameSite};
pub use cross_site::{CrossSite, Denial, DenialReason};
pub use error::{Error, ErrorKind};
pub use flash::{Flash, FlashLevel};
pub use guard::Guard;
pub use key::Key;
pub use key_file::KeyFile;
pub use key_watch::{KeyWatcher, Looked, RunningKeyWatcher};
pub use keyring::{KeyDate, KeyId, KeyInfo, KeyRing, KeyState, KeyUse, Keys, ServerKey, Successor};
pub use lifecycle::{Happened, SessionEvent, Why};
pub use listing::SessionInfo;
pub use local_path::LocalPath;
pub use policy::{Lifetime, Policy};
pub use refresher::{RevocationsRefresher, RunningRevocationsRefresher};
pub use revocations::Revocations;
pub use session::Session;
pub use sessions::{Finished, Outcome, Sessions};
pub use sign_in::SignIn;
pub use subscription::{Heard, Subscription};
pub use sweeper::{RunningSweeper, Sweeper};
#[cfg(feature = "tower")]
pub use tower::SessionLayer;
pub use user::User;
pub use users::Users;

/// The README's program compiles.
#[cfg(all(doctest, feature = "axum", feature = "memory"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
