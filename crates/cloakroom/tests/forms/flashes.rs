//! Flash messages are shown once, by the tab they were meant for.

use std::time::Duration;

use cloakroom::{Flash, Key, Outcome, Session};
#[cfg(feature = "cached")]
use cloakroom::{
    Sessions,
    store::AnyStore,
    stores::{Memory, cached::CachedOptions},
};

use crate::browser::{Browser, Server};

const NUMBER: Key<u64> = Key::new("number");

/// A request that redirects with a message; answers the query of where it leads.
async fn redirected(browser: &mut Browser, server: &Server, text: &str) -> String {
    let kept = |session: &Session| session.flash("/cart", Flash::success(text)).unwrap();
    let location = browser.ask(server, kept).await;
    location
        .strip_prefix("/cart?")
        .expect("a query was added")
        .to_owned()
}

/// A page of this query: the text it shows.
async fn page(browser: &mut Browser, server: &Server, query: &str) -> Option<String> {
    let session = browser.open(server).await;
    let flash = session.take_flash(Some(query)).await.unwrap();
    browser.close(server, &session).await;
    flash.map(|flash| flash.text().to_owned())
}

#[tokio::test]
async fn a_message_is_on_the_page_after_the_redirect_and_on_no_other() {
    for server in Server::each().await {
        let mut browser = Browser::default();
        let query = redirected(&mut browser, &server, "Added <b>it</b>.").await;
        assert_eq!(page(&mut browser, &server, "").await, None);
        assert_eq!(page(&mut browser, &server, "flash=AAAAAAAAAAAA").await, None);
        let shown = page(&mut browser, &server, &format!("page=2&{query}")).await;
        assert_eq!(shown.as_deref(), Some("Added <b>it</b>."), "{}", server.name);
        // A reload shows it no more, and writes nothing.
        let before = browser.revision(&server).await;
        assert_eq!(page(&mut browser, &server, &query).await, None, "{}", server.name);
        assert_eq!(browser.revision(&server).await, before, "{}", server.name);
    }
}

#[tokio::test]
async fn two_tabs_that_redirect_at_once_each_see_their_own() {
    for server in Server::each_with_a_store().await {
        let mut browser = Browser::default();
        browser
            .ask(&server, |session| session.set(NUMBER, &1).unwrap())
            .await;
        // Both have read the session before either has written.
        let (one, other) = (browser.open(&server).await, browser.open(&server).await);
        let ones = one.flash("/cart", Flash::success("one")).unwrap();
        let others = other.flash("/cart", Flash::error("other")).unwrap();
        browser.close(&server, &one).await;
        browser.close(&server, &other).await;
        assert_eq!(
            page(&mut browser, &server, &others[6..]).await.as_deref(),
            Some("other")
        );
        assert_eq!(
            page(&mut browser, &server, &ones[6..]).await.as_deref(),
            Some("one"),
            "{}",
            server.name
        );
    }
}

#[tokio::test]
async fn of_two_requests_at_the_same_time_one_shows_it() {
    for server in Server::each_with_a_store().await {
        let mut browser = Browser::default();
        let query = redirected(&mut browser, &server, "once").await;
        // All of them have read it before any takes it.
        let mut sessions = Vec::new();
        for _ in 0..8 {
            sessions.push(browser.open(&server).await);
        }
        let mut shown = 0;
        let mut taking = tokio::task::JoinSet::new();
        for session in sessions {
            let query = query.clone();
            taking.spawn(async move { session.take_flash(Some(&query)).await.unwrap() });
        }
        while let Some(flash) = taking.join_next().await {
            shown += usize::from(flash.unwrap().is_some());
        }
        assert_eq!(shown, 1, "{}", server.name);
    }
}

#[tokio::test]
async fn a_snapshot_from_before_the_redirect_hides_no_message() {
    for server in Server::each_with_a_store()
        .await
        .into_iter()
        .filter(Server::keeps_snapshots)
    {
        let mut browser = Browser::default();
        browser
            .ask(&server, |session| session.set(NUMBER, &1).unwrap())
            .await;
        let old = browser.snapshot().expect("there is a snapshot").clone();
        let query = redirected(&mut browser, &server, "here").await;
        // A slow neighbour's response arrives last.
        *browser.snapshot().expect("there is a snapshot") = old;
        assert_eq!(browser.open(&server).await.take_flash(None).await.unwrap(), None);
        assert_eq!(
            page(&mut browser, &server, &query).await.as_deref(),
            Some("here"),
            "{}",
            server.name
        );
    }
}

#[cfg(feature = "cached")]
#[tokio::test]
async fn a_near_cache_from_before_the_redirect_hides_no_message() {
    let store = Memory::default();
    let node = |store: AnyStore| Server::over(Sessions::new(store));
    let cached = CachedOptions::default().staleness(Duration::from_secs(600));
    let (here, there) = (
        node(AnyStore::new(cached.around(store.clone()))),
        node(AnyStore::new(store)),
    );
    let mut browser = Browser::default();
    browser
        .ask(&here, |session| session.set(NUMBER, &1).unwrap())
        .await;
    browser.open(&here).await;
    // Another node answers the form, and this one the page after it.
    let query = redirected(&mut browser, &there, "here").await;
    assert_eq!(
        browser.open(&here).await.to_json().unwrap(),
        r#"{"number":1}"#,
        "it is a copy"
    );
    assert_eq!(page(&mut browser, &here, &query).await.as_deref(), Some("here"));
}

#[tokio::test]
async fn nobody_else_can_read_it() {
    for server in Server::each().await {
        let (mut ada, mut bob) = (Browser::default(), Browser::default());
        let query = redirected(&mut ada, &server, "for Ada").await;
        redirected(&mut bob, &server, "for Bob").await;
        assert_eq!(page(&mut bob, &server, &query).await, None);
        assert_eq!(page(&mut Browser::default(), &server, &query).await, None);
        assert_eq!(
            page(&mut ada, &server, &query).await.as_deref(),
            Some("for Ada"),
            "{}",
            server.name
        );
    }
}

#[tokio::test]
async fn it_comes_along_when_its_user_signs_in_and_to_nobody_else() {
    for server in Server::each().await {
        let mut browser = Browser::default();
        browser
            .ask(&server, |session| session.set(NUMBER, &1).unwrap())
            .await;
        let session = browser.open(&server).await;
        session.sign_in("ada").unwrap();
        let location = session.flash("/account", Flash::info("Welcome.")).unwrap();
        browser.close(&server, &session).await;
        let query = location.split_once('?').unwrap().1;
        assert_eq!(
            page(&mut browser, &server, query).await.as_deref(),
            Some("Welcome."),
            "{}",
            server.name
        );

        let query = redirected(&mut browser, &server, "for Ada").await;
        browser
            .ask(&server, |session| session.sign_in("bob").unwrap())
            .await;
        assert_eq!(page(&mut browser, &server, &query).await, None, "{}", server.name);
    }
}

#[tokio::test]
async fn what_failed_says_nothing() {
    for server in Server::each().await {
        let mut browser = Browser::default();
        browser
            .ask(&server, |session| session.set(NUMBER, &1).unwrap())
            .await;
        let session = browser.open(&server).await;
        let location = session.flash("/cart", Flash::info("never")).unwrap();
        browser.close_with(&server, &session, Outcome::ServerError).await;
        let query = location.split_once('?').unwrap().1;
        assert_eq!(page(&mut browser, &server, query).await, None, "{}", server.name);
    }
}

#[tokio::test]
async fn a_session_that_has_ended_meanwhile_shows_nothing() {
    for server in Server::each().await {
        let mut browser = Browser::default();
        browser
            .ask(&server, |session| session.sign_in("ada").unwrap())
            .await;
        let query = redirected(&mut browser, &server, "too late").await;
        let slow = browser.open(&server).await;
        let ending = browser.open(&server).await;
        ending.sign_out().await.unwrap();
        browser.close(&server, &ending).await;
        assert_eq!(
            slow.take_flash(Some(&query)).await.unwrap(),
            None,
            "{}",
            server.name
        );
    }
}

#[tokio::test]
async fn nobody_waits_for_ever_and_there_are_only_so_many() {
    for server in Server::each().await {
        let mut browser = Browser::default();
        let first = redirected(&mut browser, &server, "first").await;
        server.clock.advance(Flash::WAITS_FOR);
        assert_eq!(page(&mut browser, &server, &first).await, None, "{}", server.name);
        let mut queries = Vec::new();
        for number in 0..40 {
            queries.push(redirected(&mut browser, &server, &format!("{number}: {}", "é".repeat(2000))).await);
        }
        let length = browser
            .ask(&server, |session| session.to_json().unwrap().len())
            .await;
        assert!(length < 2500, "{}: {length} bytes", server.name);
        assert_eq!(
            page(&mut browser, &server, &queries[0]).await,
            None,
            "{}",
            server.name
        );
        let last = page(&mut browser, &server, queries.last().unwrap())
            .await
            .unwrap();
        assert!(
            last.starts_with("39: é") && last.ends_with('…'),
            "{}: {last}",
            server.name
        );
    }
}

#[tokio::test]
async fn taking_one_keeps_what_neighbours_change() {
    for server in Server::each_with_a_store().await {
        let mut browser = Browser::default();
        let query = redirected(&mut browser, &server, "here").await;
        let showing = browser.open(&server).await;
        browser
            .ask(&server, |session| session.set(NUMBER, &7).unwrap())
            .await;
        let flash = showing.take_flash(Some(&query)).await.unwrap();
        assert_eq!(flash.unwrap().text(), "here");
        let number = browser.ask(&server, |session| session.get(NUMBER).unwrap()).await;
        assert_eq!(number, Some(7), "{}", server.name);
    }
}

#[test]
fn no_application_can_name_what_is_kept() {
    assert!(Key::<u64>::parse("cloakroom.flash").is_err());
    assert!(Key::<u64>::parse("cloakroom").is_ok());
    assert!(Key::<u64>::parse("cloakroom_flash").is_ok());
    assert!(Key::<Duration>::parse("my.cloakroom.flash").is_ok());
}
