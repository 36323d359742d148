//! A client that does not read holds up what is said to it, and not the end of its session.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

mod talk;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::SinkExt as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use talk::{PATIENCE, start, talk_here};

#[tokio::test]
async fn signing_out_closes_one_that_does_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let program = start(&directory);
    let mut alice = program.visitor();
    alice.submit("/sign-in", "");
    let mut socket = talk_here(&program, &alice).await;
    let said = Arc::new(AtomicU64::new(0));
    let saying = Arc::clone(&said);
    let talking = tokio::spawn(async move {
        loop {
            if let Err(error) = socket.send(Message::text("x".repeat(65_536))).await {
                return error;
            }
            saying.fetch_add(1, Ordering::Relaxed);
        }
    });
    // Until the program does not read any more either, since it waits to be read.
    let mut before = 0;
    while before == 0 || before != said.load(Ordering::Relaxed) {
        before = said.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    alice.clone().submit("/sign-out", "");
    let error = tokio::time::timeout(PATIENCE, talking).await;
    assert!(matches!(
        error.expect("it is closed in time").unwrap(),
        Error::Io(_)
    ));
}
