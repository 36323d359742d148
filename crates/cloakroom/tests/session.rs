//! What a session answers, asked through the interface that adapters use.

#![cfg(all(feature = "axum", feature = "memory"))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::error::Error as _;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use cloakroom::store::Cap;
use cloakroom::stores::Memory;
use cloakroom::{ErrorKind, Key, Outcome, Policy, Session, Sessions};
use tokio::sync::oneshot;
use tower_service::Service as _;

const COUNT: Key<u64> = Key::new("count");
const OTHER: Key<u64> = Key::new("other");
const NAME: Key<String> = Key::new("count");

async fn anonymous(sessions: &Sessions) -> Session {
    sessions.open(std::iter::empty()).await.unwrap()
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error_that_does_not_quote_it() {
    let session = anonymous(&Sessions::new(Memory::default())).await;
    session.set(NAME, &"canary".to_owned()).unwrap();
    let error = session.get(COUNT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    assert!(error.source().is_none());
}

#[tokio::test]
async fn an_update_that_changes_its_own_session_ends_with_an_error() {
    let session = anonymous(&Sessions::new(Memory::default())).await;
    let same = session.clone();
    let error = session
        .update(COUNT, move |count| {
            same.set(OTHER, &1).unwrap();
            count.unwrap_or(0) + 1
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(session.get(COUNT).unwrap(), None);
}

#[tokio::test]
async fn a_refused_sign_in_is_said_once() {
    let cap = Cap::Refuse(NonZeroU32::MIN);
    let sessions = Sessions::new(Memory::default()).policy(Policy::default().cap(cap));
    let first = anonymous(&sessions).await;
    first.sign_in("alice").unwrap();
    assert!(sessions.finish(&first, Outcome::Success).await.result.is_ok());

    let second = anonymous(&sessions).await;
    second.sign_in("alice").unwrap();
    assert_eq!(second.save().await.unwrap_err().kind(), ErrorKind::AtCap);
    assert_eq!(second.principal(), None);
    let finished = sessions.finish(&second, Outcome::Success).await;
    assert!(
        finished.result.is_ok(),
        "the handler answered with a page of its own"
    );
    assert_eq!(finished.set_cookie, None);
}

#[tokio::test]
async fn a_session_that_is_asked_for_after_the_response_can_hand_out_no_cookie() {
    let (respond, responded) = oneshot::channel::<()>();
    let (say, said) = oneshot::channel();
    let ends = Arc::new(Mutex::new(Some((responded, say))));
    let handler = move |request: Request| async move {
        let (responded, say) = ends.lock().unwrap().take().unwrap();
        let (parts, _) = request.into_parts();
        tokio::spawn(async move {
            responded.await.unwrap();
            let session = cloakroom::tower::session(&parts).await.unwrap();
            session.sign_in("alice").unwrap();
            say.send(session.save().await.map_err(|error| error.kind()))
                .unwrap();
        });
    };
    let sessions = Sessions::new(Memory::default());
    let mut app = Router::new().route("/", get(handler)).layer(sessions.layer());
    let response = app.call(Request::new(Body::empty())).await.unwrap();
    assert!(response.headers().get("set-cookie").is_none());
    respond.send(()).unwrap();
    assert_eq!(said.await.unwrap(), Err(ErrorKind::TooLate));
}
