//! What an application hears of its sessions: everything that happens on this node, in order, and no token.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use cloakroom::store::{Cap, Id, Principal};
use cloakroom::stores::Memory;
use cloakroom::testing::ManualClock;
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

/// What is heard: what happened, and to whose session.
type Told = (Happened, Option<String>);

/// What is heard of a sign-in that begins a session.
fn signed_in(who: &Option<String>) -> Vec<Told> {
    vec![(Happened::Begun, who.clone()), (Happened::SignedIn, who.clone())]
}

fn and(mut told: Vec<Told>, more: impl IntoIterator<Item = Told>) -> Vec<Told> {
    told.extend(more);
    told
}

/// All that there is to be heard now, without ids.
async fn heard(events: &mut Subscription) -> Vec<Told> {
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
            (&["/alice"], signed_in(&alice)),
            (
                &["/alice", "/alice"],
                and(signed_in(&alice), [(Happened::SignedIn, alice.clone())]),
            ),
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
                and(
                    and(
                        signed_in(&alice),
                        [(Happened::Ended(Why::SignedInAsAnother), alice.clone())],
                    ),
                    signed_in(&bob),
                ),
            ),
            (
                &["/alice", "/sign-out", "/sign-out"],
                and(
                    signed_in(&alice),
                    [(Happened::Ended(Why::SignedOut), alice.clone())],
                ),
            ),
            (
                &["/cart", "/end"],
                vec![(Happened::Begun, None), (Happened::Ended(Why::EndedByUser), None)],
            ),
            (
                &["/alice", "/others"],
                and(
                    signed_in(&alice),
                    [(Happened::PrincipalsEnded { kept }, alice.clone())],
                ),
            ),
            (
                &["/alice", "/user"],
                and(
                    signed_in(&alice),
                    [(Happened::Ended(Why::UserGone), alice.clone())],
                ),
            ),
            (
                &["/old-bob", "/user"],
                and(
                    signed_in(&bob),
                    [(Happened::Ended(Why::CredentialsChanged), bob.clone())],
                ),
            ),
            (
                &["/bob", "/user"],
                and(
                    signed_in(&bob),
                    [(Happened::Ended(Why::WithoutCredentials), bob.clone())],
                ),
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
        let ended = if is_sealed {
            vec![(Happened::PrincipalsEnded { kept: None }, alice.clone())]
        } else {
            vec![
                (Happened::PrincipalsEnded { kept }, alice.clone()),
                (Happened::Ended(Why::SignedOutEverywhere), alice.clone()),
            ]
        };
        assert_eq!(heard(&mut events).await, and(signed_in(&alice), ended));

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
        let told = drain(&mut events).await;
        assert_eq!(told.len(), 2);
        for event in &told {
            assert_eq!((event.at, event.session), (clock.now(), session.id()));
        }
        let cookie = finished.set_cookie.unwrap();
        let value = cookie.split(['=', ';']).nth(1).unwrap();
        assert!(!format!("{told:?}").contains(value));
        // Nor any part of it.
        for part in value.as_bytes().chunks(12).filter(|part| part.len() == 12) {
            let part = std::str::from_utf8(part).unwrap();
            assert!(!format!("{told:?}").contains(part), "{part}");
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
            Happened::Begun,
            Happened::SignedIn,
            Happened::Ended(Why::OverLimit),
            Happened::Begun,
            Happened::SignedIn
        ]
    );
    assert_eq!(events[0].session, events[2].session);
    assert_eq!(events[2].principal.as_ref().map(Principal::as_str), Some("alice"));
}

#[tokio::test(start_paused = true)]
async fn it_hears_that_the_oldest_may_have_had_to_go_when_the_answer_was_lost() {
    for (cap, expected) in [
        (Cap::None, None),
        (Cap::Refuse(NonZeroU32::MIN), None),
        (
            Cap::EndOldest(NonZeroU32::MIN),
            Some(Happened::MayHaveEnded(Why::OverLimit)),
        ),
    ] {
        let store = Failing::default();
        let sessions = Sessions::new(store.clone()).policy(Policy::default().cap(cap));
        let app = app(&sessions);
        let mut events = sessions.subscribe();
        store.has(Fault::LosesReply);
        assert!(Browser::new(&app).post("/alice").await.status.is_success());
        let mut told = drain(&mut events).await;
        let unknown = expected.map(|_| told.remove(0));
        assert_eq!(unknown.as_ref().map(|event| event.what), expected);
        assert!(unknown.is_none_or(|event| event.session.is_none() && event.principal.is_some()));
        let told: Vec<_> = told.iter().map(|event| event.what).collect();
        assert_eq!(told, [Happened::Begun, Happened::SignedIn]);
    }
}

#[tokio::test(start_paused = true)]
async fn it_hears_that_the_oldest_may_have_had_to_go_when_no_answer_came() {
    let oldest = Happened::MayHaveEnded(Why::OverLimit);
    for (cap, expected) in [(Cap::None, None), (Cap::EndOldest(NonZeroU32::MIN), Some(oldest))] {
        // Whether the client waits until the store has had its time.
        for waits in [Duration::from_millis(1), Duration::from_secs(3600)] {
            let store = Failing::default();
            let sessions = Sessions::new(store.clone()).policy(Policy::default().cap(cap));
            let mut events = sessions.subscribe();
            let session = sessions.open(std::iter::empty()).await.unwrap();
            session.sign_in("alice").unwrap();
            store.has(Fault::IsDown);
            let saved = tokio::time::timeout(waits, session.save()).await;
            assert!(saved.is_err() || saved.is_ok_and(|saved| saved.is_err()));
            let alice = Some("alice".to_owned());
            let expected: Vec<Told> = expected.map(|what| (what, alice)).into_iter().collect();
            assert_eq!(heard(&mut events).await, expected, "{cap:?} {waits:?}");
        }
    }
}

#[tokio::test]
async fn nobody_hears_of_the_users_of_another_application() {
    let customers = Sessions::new(Memory::default());
    let mut of_customers = customers.subscribe();
    let staff = customers.clone().application("staff").unwrap();
    let mut of_staff = staff.subscribe();
    Browser::new(&app(&staff)).post("/alice").await;
    assert_eq!(heard(&mut of_customers).await, []);
    assert_eq!(heard(&mut of_staff).await, signed_in(&Some("alice".to_owned())));
    // The same one with another cookie attribute is the same application.
    let same = customers.cookie(cloakroom::Cookie::default());
    Browser::new(&app(&same)).post("/bob").await;
    assert_eq!(heard(&mut of_customers).await, signed_in(&Some("bob".to_owned())));
    assert_eq!(heard(&mut of_staff).await, []);
}

#[tokio::test]
async fn an_unsaved_sign_in_of_who_is_gone_ends_nobodys_session() {
    on_every_strategy(async |sessions, _| {
        let sessions = sessions.users(OnlyBob);
        for before in [None, Some(SignIn::new("bob").credentials("bob's"))] {
            let is_anonymous = before.is_none();
            let session = sessions.open(std::iter::empty()).await.unwrap();
            session.set(CART, &7).unwrap();
            if let Some(before) = before {
                session.sign_in(before).unwrap();
            }
            let cookie = sessions.finish(&session, Outcome::Success).await.set_cookie;
            let cookie = cookie.unwrap().split(';').next().unwrap().to_owned();
            let mut events = sessions.subscribe();
            let open = async || sessions.open([cookie.as_bytes()].into_iter()).await.unwrap();
            // One who is not there, and one who has other credentials, also where it is he who is signed in.
            for unknown in ["alice", "bob"] {
                let session = open().await;
                session.sign_in(unknown).unwrap();
                assert!(session.user::<()>().await.unwrap().is_none());
                let finished = sessions.finish(&session, Outcome::Success).await;
                assert!(finished.result.is_ok() && finished.set_cookie.is_none());
                assert_eq!(heard(&mut events).await, [], "{unknown}");
            }
            let session = open().await;
            assert_eq!(session.get(CART).unwrap(), Some(7));
            assert_eq!(session.principal().is_none(), is_anonymous);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn it_hears_of_endings_whose_answer_was_lost() {
    let store = Failing::default();
    let sessions = Sessions::new(store.clone());
    let app = app(&sessions);
    let mut events = sessions.subscribe();
    let (alice, bob) = (Some("alice".to_owned()), Some("bob".to_owned()));
    for (path, why) in [
        ("/sign-out", Why::SignedOut),
        ("/end", Why::EndedByUser),
        ("/user", Why::UserGone),
        ("/bob", Why::SignedInAsAnother),
    ] {
        for (fault, mut expected) in [
            (Fault::LosesReply, vec![(Happened::Ended(why), alice.clone())]),
            (
                Fault::LosesReplies,
                vec![(Happened::MayHaveEnded(why), alice.clone())],
            ),
        ] {
            let mut browser = Browser::new(&app);
            browser.post("/alice").await;
            heard(&mut events).await;
            store.has(fault);
            let answer = match path {
                "/user" => browser.get(path).await,
                path => browser.post(path).await,
            };
            store.has(Fault::None);
            assert_eq!(answer.status.is_success(), fault == Fault::LosesReply, "{path}");
            if answer.status.is_success() && path == "/bob" {
                expected = and(expected, signed_in(&bob));
            }
            assert_eq!(heard(&mut events).await, expected, "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_hears_that_all_ended_though_an_answer_was_lost() {
    let store = Failing::default();
    let sessions = Sessions::new(store.clone());
    let app = app(&sessions);
    let mut events = sessions.subscribe();
    let mut browser = Browser::new(&app);
    Browser::new(&app).post("/alice").await;
    browser.post("/alice").await;
    heard(&mut events).await;
    for path in ["/others", "/everywhere"] {
        store.has(Fault::LosesReply);
        assert!(browser.post(path).await.status.is_success(), "{path}");
        let told = heard(&mut events).await;
        assert!(matches!(told[0].0, Happened::PrincipalsEnded { .. }), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_hears_that_all_may_have_ended_when_no_answer_arrives() {
    for path in ["/others", "/everywhere"] {
        let store = Failing::default();
        let sessions = Sessions::new(store.clone());
        let mut events = sessions.subscribe();
        let mut browser = Browser::new(&app(&sessions));
        browser.post("/alice").await;
        heard(&mut events).await;
        store.has(Fault::LosesReplies);
        assert!(browser.post(path).await.status.is_server_error(), "{path}");
        assert_eq!(heard(&mut events).await, [all_may_have_ended()], "{path}");
    }
}

fn all_may_have_ended() -> Told {
    let what = Happened::MayHaveEnded(Why::SignedOutEverywhere);
    (what, Some("alice".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn it_hears_of_an_ending_whose_client_went_away() {
    let store = Failing::default();
    let sessions = Sessions::new(store.clone());
    let session = sessions.open(std::iter::empty()).await.unwrap();
    session.sign_in("alice").unwrap();
    session.save().await.unwrap();
    let mut events = sessions.subscribe();
    store.has(Fault::LosesReplies);
    let elsewhere = tokio::time::timeout(Duration::from_millis(1), session.sign_out_others());
    assert!(elsewhere.await.is_err());
    assert_eq!(heard(&mut events).await, [all_may_have_ended()]);
    let signing_out = tokio::time::timeout(Duration::from_millis(1), session.sign_out());
    assert!(signing_out.await.is_err());
    let expected = (Happened::MayHaveEnded(Why::SignedOut), Some("alice".to_owned()));
    assert_eq!(heard(&mut events).await, [expected]);
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

/// Alice, and a copy of a token of hers that was rotated away, of which somebody will have heard from these sessions.
async fn robbed(sessions: &Sessions, clock: &ManualClock) -> (Browser, Browser) {
    let app = app(sessions);
    let mut browser = Browser::new(&app);
    browser.post("/alice").await;
    let thief = browser.clone();
    clock.advance(Duration::from_secs(61));
    browser.get("/").await;
    browser.get("/").await;
    clock.advance(Duration::from_secs(20));
    (browser, thief)
}

fn rotating() -> Policy {
    Policy::default()
        .rotate_every(Some(Duration::from_secs(60)))
        .unwrap()
}

#[tokio::test]
async fn it_hears_once_of_a_stolen_token_and_whose_it_was() {
    on_every_strategy(async |sessions, clock| {
        let sessions = sessions.policy(rotating());
        if sessions.open(std::iter::empty()).await.is_err() {
            return; // sealed sessions do not rotate
        }
        let (_, mut thief) = robbed(&sessions, &clock).await;
        let mut events = sessions.subscribe();
        let mut again = thief.clone();
        thief.get("/").await;
        again.get("/").await;
        let expected = (Happened::TokenReused, Some("alice".to_owned()));
        assert_eq!(heard(&mut events).await, [expected]);
    })
    .await;
}

/// The session is over then, and no later request would find it to tell.
#[tokio::test(start_paused = true)]
async fn it_hears_of_a_stolen_token_whose_thief_hangs_up() {
    let (store, clock) = (Failing::default(), ManualClock::default());
    let sessions = Sessions::new(store.clone()).policy(rotating()).clock(&clock);
    let (_, mut thief) = robbed(&sessions, &clock).await;
    let mut events = sessions.subscribe();
    store.has(Fault::LosesReplies);
    let hanging_up = tokio::time::timeout(Duration::from_millis(1), thief.get("/"));
    assert!(hanging_up.await.is_err());
    let expected = (Happened::TokenReused, Some("alice".to_owned()));
    assert_eq!(heard(&mut events).await, [expected]);
}

#[tokio::test(start_paused = true)]
async fn it_hears_of_a_stolen_token_also_when_the_store_does_not_say_that_it_ended() {
    let expected = (Happened::TokenReused, Some("alice".to_owned()));
    for fault in [Fault::LosesReply, Fault::LosesReplies] {
        let (store, clock) = (Failing::default(), ManualClock::default());
        let sessions = Sessions::new(store.clone()).policy(rotating()).clock(&clock);
        let (_, mut thief) = robbed(&sessions, &clock).await;
        let mut events = sessions.subscribe();
        store.has(fault);
        let answer = thief.get("/").await;
        assert_eq!(answer.status.is_success(), fault == Fault::LosesReply);
        assert_eq!(heard(&mut events).await, std::slice::from_ref(&expected));
    }
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
    assert_eq!(
        told,
        [
            Happened::Begun,
            Happened::SignedIn,
            Happened::Ended(Why::SignedOut)
        ]
    );
}

#[tokio::test]
async fn it_hears_the_end_of_it_all() {
    let sessions = Sessions::new(Memory::default());
    let mut events = sessions.clone().policy(Policy::aal2()).subscribe();
    let session = sessions.open(std::iter::empty()).await.unwrap();
    session.sign_in("alice").unwrap();
    session.save().await.unwrap();
    drop((session, sessions));
    for _ in [Happened::Begun, Happened::SignedIn] {
        assert!(matches!(events.next().await, Some(Heard::Event(_))));
    }
    assert_eq!(events.next().await, None);
}
