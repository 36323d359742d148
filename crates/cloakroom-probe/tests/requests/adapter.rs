//! The adapter: caching headers, one session for all extractors, and how the `Cookie` header is read.

use cloakroom_probe::doubles::Verb;
use serde_json::json;

use crate::browser::{NAME, State};
use crate::encodings::with_wrong_secret;
use crate::stage::{on_every_store_itself, on_every_strategy};

#[test]
fn whatever_read_a_session_is_kept_out_of_caches() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        for request in [
            "GET /read",
            "GET /sessions",
            "POST /set?key=k&value=v",
            "POST /add?key=n",
            "POST /remove?key=k",
            "POST /clear",
            "POST /rotate",
            "POST /sign-in?principal=alice",
            "POST /sign-out",
            "POST /sign-out-others",
            "POST /sign-out-everywhere",
            "POST /end?id=nonsense",
            "POST /fail?key=k&value=v",
            "POST /twice",
        ] {
            for browser in [node.browser(), node.signed_in("alice").await] {
                let answer = browser.send(request).await;
                assert_eq!(answer.header("cache-control"), ["no-store"], "{request}");
                assert_eq!(answer.header("vary"), ["Cookie"], "{request}");
            }
        }
    });
}

#[test]
fn what_did_not_use_the_session_may_be_cached() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        for request in ["GET /none", "GET /anon"] {
            let answer = browser.ok(request).await;
            assert_eq!(answer.header("cache-control"), Vec::<&str>::new(), "{request}");
            assert_eq!(answer.header("vary"), Vec::<&str>::new(), "{request}");
        }
    });
}

#[test]
fn a_handlers_own_private_stays() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let answer = node.signed_in("alice").await.ok("GET /private").await;
        assert_eq!(answer.header("cache-control"), ["private, max-age=60"]);
        assert_eq!(answer.header("vary"), ["Cookie"]);
    });
}

#[test]
fn two_extractors_see_one_session_and_load_it_once() {
    on_every_store_itself(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        stage.recording.take();
        let answer = browser.ok("POST /twice").await;
        assert_eq!(answer.body, r#"Some("one") Some("session")"#);
        assert_eq!(stage.recording.take(), [Verb::Load, Verb::Write]);
        let expected = State::of(Some("alice"), json!({"key": "one", "other": "session"}));
        assert_eq!(browser.state().await, expected);
    });
}

#[test]
fn the_cookie_is_found_by_its_exact_name_alone() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let token = node.signed_in("alice").await.token();
        let check = async |lines: &[&str], found: bool| {
            let lines: Vec<String> = lines.iter().map(|line| line.replace('T', &token)).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let answer = node.exchange("GET /read", &lines).await;
            assert_eq!(answer.status, 200);
            answer.assert_cookie_left_alone("a read");
            assert_eq!(answer.body.contains("alice"), found, "{lines:?}");
        };
        check(&["__Host-session=T"], true).await;
        check(&["a=b; __Host-session=T; c=d"], true).await;
        check(&["a=b;__Host-session=T"], true).await;
        check(&["a=b", "c=d", "__Host-session=T", "e=f"], true).await;
        for line in [
            "__host-session=T",
            "__HOST-SESSION=T",
            "__Secure-session=T",
            "session=T",
            "__%48ost-session=T",
            "\u{2000}__Host-session=T",
            "a=b; \u{a0}__Host-session=T",
            "a=b;  __Host-session=T",
            "a=b;\t__Host-session=T",
            "=__Host-session=T",
            "a=__Host-session=T",
            "..Host-session=T",
            "__Host-session =T",
            "__Host-session= T",
            "__Host-session=\"T\"",
            "$Version=1; __Host-session=\"T\"; $Path=/",
            "__Host-session=T, a=b",
            "a=\"x; __Host-session=T\"",
            "__Host-session2=T",
            "x__Host-session=T",
            "__Host-session",
            "T",
        ] {
            check(&[line], false).await;
        }
    });
}

#[test]
fn the_token_is_taken_from_the_cookie_only() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let token = node.signed_in("alice").await.token();
        for request in [
            format!("GET /read?{NAME}={token}"),
            format!("GET /read?session={token}"),
            format!("GET /read HTTP/1.1\r\nAuthorization: Bearer {token}\r\nX-Ignored: GET /read"),
            format!("GET /read HTTP/1.1\r\nX-Session: {token}\r\nX-Ignored: GET /read"),
        ] {
            let answer = node.exchange(&request, &[]).await;
            assert_eq!(
                (answer.status, answer.body.contains("alice")),
                (200, false),
                "{request}"
            );
        }
    });
}

#[test]
fn of_two_cookies_neither_is_believed() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let victim = node.signed_in("alice").await.token();
        let evil = node.signed_in("mallory").await.token();
        stage.recording.take();
        for lines in [
            vec![format!("{NAME}={evil}; {NAME}={victim}")],
            vec![format!("{NAME}={victim}; {NAME}={evil}")],
            vec![format!("{NAME}={victim}; {NAME}={victim}")],
            vec![format!("{NAME}={victim}; {NAME}=")],
            vec![format!("{NAME}={victim}"), format!("{NAME}={evil}")],
            vec![format!("{NAME}={}; {NAME}={victim}", with_wrong_secret(&victim))],
        ] {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let answer = node.exchange("GET /read", &lines).await;
            assert_eq!(answer.body, r#"{"principal":null,"data":{}}"#, "{lines:?}");
            answer.assert_cookie_left_alone("two cookies");
        }
        assert_eq!(stage.recording.take(), [], "and the store is not asked which");
    });
}

#[test]
fn a_flood_of_cookies_is_refused_where_the_session_is_asked_for() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let token = node.signed_in("alice").await.token();
        let flood = format!("{}{NAME}={token}", "a=b; ".repeat(14_000));
        assert_eq!(node.exchange("GET /read", &[&flood]).await.status, 431);
        assert_eq!(node.exchange("GET /anon", &[&flood]).await.status, 200);
        let many = format!("{}{NAME}={token}", "a=b; ".repeat(10_000));
        assert!(node.exchange("GET /read", &[&many]).await.body.contains("alice"));
    });
}

#[test]
fn the_cookie_has_the_attributes_that_keep_it_safe() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.browser();
        let set = browser.ok("POST /sign-in?principal=alice").await.set_cookies();
        let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(set, [format!("{NAME}={}{attributes}", browser.token())]);
        let removed = browser.ok("POST /sign-out").await.set_cookies();
        assert_eq!(removed, [format!("{NAME}=; Max-Age=0{attributes}")]);
    });
}

#[test]
fn two_applications_in_one_store_never_meet() {
    on_every_strategy(async |stage| {
        let shop = stage.serve(&stage.sessions().application("shop").unwrap()).await;
        let blog = stage.serve(&stage.sessions().application("blog").unwrap()).await;
        let browser = shop.signed_in("alice").await;
        blog.assert_dead(&browser.token(), "another application's token")
            .await;
        browser.at(blog.address).ok("POST /sign-out").await;
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
    });
}
