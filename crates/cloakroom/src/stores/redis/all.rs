//! Waits for several answers at the same time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Polls all of them in this task until each has answered; the answers are in the order of the futures.
pub(super) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<State<F>> = futures
        .into_iter()
        .map(|future| State::Waiting(Box::pin(future)))
        .collect();
    poll_fn(|context| {
        let mut done = true;
        for state in &mut waiting {
            if let State::Waiting(future) = state {
                match future.as_mut().poll(context) {
                    Poll::Ready(answer) => *state = State::Done(answer),
                    Poll::Pending => done = false,
                }
            }
        }
        if done { Poll::Ready(()) } else { Poll::Pending }
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

// Nothing in it is pinned in place: the futures are in boxes of their own.
impl<F: Future> Unpin for State<F> {}
