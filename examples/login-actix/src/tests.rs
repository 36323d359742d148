//! What takes time: in process, with a clock that is moved.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::time::Duration;

use actix_web::http::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use actix_web::test::{TestRequest, call_service, init_service};
use cloakroom::testing::{CookieJar, ManualClock};

use super::*;

#[tokio::test]
async fn an_account_is_deleted_only_by_who_has_just_signed_in() {
    let accounts = Accounts::default();
    accounts.add("ada", "correct horse").unwrap();
    let account = accounts.check("ada", "correct horse").unwrap();
    let clock = ManualClock::default();
    let sessions = sessions(&accounts).unwrap().clock(&clock);
    let app = App::new()
        .app_data(Data::new(accounts.clone()))
        .configure(routes)
        .wrap(sessions.middleware());
    let app = init_service(app).await;
    // Sends a form as this browser, and answers where it is sent.
    let send = async |jar: &mut CookieJar, path: &str| {
        let request = TestRequest::post().uri(path);
        let request = request
            .insert_header((ACCEPT, "text/html"))
            .insert_header((COOKIE, jar.header()));
        let response = call_service(&app, request.to_request()).await;
        for line in response.headers().get_all(SET_COOKIE) {
            jar.set(line.to_str().unwrap());
        }
        let location = response.headers().get(LOCATION);
        location.unwrap().to_str().unwrap().to_owned()
    };

    let mut desk = CookieJar::signed_in(&sessions, account.sign_in()).await.unwrap();
    let mut phone = CookieJar::signed_in(&sessions, account.sign_in()).await.unwrap();
    clock.advance(Duration::from_secs(301));
    assert_eq!(send(&mut desk, "/delete").await, "/sign-in");
    assert!(accounts.check("ada", "correct horse").is_some());

    let again = async |session: cloakroom::Session| session.sign_in(account.sign_in());
    desk.request(&sessions, again).await.unwrap();
    let location = send(&mut desk, "/delete").await;
    assert!(location.starts_with("/sign-in?flash="), "{location}");
    assert!(accounts.check("ada", "correct horse").is_none());
    for jar in [&mut desk, &mut phone] {
        assert_eq!(send(jar, "/end-all").await, "/sign-in");
    }
}
