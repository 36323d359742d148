//! Two nodes of an application, each with a near cache: what users see of it.

use cloakroom::stores::Cached;
use cloakroom::{Key, Outcome, Session, Sessions};
use tokio::time::advance;

use crate::fixture::{STALENESS, Stage};

const N: Key<u64> = Key::new("n");

/// One node of the application.
struct Node(Sessions);

impl Node {
    fn new(store: Cached) -> Self {
        Self(Sessions::new(store))
    }

    async fn open(&self, cookie: &str) -> Session {
        self.0.open([cookie.as_bytes()].into_iter()).await.unwrap()
    }

    /// A whole request: the cookie the browser has afterwards.
    async fn request(&self, cookie: &str, handler: impl AsyncFnOnce(&Session)) -> String {
        let session = self.open(cookie).await;
        handler(&session).await;
        let finished = self.0.finish(&session, Outcome::Success).await;
        finished.result.unwrap();
        match finished.set_cookie {
            Some(line) => line.split(';').next().unwrap().to_owned(),
            None => cookie.to_owned(),
        }
    }

    async fn n(&self, cookie: &str) -> Option<u64> {
        self.open(cookie).await.get(N).unwrap()
    }

    async fn who(&self, cookie: &str) -> Option<String> {
        let principal = self.open(cookie).await.principal();
        principal.map(|principal| principal.as_str().to_owned())
    }
}

fn nodes(stage: &Stage) -> (Node, Node) {
    (Node::new(stage.node()), Node::new(stage.node()))
}

async fn add_one(session: &Session) {
    session.update(N, |n| n.unwrap_or(0) + 1).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_read_often_costs_one_read() {
    let stage = Stage::default();
    let (here, there) = nodes(&stage);
    let cookie = here.request("", add_one).await;
    for _ in 0..20 {
        assert_eq!(there.n(&cookie).await, Some(1));
    }
    assert_eq!(stage.store.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_update_is_lost_between_nodes_with_copies() {
    let stage = Stage::default();
    let (here, there) = nodes(&stage);
    let cookie = here.request("", add_one).await;
    for _ in 0..10 {
        here.request(&cookie, add_one).await;
        there.request(&cookie, add_one).await;
    }
    advance(STALENESS).await;
    assert_eq!(here.n(&cookie).await, Some(21));
}

#[tokio::test(start_paused = true)]
async fn whoever_signed_in_elsewhere_is_signed_in_here_at_once() {
    let stage = Stage::default();
    let (here, there) = nodes(&stage);
    let before = here.request("", add_one).await;
    assert_eq!(there.n(&before).await, Some(1), "there is a copy");
    let after = here
        .request(&before, async |session| session.sign_in("alice").unwrap())
        .await;
    assert_ne!(before, after);
    assert_eq!(there.who(&after).await.as_deref(), Some("alice"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_fits_nothing_costs_one_read_at_most() {
    let stage = Stage::default();
    let (here, there) = nodes(&stage);
    let old = here.request("", add_one).await;
    here.request(&old, async |session| session.rotate().unwrap())
        .await;
    stage.store.loads();
    assert_eq!(there.n(&old).await, None);
    assert_eq!(
        stage.store.loads(),
        1,
        "without a copy the answer is the store's own"
    );
    assert_eq!(there.n(&old).await, None);
    assert_eq!(stage.store.loads(), 1, "with one the store is asked once");
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_elsewhere_counts_within_the_staleness() {
    let stage = Stage::default();
    let (here, there) = nodes(&stage);
    let cookie = here
        .request("", async |session| session.sign_in("alice").unwrap())
        .await;
    assert_eq!(there.who(&cookie).await.as_deref(), Some("alice"));
    let elsewhere = there.open(&cookie).await;
    here.request(&cookie, async |session| session.sign_out().await.unwrap())
        .await;
    assert_eq!(here.who(&cookie).await, None, "here at once");
    assert_eq!(
        there.who(&cookie).await.as_deref(),
        Some("alice"),
        "there from a copy"
    );
    assert!(!elsewhere.confirm().await.unwrap(), "and not for who confirms");
    assert_eq!(there.who(&cookie).await, None, "which all others profit from");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_elsewhere_is_not_written_again() {
    let stage = Stage::default();
    let (here, there) = nodes(&stage);
    let cookie = here.request("", add_one).await;
    assert_eq!(there.n(&cookie).await, Some(1));
    here.request(&cookie, async |session| session.sign_out().await.unwrap())
        .await;
    let after = there.request(&cookie, add_one).await;
    assert_eq!(after, cookie, "no cookie is set");
    assert_eq!(there.n(&cookie).await, None);
}

#[cfg(feature = "testing")]
#[tokio::test(start_paused = true)]
async fn a_copy_does_not_end_a_session_that_was_touched_elsewhere() {
    use std::time::Duration;

    use cloakroom::testing::ManualClock;
    use cloakroom::{Lifetime, Policy};

    let stage = Stage::default();
    let clock = ManualClock::default();
    let minute = Lifetime::new(Duration::from_mins(1), Duration::from_hours(1)).unwrap();
    let node = || {
        let sessions = Sessions::new(stage.node());
        Node(sessions.policy(Policy::default().lifetime(minute)).clock(&clock))
    };
    let (here, there) = (node(), node());
    let cookie = here.request("", add_one).await;
    assert_eq!(there.n(&cookie).await, Some(1), "there is a copy");
    clock.advance(Duration::from_secs(50));
    here.request(&cookie, async |_| {}).await;
    clock.advance(Duration::from_secs(30));
    assert_eq!(
        there.n(&cookie).await,
        Some(1),
        "though the copy says that it has expired"
    );
}
