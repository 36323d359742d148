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
//! [`guide::ten_minutes`] goes from here to a login that survives a restart.
//!
//! And one whose users sign in: [`Sessions::users`] takes a value that finds them, and a handler asks for a
//! [`User`], who is looked up once per request, and signed out where they are gone, disabled or have another
//! password.
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
//! # What one writes
//!
//! Three types: [`Sessions`] is where sessions are kept and how, [`Session`] is what a handler holds, and
//! [`Error`] what can go wrong. As a response it tells the client the kind, and the log the story. axum and
//! actix-web have adapters, and
//! [`SessionLayer`] is for everything that speaks tower: [`guide::frameworks`] says what does.
//!
//! | what a handler wants | what it writes |
//! |---|---|
//! | a value, by its typed [`Key`] | [`get`](Session::get), [`set`](Session::set), [`update`](Session::update), [`remove`](Session::remove) |
//! | to sign somebody in or out | [`sign_in`](Session::sign_in) with a [`SignIn`]: remembered, labelled, by which method; [`sign_out`](Session::sign_out) |
//! | who is signed in | [`User<T>`](User), or [`principal`](Session::principal), the user's id |
//! | the password once more, before what matters | [`require_recent`](Session::require_recent), [`require_level`](Session::require_level) |
//! | the user's devices | [`sessions`](Session::sessions), [`end`](Session::end), [`sign_out_others`](Session::sign_out_others), [`sign_out_everywhere`](Session::sign_out_everywhere) |
//! | no forms that other sites send | the layer of [`CrossSite`]; a [`form_token`](Session::form_token) where rules ask for one as well |
//! | a message on the page after a redirect | [`flash`](Session::flash), [`take_flash`](Session::take_flash) |
//! | no passwords that are guessed | [`Attempts`], with which each try begins |
//! | a websocket that ends with its session | [`guard`](Session::guard) |
//! | an audit log | [`Sessions::subscribe`] |
//!
//! `set`, `remove`, `update`, `clear`, `sign_in` and `rotate` are recorded, and applied together when the handler
//! has answered: with one conditional write, and again on top of whatever a neighbour wrote in between. A 5xx, a
//! panic or a client that goes away drops them together, unless [`Session::save`] was awaited before. `sign_out`,
//! `end` and their like act when awaited, and nothing undoes them.
//!
//! # Where sessions are
//!
//! | strategy | what one writes | the contents live | a request costs the store |
//! |---|---|---|---|
//! | stored | [`Sessions::new`] | in a store | nothing, unless the handler asks for the session; then one read, and one write if something changed |
//! | sealed | [`Sessions::sealed`] | in the cookie, encrypted | nothing, but when somebody signs in or out |
//! | hybrid | [`Sessions::snapshots`] | in a store, and for some seconds in a second cookie | a read every some seconds, and the writes |
//!
//! A visitor without a session costs the store nothing. A sign-in is one write, and a session that is only read is
//! touched at most once in 5 % of its idle timeout.
//!
//! | store | for |
//! |---|---|
//! | `stores::Memory` | one process, tests, development; gone when the process ends |
//! | `stores::Disk` | one machine; survives a restart, needs no other server |
//! | `stores::Sqlite` | one machine, several processes |
//! | `stores::Redis`, `stores::RedisCluster` | several machines; also Valkey |
//! | `stores::Memcached` | several machines, and sessions that may be lost |
//! | `stores::Postgres`, `stores::Mysql` | several machines that share a database already; also MariaDB |
//!
//! Another store is another line, or another URL for [`stores::open`]. One of your own implements [`store::Store`]
//! and runs the conformance suite of the crate `cloakroom-store`.
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
//! # Security
//!
//! | against | what there is |
//! |---|---|
//! | who guesses or plants a token | it is 32 random bytes, one the server did not issue is never adopted, and signing in replaces it |
//! | who copied a cookie | it is dead once its user signs out, wherever that was; [`Policy::rotate_every`] shows a theft |
//! | who reads the store | no token is in it, and the data is encrypted under a key that needs the token; ids, principals, labels and times are in clear |
//! | who writes to the store | [`Sessions::keys`]: without the server's key no session is forged, prolonged or swapped. An old row put back is not noticed |
//! | who guesses passwords | [`Attempts`], once asked for: a limit per address and per principal |
//! | another site | `SameSite=Lax`, and [`CrossSite`] |
//! | another site's link to the sign-in page | [`LocalPath`]: where to go on is a path of the application |
//! | a script in the page | the cookie is `HttpOnly`: it is not read, but the script can do what the user can |
//! | who listens on the network | the cookie is `Secure`: it leaves the browser over HTTPS alone |
//! | an outage, a slow node, a race | an error and never a logout; nothing that has ended comes back |
//!
//! The memory store does not encrypt: whoever reads the memory of the process has the keys too.
//!
//! # Guides
//!
//! * To begin: [`ten_minutes`](guide::ten_minutes), [`frameworks`](guide::frameworks), [`forms`](guide::forms),
//!   [`testing`](guide::testing).
//! * To choose: [`choosing_a_strategy`](guide::choosing_a_strategy), [`choosing_a_store`](guide::choosing_a_store).
//! * To run: [`security_model`](guide::security_model), [`rotating_keys`](guide::rotating_keys),
//!   [`operating`](guide::operating).
//! * To move: [`moving_from_tower_sessions`](guide::moving_from_tower_sessions),
//!   [`moving_from_axum_login`](guide::moving_from_axum_login),
//!   [`moving_from_actix_session`](guide::moving_from_actix_session).
//!
//! The directory `examples` of the repository has programs to start: counters, a login with devices, sealed and
//! hybrid sessions, a websocket, several nodes behind nginx.
//!
//! # What it does not do
//!
//! It does not check passwords, and counts how often one was tried only where [`Attempts`] are asked for. It does not
//! stop cross-site requests before its layer for that, [`CrossSite`], is added. It knows who is signed in, and not what
//! they may do. It does not keep what an application has no session for: a cart that is to outlive the session belongs
//! into the database. And it needs a tokio runtime with time enabled.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod session;
mod sessions;

mod attempts;
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
mod deleting;
mod sealed;
mod settle;
mod shared;
mod state;
mod untold;

mod base64url;
mod claims;
mod data;
mod envelope;
mod everyone;
mod form_token;
mod held;
mod origin;
mod paseto;
mod recent;
mod rfc3339;
mod seal;
mod sealed_cookie;
mod snapshot;
mod throttle;
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
pub use attempts::{Attempt, Attempts};
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
pub use throttle::Throttled;
#[cfg(feature = "tower")]
pub use tower::SessionLayer;
pub use user::User;
pub use users::Users;

/// The README's programs compile.
#[cfg(all(
    doctest,
    feature = "actix",
    feature = "axum",
    feature = "memory",
    feature = "redis"
))]
#[doc = include_str!("../../../README.md")]
struct Readme;
