//! A user of actix-session is carried over, with what they had.

use actix_session::SessionMiddleware;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::{Cookie, Key};
use actix_web::dev::ServiceResponse;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use cloakroom::stores::Memory;
use cloakroom::{Error, Session, Sessions};
use moving::from_actix_session::{CART, carry_over};

async fn sign_in(session: actix_session::Session) -> actix_web::Result<&'static str> {
    session.insert("user", "alice")?;
    session.insert("cart", [7, 9])?;
    Ok("")
}

async fn shop(session: Session) -> Result<String, Error> {
    let user = session.principal();
    Ok(format!(
        "{:?} {:?}",
        user.as_ref().map(|user| user.as_str()),
        session.get(CART)?
    ))
}

/// The request of a browser with these cookies.
fn with(cookies: &[Cookie<'static>]) -> TestRequest {
    cookies.iter().fold(TestRequest::default(), |request, cookie| {
        request.cookie(cookie.clone())
    })
}

/// Keeps what the response sets, and forgets what it removes.
fn keep<B>(response: &ServiceResponse<B>, cookies: &mut Vec<Cookie<'static>>) {
    for cookie in response.response().cookies() {
        cookies.retain(|kept| kept.name() != cookie.name());
        if !cookie.value().is_empty() {
            cookies.push(cookie.into_owned());
        }
    }
}

#[actix_web::test]
async fn who_was_signed_in_still_is() {
    let key = Key::from(&[7; 64]);
    let old = || SessionMiddleware::new(CookieSessionStore::default(), key.clone());
    let before = init_service(App::new().route("/", web::get().to(sign_in)).wrap(old())).await;
    let sessions = Sessions::new(Memory::default());
    let moving = App::new()
        .route("/", web::get().to(shop))
        .wrap(from_fn(carry_over))
        .wrap(sessions.middleware())
        .wrap(old());
    let moving = init_service(moving).await;

    let mut cookies = Vec::new();
    keep(
        &call_service(&before, with(&cookies).to_request()).await,
        &mut cookies,
    );
    assert_eq!(cookies.len(), 1, "the old one");
    for _ in 0..2 {
        let response = call_service(&moving, with(&cookies).to_request()).await;
        keep(&response, &mut cookies);
        assert_eq!(read_body(response).await, r#"Some("alice") Some([7, 9])"#);
        let names: Vec<_> = cookies.iter().map(Cookie::name).collect();
        assert_eq!(names, ["__Host-session"]);
    }
    let response = call_service(&moving, with(&[]).to_request()).await;
    assert_eq!(read_body(response).await, "None None");
}
