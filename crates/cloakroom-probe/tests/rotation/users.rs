//! Users at work on all nodes at once, whom nothing may go wrong for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::browser::Browser;

const COUNT: u64 = 9;

/// Users who are signed in, and whose requests reach one node after the other. Each of them writes and reads.
pub(crate) struct Users {
    progress: Arc<Progress>,
    at_work: JoinSet<(Browser, u64)>,
}

#[derive(Default)]
struct Progress {
    /// Requests that were answered, by user: all of them with a success.
    answered: [AtomicU64; COUNT as usize],
    enough: AtomicBool,
    /// Set when one of them has stopped.
    stopped: AtomicBool,
}

impl Users {
    /// Signs everybody in, and lets them begin.
    pub(crate) async fn begin(nodes: &[SocketAddr]) -> Self {
        let progress = Arc::<Progress>::default();
        let mut at_work = JoinSet::new();
        for number in 0..COUNT as usize {
            let browser = Browser::new(nodes[number % nodes.len()]);
            browser
                .ok(&format!("POST /sign-in?principal=user-{number}"))
                .await;
            at_work.spawn(work(browser, number, nodes.to_vec(), Arc::clone(&progress)));
        }
        Self { progress, at_work }
    }

    pub(crate) fn count(&self) -> u64 {
        COUNT
    }

    /// Waits for so many more requests, of which none is rejected.
    pub(crate) async fn succeed(&self, more: u64) {
        let sum = || {
            self.progress
                .answered
                .iter()
                .map(|user| user.load(Ordering::SeqCst))
                .sum::<u64>()
        };
        let goal = sum() + more;
        self.until(|| sum() >= goal).await;
    }

    /// Waits until everybody has written and read once more, from now on.
    pub(crate) async fn each_succeeds_once_more(&self) {
        let answered = || {
            self.progress
                .answered
                .each_ref()
                .map(|user| user.load(Ordering::SeqCst))
        };
        // The request under way had begun before; the next two are a write and a read.
        let goal = answered().map(|requests| requests + 3);
        self.until(|| answered().iter().zip(&goal).all(|(now, goal)| now >= goal))
            .await;
    }

    /// Lets them stop, and sees that each has all that they did.
    pub(crate) async fn end_with_all_they_did(mut self) {
        self.progress.enough.store(true, Ordering::SeqCst);
        while let Some(user) = self.at_work.join_next().await {
            let (browser, written) = user.expect("nobody was rejected");
            assert_eq!(browser.state().await.data["n"], written);
        }
    }

    async fn until(&self, done: impl Fn() -> bool) {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        while !done() {
            ticks.tick().await;
            assert!(
                !self.progress.stopped.load(Ordering::SeqCst),
                "somebody was rejected"
            );
        }
    }
}

/// Says that somebody has stopped, also when they were rejected.
struct AtWork(Arc<Progress>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::SeqCst);
    }
}

async fn work(
    browser: Browser,
    number: usize,
    nodes: Vec<SocketAddr>,
    progress: Arc<Progress>,
) -> (Browser, u64) {
    let _at_work = AtWork(Arc::clone(&progress));
    let principal = format!("user-{number}");
    let token = browser.token();
    let mut written = 0;
    let answered = || progress.answered[number].fetch_add(1, Ordering::SeqCst);
    while !progress.enough.load(Ordering::SeqCst) {
        let there = browser.at(nodes[(number + written as usize) % nodes.len()]);
        let answer = there.send("POST /add?key=n").await;
        assert_eq!(answer.status, 204, "{answer:?}");
        written += 1;
        answered();
        let state = there.state().await;
        assert_eq!(state.principal.as_deref(), Some(principal.as_str()));
        assert_eq!(state.data["n"], written);
        assert_eq!(browser.token(), token, "nobody is signed out or in again");
        answered();
    }
    (browser, written)
}
