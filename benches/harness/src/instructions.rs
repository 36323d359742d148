//! Sends requests through an app in this process, so that a counter of instructions can say what one costs.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use tokio::runtime::{self, Runtime};
use tower::Service;

use crate::requests::{self, Route};
use crate::{App, Given};

/// How many requests go before those that are counted.
const WARM_UP: usize = 100;

/// Counts requests to a route, or nothing when the arguments make no sense.
pub(crate) fn count(app: &App, store: &str, arguments: &[&str]) -> Option<()> {
    let [route, requests, sessions] = arguments else {
        return None;
    };
    let (route, requests, sessions) = (
        Route::parse(route)?,
        requests.parse::<usize>().ok()?,
        sessions.parse::<usize>().ok()?,
    );
    // One thread, so that all it does is counted.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime takes no more than a file descriptor");

    let used = WARM_UP + requests;
    let given = Given {
        store: store.to_owned(),
        others: sessions.saturating_sub(used),
    };
    let mut app = runtime.block_on((app.build)(given));
    let all = runtime.block_on(requests::prepare(&mut app, route, used));
    let (warm_up, counted) = all.split_at(WARM_UP);
    runtime.block_on(requests::check(&mut app, route, warm_up));
    let succeeded = measured(&runtime, &mut app, counted);
    assert_eq!(succeeded, requests, "every request is answered with 200");
    Some(())
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
