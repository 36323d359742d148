//! Sealed sessions whose marks are on a server that restarts: who knows afterwards that a session has ended.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use cloakroom::stores::Redis;
use cloakroom::{ErrorKind, KeyRing, Outcome, Revocations, ServerKey, Session, Sessions};
use cloakroom_testbed::redis::{Redis as Server, RedisLaunch};
use tokio::task::block_in_place;

/// The key of all nodes.
static KEY: LazyLock<ServerKey> = LazyLock::new(|| ServerKey::generate().unwrap());

/// One node.
struct Node(Sessions);

/// How old what it knows may be: short, so that a test sees it become older.
const KNOWS: Duration = Duration::from_millis(300);

impl Node {
    async fn over(server: &Server) -> Self {
        let marks = Redis::connect(&server.url()).await.unwrap();
        let revocations = Revocations::new(marks).unwrap().refresh_within(KNOWS);
        Self(Sessions::sealed(KeyRing::new(KEY.clone()), revocations))
    }

    async fn open(&self, cookie: &str) -> Result<Session, cloakroom::Error> {
        self.0.open([cookie.as_bytes()].into_iter()).await
    }

    /// The cookie of somebody who has signed in.
    async fn sign_in(&self, who: &str) -> String {
        let session = self.0.open([].into_iter()).await.unwrap();
        session.sign_in(who).unwrap();
        let finished = self.0.finish(&session, Outcome::Success).await;
        finished.result.unwrap();
        let line = finished.set_cookie.unwrap();
        line.split(';').next().unwrap().to_owned()
    }

    async fn sign_out(&self, cookie: &str) {
        self.open(cookie).await.unwrap().sign_out().await.unwrap();
    }

    /// Who a cookie is, once the node can tell.
    async fn sees(&self, cookie: &str) -> Option<String> {
        let begun = Instant::now();
        let mut asking = tokio::time::interval(Duration::from_millis(20));
        loop {
            asking.tick().await;
            match self.open(cookie).await {
                Ok(session) => return session.principal().map(|who| who.as_str().to_owned()),
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(30), "{error}"),
            }
        }
    }

    /// Waits until the node has learned that this cookie's session is over.
    async fn learns_that_it_is_over(&self, cookie: &str) {
        let begun = Instant::now();
        let mut asking = tokio::time::interval(Duration::from_millis(20));
        while self.sees(cookie).await.is_some() {
            asking.tick().await;
            assert!(begun.elapsed() < Duration::from_secs(30), "it is never told");
        }
    }
}

fn killed_and_started_again(server: &Server) {
    block_in_place(|| {
        server.server().stop();
        server.server().start_again();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_server_tells_who_starts_later_what_had_ended() {
    let server = block_in_place(|| RedisLaunch::default().durable().start());
    let node = Node::over(&server).await;
    let cookie = node.sign_in("alice").await;
    node.sign_out(&cookie).await;
    killed_and_started_again(&server);
    assert_eq!(node.sees(&cookie).await, None);
    assert_eq!(Node::over(&server).await.sees(&cookie).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_forgets_is_known_to_who_had_read_it_and_to_nobody_else() {
    let server = block_in_place(Server::start);
    let (node, other) = (Node::over(&server).await, Node::over(&server).await);
    let (ended, ends_later) = (node.sign_in("alice").await, node.sign_in("bob").await);
    node.sign_out(&ended).await;
    other.learns_that_it_is_over(&ended).await;
    killed_and_started_again(&server);
    // As many marks as there were, so that a position from before could be taken for one from now.
    for who in ["carol", "dora"] {
        let cookie = node.sign_in(who).await;
        node.sign_out(&cookie).await;
    }
    node.sign_out(&ends_later).await;
    other.learns_that_it_is_over(&ends_later).await;
    for node in [&node, &other] {
        assert_eq!(node.sees(&ended).await, None);
    }
    // The price of such a server: who has kept a copy of the cookie is signed in again on a node that starts now.
    let later = Node::over(&server).await;
    assert_eq!(later.sees(&ended).await.as_deref(), Some("alice"));
    assert_eq!(later.sees(&ends_later).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_out_or_in_while_the_server_is_away() {
    let server = block_in_place(|| RedisLaunch::default().durable().start());
    let node = Node::over(&server).await;
    let (lives, ended) = (node.sign_in("alice").await, node.sign_in("bob").await);
    node.sign_out(&ended).await;
    block_in_place(|| server.server().stop());
    // As soon as it knows too little: an error for both, and never an answer.
    let begun = Instant::now();
    let mut asking = tokio::time::interval(Duration::from_millis(20));
    let error = loop {
        asking.tick().await;
        match node.open(&lives).await {
            Ok(session) => {
                assert!(session.principal().is_some() && begun.elapsed() < Duration::from_secs(30));
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(
        node.open(&ended).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    block_in_place(|| server.server().start_again());
    assert_eq!(node.sees(&lives).await.as_deref(), Some("alice"));
    assert_eq!(node.sees(&ended).await, None);
}
