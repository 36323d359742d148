//! What an application hears of its sessions: everything that happens on this node, in order, and no token.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use cloakroom::store::{Cap, Id, Principal};
use cloakroom::stores::Memory;
use cloakroom::{
    Error, Happened, Heard, Key, Outcome, Policy, Session, SessionEvent, Sessions, SignIn, Subscription,
    Users, Why,
};

use crate::browser::Browser;
use crate::failing::{Failing, Fault};
use crate::strategies::{on_every_strategy, sealed};

const CART: Key<u32> = Key::new("cart");

/// Finds nobody but bob.
struct OnlyBob;

impl Users for OnlyBob {
    type User = ();
    type Error = String;

    async fn find(&self, principal: &Principal) -> Result<Option<()>, String> {
        Ok((principal.as_str() == "bob").then_some(()))
    }

    fn credentials<'a>(&self, (): &'a ()) -> Option<&'a [u8]> {
        Some(b"bob's")
    }
}

fn app(sessions: &Sessions) -> Router {
    let sessions = sessions.clone().users(OnlyBob);
    Router::new()
        .route("/", get(async |_: Session| {}))
        .route("/cart", post(async |session: Session| session.set(CART, &7)))
        .route("/alice", post(async |session: Session| session.sign_in("alice")))
        .route("/bob", post(async |session: Session| session.sign_in("bob")))
        .route("/old-bob", post(old_bob))
        .route("/rotate", post(async |session: Session| session.rotate()))
        .route("/fail", post(fail))
        .route(
            "/sign-out",
            post(async |session: Session| session.sign_out().await),
        )
        .route("/end", post(end))
        .route("/others", post(others))
        .route("/everywhere", post(everywhere))
        .route("/user", get(user))
        .layer(sessions.layer())
}

async fn old_bob(session: Session) -> Result<(), Error> {
    session.sign_in(SignIn::new("bob").credentials("what bob had before"))
}

async fn fail(session: Session) -> Result<StatusCode, Error> {
    session.sign_in("alice")?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn end(session: Session) -> Result<(), Error> {
    session.end(session.id().unwrap()).await.map(drop)
}

async fn others(session: Session) -> Result<(), Error> {
    session.sign_out_others().await.map(drop)
}

async fn everywhere(session: Session) -> Result<(), Error> {
    session.sign_out_everywhere().await.map(drop)
}

async fn user(session: Session) -> Result<(), Error> {
    session.user::<()>().await.map(drop)
}

/// All that there is to be heard now, without ids.
async fn heard(events: &mut Subscription) -> Vec<(Happened, Option<String>)> {
    let mut all = Vec::new();
    for event in drain(events).await {
        let principal = event.principal.map(|principal| principal.to_string());
        let what = match event.what {
            Happened::PrincipalsEnded { kept: Some(_) } => Happened::PrincipalsEnded {
                kept: Some(Id::from_bytes([0; 16])),
            },
            what => what,
        };
        all.push((what, principal));
    }
    all
}

async fn drain(events: &mut Subscription) -> Vec<SessionEvent> {
    let mut all = Vec::new();
    // What was told was told before the response left, so there is nothing to wait for.
    while let Ok(Some(Heard::Event(event))) = tokio::time::timeout(Duration::ZERO, events.next()).await {
        all.push(event);
    }
    all
}

#[tokio::test]
async fn it_hears_all_that_happens_to_sessions() {
    on_every_strategy(async |sessions, _| {
        let app = app(&sessions);
        let mut events = sessions.subscribe();
        let (alice, bob) = (Some("alice".to_owned()), Some("bob".to_owned()));
        let kept = Some(Id::from_bytes([0; 16]));
        for (paths, expected) in [
            (&["/"][..], vec![]),
            (&["/fail"], vec![]),
            (&["/cart"], vec![(Happened::Begun, None)]),
            (&["/alice"], vec![(Happened::SignedIn, alice.clone())]),
            (&["/cart", "/cart"], vec![(Happened::Begun, None)]),
            (
                &["/cart", "/alice", "/rotate"],
                vec![
                    (Happened::Begun, None),
                    (Happened::SignedIn, alice.clone()),
                    (Happened::Rotated, alice.clone()),
                ],
            ),
            (
                &["/alice", "/bob"],
                vec![
                    (Happened::SignedIn, alice.clone()),
                    (Happened::Ended(Why::SignedInAsAnother), alice.clone()),
                    (Happened::SignedIn, bob.clone()),
                ],
            ),
            (
                &["/alice", "/sign-out", "/sign-out"],
                vec![
                    (Happened::SignedIn, alice.clone()),
                    (Happened::Ended(Why::SignedOut), alice.clone()),
                ],
            ),
            (
                &["/cart", "/end"],
                vec![(Happened::Begun, None), (Happened::Ended(Why::EndedByUser), None)],
            ),
            (
                &["/alice", "/others"],
                vec![
                    (Happened::SignedIn, alice.clone()),
                    (Happened::PrincipalsEnded { kept }, alice.clone()),
                ],
            ),
            (
                &["/alice", "/user"],
                vec![
                    (Happened::SignedIn, alice.clone()),
                    (Happened::Ended(Why::UserGone), alice.clone()),
                ],
            ),
            (
                &["/old-bob", "/user"],
                vec![
                    (Happened::SignedIn, bob.clone()),
                    (Happened::Ended(Why::CredentialsChanged), bob.clone()),
                ],
            ),
            (
                &["/bob", "/user"],
                vec![
                    (Happened::SignedIn, bob.clone()),
                    (Happened::Ended(Why::WithoutCredentials), bob.clone()),
                ],
            ),
        ] {
            let mut browser = Browser::new(&app);
            for path in paths {
                match *path {
                    "/" | "/user" => browser.get(path).await,
                    path => browser.post(path).await,
                };
            }
            assert_eq!(heard(&mut events).await, expected, "{paths:?}");
        }

        let mut browser = Browser::new(&app);
        browser.post("/alice").await;
        let is_sealed = browser.cookie().contains("__Host-session=v4.local");
        browser.post("/everywhere").await;
        let expected = if is_sealed {
            vec![
                (Happened::SignedIn, alice.clone()),
                (Happened::PrincipalsEnded { kept: None }, alice.clone()),
            ]
        } else {
            vec![
                (Happened::SignedIn, alice.clone()),
                (Happened::PrincipalsEnded { kept }, alice.clone()),
                (Happened::Ended(Why::SignedOutEverywhere), alice.clone()),
            ]
        };
        assert_eq!(heard(&mut events).await, expected);

        let alice = Principal::new("alice").unwrap();
        sessions.sign_out_everywhere(&alice).await.unwrap();
        sessions.end_everyone().await.unwrap();
        let told: Vec<Happened> = drain(&mut events).await.iter().map(|event| event.what).collect();
        assert!(
            matches!(
                told[..],
                [
                    Happened::PrincipalsEnded { kept: None },
                    Happened::EveryonesEnded(_)
                ]
            ),
            "{told:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_event_says_which_session_and_when_and_no_token() {
    on_every_strategy(async |sessions, clock| {
        let mut events = sessions.subscribe();
        let session = sessions.open(std::iter::empty()).await.unwrap();
        session.sign_in("alice").unwrap();
        let finished = sessions.finish(&session, Outcome::Success).await;
        let [event] = &drain(&mut events).await[..] else {
            panic!("one event")
        };
        assert_eq!(event.at, clock.now());
        assert_eq!(event.session, session.id());
        let cookie = finished.set_cookie.unwrap();
        let value = cookie.split(['=', ';']).nth(1).unwrap();
        assert!(!format!("{event:?}").contains(value));
        // Nor any part of it.
        for part in value.as_bytes().chunks(12).filter(|part| part.len() == 12) {
            let part = std::str::from_utf8(part).unwrap();
            assert!(!format!("{event:?}").contains(part), "{part}");
        }
    })
    .await;
}

#[tokio::test]
async fn it_hears_of_the_oldest_that_had_to_go() {
    let cap = Cap::EndOldest(NonZeroU32::MIN);
    let sessions = Sessions::new(Memory::default()).policy(Policy::default().cap(cap));
    let app = app(&sessions);
    let mut events = sessions.subscribe();
    Browser::new(&app).post("/alice").await;
    Browser::new(&app).post("/alice").await;
    let events = drain(&mut events).await;
    let told: Vec<_> = events.iter().map(|event| event.what).collect();
    assert_eq!(
        told,
        [
            Happened::SignedIn,
            Happened::Ended(Why::OverLimit),
            Happened::SignedIn
        ]
    );
    assert_eq!(events[0].session, events[1].session);
    assert_eq!(events[1].principal.as_ref().map(Principal::as_str), Some("alice"));
}

#[tokio::test]
async fn it_hears_of_what_was_done_and_whose_answer_was_lost() {
    let store = Failing::default();
    let sessions = Sessions::new(store.clone());
    let mut events = sessions.subscribe();
    let mut browser = Browser::new(&app(&sessions));
    let alice = Some("alice".to_owned());
    for (path, expected) in [
        ("/cart", (Happened::Begun, None)),
        ("/alice", (Happened::SignedIn, alice.clone())),
        ("/rotate", (Happened::Rotated, alice)),
    ] {
        store.has(Fault::LosesReply);
        assert!(browser.post(path).await.status.is_success(), "{path}");
        assert_eq!(heard(&mut events).await, [expected], "{path}");
    }
}

#[tokio::test]
async fn it_hears_of_a_stolen_token() {
    let clock = cloakroom::testing::ManualClock::default();
    let policy = Policy::default()
        .rotate_every(Some(Duration::from_secs(60)))
        .unwrap();
    let sessions = Sessions::new(Memory::default()).policy(policy).clock(&clock);
    let app = app(&sessions);
    let mut browser = Browser::new(&app);
    browser.post("/alice").await;
    let mut thief = browser.clone();
    clock.advance(Duration::from_secs(61));
    browser.get("/").await;
    browser.get("/").await;
    clock.advance(Duration::from_secs(20));
    let mut events = sessions.subscribe();
    thief.get("/").await;
    assert_eq!(heard(&mut events).await, [(Happened::TokenReused, None)]);
}

#[tokio::test]
async fn who_is_slow_is_told_how_much_was_missed_and_holds_up_nobody() {
    let sessions = sealed();
    let app = app(&sessions);
    let mut events = sessions.subscribe();
    for _ in 0..1024 + 7 {
        Browser::new(&app).post("/cart").await;
    }
    assert_eq!(events.next().await, Some(Heard::Missed(7)));
    assert_eq!(drain(&mut events).await.len(), 1024);
}

#[tokio::test]
async fn a_listener_that_panics_stops_nothing() {
    let sessions = Sessions::new(Memory::default());
    let app = app(&sessions);
    let (mut events, mut others) = (sessions.subscribe(), sessions.subscribe());
    let listener = tokio::spawn(async move {
        let heard = events.next().await;
        panic!("as it happens: {heard:?}");
    });
    let mut browser = Browser::new(&app);
    browser.post("/alice").await;
    assert!(listener.await.is_err());
    let mut stolen = browser.clone();
    assert!(browser.post("/sign-out").await.status.is_success());
    assert!(!browser.has_session());
    // There is nothing left to end.
    stolen.post("/sign-out").await;
    let told: Vec<_> = heard(&mut others)
        .await
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(told, [Happened::SignedIn, Happened::Ended(Why::SignedOut)]);
}

#[tokio::test]
async fn it_hears_the_end_of_it_all() {
    let sessions = Sessions::new(Memory::default());
    let mut events = sessions.clone().policy(Policy::aal2()).subscribe();
    let session = sessions.open(std::iter::empty()).await.unwrap();
    session.sign_in("alice").unwrap();
    session.save().await.unwrap();
    drop((session, sessions));
    assert!(matches!(events.next().await, Some(Heard::Event(_))));
    assert_eq!(events.next().await, None);
}
