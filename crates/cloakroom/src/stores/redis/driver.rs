//! Runs the driver of a connection so that the commands of concurrent requests leave in one write.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::task::Poll;

/// Runs a driver to its end, and lets every other task that is ready go first.
///
/// A task that sends a command wakes the driver, and the runtime would run it next: one system call for each command.
/// Having gone to the end of the queue, it finds the commands of all tasks that were ready: one for all of them.
pub(super) async fn drive(driver: impl Future<Output = ()>) {
    let mut driver = pin!(driver);
    let mut has_waited = false;
    poll_fn(move |context| {
        if mem::replace(&mut has_waited, true) {
            has_waited = false;
            return driver.as_mut().poll(context);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
