//! Waits for several answers at the same time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Polls all of them in this task until each has answered; the answers are in the order of the futures.
pub(super) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    until(futures, |_| false, Duration::ZERO).await
}

/// As [`all`], but from when those that have answered are enough, waits only so long for the others.
pub(super) async fn until<F: Future>(
    futures: impl IntoIterator<Item = F>,
    are_enough: impl Fn(&[&F::Output]) -> bool,
    for_others: Duration,
) -> Vec<F::Output> {
    let mut waiting: Vec<State<F>> = futures
        .into_iter()
        .map(|future| State::Waiting(Box::pin(future)))
        .collect();
    let mut patience: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        let mut waits = false;
        for state in &mut waiting {
            if let State::Waiting(future) = state {
                match future.as_mut().poll(context) {
                    Poll::Ready(answer) => *state = State::Done(answer),
                    Poll::Pending => waits = true,
                }
            }
        }
        if !waits {
            return Poll::Ready(());
        }
        let done: Vec<_> = waiting.iter().filter_map(State::answer).collect();
        if patience.is_none() && are_enough(&done) {
            patience = Some(Box::pin(sleep(for_others)));
        }
        match &mut patience {
            Some(patience) => patience.as_mut().poll(context),
            None => Poll::Pending,
        }
    })
    .await;
    let answers = waiting.into_iter().filter_map(|state| match state {
        State::Done(answer) => Some(answer),
        State::Waiting(_) => None,
    });
    answers.collect()
}

enum State<F: Future> {
    Waiting(Pin<Box<F>>),
    Done(F::Output),
}

impl<F: Future> State<F> {
    fn answer(&self) -> Option<&F::Output> {
        match self {
            Self::Done(answer) => Some(answer),
            Self::Waiting(_) => None,
        }
    }
}

// Nothing in it is pinned in place: the futures are in boxes of their own.
impl<F: Future> Unpin for State<F> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn once_there_are_enough_the_others_have_little_time() {
        let answers = |last: u64| async move {
            let answering = [1, 2, last].map(async |millis| {
                sleep(Duration::from_millis(millis)).await;
                millis
            });
            until(
                answering,
                |answers| answers.len() == 2,
                Duration::from_millis(100),
            )
            .await
        };
        assert_eq!(answers(3).await, [1, 2, 3]);
        assert_eq!(answers(90).await, [1, 2, 90]);
        assert_eq!(answers(150).await, [1, 2]);
    }
}
