//! What actix-web does that tower does not: errors that pass for responses, and requests that are asked from anywhere.

#![cfg(all(feature = "actix", feature = "memory"))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::cell::Cell;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use actix_web::body::{self, MessageBody};
use actix_web::dev::{Service as _, ServiceRequest, ServiceResponse};
use actix_web::error::{ErrorForbidden, InternalError};
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE, VARY, WWW_AUTHENTICATE,
};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error, FromRequest as _, HttpRequest, HttpResponse, HttpServer, ResponseError, web};
use cloakroom::actix::session;
use cloakroom::stores::Memory;
use cloakroom::{Cookie, ErrorKind, Key, Session, Sessions, User};

const VALUE: Key<String> = Key::new("value");

/// An application's own error, which an outer middleware looks for. Its status is in its response alone.
#[derive(Debug)]
struct Teapot;

impl fmt::Display for Teapot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a teapot")
    }
}

impl ResponseError for Teapot {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::ImATeapot().body("short and stout")
    }
}

/// Records something, and answers with the error that the path names.
async fn refuse(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let path = request.path().to_owned();
    if path == "/unused" {
        return Err(Teapot.into());
    }
    let session = session(request.request()).await?;
    session.set(VALUE, &path)?;
    match path.as_str() {
        "/forbidden" => Err(ErrorForbidden("no")),
        "/teapot" => Err(Teapot.into()),
        "/one-response" => {
            let response = HttpResponse::PaymentRequired().body("only once");
            Err(InternalError::from_response("poor", response).into())
        }
        "/broken" => Err(actix_web::error::ErrorBadGateway("broken")),
        "/saved" => {
            session.save().await?;
            Err(actix_web::error::ErrorBadGateway("broken"))
        }
        _ => next.call(request).await,
    }
}

#[tokio::test]
async fn an_inner_middlewares_error_counts_by_its_status_and_gets_its_cookies() {
    let sessions = Sessions::new(Memory::default());
    let app = App::new()
        .route("/read", web::get().to(read))
        .wrap(from_fn(refuse))
        .wrap(sessions.middleware());
    let app = init_service(app).await;
    let reading = init_service(
        App::new()
            .route("/read", web::get().to(read))
            .wrap(sessions.middleware()),
    )
    .await;
    for (path, status, text, written) in [
        ("/forbidden", 403, "no", true),
        ("/teapot", 418, "short and stout", true),
        ("/one-response", 402, "only once", true),
        ("/broken", 502, "broken", false),
        ("/saved", 502, "broken", true),
    ] {
        let error = app
            .call(TestRequest::with_uri(path).to_request())
            .await
            .unwrap_err();
        let response = error.error_response();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(
            response.headers().get(CACHE_CONTROL).unwrap(),
            "no-store",
            "{path}"
        );
        assert_eq!(response.headers().get(VARY).unwrap(), "Cookie", "{path}");
        let cookie = response.headers().get(SET_COOKIE).cloned();
        assert_eq!(cookie.is_some(), written, "{path}");
        assert_eq!(body_of(response).await, text, "{path}");
        let Some(cookie) = cookie else { continue };
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        let request = TestRequest::with_uri("/read").insert_header((COOKIE, pair));
        let response = reading.call(request.to_request()).await.unwrap();
        assert_eq!(body_of(response.into_parts().1).await, path);
        // Asked for once more, it still hands the cookie out.
        assert_eq!(error.error_response().headers().get(SET_COOKIE), Some(&cookie));
    }
    let error = app
        .call(TestRequest::with_uri("/unused").to_request())
        .await
        .unwrap_err();
    assert!(!error.error_response().headers().contains_key(VARY));
}

#[tokio::test]
async fn an_error_stays_the_one_it_was_for_outer_middlewares() {
    async fn look(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let answer = next.call(request).await;
        let error = answer.err().unwrap();
        assert!(error.as_error::<Teapot>().is_some(), "{error:?}");
        Err::<ServiceResponse, _>(error)
    }
    let app = App::new()
        .wrap(from_fn(refuse))
        .wrap(Sessions::new(Memory::default()).middleware())
        .wrap(from_fn(look));
    let app = init_service(app).await;
    let error = app.call(TestRequest::with_uri("/teapot").to_request()).await;
    let response = error.err().unwrap().error_response();
    assert!(response.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn what_runs_around_a_nested_middleware_has_its_own_session_before_and_after() {
    async fn audit(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        session(request.request())
            .await?
            .set(VALUE, &"before".to_owned())?;
        let response = next.call(request).await?;
        let session = session(response.request()).await?;
        assert_eq!(session.get(VALUE)?.as_deref(), Some("before"));
        session.set(VALUE, &"after".to_owned())?;
        Ok(response)
    }
    async fn handle(session: Session) -> Result<&'static str, cloakroom::Error> {
        session.set(VALUE, &"the customer's".to_owned())?;
        Ok("done")
    }
    let cookie = Cookie::builder("staff").build().unwrap();
    let staff = Sessions::new(Memory::default()).cookie(cookie);
    let customers = Sessions::new(Memory::default());
    let app = App::new()
        .service(
            web::resource("/")
                .route(web::get().to(handle))
                .wrap(customers.middleware()),
        )
        .wrap(from_fn(audit))
        .wrap(staff.middleware());
    let response = call_service(&init_service(app).await, TestRequest::default().to_request()).await;
    let lines = response.headers().get_all(SET_COOKIE);
    let mut seen = Vec::new();
    for (line, sessions) in lines.zip([&customers, &staff]) {
        let pair = line.to_str().unwrap().split(';').next().unwrap();
        let session = sessions.open([pair.as_bytes()].into_iter()).await.unwrap();
        seen.push(session.get(VALUE).unwrap().unwrap());
    }
    assert_eq!(seen, ["the customer's", "after"]);
}

#[tokio::test]
async fn a_handlers_own_headers_stay_beside_ours() {
    async fn handle(session: Session) -> Result<HttpResponse, cloakroom::Error> {
        session.set(VALUE, &"v".to_owned())?;
        Ok(HttpResponse::Ok()
            .append_header((SET_COOKIE, "theme=dark"))
            .append_header((VARY, "Accept"))
            .append_header((CACHE_CONTROL, "public"))
            .append_header((CACHE_CONTROL, "max-age=60"))
            .finish())
    }
    let app = App::new()
        .route("/", web::get().to(handle))
        .wrap(Sessions::new(Memory::default()).middleware());
    let response = call_service(&init_service(app).await, TestRequest::default().to_request()).await;
    let all = |name| -> Vec<&str> {
        let values = response.headers().get_all(name);
        values.map(|value| value.to_str().unwrap()).collect()
    };
    let cookies = all(SET_COOKIE);
    assert_eq!(cookies[0], "theme=dark");
    assert!(
        cookies.len() == 2 && cookies[1].starts_with("__Host-session="),
        "{cookies:?}"
    );
    assert_eq!(all(VARY), ["Accept", "Cookie"]);
    assert_eq!(all(CACHE_CONTROL), ["no-store"]);
}

#[tokio::test]
async fn a_route_outside_the_middleware_is_told_which_call_is_missing() {
    let app = App::new().route("/", web::get().to(read));
    let response = call_service(&init_service(app).await, TestRequest::default().to_request()).await;
    assert_eq!(response.status(), 500);
    assert_eq!(
        response.headers().get(CONTENT_TYPE).unwrap(),
        "text/plain; charset=utf-8"
    );
    assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-store");
    let (request, response) = response.into_parts();
    assert_eq!(body_of(response).await, "the session could not be used");
    let error = session(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoLayer);
    assert!(
        error.to_string().contains(".wrap(sessions.middleware())"),
        "{error}"
    );
}

/// Nothing finds users of this type, so nobody can say who is signed in.
struct Stranger;

/// actix-web makes a `None` of each error that an extractor has.
#[tokio::test]
async fn an_answer_that_takes_a_failure_for_nobody_does_not_leave() {
    async fn welcome(
        user: Option<User<Stranger>>,
        session: Session,
    ) -> Result<&'static str, cloakroom::Error> {
        assert!(user.is_none());
        session.set(VALUE, &"dropped".to_owned())?;
        Ok("welcome, stranger")
    }
    async fn excuse(user: Result<User<Stranger>, cloakroom::Error>) -> HttpResponse {
        assert_eq!(user.unwrap_err().kind(), ErrorKind::NoUsers);
        HttpResponse::GatewayTimeout().body("come back later")
    }
    /// Lets in who is known.
    async fn admit(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        if request.path() != "/staff" {
            return next.call(request).await;
        }
        match Option::<User<Stranger>>::extract(request.request()).await? {
            Some(_) => next.call(request).await,
            None => Err(Teapot.into()),
        }
    }
    let routes = |app: &mut web::ServiceConfig| {
        app.route("/", web::get().to(welcome))
            .route("/excuse", web::get().to(excuse))
            .route("/staff", web::get().to(welcome));
    };
    let app = App::new().configure(routes).wrap(from_fn(admit));
    let app = init_service(app.wrap(Sessions::new(Memory::default()).middleware())).await;

    let response = call_service(&app, TestRequest::default().to_request()).await;
    assert_eq!(response.status(), 500);
    assert!(!response.headers().contains_key(SET_COOKIE));
    assert_eq!(
        body_of(response.into_parts().1).await,
        "the session could not be used"
    );
    // A handler that has heard of it says so in its own words.
    let response = call_service(&app, TestRequest::with_uri("/excuse").to_request()).await;
    assert_eq!(response.status(), 504);
    assert_eq!(body_of(response.into_parts().1).await, "come back later");
    // An error of an inner middleware stays the one it was, and its response is another.
    let error = app
        .call(TestRequest::with_uri("/staff").to_request())
        .await
        .unwrap_err();
    assert!(error.as_error::<Teapot>().is_some(), "{error:?}");
    for _ in 0..2 {
        let response = error.error_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-store");
    }
}

#[tokio::test]
async fn an_inner_middlewares_error_sends_to_sign_in_each_time_it_is_asked() {
    async fn guard(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        session(request.request()).await?.require_level(1)?;
        next.call(request).await
    }
    let sessions = Sessions::new(Memory::default());
    let sessions = sessions.sign_in_page("/sign-in").unwrap();
    let app = App::new().wrap(from_fn(guard)).wrap(sessions.middleware());
    let app = init_service(app).await;
    let request = TestRequest::with_uri("/a?b=c").insert_header((ACCEPT, "text/html"));
    let error = app.call(request.to_request()).await.unwrap_err();
    for _ in 0..2 {
        let response = error.error_response();
        assert_eq!(response.status(), 303);
        let location = response.headers().get(LOCATION);
        assert_eq!(location.unwrap(), "/sign-in?next=/a%3Fb%3Dc");
    }
    let request = TestRequest::with_uri("/a").to_request();
    let response = app.call(request).await.unwrap_err().error_response();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers().get(WWW_AUTHENTICATE).unwrap(), "Session");
}

#[tokio::test]
async fn a_session_that_is_asked_for_when_the_response_has_left_hands_out_no_cookie() {
    let kept: Rc<Cell<Option<HttpRequest>>> = Rc::default();
    let keep = Rc::clone(&kept);
    let handle = move |request: HttpRequest| {
        keep.set(Some(request));
        async { HttpResponse::Ok().finish() }
    };
    let app = App::new()
        .route("/", web::get().to(handle))
        .wrap(Sessions::new(Memory::default()).middleware());
    let response = call_service(&init_service(app).await, TestRequest::default().to_request()).await;
    assert!(!response.headers().contains_key(SET_COOKIE));
    let late = session(&kept.take().unwrap()).await.unwrap();
    late.sign_in("alice").unwrap();
    assert_eq!(late.save().await.unwrap_err().kind(), ErrorKind::TooLate);
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::panic, reason = "it is what the handler is for")]
async fn a_handler_that_panics_has_written_nothing_and_its_worker_lives() {
    async fn write(session: Session) -> Result<&'static str, cloakroom::Error> {
        session.set(VALUE, &"written".to_owned())?;
        Ok("")
    }
    async fn panic(session: Session) -> Result<&'static str, cloakroom::Error> {
        session.set(VALUE, &"as well".to_owned())?;
        panic!("as asked for");
    }
    let sessions = Sessions::new(Memory::default());
    let app = move || {
        App::new()
            .route("/write", web::get().to(write))
            .route("/panic", web::get().to(panic))
            .route("/read", web::get().to(read))
            .wrap(sessions.middleware())
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(app).workers(1).disable_signals();
    let server = server.listen(listener).unwrap().run();
    let handle = server.handle();
    tokio::spawn(server);

    let ask = |path: &str, cookie: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = String::new();
        // However the connection ends.
        let _ = stream.read_to_string(&mut response);
        response
    };
    let response = ask("/write", "a=b");
    let (_, cookie) = response.split_once("set-cookie: ").unwrap();
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(ask("/panic", cookie), "", "no answer");
    assert!(ask("/read", cookie).ends_with("\r\n\r\nwritten"));
    handle.stop(false).await;
}

async fn read(session: Session) -> Result<String, cloakroom::Error> {
    Ok(session.get(VALUE)?.unwrap_or_default())
}

async fn body_of(response: HttpResponse<impl MessageBody>) -> String {
    let bytes = body::to_bytes(response.into_body()).await;
    String::from_utf8(bytes.ok().unwrap().to_vec()).unwrap()
}
