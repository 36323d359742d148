//! What each route of the probe may cost a store: invariant 6, as requests on the wire.

use std::time::Duration;

use cloakroom::Sessions;
use cloakroom::stores;
use cloakroom::testing::ManualClock;
use cloakroom_probe::{Pause, app};
use cloakroom_testbed::{Protocol, Tap};
use tokio::net::TcpListener;

use crate::browser::Browser;

/// What the verbs cost on one kind of server.
#[derive(Clone, Copy)]
pub(crate) struct Costs {
    pub(crate) protocol: Protocol,
    /// The names of those requests that carry a verb: the others are what connections are made with.
    pub(crate) verbs: &'static [&'static str],
    pub(crate) touch: usize,
    pub(crate) sign_in: usize,
    /// A sign-out ends the session only while it is whose it was.
    pub(crate) sign_out: usize,
}

/// A store whose requests are listened to, and a node over it.
pub(crate) struct Stage {
    tap: Tap,
    costs: Costs,
    clock: ManualClock,
    address: std::net::SocketAddr,
    /// All requests that were counted.
    pub(crate) counted: u64,
}

impl Stage {
    /// Opens the store of this URL, whose server is behind the tap.
    pub(crate) async fn open(url: &str, tap: Tap, costs: Costs) -> Self {
        let store = stores::open(url).await.expect("the store opens");
        let clock = ManualClock::at(std::time::SystemTime::now().into());
        let sessions = Sessions::new(store).clock(&clock);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let router = app(&sessions, Pause::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let stage = Self {
            tap,
            costs,
            clock,
            address,
            counted: 0,
        };
        stage.settle().await;
        stage
    }

    /// Asks every route that the design has a number for.
    pub(crate) async fn ask_all(&mut self) {
        let Costs {
            touch,
            sign_in,
            sign_out,
            ..
        } = self.costs;
        let visitor = self.browser();
        for request in ["GET /none", "GET /anon", "GET /read", "POST /remove?key=k", "POST /sign-out"] {
            self.costs(&visitor, request, 0).await;
        }
        self.costs(&visitor, "POST /set?key=cart&value=full", 1).await;
        self.costs(&visitor, "GET /none", 0).await;
        self.costs(&visitor, "GET /anon", 0).await;
        self.costs(&visitor, "GET /read", 1).await;
        self.costs(&visitor, "POST /set?key=cart&value=fuller", 2).await;
        self.costs(&visitor, "POST /add?key=n", 2).await;
        self.costs(&visitor, "POST /sign-in?principal=alice", 1 + sign_in).await;
        self.costs(&visitor, "POST /rotate", 2).await;
        self.costs(&visitor, "POST /fail?key=k&value=v", 1).await;
        for _ in 0..3 {
            self.costs(&visitor, "GET /read", 1).await;
        }
        self.clock.advance(Duration::from_secs(90));
        self.costs(&visitor, "GET /read", 1 + touch).await;
        self.costs(&visitor, "GET /read", 1).await;
        let issued = visitor.token();
        self.costs(&visitor, "POST /sign-out", 1 + sign_out).await;
        let ended = self.browser().with_token(&issued);
        self.costs(&ended, "GET /anon", 0).await;
        self.costs(&ended, "GET /read", 1).await;
        for malformed in ["x", &issued[1..], &format!("{issued}A"), &"1".repeat(8000)] {
            let stranger = self.browser().with_token(malformed);
            self.costs(&stranger, "GET /read", 0).await;
        }
        let newcomer = self.browser();
        self.costs(&newcomer, "POST /sign-in?principal=alice", sign_in).await;
    }

    fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    async fn costs(&mut self, browser: &Browser, request: &str, expected: usize) {
        browser.send(request).await;
        let sent = self.verbs();
        assert_eq!(sent.len(), expected, "{request} sent {sent:?}");
        self.counted += sent.len() as u64;
    }

    /// What was sent since it was asked last, without what connections are made with.
    fn verbs(&self) -> Vec<String> {
        let mut sent = self.tap.take(self.costs.protocol);
        sent.retain(|name| self.costs.verbs.contains(&name.as_str()));
        sent
    }

    /// Lets every connection be made and every statement be prepared, before anything is counted.
    async fn settle(&self) {
        for _ in 0..32 {
            let browser = self.browser();
            browser.ok("POST /set?key=warm&value=up").await;
            browser.ok("POST /sign-in?principal=warm").await;
            browser.ok("POST /sign-out").await;
        }
        self.verbs();
    }
}
