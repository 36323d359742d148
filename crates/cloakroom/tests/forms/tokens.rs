//! Form tokens are bound to a session and its sign-in, and cost nothing.

use std::time::Duration;

use cloakroom::store::Timestamp;
use cloakroom::stores::Memory;
use cloakroom::testing::ManualClock;
use cloakroom::{ErrorKind, Key, KeyRing, Keys, Policy, Revocations, Session, Sessions};

use crate::browser::{Browser, Server, key};

const NUMBER: Key<u64> = Key::new("number");

/// A browser that has put something into a session, and is not signed in.
async fn visitor(server: &Server) -> Browser {
    let mut browser = Browser::default();
    browser
        .ask(server, |session| session.set(NUMBER, &1).unwrap())
        .await;
    browser
}

async fn token(browser: &mut Browser, server: &Server) -> String {
    let made = |session: &Session| session.form_token().unwrap();
    browser.ask(server, made).await.expect("there is a session")
}

async fn accepts(browser: &mut Browser, server: &Server, token: &str) -> bool {
    let checked = browser
        .ask(server, |session| session.check_form_token(token))
        .await;
    if let Err(error) = &checked {
        assert_eq!(error.kind(), ErrorKind::FormToken);
        assert_eq!(error.kind().status(), 403);
        let told = format!("{error} {error:?}");
        assert!(token.len() < 2 || !told.contains(token), "{told}");
    }
    checked.is_ok()
}

#[tokio::test]
async fn a_form_of_the_session_is_accepted_and_looks_different_each_time() {
    for server in Server::each().await {
        let mut browser = visitor(&server).await;
        let first = token(&mut browser, &server).await;
        let second = token(&mut browser, &server).await;
        assert_ne!(first, second, "{}", server.name);
        assert_ne!(first[1..33], second[1..33], "the mask is another one");
        browser
            .ask(&server, |session| session.set(NUMBER, &2).unwrap())
            .await;
        server.clock.advance(Duration::from_secs(600));
        for token in [&first, &second, &first] {
            assert!(accepts(&mut browser, &server, token).await, "{}", server.name);
        }
    }
}

#[tokio::test]
async fn a_token_from_before_the_sign_in_is_dead() {
    for server in Server::each().await {
        // Whoever planted the session knows its token, and the form tokens it had. The clock stands, too.
        let mut browser = visitor(&server).await;
        let mut attacker = browser.clone();
        let before = token(&mut attacker, &server).await;
        assert!(accepts(&mut browser, &server, &before).await);
        let session = browser.open(&server).await;
        let id = session.id();
        session.sign_in("ada").unwrap();
        browser.close(&server, &session).await;
        assert_eq!(browser.open(&server).await.id(), id, "the id stays");
        assert!(!accepts(&mut browser, &server, &before).await, "{}", server.name);

        // Signing in once more is one, too (ASVS 7.2.4).
        let after = token(&mut browser, &server).await;
        assert!(accepts(&mut browser, &server, &after).await, "{}", server.name);
        browser
            .ask(&server, |session| session.sign_in("ada").unwrap())
            .await;
        assert!(!accepts(&mut browser, &server, &after).await, "{}", server.name);
    }
}

#[tokio::test]
async fn a_rotation_and_an_ending_are_the_end_of_its_forms() {
    for server in Server::each().await {
        let mut browser = visitor(&server).await;
        let before = token(&mut browser, &server).await;
        browser.ask(&server, |session| session.rotate().unwrap()).await;
        assert!(!accepts(&mut browser, &server, &before).await, "{}", server.name);

        browser
            .ask(&server, |session| session.sign_in("ada").unwrap())
            .await;
        let token = token(&mut browser, &server).await;
        let copy = browser.clone();
        let session = browser.open(&server).await;
        session.sign_out().await.unwrap();
        assert!(session.check_form_token(&token).is_err());
        assert_eq!(session.form_token().unwrap(), None);
        browser.close(&server, &session).await;
        assert!(
            !accepts(&mut copy.clone(), &server, &token).await,
            "{}",
            server.name
        );
    }
}

#[tokio::test]
async fn another_sessions_token_is_none() {
    for server in Server::each().await {
        let (mut one, mut other) = (visitor(&server).await, visitor(&server).await);
        one.ask(&server, |session| session.sign_in("ada").unwrap()).await;
        other
            .ask(&server, |session| session.sign_in("ada").unwrap())
            .await;
        let (ones, others) = (token(&mut one, &server).await, token(&mut other, &server).await);
        assert!(!accepts(&mut one, &server, &others).await, "{}", server.name);
        assert!(!accepts(&mut other, &server, &ones).await, "{}", server.name);
        for wrong in [
            "",
            "f",
            &ones[1..],
            &ones[..64],
            &format!("{ones}A"),
            &"A".repeat(100_000),
        ] {
            assert!(!accepts(&mut one, &server, wrong).await, "{}", server.name);
        }
    }
}

#[tokio::test]
async fn any_other_bit_is_another_token() {
    for server in Server::each().await {
        let mut browser = visitor(&server).await;
        let token = token(&mut browser, &server).await;
        let session = browser.open(&server).await;
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut flipped = token.clone();
            flipped.replace_range(at..=at, other);
            assert!(
                session.check_form_token(&flipped).is_err(),
                "{}, at {at}",
                server.name
            );
        }
        assert!(session.check_form_token(&token).is_ok());
    }
}

#[tokio::test]
async fn who_has_no_session_has_no_form_token() {
    for server in Server::each().await {
        let mut browser = Browser::default();
        let session = browser.open(&server).await;
        assert_eq!(session.form_token().unwrap(), None);
        let token = token(&mut visitor(&server).await, &server).await;
        assert!(session.check_form_token(&token).is_err());
        browser.close(&server, &session).await;
        assert_eq!(
            browser.open(&server).await.id(),
            None,
            "looking at a form begins no session"
        );
        // One that is about to begin has none yet, and a form without it would be refused.
        session.set(NUMBER, &1).unwrap();
        let error = session.form_token().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{}", server.name);
        assert!(error.to_string().contains("Session::save"), "{error}");
        session.remove(NUMBER).unwrap();
        assert_eq!(session.form_token().unwrap(), None, "{}", server.name);
        // To rotate what is not there begins nothing, saved or not.
        let session = browser.open(&server).await;
        session.rotate().unwrap();
        assert_eq!(session.form_token().unwrap(), None, "{}", server.name);
        session.save().await.unwrap();
        assert_eq!(session.form_token().unwrap(), None, "{}", server.name);
        // Saved, it has one, on the page that it begins with.
        let session = browser.open(&server).await;
        session.set(NUMBER, &1).unwrap();
        session.save().await.unwrap();
        let token = session.form_token().unwrap().unwrap();
        browser.close(&server, &session).await;
        assert!(accepts(&mut browser, &server, &token).await, "{}", server.name);
    }
}

#[tokio::test]
async fn a_form_is_good_after_a_periodic_rotation() {
    let period = Duration::from_secs(300);
    for server in Server::each_with_a_store().await {
        let policy = Policy::default().rotate_every(Some(period)).unwrap();
        let server = server.with_policy(policy);
        let mut browser = visitor(&server).await;
        browser
            .ask(&server, |session| session.sign_in("ada").unwrap())
            .await;
        let before = browser.clone();
        let old = token(&mut browser, &server).await;
        server.clock.advance(period);
        // Made in the very request that rotates.
        let rotating = token(&mut browser, &server).await;
        assert!(!before.has_the_token_of(&browser), "{}: it rotates", server.name);
        for token in [&old, &rotating] {
            assert!(accepts(&mut browser, &server, token).await, "{}", server.name);
            // The other tab, whose request left with the old cookie.
            assert!(
                accepts(&mut before.clone(), &server, token).await,
                "{}",
                server.name
            );
        }
        let new = token(&mut browser, &server).await;
        assert!(accepts(&mut browser, &server, &new).await, "{}", server.name);
    }
}

#[tokio::test]
async fn nothing_is_written_for_a_token() {
    for server in Server::each_with_a_store().await {
        let mut browser = visitor(&server).await;
        let before = browser.revision(&server).await.expect("it is stored");
        for _ in 0..10 {
            let token = token(&mut browser, &server).await;
            assert!(accepts(&mut browser, &server, &token).await);
        }
        assert_eq!(browser.revision(&server).await, Some(before), "{}", server.name);
    }
}

#[tokio::test]
async fn a_page_that_signs_in_has_a_token_once_that_is_saved() {
    for server in Server::each().await {
        let mut browser = visitor(&server).await;
        let session = browser.open(&server).await;
        session.sign_in("ada").unwrap();
        assert_eq!(session.form_token().unwrap_err().kind(), ErrorKind::Invalid);
        session.save().await.unwrap();
        let token = session.form_token().unwrap().unwrap();
        browser.close(&server, &session).await;
        assert!(accepts(&mut browser, &server, &token).await, "{}", server.name);

        // And so has one that begins.
        let mut browser = Browser::default();
        let session = browser.open(&server).await;
        session.set(NUMBER, &1).unwrap();
        session.save().await.unwrap();
        let token = session.form_token().unwrap().unwrap();
        browser.close(&server, &session).await;
        assert!(accepts(&mut browser, &server, &token).await, "{}", server.name);
    }
}

#[tokio::test]
async fn a_form_outlives_an_exchange_of_the_servers_keys() {
    let now = Timestamp::default();
    let mut keys = Keys::new(key(1), now);
    let ring = KeyRing::from(keys.clone());
    let clock = ManualClock::default();
    let marks = Revocations::danger_in_memory(Memory::default());
    let sealed = Sessions::sealed(ring.clone(), marks).clock(&clock);
    let lines = std::iter::empty;
    let session = sealed.open(lines()).await.unwrap();
    session.set(NUMBER, &1).unwrap();
    session.save().await.unwrap();
    let token = session.form_token().unwrap().unwrap();
    assert!(session.check_form_token(&token).is_ok());
    keys.add(key(2), now).unwrap();
    keys.activate(key(2).id(), now).unwrap();
    ring.replace(keys.clone()).unwrap();
    assert!(session.check_form_token(&token).is_ok());
    let newer = session.form_token().unwrap().unwrap();
    keys.compromise(key(1).id(), key(3), now).unwrap();
    ring.replace(keys).unwrap();
    assert!(session.check_form_token(&token).is_err());
    assert!(session.check_form_token(&newer).is_ok());
}
