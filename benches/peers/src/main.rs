//! The app that is measured, with other libraries and their stores on a server.

mod actix;
mod tower_sessions;

use std::env;
use std::process::ExitCode;

use harness::App;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [verb, app, store] = &arguments[..]
        && verb == "serve"
        && app == "actix-session-redis"
    {
        return actix::serve(store);
    }
    harness::run(&[
        App::new("tower-sessions-redis", |given| {
            Box::pin(tower_sessions::redis(given))
        }),
        App::new("tower-sessions-postgres", |given| {
            Box::pin(tower_sessions::postgres(given))
        }),
    ])
}
