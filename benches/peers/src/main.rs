//! The app that is measured, with other libraries and their stores on a server.

mod actix;
mod tower_sessions;

use std::env;
use std::process::ExitCode;

use harness::App;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Some(code) = actix::run(&arguments) {
        return code;
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
