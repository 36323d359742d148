//! What a server may send, however it sends it, does not hold up a connection for ever.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{ReadBuf, sink};
use tokio::sync::mpsc;
use tokio::task::coop::poll_proceed;
use tokio::time::timeout;

use super::super::command::Command;
use super::*;

/// A value that goes on and on, one byte after the other, each at once. Before it begins, a call may be taken.
struct Endless {
    head: &'static [u8],
    has_begun: bool,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !mem::replace(&mut self.has_begun, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(poll_proceed(context)).made_progress();
        let (byte, rest) = self.head.split_first().unwrap_or((&b'x', &[]));
        buffer.put_slice(&[*byte]);
        self.head = rest;
        Poll::Ready(Ok(()))
    }
}

async fn failure(has_begun: bool) -> String {
    let (sender, mut calls) = mpsc::channel(1);
    let (answer, answered) = oneshot::channel();
    let call = Call {
        command: Command::Get { key: b"k" }.encode(7),
        begun: Instant::now(),
        answer,
    };
    assert!(sender.try_send(call).is_ok());
    let reader = Endless {
        head: b"VA 1000000000 c1 O7\r\n",
        has_begun,
    };
    let serving =
        tokio::spawn(async move { serve(reader, sink(), &mut calls, Duration::from_millis(50)).await });
    let ended = timeout(Duration::from_secs(20), serving).await;
    let ended = ended.expect("it is bounded").unwrap().unwrap().to_string();
    // Who was asked to wait hears why; who was not yet, that it is over.
    assert!(answered.await.map_or(true, |answer| answer.is_err()));
    ended
}

#[tokio::test]
async fn an_answer_without_end_ends_the_connection_in_time() {
    let ended = failure(false).await;
    assert!(ended.contains("operation_timeout"), "{ended}");
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_ends_the_connection_before_it_is_whole() {
    let ended = failure(true).await;
    assert!(ended.contains("not asked"), "{ended}");
}
