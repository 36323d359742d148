//! Users at work while something goes wrong, and what they were told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::browser::{Answer, Browser, State};

/// How many users count, each in a session of their own.
const COUNTING: usize = 12;
/// How many users sign in and out again.
const COMING_AND_GOING: usize = 4;

/// Users at work: some count in their sessions, some sign in and out.
pub(crate) struct Load {
    progress: Arc<Progress>,
    counting: Vec<Browser>,
    users: JoinSet<Told>,
}

/// How they get on, all together.
#[derive(Default)]
struct Progress {
    /// How many requests were answered with a success.
    succeeded: AtomicU64,
    /// How many were answered that sessions are not available.
    failed: AtomicU64,
    /// Set when they may stop, at their next answer.
    enough: AtomicBool,
    /// The longest that a request took.
    longest: Mutex<Duration>,
}

/// What one user was told.
#[derive(Default)]
struct Told {
    /// How often counting was acknowledged, by the user's number.
    counted: BTreeMap<usize, u64>,
    /// How often it failed: each may have counted.
    in_doubt: BTreeMap<usize, u64>,
    /// Tokens of sessions whose sign-out was acknowledged.
    ended: Vec<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) acknowledged: u64,
    pub(crate) failed: u64,
    pub(crate) longest: Duration,
    /// Acknowledged counts that were gone afterwards.
    pub(crate) lost: u64,
    /// Sessions that were gone afterwards, with all their counts.
    pub(crate) lost_sessions: u64,
    /// Signed-out sessions, and those of them that were back.
    pub(crate) ended: u64,
    pub(crate) revived: u64,
    /// Counts that nobody had made: updates applied twice.
    pub(crate) invented: u64,
}

impl Load {
    /// Signs everybody in, and lets them begin.
    pub(crate) async fn begin(address: SocketAddr) -> Self {
        let progress = Arc::<Progress>::default();
        let mut users = JoinSet::new();
        let mut counting = Vec::new();
        for number in 0..COUNTING {
            let browser = Browser::new(address);
            browser
                .ok(&format!("POST /sign-in?principal=counting-{number}"))
                .await;
            counting.push(browser.clone());
            users.spawn(count(browser, number, Arc::clone(&progress)));
        }
        for number in 0..COMING_AND_GOING {
            users.spawn(come_and_go(address, number, Arc::clone(&progress)));
        }
        Self {
            progress,
            counting,
            users,
        }
    }

    /// Waits until so many more requests have succeeded.
    pub(crate) async fn succeeds(&self, more: u64) {
        let goal = self.progress.succeeded.load(Ordering::SeqCst) + more;
        while self.progress.succeeded.load(Ordering::SeqCst) < goal {
            tick().await;
        }
    }

    /// Waits until so many more requests have failed, or for so long.
    pub(crate) async fn fails(&self, more: u64, at_most: Duration) {
        let failed = || self.progress.failed.load(Ordering::SeqCst);
        reaches(failed, more, at_most).await;
    }

    /// Waits until so many more requests were answered, whichever way, or for so long.
    pub(crate) async fn goes_on(&self, more: u64, at_most: Duration) {
        let Progress {
            succeeded, failed, ..
        } = &*self.progress;
        let answered = || succeeded.load(Ordering::SeqCst) + failed.load(Ordering::SeqCst);
        reaches(answered, more, at_most).await;
    }

    /// Lets everybody stop, and compares what is there with what they were told.
    pub(crate) async fn end(mut self) -> Outcome {
        self.progress.enough.store(true, Ordering::SeqCst);
        let mut told = Told::default();
        while let Some(one) = self.users.join_next().await {
            let one = one.expect("no user saw what must never be");
            told.counted.extend(one.counted);
            told.in_doubt.extend(one.in_doubt);
            told.ended.extend(one.ended);
        }
        let mut outcome = Outcome {
            acknowledged: told.counted.values().sum(),
            failed: self.progress.failed.load(Ordering::SeqCst),
            longest: *self.progress.longest.lock().await,
            ended: told.ended.len() as u64,
            ..Outcome::default()
        };
        for (number, browser) in self.counting.iter().enumerate() {
            let counted = told.counted.get(&number).copied().unwrap_or_default();
            let in_doubt = told.in_doubt.get(&number).copied().unwrap_or_default();
            let state = kept(browser).await;
            if state.principal.is_none() {
                outcome.lost_sessions += 1;
                continue;
            }
            let found = state.data["n"].as_u64().unwrap_or_default();
            outcome.lost += counted.saturating_sub(found);
            outcome.invented += found.saturating_sub(counted + in_doubt);
        }
        for token in &told.ended {
            let state = kept(&self.counting[0].with_token(token)).await;
            outcome.revived += u64::from(state.principal.is_some());
        }
        outcome
    }
}

async fn count(browser: Browser, number: usize, progress: Arc<Progress>) -> Told {
    let mut told = Told::default();
    while !progress.enough.load(Ordering::SeqCst) {
        let answer = timed(&browser, "POST /add?key=n", &progress).await;
        let counted = match answer.status {
            204 => &mut told.counted,
            503 => &mut told.in_doubt,
            status => panic!("counting was answered with {status}: {answer:?}"),
        };
        *counted.entry(number).or_default() += 1;
        // Nobody's cookie is touched, whatever goes wrong: but where the session itself is lost, another begins.
        if answer.status == 503 {
            answer.assert_cookie_left_alone("a request that failed");
        }
    }
    told
}

async fn come_and_go(address: SocketAddr, number: usize, progress: Arc<Progress>) -> Told {
    let mut told = Told::default();
    let browser = Browser::new(address);
    while !progress.enough.load(Ordering::SeqCst) {
        let sign_in = format!("POST /sign-in?principal=passing-{number}");
        if timed(&browser, &sign_in, &progress).await.status != 204 {
            continue;
        }
        let token = browser.token();
        // What is recent, so that checking afterwards does not take long.
        if timed(&browser, "POST /sign-out", &progress).await.status == 204 && browser.has_no_cookie() {
            told.ended.push(token);
        }
    }
    told
}

async fn timed(browser: &Browser, request: &str, progress: &Progress) -> Answer {
    let begun = Instant::now();
    let answer = browser.send(request).await;
    let mut longest = progress.longest.lock().await;
    *longest = (*longest).max(begun.elapsed());
    match answer.status {
        204 => progress.succeeded.fetch_add(1, Ordering::SeqCst),
        503 => progress.failed.fetch_add(1, Ordering::SeqCst),
        status => panic!("{request} was answered with {status}: {answer:?}"),
    };
    answer
}

/// What a session is afterwards. A machine that is busy with other tests may be too slow for one question, not for all.
async fn kept(browser: &Browser) -> State {
    let begun = Instant::now();
    loop {
        let answer = browser.send("GET /read").await;
        match answer.status {
            200 => return serde_json::from_str(&answer.body).unwrap(),
            503 if begun.elapsed() < Duration::from_secs(15) => tick().await,
            status => panic!("reading was answered with {status}: {answer:?}"),
        }
    }
}

/// Waits until a number has grown by so much, or for so long.
async fn reaches(number: impl Fn() -> u64, more: u64, at_most: Duration) {
    let (begun, goal) = (Instant::now(), number() + more);
    while number() < goal && begun.elapsed() < at_most {
        tick().await;
    }
}

/// A moment, for whoever looks again and again.
async fn tick() {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    ticks.tick().await;
    ticks.tick().await;
}
