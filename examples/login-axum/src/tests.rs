//! What takes time, or an earlier password: in process, with a clock that is moved.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::time::Duration;

use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Request, StatusCode};
use cloakroom::SignIn;
use cloakroom::stores::Memory;
use cloakroom::testing::{CookieJar, ManualClock};
use tower::ServiceExt as _;

use super::*;

struct Site {
    accounts: Accounts,
    sessions: Sessions,
    clock: ManualClock,
    app: Router,
    _directory: tempfile::TempDir,
}

impl Site {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(&directory.path().join("accounts.db")).unwrap();
        let clock = ManualClock::default();
        let sessions = sessions(Memory::default(), &accounts).unwrap().clock(&clock);
        let attempts = attempts(&sessions, Memory::default()).unwrap();
        // Nobody is connected here.
        let from = MockConnectInfo(SocketAddr::from(([203, 0, 113, 7], 443)));
        Self {
            app: app(&sessions, accounts.clone(), attempts).layer(from),
            accounts,
            sessions,
            clock,
            _directory: directory,
        }
    }

    /// Sends a form as this browser, and answers the status and where it is sent.
    async fn send(&self, jar: &mut CookieJar, path: &str, form: &'static str) -> (StatusCode, String) {
        let request = Request::post(path)
            .header(ACCEPT, "text/html")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, jar.header());
        let response = self.app.clone().oneshot(request.body(Body::from(form)).unwrap());
        let response = response.await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            jar.set(line.to_str().unwrap());
        }
        let location = response.headers().get(LOCATION);
        let location = location.map_or("", |location| location.to_str().unwrap());
        (response.status(), location.to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_deleted_only_by_who_has_just_signed_in() {
    let site = Site::open();
    let mut ada = CookieJar::default();
    let enter = "name=ada&password=correct+horse";
    site.send(&mut ada, "/sign-in", "name=ada&password=correct+horse&new=yes")
        .await;
    site.clock.advance(Duration::from_secs(301));
    let sent = site.send(&mut ada, "/delete", "").await;
    assert_eq!(sent, (StatusCode::SEE_OTHER, "/sign-in".to_owned()));
    assert!(
        site.accounts
            .check("ada", "correct horse")
            .await
            .unwrap()
            .is_some()
    );

    site.send(&mut ada, "/sign-in", enter).await;
    let (_, to) = site.send(&mut ada, "/delete", "").await;
    assert!(to.starts_with("/sign-in?flash="), "{to}");
    assert!(
        site.accounts
            .check("ada", "correct horse")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_ends_and_begins_again_with_the_next_window() {
    let site = Site::open();
    let mut ada = CookieJar::default();
    site.send(&mut ada, "/sign-in", "name=ada&password=correct+horse&new=yes")
        .await;
    let mut thief = CookieJar::default();
    let wrong = "name=ada&password=wrong+horse";
    for _ in 0..10 {
        let (status, _) = site.send(&mut thief, "/sign-in", wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let change = "present=wrong+horse&new=battery+staple";
    for (path, form) in [
        ("/sign-in", wrong),
        ("/sign-in", "name=ada&password=correct+horse"),
        ("/password", change),
    ] {
        let (status, _) = site.send(&mut ada, path, form).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    site.clock.advance(Duration::from_secs(900));
    let (status, _) = site.send(&mut thief, "/sign-in", wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_in_with_the_old_password_meanwhile_is_out_all_the_same() {
    let site = Site::open();
    let old = site.accounts.add("ada", "correct horse").await.unwrap().unwrap();
    site.accounts
        .change_password(old.id, "battery staple")
        .await
        .unwrap();
    // As the sign-in of a thief does that took longer than the change.
    let sign_in = SignIn::from(old.id).credentials(&old.hash);
    let mut thief = CookieJar::signed_in(&site.sessions, sign_in).await.unwrap();
    let sent = site.send(&mut thief, "/end-others", "").await;
    assert_eq!(sent, (StatusCode::SEE_OTHER, "/sign-in".to_owned()));
    assert_eq!(thief.header(), "");
}
