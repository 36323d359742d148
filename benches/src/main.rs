//! Sends requests through an app in this process, so that a counter of instructions can say what one costs.
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect=instructions::measured instructions APP ROUTE REQUESTS SESSIONS
//! ```
//!
//! `cargo xtask bench` runs it for every app and route, and prints the table.

mod apps;
mod data;
mod requests;

use std::env;
use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use tokio::runtime::{self, Runtime};
use tower::Service;

use apps::App;
use requests::Route;

/// How many requests go before those that are counted.
const WARM_UP: usize = 100;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((app, route, requests, sessions)) = parse(&arguments) else {
        eprintln!(
            "usage: instructions APP ROUTE REQUESTS SESSIONS\n  APP    {}\n  ROUTE  {}",
            App::NAMES.join(", "),
            Route::NAMES.join(", "),
        );
        return ExitCode::from(2);
    };
    // One thread, so that all it does is counted. Time enabled, as the session layers may want a timer.
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime takes no more than a file descriptor");

    let used = WARM_UP + requests;
    let mut app = runtime.block_on(app.build(sessions.saturating_sub(used)));
    let all = runtime.block_on(requests::prepare(&mut app, route, used));
    let (warm_up, counted) = all.split_at(WARM_UP);
    runtime.block_on(requests::check(&mut app, route, warm_up));
    let succeeded = measured(&runtime, &mut app, counted);
    assert_eq!(succeeded, requests, "every request is answered with 200");
    ExitCode::SUCCESS
}

fn parse(arguments: &[String]) -> Option<(App, Route, usize, usize)> {
    let [app, route, requests, sessions] = arguments else {
        return None;
    };
    Some((
        App::parse(app)?,
        Route::parse(route)?,
        requests.parse().ok()?,
        sessions.parse().ok()?,
    ))
}

/// The requests that are counted: the counter is switched on by the name of this function.
///
/// Each is built here, in all apps alike, so that the allocator is left as a server's is, and not full of requests
/// that were made long ago.
#[inline(never)]
fn measured(runtime: &Runtime, app: &mut Router, requests: &[Request<()>]) -> usize {
    runtime.block_on(async {
        let mut succeeded = 0;
        for request in requests {
            let Ok(response) = app.call(request.clone().map(|()| Body::empty())).await;
            succeeded += usize::from(response.status() == StatusCode::OK);
        }
        succeeded
    })
}
