//! How far a snapshot is believed: what it says may be read, and nobody is ended on its word.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::token::Token;

/// Ends sessions of somebody, from a session that was opened from a snapshot.
async fn ends(session: &Session, other: cloakroom_store::Id, how: usize) {
    match how {
        0 => session.sign_out().await.unwrap(),
        1 => assert_eq!(session.sign_out_others().await.unwrap(), 0),
        2 => assert_eq!(session.sign_out_everywhere().await.unwrap(), 0),
        3 => assert!(!session.end(other).await.unwrap()),
        4 => assert!(session.sessions().await.unwrap().is_empty()),
        _ => session.sign_in("mallory").unwrap(),
    }
}

#[tokio::test]
async fn who_was_signed_out_ends_nobody_from_a_snapshot() {
    for how in 0..6 {
        let mut owner = Browser::signed_in(hybrid()).await;
        let mut thief = Browser {
            app: other_node(&owner.app),
            ..owner.copied()
        };
        owner.request(|session| session.sign_in("alice").unwrap()).await;
        let phone = Browser::signed_in(owner.app.clone()).await;
        // At a node that has not heard of the sign-in, the thief has a fresh snapshot.
        let session = thief.open().await;
        assert_eq!(session.principal().unwrap().as_str(), "alice");
        ends(&session, phone.open().await.id().unwrap(), how).await;
        thief.done(&session).await;
        for mut browser in [owner, phone] {
            browser.snapshot.clear();
            assert_eq!(browser.n().await, Some(1), "{how}");
        }
    }
}

/// What somebody with the server's key makes of a snapshot of their own: of this session, for this principal.
async fn forged(browser: &Browser, id: cloakroom_store::Id, principal: &str) -> Browser {
    let config = &browser.app.sessions.config;
    let value = |pair: &str| pair.split_once('=').unwrap().1.to_owned();
    let own = Token::parse(value(&browser.session).as_bytes()).unwrap();
    let now = config.clock.now();
    let (mut held, data) = config
        .fresh(value(&browser.snapshot).as_bytes(), &own, now)
        .unwrap();
    held.token = Token { id, ..own };
    held.principal = Some(cloakroom_store::Principal::new(principal).unwrap());
    config.envelope.complete(&mut held);
    let snapshots = config.snapshots.as_ref().unwrap();
    let text = snapshots.seal(now, &held, &data, &[7; 16]).unwrap();
    Browser {
        session: format!("{}={}", config.cookie.name(), &*held.token.text()),
        snapshot: format!("{}={text}", snapshots.cookie().name()),
        ..browser.copied()
    }
}

#[tokio::test]
async fn who_has_the_servers_key_ends_nobody() {
    for how in 0..6 {
        let alice = Browser::signed_in(hybrid()).await;
        let phone = Browser::signed_in(alice.app.clone()).await;
        let id = alice.open().await.id().unwrap();
        let mut forger = forged(&phone, id, "alice").await;
        // Here it is known which token is alice's.
        assert!(forger.open().await.principal().is_none());
        forger.app = other_node(&alice.app);
        let session = forger.open().await;
        assert_eq!(session.principal().unwrap().as_str(), "alice");
        ends(&session, phone.open().await.id().unwrap(), how).await;
        forger.done(&session).await;
        for mut browser in [alice, phone] {
            browser.snapshot.clear();
            assert_eq!(browser.n().await, Some(1), "{how}");
        }
    }
}

#[tokio::test]
async fn who_has_the_servers_key_writes_what_the_guide_warns_of() {
    // A session of their own, of which they know the revision: the store can tell no difference.
    let mut mallory = Browser::signed_in(hybrid()).await;
    let id = mallory.open().await.id().unwrap();
    let mut forger = forged(&mallory, id, "admin").await;
    forger.request(add_one).await;
    mallory.snapshot.clear();
    let principal = mallory.open().await.principal().unwrap();
    assert_eq!(
        principal.as_str(),
        "admin",
        "if this holds no more, tell `security_model`"
    );
}

/// Another node over the same store, whose clock is ahead by so many milliseconds.
fn at_another_time(app: &App, ahead: i64) -> App {
    let time = app.time.load(Ordering::SeqCst).saturating_add_signed(ahead);
    let node = App::over(app.store.undisturbed(), Arc::new(time.into()));
    node.with(|sessions| sessions.snapshots(keys(), FRESH))
}

#[tokio::test]
async fn a_snapshot_of_a_node_whose_clock_is_ahead_is_dead_here_as_well() {
    for how in 0..4 {
        let browser = Browser::signed_in(hybrid()).await;
        let ahead = at_another_time(&browser.app, 4000);
        let mut thief = Browser {
            app: ahead,
            session: browser.session.clone(),
            snapshot: String::new(),
        };
        assert_eq!(thief.n().await, Some(1));
        let thief = Browser {
            app: browser.app.clone(),
            ..thief
        };
        let session = browser.open().await;
        match how {
            0 => session.sign_out().await.unwrap(),
            1 => drop(session.sign_out_everywhere().await.unwrap()),
            2 => session.rotate().unwrap(),
            _ => session.sign_in("alice").unwrap(),
        }
        let mut browser = browser;
        browser.done(&session).await;
        for _ in 0..20 {
            assert_eq!(thief.copied().n().await, None, "{how}");
            browser.app.wait(Duration::from_secs(1));
        }
    }
}

#[tokio::test]
async fn the_snapshot_that_a_sign_in_brings_is_believed_at_once() {
    let mut browser = Browser::signed_in(hybrid()).await;
    browser.request(|session| session.sign_in("alice").unwrap()).await;
    browser.asked();
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.asked(), []);
}

#[tokio::test]
async fn what_was_taken_in_the_future_is_not_believed() {
    let mut browser = Browser::signed_in(hybrid()).await;
    browser.app.wait(Duration::from_secs(1));
    browser.request(|session| session.sign_in("alice").unwrap()).await;
    let mut behind = browser.copied();
    behind.app = at_another_time(&browser.app, -6000);
    behind.app.store.asked();
    assert_eq!(behind.n().await, Some(1));
    assert_eq!(behind.app.store.asked(), [Verb::Load]);
}
