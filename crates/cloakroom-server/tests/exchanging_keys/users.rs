//! Users at work on all nodes, and what went wrong for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::visitor::Visitor;

/// How many users there are.
const COUNT: usize = 9;

/// Users who are signed in, and whose requests reach one node after the other. Each of them writes and reads.
pub(crate) struct Users {
    progress: Arc<Progress>,
    at_work: JoinSet<Visitor>,
}

/// What happened to them.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Requests that were answered.
    pub(crate) answered: u64,
    /// Those that were answered with anything but a success.
    pub(crate) rejected: u64,
    /// Those that found the user signed out, or without what they had done before.
    pub(crate) signed_out: u64,
}

#[derive(Default)]
struct Progress {
    /// By user.
    answered: [AtomicU64; COUNT],
    rejected: AtomicU64,
    signed_out: AtomicU64,
    enough: AtomicBool,
}

impl Users {
    /// Signs everybody in, and lets them begin.
    pub(crate) async fn begin(nodes: &[u16]) -> Self {
        let mut browsers = Vec::new();
        for number in 0..COUNT {
            let mut browser = Visitor::new(nodes[number % nodes.len()]);
            let path = format!("/sign-in?principal=user-{number}");
            assert_eq!(browser.ask("POST", &path, &[], "").await.status, 204);
            browsers.push(browser);
        }
        Self::go_on(nodes, browsers)
    }

    /// Lets those begin who are signed in.
    pub(crate) fn go_on(nodes: &[u16], browsers: Vec<Visitor>) -> Self {
        let progress = Arc::<Progress>::default();
        let mut at_work = JoinSet::new();
        for (number, browser) in browsers.into_iter().enumerate() {
            at_work.spawn(work(browser, number, nodes.to_owned(), Arc::clone(&progress)));
        }
        Self { progress, at_work }
    }

    /// Waits for so many more answers, of which none is a rejection.
    pub(crate) async fn succeed(&self, more: u64) {
        let sum = || self.progress.answered().iter().sum::<u64>();
        let goal = sum() + more;
        self.until(|| sum() >= goal).await;
        self.assert_unharmed();
    }

    /// Waits until everybody has written and read once more, from now on.
    pub(crate) async fn each_succeeds_once_more(&self) {
        self.each_is_answered_once_more().await;
        self.assert_unharmed();
    }

    /// The same, whatever the answers are.
    pub(crate) async fn each_is_answered_once_more(&self) {
        // The request under way had begun before; the next two are a write and a read.
        let goal = self.progress.answered().map(|requests| requests + 3);
        self.until(|| {
            let now = self.progress.answered();
            now.iter().zip(&goal).all(|(now, goal)| now >= goal)
        })
        .await;
    }

    /// Lets them stop; answers what happened to them, and their browsers.
    pub(crate) async fn end(mut self) -> (Tally, Vec<Visitor>) {
        self.progress.enough.store(true, Ordering::SeqCst);
        let mut browsers = Vec::new();
        while let Some(browser) = self.at_work.join_next().await {
            browsers.push(browser.unwrap());
        }
        (self.progress.tally(), browsers)
    }

    async fn until(&self, done: impl Fn() -> bool) {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        while !done() {
            ticks.tick().await;
        }
    }

    fn assert_unharmed(&self) {
        let tally = self.progress.tally();
        assert_eq!((tally.rejected, tally.signed_out), (0, 0), "{tally:?}");
    }
}

impl Progress {
    fn answered(&self) -> [u64; COUNT] {
        self.answered.each_ref().map(|user| user.load(Ordering::SeqCst))
    }

    fn tally(&self) -> Tally {
        Tally {
            answered: self.answered().iter().sum(),
            rejected: self.rejected.load(Ordering::SeqCst),
            signed_out: self.signed_out.load(Ordering::SeqCst),
        }
    }
}

async fn work(mut browser: Visitor, number: usize, nodes: Vec<u16>, progress: Arc<Progress>) -> Visitor {
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::SeqCst);
    let mut before = seen(&browser.ask("GET", "/read", &[], "").await.body);
    let mut turn = number;
    while !progress.enough.load(Ordering::SeqCst) {
        browser.port = nodes[turn % nodes.len()];
        turn += 1;
        let added = browser.ask("POST", "/add?key=n", &[], "").await;
        if added.status != 204 {
            count(&progress.rejected);
        }
        count(&progress.answered[number]);
        let read = browser.ask("GET", "/read", &[], "").await;
        if read.status != 200 {
            count(&progress.rejected);
        }
        let now = seen(&read.body);
        if now.principal.is_none() || now.principal != before.principal || now.added != before.added + 1 {
            count(&progress.signed_out);
        }
        before = now;
        count(&progress.answered[number]);
    }
    browser
}

/// What the session was at a read.
struct Seen {
    principal: Option<String>,
    added: u64,
}

fn seen(body: &str) -> Seen {
    let state: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    Seen {
        principal: state["principal"].as_str().map(str::to_owned),
        added: state["data"]["n"].as_u64().unwrap_or_default(),
    }
}
