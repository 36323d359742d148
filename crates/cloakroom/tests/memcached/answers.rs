//! Whoever gives up leaves their answer to nobody.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use cloakroom::stores::Memcached;
use cloakroom_testbed as testbed;

use crate::fixture::{create, load, record};

const SESSIONS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_does_not_answer_the_next() {
    let server = testbed::memcached::Memcached::start();
    let store = Memcached::connect(&format!("{}?connections=1", server.url()))
        .await
        .unwrap();
    for n in 0..SESSIONS {
        create(&store, n, record(format!("session {n}"))).await;
    }
    for round in 0..20 {
        // Sent, unanswered, and given up: the answers are still to come.
        server.server().pause();
        for n in 0..SESSIONS / 2 {
            polled(1 + (n + round) % 3, load(&store, n)).await;
        }
        let asked = tokio::spawn({
            let store = store.clone();
            async move { load(&store, SESSIONS - 1).await }
        });
        server.server().resume();
        let last = asked.await.unwrap().unwrap().unwrap();
        assert_eq!(&*last.record.body, format!("session {}", SESSIONS - 1).as_bytes());
        for n in 0..SESSIONS {
            let found = load(&store, n).await.unwrap().unwrap();
            assert_eq!(&*found.record.body, format!("session {n}").as_bytes());
        }
    }
}

/// Polls so often, giving the connection a turn between, and drops what is not finished by then.
async fn polled<T>(times: usize, call: impl Future<Output = T>) {
    let mut call = pin!(call);
    for _ in 0..times {
        let done = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await;
        if done {
            return;
        }
        tokio::task::yield_now().await;
    }
}
