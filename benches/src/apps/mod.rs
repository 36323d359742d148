//! The same app: without sessions, with a layer that does nothing, and with session libraries and their strategies.

mod cloakroom;
mod private_cookies;
mod tower_sessions;

use harness::{App, bare, idle};

pub(crate) const ALL: &[App] = &[
    App::new("bare", |_| Box::pin(async { bare::app() })),
    App::new("idle", |_| Box::pin(async { idle::app() })),
    App::new("cloakroom", |given| Box::pin(cloakroom::stored(given))),
    App::new("cloakroom-hybrid", |given| Box::pin(cloakroom::hybrid(given))),
    App::new("cloakroom-sealed", |_| Box::pin(cloakroom::sealed())),
    App::new("private-cookies", |_| Box::pin(async { private_cookies::app() })),
    App::new("tower-sessions", |given| Box::pin(tower_sessions::app(given))),
];
