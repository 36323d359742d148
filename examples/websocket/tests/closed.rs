//! A websocket closes when its session ends, wherever that was, and when its user may not be signed in any more.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

mod talk;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use talk::{PATIENCE, Socket, start, talk, talk_here};

async fn is_answered(socket: &mut Socket, text: &'static str) {
    socket.send(Message::text(text)).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
    assert_eq!(answer.unwrap().unwrap(), Message::text(text));
}

async fn is_closed(socket: &mut Socket) {
    let last = tokio::time::timeout(PATIENCE, socket.next()).await;
    match last.expect("it is closed in time").unwrap().unwrap() {
        Message::Close(Some(frame)) => {
            assert_eq!(
                (frame.code, frame.reason.as_str()),
                (CloseCode::Policy, "the session is over")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn signing_out_in_another_tab_closes_it_and_nobody_elses() {
    let directory = tempfile::tempdir().unwrap();
    let program = start(&directory);
    let (mut alice, mut other) = (program.visitor(), program.visitor());
    alice.submit("/sign-in", "");
    other.submit("/sign-in", "");
    let mut socket = talk_here(&program, &alice).await;
    let mut others = talk_here(&program, &other).await;
    is_answered(&mut socket, "good evening").await;

    alice.clone().submit("/sign-out", "");
    is_closed(&mut socket).await;
    is_answered(&mut others, "still here").await;
}

#[tokio::test]
async fn signing_out_on_another_node_closes_it() {
    let directory = tempfile::tempdir().unwrap();
    let (here, there) = (start(&directory), start(&directory));
    let mut alice = here.visitor();
    alice.submit("/sign-in", "");
    let mut socket = talk_here(&here, &alice).await;
    is_answered(&mut socket, "good evening").await;

    alice.at(there.address()).submit("/sign-out", "");
    is_closed(&mut socket).await;
}

#[tokio::test]
async fn disabling_its_user_closes_it() {
    let directory = tempfile::tempdir().unwrap();
    let program = start(&directory);
    let mut alice = program.visitor();
    alice.submit("/sign-in", "");
    let mut socket = talk_here(&program, &alice).await;
    is_answered(&mut socket, "good evening").await;

    std::fs::write(directory.path().join("sessions.db.disabled"), "").unwrap();
    is_closed(&mut socket).await;
}

#[tokio::test]
async fn neither_a_stranger_nor_a_page_of_another_site_opens_one() {
    let directory = tempfile::tempdir().unwrap();
    let program = start(&directory);
    let mut alice = program.visitor();
    let stranger = alice.clone();
    alice.submit("/sign-in", "");
    for (browser, origin, expected) in [
        (&stranger, format!("http://{}", program.address()), 401),
        (&alice, "https://evil.example".to_owned(), 403),
    ] {
        match talk(&program, browser, &origin).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), expected),
            other => panic!("{other:?}"),
        }
    }
}
