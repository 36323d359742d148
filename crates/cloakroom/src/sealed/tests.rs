//! What becomes of sealed sessions when neighbours are faster, nodes have not heard yet, and the marks cannot be had.

mod elsewhere;
mod marks;
mod reapplied;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_store::{Marks as _, Sweep};

use crate::clock::Clock;
use crate::keyring::{KeyRing, ServerKey};
use crate::paseto;
use crate::stores::Memory;
use crate::{
    Cookie, Error, ErrorKind, Finished, Key, Outcome, Policy, Revocations, Session, Sessions, SignIn,
};
use marks::{Backlog, Faulty, Goes};

const N: Key<u64> = Key::new("n");
const TEXT: Key<String> = Key::new("text");

/// How old a node's copy of the marks may be, and by how much clocks may differ.
const BOUND: Duration = Duration::from_secs(5);

/// One node: all of them have the same marks and keys, and a clock each.
#[derive(Clone)]
struct Node {
    marks: Faulty,
    sessions: Sessions,
    time: Arc<AtomicU64>,
}

impl Node {
    fn new() -> Self {
        Self::over(Faulty::new(Memory::default()), |revocations| revocations)
    }

    fn over(marks: Faulty, settings: impl FnOnce(Revocations) -> Revocations) -> Self {
        let revocations = settings(Revocations::danger_in_memory(marks.clone()));
        Self::of(Sessions::sealed(keys(), revocations), marks)
    }

    fn of(mut sessions: Sessions, marks: Faulty) -> Self {
        let time = Arc::new(AtomicU64::new(1_800_000_000_000));
        Arc::make_mut(&mut sessions.config).clock = Clock::Manual(Arc::clone(&time));
        Self {
            marks,
            sessions,
            time,
        }
    }

    /// Another node over the same marks, with a clock that goes by so much faster.
    fn neighbour(&self, ahead: Duration) -> Self {
        let node = Self::over(self.marks.undisturbed(), |revocations| revocations);
        let now = self.time.load(Ordering::SeqCst) + ahead.as_millis() as u64;
        node.time.store(now, Ordering::SeqCst);
        node
    }

    fn with(mut self, change: impl FnOnce(Sessions) -> Sessions) -> Self {
        self.sessions = change(self.sessions);
        self
    }

    /// Time passes, for the clock and for whoever waits.
    async fn wait(&self, duration: Duration) {
        self.time.fetch_add(duration.as_millis() as u64, Ordering::SeqCst);
        tokio::time::advance(duration).await;
    }

    /// The store forgets the marks that are over: a node that begins then has heard of nothing else.
    async fn forgets_what_is_over(&self) {
        let now = self.sessions.config.clock.now();
        let limit = NonZeroUsize::new(1000).unwrap();
        let forget = Sweep::new(self.sessions.namespace().clone(), now, limit);
        self.marks.forget(forget).await.unwrap();
    }

    async fn try_open(&self, cookie: &str) -> Result<Session, Error> {
        self.sessions.open([cookie.as_bytes()].into_iter()).await
    }

    async fn open(&self, cookie: &str) -> Session {
        self.try_open(cookie).await.unwrap()
    }

    /// Ends a request, in one step where that is possible.
    async fn end(&self, session: &Session, outcome: Outcome) -> Finished {
        match self.sessions.finish_at_once(session, outcome) {
            Some(finished) => finished,
            None => self.sessions.finish(session, outcome).await,
        }
    }

    /// Ends a request that succeeds: the cookie it sends.
    async fn sent(&self, session: &Session) -> Option<String> {
        let finished = self.end(session, Outcome::Success).await;
        finished.result.unwrap();
        finished.set_cookie.map(|line| pair(&line))
    }

    /// A whole request: the cookie the browser has afterwards.
    async fn request(&self, cookie: &str, handler: impl FnOnce(&Session)) -> String {
        let session = self.open(cookie).await;
        handler(&session);
        self.sent(&session).await.unwrap_or_else(|| cookie.to_owned())
    }

    async fn begun(&self) -> String {
        self.request("", |session| session.set(N, &1).unwrap()).await
    }

    async fn signed_in(&self, who: &str) -> String {
        let cookie = self.begun().await;
        self.request(&cookie, |session| session.sign_in(who).unwrap())
            .await
    }

    /// Who is signed in with a cookie, and what `N` is there.
    async fn sees(&self, cookie: &str) -> (Option<String>, Option<u64>) {
        let session = self.open(cookie).await;
        let who = session.principal().map(|who| who.as_str().to_owned());
        (who, session.get(N).unwrap())
    }
}

fn keys() -> KeyRing {
    KeyRing::new(ServerKey::numbered(0))
}

fn pair(line: &str) -> String {
    line.split(';').next().unwrap_or_default().to_owned()
}

fn add_one(session: &Session) {
    session.update(N, |n| n.unwrap_or(0) + 1).unwrap();
}

fn somebody(who: &str, n: u64) -> (Option<String>, Option<u64>) {
    (Some(who.to_owned()), Some(n))
}

const NOBODY: (Option<String>, Option<u64>) = (None, None);

#[tokio::test(start_paused = true)]
async fn the_same_session_is_never_sealed_under_the_same_nonce() {
    let node = Node::new();
    let before = node.begun().await;
    let mut nonces = HashSet::new();
    for _ in 0..20 {
        // By a clock that stands, so each time it is the same message.
        let cookie = node.request(&before, |session| session.set(N, &2).unwrap()).await;
        let (_, sealed) = cookie.split_once("v4.local.").unwrap();
        nonces.insert(sealed[..paseto::NONCE_LEN * 4 / 3].to_owned());
    }
    assert_eq!(nonces.len(), 20);
}

// What it costs.

#[tokio::test(start_paused = true)]
async fn no_mark_is_read_or_set_while_a_session_is_used() {
    let node = Node::new();
    let visitor = node.open("").await;
    assert_eq!(node.sent(&visitor).await, None, "nothing is kept for a visitor");
    let cookie = node.begun().await;
    assert_eq!(node.marks.asked(), 0, "a session begins");
    let reads = node.open(&cookie).await;
    assert_eq!(
        node.marks.asked(),
        1,
        "a node that has just started reads the marks"
    );
    assert_eq!(
        node.sent(&reads).await,
        None,
        "what is only read is not sent again"
    );
    let changed = node.request(&cookie, add_one).await;
    let again = node
        .request(&changed, |session| session.set(N, &2).unwrap())
        .await;
    assert_eq!(again, changed, "the same value changes nothing");
    assert_eq!(node.sees(&changed).await, (None, Some(2)));
    assert_eq!(node.marks.asked(), 1);
    let alice = node
        .request(&changed, |session| session.sign_in("alice").unwrap())
        .await;
    assert_eq!(
        node.marks.asked(),
        3,
        "a sign-in reads the marks there are, and sets one"
    );
    assert_eq!(node.sees(&alice).await, somebody("alice", 2));
    let fresh = node.request("", |session| session.sign_in("bob").unwrap()).await;
    assert_eq!(node.marks.asked(), 4, "there was no session to mark");
    assert_eq!(node.sees(&fresh).await.0.as_deref(), Some("bob"));
}

#[tokio::test(start_paused = true)]
async fn the_cookie_is_sent_again_when_the_idle_stamp_is_due() {
    let node = Node::new();
    let cookie = node.begun().await;
    let idle = Duration::from_secs(1800);
    node.wait(idle / 20 - Duration::from_millis(1)).await;
    assert_eq!(node.request(&cookie, |_| ()).await, cookie);
    node.wait(Duration::from_millis(1)).await;
    let touched = node.request(&cookie, |_| ()).await;
    assert_ne!(touched, cookie);
    node.wait(idle - Duration::from_secs(1)).await;
    assert_eq!(node.sees(&touched).await, (None, Some(1)));
    assert_eq!(
        node.sees(&cookie).await,
        NOBODY,
        "what was not touched has expired"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cookie_outlives_the_browser_for_whom_asked_for_it() {
    let node = Node::new();
    let session = node.open("").await;
    session.sign_in(SignIn::new("alice").remember(true)).unwrap();
    let line = node.end(&session, Outcome::Success).await.set_cookie.unwrap();
    assert!(line.contains("; Max-Age=2592000;"), "{line}");
    let session = node.open("").await;
    session.sign_in("alice").unwrap();
    let line = node.end(&session, Outcome::Success).await.set_cookie.unwrap();
    assert!(!line.contains("Max-Age"), "{line}");
}

// Signing in.

#[tokio::test(start_paused = true)]
async fn the_token_from_before_a_sign_in_is_dead_everywhere() {
    let node = Node::new();
    let planted = node.begun().await;
    let alice = node
        .request(&planted, |session| session.sign_in("alice").unwrap())
        .await;
    assert_eq!(node.sees(&alice).await, somebody("alice", 1), "the cart survives");
    assert_eq!(node.sees(&planted).await, NOBODY);
    assert_eq!(node.neighbour(Duration::ZERO).sees(&planted).await, NOBODY);
    // Nor does what it changes begin anything in place of the login.
    assert_eq!(node.request(&planted, add_one).await, planted);
}

#[tokio::test(start_paused = true)]
async fn a_slow_neighbour_of_a_sign_in_sets_no_cookie() {
    let node = Node::new();
    let cookie = node.begun().await;
    let slow = node.open(&cookie).await;
    add_one(&slow);
    let alice = node
        .request(&cookie, |session| session.sign_in("alice").unwrap())
        .await;
    assert_eq!(node.sent(&slow).await, None);
    assert_eq!(node.sees(&alice).await, somebody("alice", 1));
}

#[tokio::test(start_paused = true)]
async fn a_second_sign_in_of_a_session_begins_another_one() {
    // On this node, where it is known that the session has another token, and on one that finds out when it sets its
    // mark.
    for elsewhere in [false, true] {
        let node = Node::new();
        let cookie = node.begun().await;
        let (neighbour, faster) = if elsewhere {
            (
                node.neighbour(Duration::ZERO),
                node.neighbour(Duration::from_secs(2)),
            )
        } else {
            (node.clone(), node.clone())
        };
        let slow = neighbour.open(&cookie).await;
        slow.set(TEXT, &"mine".to_owned()).unwrap();
        slow.sign_in("bob").unwrap();
        let alice = faster
            .request(&cookie, |session| session.sign_in("alice").unwrap())
            .await;
        let bob = neighbour.sent(&slow).await.unwrap();
        assert_eq!(node.sees(&alice).await, somebody("alice", 1));
        assert_eq!(
            node.sees(&bob).await,
            (Some("bob".to_owned()), None),
            "nothing of the old session"
        );
        let bob = node.open(&bob).await;
        assert_eq!(bob.get(TEXT).unwrap().as_deref(), Some("mine"));
    }
}

#[tokio::test(start_paused = true)]
async fn two_clicks_on_sign_in_are_both_signed_in() {
    let node = Node::new();
    let cookie = node.begun().await;
    let clicks = [node.open(&cookie).await, node.open(&cookie).await];
    for click in &clicks {
        click.sign_in("alice").unwrap();
    }
    let sent = futures(clicks.iter().map(|click| node.sent(click))).await;
    let mut seen = Vec::new();
    for cookie in sent.into_iter().flatten() {
        seen.push(node.sees(&cookie).await);
    }
    seen.sort();
    let alice = || Some("alice".to_owned());
    assert_eq!(
        seen,
        [(alice(), None), (alice(), Some(1))],
        "the cart has gone to one of them"
    );
}

#[tokio::test(start_paused = true)]
async fn somebody_else_gets_an_empty_session_of_another_id() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let before = node.open(&alice).await.id();
    let bob = node
        .request(&alice, |session| session.sign_in("bob").unwrap())
        .await;
    assert_eq!(node.sees(&bob).await, (Some("bob".to_owned()), None));
    assert_ne!(node.open(&bob).await.id(), before);
    assert_eq!(node.sees(&alice).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_keeps_the_id_and_kills_the_token_before() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let rotated = node.request(&alice, |session| session.rotate().unwrap()).await;
    assert_eq!(node.sees(&rotated).await, somebody("alice", 1));
    assert_eq!(
        node.open(&rotated).await.id().unwrap(),
        id_of(&node, &rotated).await
    );
    assert_eq!(node.sees(&alice).await, NOBODY);
    let twice = node.request(&rotated, |session| session.rotate().unwrap()).await;
    assert_eq!(
        node.sees(&rotated).await,
        NOBODY,
        "also within the same millisecond"
    );
    assert_eq!(node.sees(&twice).await, somebody("alice", 1));
}

async fn id_of(node: &Node, cookie: &str) -> cloakroom_store::Id {
    node.open(cookie).await.id().unwrap()
}

// Endings.

#[tokio::test(start_paused = true)]
async fn a_copied_cookie_is_dead_at_once_here_and_within_the_bound_elsewhere() {
    let node = Node::new();
    let other = node.neighbour(Duration::ZERO);
    let alice = node.signed_in("alice").await;
    assert_eq!(other.sees(&alice).await, somebody("alice", 1));
    let session = node.open(&alice).await;
    session.sign_out().await.unwrap();
    let line = node.end(&session, Outcome::Success).await.set_cookie.unwrap();
    assert!(line.contains("=; Max-Age=0;"), "{line}");
    assert_eq!(node.sees(&alice).await, NOBODY);
    other.wait(BOUND - Duration::from_millis(1)).await;
    assert_eq!(
        other.sees(&alice).await,
        somebody("alice", 1),
        "it has not heard yet"
    );
    other.wait(Duration::from_millis(1)).await;
    assert_eq!(other.sees(&alice).await, NOBODY);
    // A node that starts has read them all before it answers.
    assert_eq!(node.neighbour(Duration::ZERO).sees(&alice).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_began_before_a_sign_out_sets_a_cookie() {
    type Late = fn(&Session);
    let late: [Late; 3] = [add_one, |session| session.rotate().unwrap(), |_| ()];
    for late in late {
        let node = Node::new();
        let alice = node.signed_in("alice").await;
        // The idle stamp is due.
        node.wait(Duration::from_secs(120)).await;
        let slow = node.open(&alice).await;
        node.open(&alice).await.sign_out().await.unwrap();
        late(&slow);
        assert_eq!(node.sent(&slow).await, None);
        assert_eq!(node.sees(&alice).await, NOBODY);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_elsewhere_does_not_escape_a_sign_out() {
    let node = Node::new();
    let other = node.neighbour(Duration::ZERO);
    let alice = node.signed_in("alice").await;
    let slow = other.open(&alice).await;
    node.open(&alice).await.sign_out().await.unwrap();
    // It has not heard of the sign-out, and finds the mark when it sets its own.
    slow.rotate().unwrap();
    assert_eq!(other.sent(&slow).await, None);
    // The other way round: what was rotated ends with the session.
    let alice = node.signed_in("alice").await;
    let late = other.open(&alice).await;
    let rotated = node.request(&alice, |session| session.rotate().unwrap()).await;
    late.sign_out().await.unwrap();
    node.wait(BOUND).await;
    assert_eq!(node.sees(&rotated).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_late_sign_out_of_nobody_ends_nobodys_login() {
    let node = Node::new();
    for late_at in [node.clone(), node.neighbour(Duration::ZERO)] {
        let cookie = node.begun().await;
        let late = late_at.open(&cookie).await;
        let alice = node
            .request(&cookie, |session| session.sign_in("alice").unwrap())
            .await;
        late.sign_out().await.unwrap();
        assert_eq!(
            late_at.sent(&late).await,
            None,
            "it does not take away the login's cookie"
        );
        node.wait(BOUND).await;
        assert_eq!(node.sees(&alice).await, somebody("alice", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn signing_out_elsewhere_leaves_this_session_alone() {
    let node = Node::new();
    let ahead = node.neighbour(Duration::from_secs(4));
    let phone = ahead.signed_in("alice").await;
    let bob = node.signed_in("bob").await;
    let visitor = node.begun().await;
    let laptop = node.signed_in("alice").await;
    let slow = node.open(&laptop).await;
    let session = node.open(&laptop).await;
    session.sign_out_others().await.unwrap();
    add_one(&session);
    let kept = node.sent(&session).await.unwrap();
    assert_eq!(node.sees(&kept).await, somebody("alice", 2));
    assert_eq!(
        node.sees(&phone).await,
        NOBODY,
        "also what a faster clock has begun"
    );
    assert_eq!(node.sees(&laptop).await, NOBODY, "also a copy of this one");
    assert_eq!(node.sees(&bob).await, somebody("bob", 1));
    assert_eq!(node.sees(&visitor).await, (None, Some(1)));
    // Late requests of the same browser begin nothing in its place.
    add_one(&slow);
    assert_eq!(node.sent(&slow).await, None);
    assert_eq!(node.request(&laptop, add_one).await, laptop);
    // It works again, within the same moment, and for a session that is stamped at the mark.
    let next = node
        .request("", |session| session.sign_in("alice").unwrap())
        .await;
    let session = node.open(&kept).await;
    session.sign_out_others().await.unwrap();
    let kept = node.sent(&session).await.unwrap();
    assert_eq!(node.sees(&kept).await, somebody("alice", 2));
    assert_eq!(node.sees(&next).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_signing_out_elsewhere_keeps_this_session() {
    let node = Node::new();
    let laptop = node.signed_in("alice").await;
    let session = node.open(&laptop).await;
    session.sign_out_others().await.unwrap();
    add_one(&session);
    let line = node.end(&session, Outcome::ServerError).await.set_cookie.unwrap();
    assert_eq!(
        node.sees(&pair(&line)).await,
        somebody("alice", 1),
        "and drops what it changed"
    );
}

#[tokio::test(start_paused = true)]
async fn signing_out_everywhere_and_a_sign_in_after_it() {
    let node = Node::new();
    let other = node.neighbour(Duration::ZERO);
    let (phone, laptop) = (other.signed_in("alice").await, node.signed_in("alice").await);
    let session = node.open(&laptop).await;
    session.sign_out_everywhere().await.unwrap();
    assert!(
        node.end(&session, Outcome::Success)
            .await
            .set_cookie
            .unwrap()
            .contains("Max-Age=0")
    );
    for cookie in [&phone, &laptop] {
        assert_eq!(node.sees(cookie).await, NOBODY);
    }
    // A node that has not heard stamps the sign-in above the mark, which it reads for it.
    let again = other.signed_in("alice").await;
    node.wait(BOUND).await;
    assert_eq!(node.sees(&again).await, somebody("alice", 1));
    assert_eq!(other.sees(&again).await, somebody("alice", 1));
}

#[tokio::test(start_paused = true)]
async fn everyones_sessions_end_anonymous_ones_too() {
    let node = Node::new();
    let (alice, visitor) = (node.signed_in("alice").await, node.begun().await);
    assert_eq!(
        node.sessions.end_everyone().await.unwrap(),
        0,
        "nobody counts them"
    );
    assert_eq!(node.sees(&alice).await, NOBODY);
    assert_eq!(node.sees(&visitor).await, NOBODY);
    let again = node.signed_in("alice").await;
    assert_eq!(node.sees(&again).await.0.as_deref(), Some("alice"));
    node.sessions.end_everyone().await.unwrap();
    assert_eq!(
        node.sees(&again).await,
        NOBODY,
        "also what was stamped at the mark"
    );
}

#[tokio::test(start_paused = true)]
async fn a_principal_is_shut_out_by_an_operator() {
    let node = Node::new();
    let (alice, bob) = (node.signed_in("alice").await, node.signed_in("bob").await);
    let operator = node.neighbour(Duration::ZERO);
    let principal = cloakroom_store::Principal::new("alice").unwrap();
    operator.sessions.sign_out_everywhere(&principal).await.unwrap();
    node.wait(BOUND).await;
    assert_eq!(node.sees(&alice).await, NOBODY);
    assert_eq!(node.sees(&bob).await, somebody("bob", 1));
}

#[tokio::test(start_paused = true)]
async fn to_confirm_is_to_ask_the_store() {
    let node = Node::new();
    let other = node.neighbour(Duration::ZERO);
    let alice = node.signed_in("alice").await;
    let session = other.open(&alice).await;
    assert!(session.confirm().await.unwrap());
    node.open(&alice).await.sign_out().await.unwrap();
    assert!(!session.confirm().await.unwrap());
    add_one(&session);
    assert_eq!(other.sent(&session).await, None);
    other.marks.next(Goes::Down);
    let visitor = other.open("").await;
    assert!(!visitor.confirm().await.unwrap(), "there is nothing to ask about");
}

// When the marks cannot be had.

#[tokio::test(start_paused = true)]
async fn past_the_bound_sessions_are_refused_unless_one_says_otherwise() {
    let marks = Faulty::new(Memory::default());
    let node = Node::over(marks.clone(), |revocations| revocations);
    let careless = Node::over(marks.clone(), Revocations::danger_accept_when_unknown);
    let alice = node.signed_in("alice").await;
    assert_eq!(careless.sees(&alice).await, somebody("alice", 1));
    marks.always(Goes::Down);
    let young = BOUND - Duration::from_millis(1);
    node.wait(young).await;
    assert_eq!(
        node.sees(&alice).await,
        somebody("alice", 1),
        "until the bound nothing happens"
    );
    node.wait(Duration::from_millis(1)).await;
    let error = node.try_open(&alice).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(careless.sees(&alice).await, somebody("alice", 1));
    // A node that has never read them is past the bound from the start.
    let started = Node::over(marks.clone(), |revocations| revocations);
    assert!(started.try_open(&alice).await.is_err());
    assert!(
        started.try_open("").await.is_ok(),
        "a visitor has nothing that could have ended"
    );
    marks.always(Goes::Through);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(node.sees(&alice).await, somebody("alice", 1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_keeps_nobody_waiting_twice() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    node.marks.always(Goes::Nowhere);
    node.wait(BOUND).await;
    let began = tokio::time::Instant::now();
    let requests = (0..20).map(|_| node.try_open(&alice));
    for answer in futures(requests).await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(node.marks.asked(), 4, "one asked for all of them");
}

/// Waits for all of them, which run at the same time.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(move |context| {
        all.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() {
            std::task::Poll::Ready(std::mem::take(&mut answers))
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_mark_whose_answer_was_lost_is_set_again() {
    for goes in [Goes::ButLosesTheAnswer, Goes::Down] {
        let node = Node::new();
        let cookie = node.begun().await;
        let session = node.open(&cookie).await;
        session.rotate().unwrap();
        node.marks.second(goes);
        let rotated = node.sent(&session).await.unwrap();
        assert_eq!(node.sees(&rotated).await, (None, Some(1)));
        assert_eq!(node.sees(&cookie).await, NOBODY);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_cannot_be_marked_is_a_503_and_no_cookie() {
    let node = Node::new();
    let cookie = node.begun().await;
    let session = node.open(&cookie).await;
    session.sign_in("alice").unwrap();
    node.marks.always(Goes::Down);
    let finished = node.end(&session, Outcome::Success).await;
    assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(finished.set_cookie, None);
    node.marks.always(Goes::Through);
    assert_eq!(node.sees(&cookie).await, (None, Some(1)), "nobody lost anything");
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_that_cannot_be_marked_is_an_error_and_leaves_the_cookie() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let session = node.open(&alice).await;
    node.marks.always(Goes::Down);
    assert_eq!(
        session.sign_out().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(node.end(&session, Outcome::ServerError).await.set_cookie, None);
}

#[tokio::test(start_paused = true)]
async fn a_save_that_was_dropped_half_way_loses_no_session() {
    for outcome in [Outcome::Success, Outcome::ServerError] {
        let node = Node::new();
        let alice = node.signed_in("alice").await;
        let session = node.open(&alice).await;
        session.rotate().unwrap();
        node.marks.second(Goes::ThroughAndHangs);
        let save = tokio::time::timeout(Duration::from_millis(10), session.save()).await;
        assert!(save.is_err(), "it was dropped after its mark was set");
        // The mark is heard of before the request goes on.
        assert!(session.confirm().await.unwrap());
        let line = node.end(&session, outcome).await.set_cookie.unwrap();
        assert_eq!(node.sees(&pair(&line)).await, somebody("alice", 1), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_saved_survives_a_mark_whose_answer_never_comes() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let session = node.open(&alice).await;
    add_one(&session);
    session.save().await.unwrap();
    session.rotate().unwrap();
    node.marks.after_one(Goes::ButLosesTheAnswer);
    let finished = node.end(&session, Outcome::Success).await;
    assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Unavailable);
    // It has arrived, or has not: the token that is handed out counts in either case.
    let kept = pair(&finished.set_cookie.unwrap());
    let neighbour = node.neighbour(Duration::ZERO);
    assert_eq!(neighbour.sees(&kept).await, somebody("alice", 2));
    assert_eq!(neighbour.sees(&alice).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn nothing_was_forgotten_where_the_store_was_restarted() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    node.open(&alice).await.sign_out().await.unwrap();
    node.marks.restart();
    node.wait(BOUND).await;
    assert_eq!(node.sees(&alice).await, NOBODY, "this node still knows");
}

#[tokio::test(start_paused = true)]
async fn the_refresher_spares_requests_the_store() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let other = node.neighbour(Duration::ZERO);
    let refreshing = other.sessions.revocations_refresher().start();
    for _ in 0..20 {
        other.wait(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
        let before = other.marks.asked();
        assert_eq!(other.sees(&alice).await, somebody("alice", 1));
        assert_eq!(other.marks.asked(), before);
    }
    node.open(&alice).await.sign_out().await.unwrap();
    tokio::time::sleep(BOUND / 2).await;
    let before = other.marks.asked();
    assert_eq!(other.sees(&alice).await, NOBODY);
    assert_eq!(other.marks.asked(), before);
    refreshing.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refresher_that_has_much_to_forget_refreshes_all_the_same() {
    let marks = Faulty::new(Backlog(Memory::default()));
    let node = Node::over(marks, |revocations| revocations);
    let other = node.neighbour(Duration::ZERO);
    let refreshing = other.sessions.revocations_refresher().start();
    // It begins to forget after a minute, and is never done.
    tokio::time::sleep(Duration::from_secs(120)).await;
    let alice = node.signed_in("alice").await;
    node.open(&alice).await.sign_out().await.unwrap();
    tokio::time::sleep(BOUND / 2).await;
    let before = other.marks.asked();
    assert_eq!(other.sees(&alice).await, NOBODY);
    assert_eq!(other.marks.asked(), before, "the request need not ask");
    refreshing.stop().await;
}

// What it refuses.

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_the_cookie_is_refused_when_it_is_set() {
    let node = Node::new();
    let cookie = node.signed_in("alice").await;
    let session = node.open(&cookie).await;
    let fits = |length: usize| session.set(TEXT, &"x".repeat(length));
    let longest = (1..4096).rev().find(|length| fits(*length).is_ok()).unwrap();
    let error = fits(longest + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("4096"), "{error}");
    fits(longest).unwrap();
    let line = node.end(&session, Outcome::Success).await.set_cookie.unwrap();
    let length = pair(&line).len() - "=".len();
    assert!((4000..=Cookie::MAX_LEN).contains(&length), "{length}");
    // A longer name does not fit beside it any more, and leaves everything as it was.
    let session = node.open(&pair(&line)).await;
    let label = "Firefox ".repeat(30);
    let error = session.sign_in(SignIn::new("alice").label(&label)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(node.sent(&session).await, None);
    // Somebody else begins with nothing.
    session.clear().unwrap();
    session.sign_in(SignIn::new("alice").label(&label)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_the_response_has_left_nothing_can_be_changed() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let session = node.open(&alice).await;
    assert_eq!(node.sent(&session).await, None);
    add_one(&session);
    assert_eq!(session.save().await.unwrap_err().kind(), ErrorKind::TooLate);
    assert_eq!(
        session.sign_out_others().await.unwrap_err().kind(),
        ErrorKind::TooLate
    );
    session.sign_out().await.unwrap();
    assert_eq!(node.sees(&alice).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn nobody_lists_what_is_in_cookies() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let session = node.open(&alice).await;
    assert_eq!(
        session.sessions().await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    let other = cloakroom_store::Id::from_bytes([1; 16]);
    assert_eq!(
        session.end(other).await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert!(
        session.end(session.id().unwrap()).await.unwrap(),
        "but this one can end"
    );
    assert_eq!(node.sees(&alice).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn where_sign_ins_are_registered_sessions_are_listed_and_ended_one_by_one() {
    let (marks, registry) = (Faulty::new(Memory::default()), Memory::default());
    let node = || {
        Node::over(marks.clone(), |revocations| {
            revocations.register_in(registry.clone())
        })
    };
    let (node, other) = (node(), node());
    let labelled =
        |session: &Session, label: &str| session.sign_in(SignIn::new("alice").label(label)).unwrap();
    let phone = other.request("", |session| labelled(session, "phone")).await;
    let laptop = node.begun().await;
    let laptop = node.request(&laptop, |session| labelled(session, "laptop")).await;
    node.signed_in("bob").await;
    let labels = async |cookie: &str| {
        let listed = node.open(cookie).await.sessions().await.unwrap();
        let mut labels: Vec<_> = listed
            .into_iter()
            .map(|info| (info.label.unwrap().as_str().to_owned(), info.current))
            .collect();
        labels.sort();
        labels
    };
    let both = [("laptop".to_owned(), true), ("phone".to_owned(), false)];
    assert_eq!(labels(&laptop).await, both);
    // A visitor is in no list, and who signs in again or gets another token is there once.
    node.begun().await;
    let laptop = node
        .request(&laptop, |session| session.sign_in("alice").unwrap())
        .await;
    let laptop = node.request(&laptop, |session| session.rotate().unwrap()).await;
    assert_eq!(labels(&laptop).await, both);
    // Nobody ends what belongs to somebody else.
    let phone_id = node.open(&phone).await.id().unwrap();
    let mallory = node.signed_in("mallory").await;
    assert!(!node.open(&mallory).await.end(phone_id).await.unwrap());
    assert_eq!(other.sees(&phone).await.0.as_deref(), Some("alice"));
    assert!(node.open(&laptop).await.end(phone_id).await.unwrap());
    assert!(!node.open(&laptop).await.end(phone_id).await.unwrap(), "once");
    assert_eq!(node.sees(&phone).await, NOBODY);
    other.wait(BOUND).await;
    assert_eq!(other.sees(&phone).await, NOBODY);
    assert_eq!(labels(&laptop).await, both[..1]);
    // What ends is off the list, and counted.
    let phone = other.request("", |session| labelled(session, "phone")).await;
    let session = node.open(&laptop).await;
    assert_eq!(session.sign_out_others().await.unwrap(), 1);
    let laptop = node.sent(&session).await.unwrap();
    assert_eq!(node.sees(&phone).await, NOBODY);
    assert_eq!(labels(&laptop).await, both[..1]);
    node.open(&laptop).await.sign_out().await.unwrap();
    let again = node.request("", |session| labelled(session, "again")).await;
    assert_eq!(labels(&again).await, [("again".to_owned(), true)]);
    assert_eq!(
        node.sessions.end_everyone().await.unwrap(),
        3,
        "and bob, and mallory"
    );
    assert_eq!(node.sees(&again).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_list_says_of_no_other_session_what_only_its_cookie_knows() {
    let registry = Memory::default();
    let node = Node::over(Faulty::new(Memory::default()), |revocations| {
        revocations.register_in(registry.clone())
    });
    let now = || node.sessions.config.clock.now();
    let listed = async |cookie: &str| {
        let mut listed = node.open(cookie).await.sessions().await.unwrap();
        listed.sort_by_key(|info| info.current);
        let seen: Vec<_> = listed.iter().map(|info| info.last_seen).collect();
        assert!(listed.iter().all(|info| now() < info.expires));
        seen
    };
    let phone = node.signed_in("alice").await;
    let laptop = node.signed_in("alice").await;
    assert_eq!(listed(&laptop).await, [None, Some(now())]);
    // The phone is used no more. The laptop is, and its cookie says so.
    let twenty_minutes = Duration::from_secs(1200);
    node.wait(twenty_minutes).await;
    let laptop = node.request(&laptop, |_| ()).await;
    node.wait(twenty_minutes).await;
    assert_eq!(node.sees(&phone).await, NOBODY, "it was idle for too long");
    let laptop = node.request(&laptop, |_| ()).await;
    assert_eq!(listed(&laptop).await, [None, Some(now())]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_cannot_be_kept_is_refused() {
    let rotates = Policy::default()
        .rotate_every(Some(Duration::from_secs(60)))
        .unwrap();
    let counts = Policy::default().cap(cloakroom_store::Cap::Refuse(std::num::NonZeroU32::MIN));
    for (policy, word) in [(rotates, "rotate_every"), (counts, "cap")] {
        let node = Node::new().with(|sessions| sessions.policy(policy));
        let error = node.try_open("").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_store_that_a_restart_empties_is_refused_for_marks() {
    let error = Revocations::new(Memory::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("danger_in_memory"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_revocation_a_sign_out_is_a_matter_of_the_browser() {
    let sessions = Sessions::danger_sealed_without_revocation(keys());
    let node = Node::of(sessions, Faulty::new(Memory::default()));
    let alice = node.signed_in("alice").await;
    let session = node.open(&alice).await;
    assert_eq!(
        session.sign_out_others().await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        node.sessions.end_everyone().await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert!(session.confirm().await.unwrap());
    session.sign_out().await.unwrap();
    assert!(
        node.end(&session, Outcome::Success)
            .await
            .set_cookie
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(node.sees(&alice).await, somebody("alice", 1), "a copy goes on");
}

#[tokio::test(start_paused = true)]
async fn applications_and_cookies_never_meet() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let other = node
        .clone()
        .with(|sessions| sessions.application("other").unwrap());
    assert_eq!(other.sees(&alice).await, NOBODY);
    let named = node
        .clone()
        .with(|sessions| sessions.cookie(Cookie::builder("other").build().unwrap()));
    let moved = alice.replacen("__Host-session", "__Host-other", 1);
    assert_eq!(named.sees(&moved).await, NOBODY);
    // An ending in one says nothing in the other.
    let theirs = other.signed_in("alice").await;
    node.open(&alice).await.sign_out_everywhere().await.unwrap();
    other.wait(BOUND).await;
    assert_eq!(other.sees(&theirs).await, somebody("alice", 1));
}
