//! How and when somebody has signed in: kept with the session, asked for before what matters, and nobody else's to change.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use cloakroom::stores::Memory;
use cloakroom::{Error, ErrorKind, Key, Session, Sessions, SignIn};

use crate::browser::Browser;
use crate::strategies::{on_every_strategy, sealed};

const CART: Key<u32> = Key::new("cart");
const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn app(sessions: &Sessions) -> Router {
    let sign_in = |who: &'static str| {
        post(async move |session: Session| session.sign_in(SignIn::new(who).method("password").level(1)))
    };
    Router::new()
        .route("/alice", sign_in("alice"))
        .route("/bob", sign_in("bob"))
        .route("/plain", post(async |session: Session| session.sign_in("alice")))
        .route("/cart", post(async |session: Session| session.set(CART, &7)))
        .route("/clear", post(async |session: Session| session.clear()))
        .route("/rotate", post(async |session: Session| session.rotate()))
        .route("/others", post(others))
        .route(
            "/sign-out",
            post(async |session: Session| session.sign_out().await),
        )
        .route("/json", get(async |session: Session| session.to_json()))
        .route("/how", get(how))
        .route(
            "/recent",
            get(async |session: Session| session.require_recent(FIVE_MINUTES)),
        )
        .route("/strong", get(async |session: Session| session.require_level(2)))
        .layer(sessions.layer())
}

async fn others(session: Session) -> Result<(), Error> {
    session.sign_out_others().await.map(drop)
}

async fn how(session: Session) -> String {
    let cart = session.get(CART).unwrap();
    match session.authentication() {
        None => format!("nobody, {cart:?}"),
        Some(said) => {
            assert_eq!(session.signed_in_at(), Some(said.at));
            let (at, method, level) = (said.at.as_unix_millis() / 1000, said.method, said.level);
            format!("{at} {method:?} {level} {cart:?}")
        }
    }
}

const BEGAN: u64 = 1_800_000_000;

#[tokio::test]
async fn what_a_sign_in_said_is_kept_with_the_session() {
    on_every_strategy(async |sessions, clock| {
        let mut browser = Browser::new(&app(&sessions));
        browser.post("/cart").await;
        assert_eq!(browser.get("/how").await.body, "nobody, Some(7)");
        browser.post("/alice").await;
        let expected = format!(r#"{BEGAN} Some("password") 1 Some(7)"#);
        assert_eq!(browser.get("/how").await.body, expected);
        clock.advance(FIVE_MINUTES);
        assert_eq!(browser.get("/how").await.body, expected);
    })
    .await;
}

#[tokio::test]
async fn what_an_application_does_to_its_data_leaves_it_alone() {
    on_every_strategy(async |sessions, _| {
        let mut browser = Browser::new(&app(&sessions));
        browser.post("/alice").await;
        browser.post("/cart").await;
        assert_eq!(browser.get("/json").await.body, r#"{"cart":7}"#);
        browser.post("/clear").await;
        assert_eq!(browser.get("/json").await.body, "{}");
        let expected = format!(r#"{BEGAN} Some("password") 1 None"#);
        assert_eq!(browser.get("/how").await.body, expected);
        assert!(
            Key::<u32>::parse("").is_err(),
            "no key of an application is its name"
        );
    })
    .await;
}

#[tokio::test]
async fn it_is_gone_when_the_session_ends() {
    on_every_strategy(async |sessions, _| {
        let mut browser = Browser::new(&app(&sessions));
        browser.post("/alice").await;
        browser.post("/sign-out").await;
        browser.post("/cart").await;
        assert_eq!(browser.get("/how").await.body, "nobody, Some(7)");
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_that_says_nothing_keeps_nothing_of_the_one_before() {
    on_every_strategy(async |sessions, clock| {
        let mut browser = Browser::new(&app(&sessions));
        browser.post("/alice").await;
        clock.advance(Duration::from_secs(7));
        browser.post("/plain").await;
        let expected = format!("{} None 0 None", BEGAN + 7);
        assert_eq!(browser.get("/how").await.body, expected);
        browser.post("/bob").await;
        let expected = format!(r#"{} Some("password") 1 None"#, BEGAN + 7);
        assert_eq!(browser.get("/how").await.body, expected);
    })
    .await;
}

#[tokio::test]
async fn what_matters_asks_for_a_recent_sign_in() {
    on_every_strategy(async |sessions, clock| {
        let mut browser = Browser::new(&app(&sessions));
        let refused = browser.get("/recent").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.header("www-authenticate"), "Session");
        assert_eq!(refused.body, "sign in first");

        browser.post("/alice").await;
        browser.post("/cart").await;
        clock.advance(FIVE_MINUTES);
        assert_eq!(browser.get("/recent").await.status, StatusCode::OK);
        clock.advance(Duration::from_millis(1));
        let refused = browser.get("/recent").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            refused.header("www-authenticate"),
            r#"Session error="insufficient_user_authentication", max_age=300"#
        );
        assert_eq!(refused.body, "show again who you are: sign in once more");
        assert!(!refused.touches_cookie(), "nobody is signed out for that");

        // What is not a sign-in does not renew it.
        for path in ["/cart", "/rotate", "/others"] {
            browser.post(path).await;
            assert_eq!(
                browser.get("/recent").await.status,
                StatusCode::UNAUTHORIZED,
                "{path}"
            );
        }

        let stolen = browser.clone();
        assert!(browser.post("/alice").await.touches_cookie());
        assert_eq!(browser.get("/recent").await.status, StatusCode::OK);
        assert!(
            browser.get("/how").await.body.ends_with("Some(7)"),
            "its data is kept"
        );
        let old = stolen.clone().get("/how").await;
        assert_eq!(old.body, "nobody, None", "the token from before is dead");
    })
    .await;
}

#[tokio::test]
async fn what_matters_more_asks_for_a_better_sign_in() {
    on_every_strategy(async |sessions, _| {
        let app = app(&sessions).merge(
            Router::new()
                .route(
                    "/passkey",
                    post(async |session: Session| {
                        session.sign_in(SignIn::new("alice").method("passkey").level(2))
                    }),
                )
                .layer(sessions.layer()),
        );
        let mut browser = Browser::new(&app);
        assert_eq!(browser.get("/strong").await.header("www-authenticate"), "Session");
        for path in ["/plain", "/alice"] {
            browser.post(path).await;
            let refused = browser.get("/strong").await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
            assert_eq!(
                refused.header("www-authenticate"),
                r#"Session error="insufficient_user_authentication", acr_values="2""#
            );
        }
        browser.post("/passkey").await;
        assert_eq!(browser.get("/strong").await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn a_request_sees_its_own_sign_in() {
    let sessions = Sessions::new(Memory::default());
    let session = sessions.open(std::iter::empty()).await.unwrap();
    session.sign_in(SignIn::new("alice").level(3)).unwrap();
    assert!(session.require_recent(FIVE_MINUTES).is_ok());
    assert!(session.require_level(3).is_ok());
    session.sign_out().await.unwrap();
    let error = session.require_level(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSignedIn);
}

#[tokio::test]
async fn what_does_not_fit_signs_nobody_in() {
    let sessions = sealed();
    let session = sessions.open(std::iter::empty()).await.unwrap();
    let error = session
        .sign_in(SignIn::new("alice").method("x".repeat(65)))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let filler: Key<String> = Key::new("filler");
    // As much as fits, to the byte.
    let mut length = 4096;
    while session.set(filler.clone(), &"x".repeat(length)).is_err() {
        length -= 1;
    }
    let error = session.sign_in("alice").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(session.authentication().is_none());
    assert!(session.principal().is_none());
}

#[tokio::test]
async fn a_session_knows_the_credentials_it_was_signed_in_with() {
    on_every_strategy(async |sessions, _| {
        let app = Router::new()
            .route(
                "/with",
                post(async |session: Session| {
                    session.sign_in(SignIn::new("alice").credentials("$argon2id$old"))
                }),
            )
            .route(
                "/without",
                post(async |session: Session| session.sign_in("alice")),
            )
            .route(
                "/is",
                get(async |session: Session| {
                    let is = |credentials: &str| u8::from(session.signed_in_with(credentials.as_bytes()));
                    format!("{}{}{}", is("$argon2id$old"), is("$argon2id$new"), is(""))
                }),
            )
            .layer(sessions.layer());
        let mut browser = Browser::new(&app);
        assert_eq!(browser.get("/is").await.body, "000", "nobody is signed in");
        browser.post("/with").await;
        assert_eq!(browser.get("/is").await.body, "100");
        browser.post("/without").await;
        assert_eq!(browser.get("/is").await.body, "000", "nobody can say");
    })
    .await;
}

#[tokio::test]
async fn the_fingerprint_is_of_one_principal_and_shows_nothing() {
    let sessions = Sessions::new(Memory::default());
    let session = sessions.open(std::iter::empty()).await.unwrap();
    let sign_in = SignIn::new("alice").credentials("canary");
    assert!(!format!("{sign_in:?}").contains("canary"));
    let bytes = format!("{:?}", b"canary");
    assert!(!format!("{sign_in:?}").contains(&bytes));
    session.sign_in(sign_in).unwrap();
    assert!(session.signed_in_with(b"canary"));
    session.sign_in(SignIn::new("bob").credentials("canary")).unwrap();
    assert!(session.signed_in_with(b"canary"));
    assert!(!session.to_json().unwrap().contains("canary"));
}
