//! The bounded queue in front of the one thread that writes, for stores that have one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

/// How much may wait, and how much the writer takes at once: a request costs one, and one more for every 4 KiB.
const ROOM: u32 = 8192;
const GROUP: u32 = 2048;

/// How many requests the writer takes at once.
const GROUP_LENGTH: usize = 256;

/// Jobs in the order they came. Whoever finds it full waits, and may stop waiting.
pub(crate) struct Queue<J> {
    waiting: Mutex<Waiting<J>>,
    arrived: Condvar,
    room: Semaphore,
}

struct Waiting<J> {
    jobs: VecDeque<(u32, J)>,
    closed: bool,
}

/// What the writer finds.
pub(crate) enum Taken<J> {
    /// Everything that waited, or as much as a group holds.
    Jobs(Vec<J>),
    /// Nothing, for as long as it was patient.
    Nothing,
    /// Nothing, and nothing comes any more.
    Closed,
}

/// The queue was closed.
pub(crate) struct Closed;

/// Held by the writer: when it ends, also by a panic, nobody waits for it any more.
pub(crate) struct Writing<J>(Arc<Queue<J>>);

impl<J> Writing<J> {
    pub(crate) fn of(queue: &Arc<Queue<J>>) -> Self {
        Self(Arc::clone(queue))
    }
}

impl<J> Drop for Writing<J> {
    fn drop(&mut self) {
        self.0.close();
        // Whoever waits for one of them learns that it was dropped.
        while let Taken::Jobs(jobs) = self.0.take(None) {
            drop(jobs);
        }
    }
}

impl<J> Queue<J> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                jobs: VecDeque::new(),
                closed: false,
            }),
            arrived: Condvar::new(),
            room: Semaphore::new(ROOM as usize),
        }
    }

    /// Puts a job with a body of this size into the queue, when there is room.
    pub(crate) async fn push(&self, job: J, body: usize) -> Result<(), Closed> {
        let cost = u32::try_from(1 + body / 4096).map_or(GROUP, |cost| cost.min(GROUP));
        let room = self.room.acquire_many(cost).await.map_err(|_| Closed)?;
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(Closed);
        }
        waiting.jobs.push_back((cost, job));
        drop(waiting);
        room.forget(); // until the writer has taken the job
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for jobs and takes them.
    pub(crate) fn take(&self, patience: Option<Duration>) -> Taken<J> {
        let idle = |waiting: &mut Waiting<J>| waiting.jobs.is_empty() && !waiting.closed;
        let waiting = self.waiting();
        let mut waiting = match patience {
            None => self
                .arrived
                .wait_while(waiting, idle)
                .unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.arrived.wait_timeout_while(waiting, patience, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let (mut jobs, mut taken) = (Vec::new(), 0);
        while let Some((cost, _)) = waiting.jobs.front()
            && jobs.len() < GROUP_LENGTH
            && (taken + cost <= GROUP || jobs.is_empty())
            && let Some((cost, job)) = waiting.jobs.pop_front()
        {
            taken += cost;
            jobs.push(job);
        }
        let closed = waiting.closed;
        drop(waiting);
        self.room.add_permits(taken as usize);
        match jobs.is_empty() {
            false => Taken::Jobs(jobs),
            true if closed => Taken::Closed,
            true => Taken::Nothing,
        }
    }

    /// Lets nothing more in. What waits is still taken.
    pub(crate) fn close(&self) {
        self.waiting().closed = true;
        self.room.close();
        self.arrived.notify_all();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<J>> {
        // Nothing that panics runs while it is locked.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_a_writer_that_has_panicked() {
        let queue = Arc::new(Queue::<tokio::sync::oneshot::Sender<()>>::new());
        let (job, first) = tokio::sync::oneshot::channel();
        let (other, second) = tokio::sync::oneshot::channel();
        assert!(queue.push(job, 4096 * GROUP as usize).await.is_ok());
        assert!(queue.push(other, 0).await.is_ok());
        let writing = Writing::of(&queue);
        let writer = std::thread::spawn(move || {
            let _writing = writing;
            let Taken::Jobs(_taken) = queue.take(None) else {
                return queue;
            };
            panic!("a writer that has a fault");
        });
        assert!(first.await.is_err(), "what it had taken");
        assert!(second.await.is_err(), "what waited behind it");
        assert!(writer.join().is_err());
    }

    #[tokio::test]
    async fn what_comes_after_it_is_refused() {
        let queue = Arc::new(Queue::<()>::new());
        drop(Writing::of(&queue));
        assert!(queue.push((), 0).await.is_err());
    }
}
