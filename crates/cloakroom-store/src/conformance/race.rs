//! Races that are forced: everybody waits at a barrier, then starts at once.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::{JoinHandle, JoinSet};

use super::failure::Failure;
use super::fixture::Fixture;
use super::rule::panicked;

impl Fixture {
    /// Runs so many tasks at once, and answers what they answered, in no promised order.
    pub(super) async fn race<T, Run, Running>(&self, tasks: usize, run: Run) -> Result<Vec<T>, Failure>
    where
        T: Send + 'static,
        Run: Fn(Self, usize) -> Running,
        Running: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let start = Arc::new(Barrier::new(tasks));
        let mut racing = JoinSet::new();
        for n in 0..tasks {
            let start = Arc::clone(&start);
            let running = run(self.clone(), n);
            racing.spawn(async move {
                start.wait().await;
                running.await
            });
        }
        let mut answers = Vec::with_capacity(tasks);
        while let Some(ended) = racing.join_next().await {
            answers.push(ended.map_err(panicked)??);
        }
        Ok(answers)
    }

    /// Runs two different tasks at once.
    pub(super) async fn duel<A, B, One, Other>(
        &self,
        one: impl FnOnce(Self) -> One,
        other: impl FnOnce(Self) -> Other,
    ) -> Result<(A, B), Failure>
    where
        A: Send + 'static,
        B: Send + 'static,
        One: Future<Output = Result<A, Failure>> + Send + 'static,
        Other: Future<Output = Result<B, Failure>> + Send + 'static,
    {
        let start = Arc::new(Barrier::new(2));
        let one = Running(tokio::spawn(after(Arc::clone(&start), one(self.clone()))));
        let other = Running(tokio::spawn(after(start, other(self.clone()))));
        Ok((one.answer().await?, other.answer().await?))
    }
}

async fn after<T>(start: Arc<Barrier>, running: impl Future<Output = T>) -> T {
    start.wait().await;
    running.await
}

/// A task that ends when nobody waits for it any more.
struct Running<T>(JoinHandle<T>);

impl<T> Running<Result<T, Failure>> {
    async fn answer(mut self) -> Result<T, Failure> {
        (&mut self.0).await.map_err(panicked)?
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
