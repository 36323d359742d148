//! Sends requests through the app in this process, as `harness` does with the others.

use std::io;

use actix_http::Request;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::rt::{System, SystemRunner};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, web};

use super::{Key, Kind, Sessions, bare_routes, in_cookies, routes};

/// How many requests go before those that are counted.
const WARM_UP: usize = 100;

/// Counts requests to a route of the app.
pub(super) fn count(kind: Kind<'_>, route: &str, requests: usize) -> io::Result<()> {
    let system = System::new();
    match kind {
        Kind::Redis(store) => {
            let sessions = system.block_on(Sessions::at(store));
            let scope = web::scope("").wrap(sessions.middleware()).configure(routes);
            let app = system.block_on(init_service(App::new().service(scope)));
            count_in(&system, &app, route, requests);
        }
        Kind::Cookies => {
            let scope = web::scope("")
                .wrap(in_cookies(&Key::generate()))
                .configure(routes);
            let app = system.block_on(init_service(App::new().service(scope)));
            count_in(&system, &app, route, requests);
        }
        Kind::Nowhere => {
            let scope = web::scope("").configure(bare_routes);
            let app = system.block_on(init_service(App::new().service(scope)));
            count_in(&system, &app, route, requests);
        }
    }
    Ok(())
}

fn count_in<A, B>(system: &SystemRunner, app: &A, route: &str, requests: usize)
where
    A: Service<Request, Response = ServiceResponse<B>, Error = Error>,
{
    let cookies: Vec<String> = system.block_on(async {
        let mut cookies = Vec::new();
        for _ in 0..WARM_UP + requests {
            let response = app.call(request("begin", "")).await.expect("an answer");
            let line = response.headers().get(header::SET_COOKIE);
            // An app without sessions gets a cookie of the same size, and does not look at it.
            let cookie = line.map_or_else(
                || format!("id={}", "x".repeat(170)),
                |line| {
                    line.to_str()
                        .expect("a cookie is ASCII")
                        .split(';')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                },
            );
            cookies.push(cookie);
        }
        cookies
    });
    let (warm_up, counted) = cookies.split_at(WARM_UP);
    system.block_on(send(app, route, warm_up));
    let succeeded = measured(system, app, route, counted);
    assert_eq!(succeeded, requests, "every request is answered with 200");
}

/// The requests that are counted: the counter is switched on by the name of this function.
#[inline(never)]
fn measured<A, B>(system: &SystemRunner, app: &A, route: &str, cookies: &[String]) -> usize
where
    A: Service<Request, Response = ServiceResponse<B>, Error = Error>,
{
    system.block_on(send(app, route, cookies))
}

async fn send<A, B>(app: &A, route: &str, cookies: &[String]) -> usize
where
    A: Service<Request, Response = ServiceResponse<B>, Error = Error>,
{
    let mut succeeded = 0;
    for cookie in cookies {
        let response = app.call(request(route, cookie)).await.expect("an answer");
        succeeded += usize::from(response.status() == StatusCode::OK);
    }
    succeeded
}

fn request(route: &str, cookie: &str) -> Request {
    let method = match route {
        "read" | "unused" => Method::GET,
        _ => Method::POST,
    };
    TestRequest::with_uri(&format!("/{route}"))
        .method(method)
        .insert_header((header::HOST, "shop.example.com"))
        .insert_header((header::COOKIE, format!("consent=2026-11-21; {cookie}")))
        .to_request()
}
