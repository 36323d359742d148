//! Serves an app over HTTP on loopback, until standard input ends.

use std::io::{self, Read as _, Write as _};
use std::net::Ipv4Addr;

use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime;

use crate::data;
use crate::{App, Given};

/// Says its address in one line when it takes requests. Beside the app's routes there is `/plain`, which no layer
/// touches.
pub(crate) fn serve(app: &App, store: &str) {
    // What `#[tokio::main]` builds: as many threads as there are processors for this process.
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime takes threads and file descriptors");
    runtime.block_on(async {
        let given = Given {
            store: store.to_owned(),
            others: 0,
        };
        let app = (app.build)(given)
            .await
            .route("/plain", get(async || data::USER.to_owned()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("loopback has a free port");
        println!("{}", listener.local_addr().expect("a listener has an address"));
        io::stdout().flush().expect("somebody reads what we say");
        std::thread::spawn(|| {
            // Whoever started us holds it open.
            let _ = io::stdin().read(&mut [0]);
            std::process::exit(0);
        });
        axum::serve(listener, app).await.expect("it never ends");
    });
}
