//! The same app four times: without sessions, with a layer that does nothing, and with two session libraries.

mod cloakroom;
mod tower_sessions;

use harness::{App, bare, idle};

pub(crate) const ALL: &[App] = &[
    App::new("bare", |_| Box::pin(async { bare::app() })),
    App::new("idle", |_| Box::pin(async { idle::app() })),
    App::new("cloakroom", |given| Box::pin(cloakroom::app(given))),
    App::new("tower-sessions", |given| Box::pin(tower_sessions::app(given))),
];
