//! Says how long the cookies are that an app keeps sessions in.

use axum::body::Body;
use axum::http::{Method, Request, header};
use tokio::runtime;
use tower::Service;

use crate::{App, Given};

/// The bytes of data in the sessions that are measured.
const SIZES: [usize; 3] = [64, 256, 1024];

/// Prints the bytes of data and of the cookies, names and values, one line for each size.
pub(crate) fn measure(app: &App) {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime takes no more than a file descriptor");
    let given = Given {
        store: "memory:".to_owned(),
        others: 0,
    };
    let mut app = runtime.block_on((app.build)(given));
    for size in SIZES {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/size/{size}"))
            .body(Body::empty())
            .expect("a number is a path");
        let Ok(response) = runtime.block_on(app.call(request));
        let lines = response.headers().get_all(header::SET_COOKIE).iter();
        let pair = |line: &[u8]| line.split(|byte| *byte == b';').next().map_or(0, <[u8]>::len);
        let cookies: usize = lines.map(|line| pair(line.as_bytes())).sum();
        println!("{size} {cookies}");
    }
}
