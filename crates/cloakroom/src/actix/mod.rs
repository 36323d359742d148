//! The actix-web middleware: gives each request a session to ask for, and writes it when the response is there.
//!
//! ```no_run
//! # #[cfg(feature = "memory")]
//! # mod app {
//! use actix_web::{App, HttpServer, web};
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
//! #[actix_web::main]
//! async fn main() -> std::io::Result<()> {
//!     // Before the closure: it runs once for each worker, and all of them share one store.
//!     let sessions = Sessions::new(Memory::default());
//!     let app = move || App::new().route("/", web::get().to(visits)).wrap(sessions.middleware());
//!     HttpServer::new(app).bind("localhost:3000")?.run().await
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! [`Session`](crate::Session) is an extractor, and [`Error`](crate::Error) a response. Code that has no extractor, such as
//! a middleware, asks with [`session`]. [`User`](crate::User) is an extractor, too: whoever is not signed in gets a 401, or is sent to
//! [`Sessions::sign_in_page`](crate::Sessions::sign_in_page). Of several middlewares the one that is wrapped last runs first: those that use sessions are
//! wrapped before this one.
//!
//! Beside it is the middleware of [`CrossSite`](crate::CrossSite), which needs no session.
//!
//! # Perhaps a user
//!
//! `Option<User<T>>` takes whoever is not signed in as they are. actix-web makes a `None` of each error, too, and so
//! of a database that is down. **Then the handler runs, as if nobody were signed in, and its answer does not leave**: the client
//! gets the 503 that it gets with axum, and what the handler recorded is dropped, unless it has answered a 5xx of its own. The same goes for
//! `Result<User<T>, Error>`. A handler that does something for strangers which cannot be undone asks itself, and so hears of it:
//! `session.user::<T>().await?`.
//!
//! # How a request ends
//!
//! By the status of its response: below 500 what it recorded is written, from 500 on it is dropped. The same goes
//! for an error that a handler returns, and for one that an inner middleware returns instead of a response; that
//! one gets its cookies, too.
//!
//! A handler that panics has written nothing: actix-web closes its connection.
//!
//! **A client that goes away does not stop its handler**, as actix-web comes: one may close its half of a
//! connection and still read the answer. What the handler records is then written though nobody reads the answer,
//! as if the connection had been lost a moment later. With `HttpServer::h1_allow_half_closed(false)` the handler
//! is dropped, and with it what it recorded, as on other servers.

mod cross_site;
mod extract;
mod future;
mod instead;
mod middleware;
mod refusal;

pub use cross_site::{CrossSiteFuture, CrossSiteMiddleware, CrossSiteService};
pub use extract::session;
pub use future::ResponseFuture;
pub use middleware::{SessionMiddleware, SessionService};
