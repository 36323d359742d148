//! Waits for several answers at the same time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Polls all of them in this task until each has answered; the answers are in the order of the futures.
pub(super) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    until(futures, |_| false).await
}

/// As [`all`], or until those that have answered are enough.
pub(super) async fn until<F: Future>(
    futures: impl IntoIterator<Item = F>,
    mut are_enough: impl FnMut(&[&F::Output]) -> bool,
) -> Vec<F::Output> {
    let mut waiting: Vec<State<F>> = futures
        .into_iter()
        .map(|future| State::Waiting(Box::pin(future)))
        .collect();
    poll_fn(|context| {
        let (mut is_new, mut waits) = (false, false);
        for state in &mut waiting {
            if let State::Waiting(future) = state {
                match future.as_mut().poll(context) {
                    Poll::Ready(answer) => (*state, is_new) = (State::Done(answer), true),
                    Poll::Pending => waits = true,
                }
            }
        }
        let done: Vec<_> = waiting.iter().filter_map(State::answer).collect();
        match !waits || (is_new && are_enough(&done)) {
            true => Poll::Ready(()),
            false => Poll::Pending,
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
