//! What takes time, or an earlier password: in process, with a clock that is moved.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use actix_web::test::{TestRequest, call_service, init_service};
use cloakroom::stores::Memory;
use cloakroom::testing::{CookieJar, ManualClock};

use super::*;

struct Site {
    accounts: Accounts,
    sessions: Sessions,
    attempts: Attempts,
    clock: ManualClock,
}

impl Site {
    fn open() -> Self {
        let accounts = Accounts::open(":memory:").unwrap();
        let clock = ManualClock::default();
        let sessions = sessions(Memory::default(), &accounts).unwrap().clock(&clock);
        let attempts = attempts(&sessions, Memory::default()).unwrap();
        Self {
            accounts,
            sessions,
            attempts,
            clock,
        }
    }

    /// Sends a form as this browser, and answers the status and where it is sent.
    async fn send(&self, jar: &mut CookieJar, path: &str, form: &'static str) -> (StatusCode, String) {
        let app = App::new()
            .configure(routes)
            .app_data(Data::new(self.accounts.clone()))
            .app_data(Data::new(self.attempts.clone()))
            .wrap(self.sessions.middleware());
        let request = TestRequest::post()
            .uri(path)
            // Nobody is connected here.
            .peer_addr(SocketAddr::from(([203, 0, 113, 7], 443)))
            .insert_header((ACCEPT, "text/html"))
            .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
            .insert_header((COOKIE, jar.header()));
        let app = init_service(app).await;
        let response = call_service(&app, request.set_payload(form).to_request()).await;
        for line in response.headers().get_all(SET_COOKIE) {
            jar.set(line.to_str().unwrap());
        }
        let location = response.headers().get(LOCATION);
        let location = location.map_or("", |location| location.to_str().unwrap());
        (response.status(), location.to_owned())
    }

    async fn is_password(&self, password: &str) -> bool {
        self.accounts.check("ada", password).await.unwrap().is_some()
    }
}

const SIGN_UP: &str = "name=ada&password=correct+horse&new=yes";
const ENTER: &str = "name=ada&password=correct+horse";
const WRONG: &str = "name=ada&password=wrong+horse";

#[tokio::test]
async fn an_account_is_deleted_only_by_who_has_just_signed_in() {
    let site = Site::open();
    let mut ada = CookieJar::default();
    site.send(&mut ada, "/sign-in", SIGN_UP).await;
    site.clock.advance(Duration::from_secs(301));
    let sent = site.send(&mut ada, "/delete", "").await;
    assert_eq!(sent, (StatusCode::SEE_OTHER, "/sign-in".to_owned()));
    assert!(site.is_password("correct horse").await);

    site.send(&mut ada, "/sign-in", ENTER).await;
    let (_, to) = site.send(&mut ada, "/delete", "").await;
    assert!(to.starts_with("/sign-in?flash="), "{to}");
    assert!(!site.is_password("correct horse").await);
}

#[tokio::test]
async fn guessing_ends_and_begins_again_with_the_next_window() {
    let site = Site::open();
    let mut ada = CookieJar::default();
    site.send(&mut ada, "/sign-in", SIGN_UP).await;
    let mut thief = CookieJar::default();
    for _ in 0..10 {
        let (status, _) = site.send(&mut thief, "/sign-in", WRONG).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let change = "present=wrong+horse&new=battery+staple";
    for (path, form) in [("/sign-in", WRONG), ("/sign-in", ENTER), ("/password", change)] {
        let (status, _) = site.send(&mut ada, path, form).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    site.clock.advance(Duration::from_secs(900));
    let (status, _) = site.send(&mut thief, "/sign-in", WRONG).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn who_signed_in_with_the_old_password_meanwhile_is_out_all_the_same() {
    let site = Site::open();
    let old = site.accounts.add("ada", "correct horse").await.unwrap().unwrap();
    let changed = site.accounts.change_password(old.id, "battery staple");
    changed.await.unwrap();
    // As the sign-in of a thief does that took longer than the change.
    let mut thief = CookieJar::signed_in(&site.sessions, old.sign_in()).await.unwrap();
    let sent = site.send(&mut thief, "/end-others", "").await;
    assert_eq!(sent, (StatusCode::SEE_OTHER, "/sign-in".to_owned()));
    assert_eq!(thief.header(), "");
}
