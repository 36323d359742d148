//! Races that are forced: everybody lines up at a barrier, then starts at once.
//!
//! Rounds take turns between two kinds. In one, every contestant is a task: they meet on several threads, as
//! the scheduler likes. In the other they are woven into one task, each going on when the one before waits:
//! what a store does between two awaits then meets every other's, on any machine and however busy it is.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::sync::Barrier;
use tokio::task::{JoinHandle, JoinSet};

use super::failure::Failure;
use super::fixture::Fixture;
use super::rule::panicked;

impl Fixture {
    /// Runs so many contestants at once, and answers what they answered, in no promised order.
    pub(super) async fn race<T, Run, Running>(
        &self,
        round: usize,
        contestants: usize,
        run: Run,
    ) -> Result<Vec<T>, Failure>
    where
        T: Send + 'static,
        Run: Fn(Self, usize) -> Running + Send,
        Running: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let running = (0..contestants).map(|n| run(self.clone(), n));
        at_once(round, running.collect()).await
    }

    /// Runs two different contestants at once; who is first changes from round to round.
    pub(super) async fn duel<A, B, One, Other>(
        &self,
        round: usize,
        one: impl FnOnce(Self) -> One + Send,
        other: impl FnOnce(Self) -> Other + Send,
    ) -> Result<(A, B), Failure>
    where
        A: Send + 'static,
        B: Send + 'static,
        One: Future<Output = Result<A, Failure>> + Send + 'static,
        Other: Future<Output = Result<B, Failure>> + Send + 'static,
    {
        let (one, other) = (one(self.clone()), other(self.clone()));
        match round % 4 {
            0 => tokio::try_join!(biased; one, other),
            1 => tokio::try_join!(biased; other, one).map(|(b, a)| (a, b)),
            turn => {
                let line = Arc::new(Line::of(2));
                let (one, other) = (from(Arc::clone(&line), one), from(line, other));
                // Whose task is spawned last runs first on a scheduler that keeps its newest at hand.
                let (one, other) = if turn == 2 {
                    let one = Running::begin(one);
                    (one, Running::begin(other))
                } else {
                    let other = Running::begin(other);
                    (Running::begin(one), other)
                };
                Ok((one.answer().await?, other.answer().await?))
            }
        }
    }
}

/// Runs all of these at once, and answers what they answered, in no promised order.
pub(super) async fn at_once<T, Running>(round: usize, running: Vec<Running>) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    Running: Future<Output = Result<T, Failure>> + Send + 'static,
{
    if round.is_multiple_of(2) {
        woven(running.into_iter().map(Box::pin).collect()).await
    } else {
        as_tasks(running).await
    }
}

/// Polls everybody in turn, in one task.
async fn woven<T, Running>(mut running: Vec<Pin<Box<Running>>>) -> Result<Vec<T>, Failure>
where
    Running: Future<Output = Result<T, Failure>>,
{
    let mut answers = Vec::with_capacity(running.len());
    poll_fn(|context| {
        running.retain_mut(|contestant| match contestant.as_mut().poll(context) {
            Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    answers.into_iter().collect()
}

/// Starts everybody at once, each in a task.
async fn as_tasks<T, Running>(running: Vec<Running>) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    Running: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let line = Arc::new(Line::of(running.len()));
    let mut answers = Vec::with_capacity(running.len());
    let mut tasks = JoinSet::new();
    for contestant in running {
        tasks.spawn(from(Arc::clone(&line), contestant));
    }
    while let Some(ended) = tasks.join_next().await {
        answers.push(ended.map_err(panicked)??);
    }
    Ok(answers)
}

async fn from<T>(line: Arc<Line>, running: impl Future<Output = T>) -> T {
    line.up().await;
    running.await
}

/// Where tasks line up to start at once.
struct Line {
    barrier: Barrier,
    contestants: usize,
    awake: AtomicUsize,
}

impl Line {
    fn of(contestants: usize) -> Self {
        Self {
            barrier: Barrier::new(contestants),
            contestants,
            awake: AtomicUsize::new(0),
        }
    }

    async fn up(&self) {
        self.barrier.wait().await;
        // A barrier wakes one task after the other, and on a busy machine each may be done before the next
        // is awake. So nobody starts before everybody is.
        self.awake.fetch_add(1, Ordering::SeqCst);
        while self.awake.load(Ordering::SeqCst) < self.contestants {
            tokio::task::yield_now().await;
        }
    }
}

/// A task that ends when nobody waits for it any more.
struct Running<T>(JoinHandle<T>);

impl<T: Send + 'static> Running<Result<T, Failure>> {
    fn begin(running: impl Future<Output = Result<T, Failure>> + Send + 'static) -> Self {
        Self(tokio::spawn(running))
    }

    async fn answer(mut self) -> Result<T, Failure> {
        (&mut self.0).await.map_err(panicked)?
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
