//! Cross-site protection: the whole matrix of what a request can say, asked of the rules, through the layer and through
//! the middleware.

#![cfg(all(feature = "axum", feature = "tower"))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use cloakroom::{CrossSite, DenialReason, ErrorKind};
use tower_http::csrf::CsrfLayer;
use tower_service::Service;

/// What `Sec-Fetch-Site` can say.
const SITES: &[(&str, &[&str])] = &[
    ("absent", &[]),
    ("same-origin", &["same-origin"]),
    ("none", &["none"]),
    ("same-site", &["same-site"]),
    ("cross-site", &["cross-site"]),
    ("empty", &[""]),
    ("upper case", &["SAME-ORIGIN"]),
    ("garbage", &["same-origin;q=1"]),
    ("a list", &["same-origin, same-origin"]),
    ("twice", &["same-origin", "same-origin"]),
    ("two values", &["same-origin", "cross-site"]),
];

/// What `Origin` can say to `shop.example`. The columns of [`EXPECTED`].
const ORIGINS: &[(&str, &[&str])] = &[
    ("absent", &[]),
    ("equal", &["https://shop.example"]),
    ("http", &["http://shop.example"]),
    ("other port", &["https://shop.example:8443"]),
    ("other host", &["https://evil.example"]),
    ("subdomain", &["https://shop.example.evil.example"]),
    ("null", &["null"]),
    ("user name", &["https://shop.example@evil.example"]),
    ("trailing dot", &["https://shop.example."]),
    ("path", &["https://shop.example/"]),
    ("own port", &["https://shop.example:443"]),
    ("punycode", &["https://xn--shp-8na.example"]),
    ("not ASCII", &["https://shöp.example"]),
    ("upper case", &["HTTPS://SHOP.EXAMPLE"]),
    ("empty", &[""]),
    ("twice", &["https://shop.example", "https://shop.example"]),
    ("two values", &["https://shop.example", "https://evil.example"]),
    ("trusted", &["https://pay.example"]),
    ("trusted twice", &["https://pay.example", "https://pay.example"]),
];

/// What becomes of a request that is looked at: `+` allowed, otherwise why not (see [`letter`]). One row for each of
/// [`SITES`], one column for each of [`ORIGINS`].
const EXPECTED: &[&str] = &[
    // absent: the origin decides. A `Host` does not tell http from https.
    "+++OOONNONNONNNNN+N",
    // same-origin and none: the browser has said it.
    "+++++++++++++++++++",
    "+++++++++++++++++++",
    // Anything else: a trusted origin, and nothing besides.
    "SSSSSSSSSSSSSSSSS+S",
    "CCCCCCCCCCCCCCCCC+C",
    "UUUUUUUUUUUUUUUUU+U",
    "UUUUUUUUUUUUUUUUU+U",
    "UUUUUUUUUUUUUUUUU+U",
    "UUUUUUUUUUUUUUUUU+U",
    "UUUUUUUUUUUUUUUUU+U",
    "UUUUUUUUUUUUUUUUU+U",
];

fn letter(reason: DenialReason) -> char {
    match reason {
        DenialReason::CrossSite => 'C',
        DenialReason::OtherOrigin => 'O',
        DenialReason::SameSite => 'S',
        DenialReason::UnreadableOrigin => 'N',
        DenialReason::UnreadableSite => 'U',
        _ => '?',
    }
}

/// A request, as far as the rules look at it.
#[derive(Debug, Clone)]
struct Asked {
    method: &'static str,
    authority: Option<&'static str>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Asked {
    fn new(method: &'static str, host: &'static str, site: &[&'static str], origin: &[&'static str]) -> Self {
        let site = site.iter().map(|value| ("sec-fetch-site", *value));
        let origin = origin.iter().map(|value| ("origin", *value));
        Self {
            method,
            authority: None,
            headers: [("host", host)].into_iter().chain(site).chain(origin).collect(),
        }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn judged_by(&self, rules: &CrossSite) -> char {
        let values = |name: &'static str| {
            let named = self.headers.iter().filter(move |(header, _)| *header == name);
            named.map(|(_, value)| value.as_bytes())
        };
        match rules.judge(self.method, self.authority.map(str::as_bytes), values) {
            Ok(()) => '+',
            Err(denial) => letter(denial.reason()),
        }
    }

    fn request(&self) -> Request {
        let target = self
            .authority
            .map_or("/".to_owned(), |authority| format!("https://{authority}/"));
        let mut request = Request::builder().method(self.method).uri(target);
        for (name, value) in &self.headers {
            request = request.header(*name, value.as_bytes());
        }
        request.body(Body::empty()).unwrap()
    }
}

/// Whether one is trusted, and the rest is as it comes.
fn rules() -> CrossSite {
    CrossSite::default().trust("https://pay.example").unwrap()
}

/// What becomes of each combination, as rows of letters.
fn matrix(rules: &CrossSite, ask: impl Fn(&[&'static str], &[&'static str]) -> Asked) -> Vec<String> {
    let row = |site: &[&'static str]| {
        let judged = ORIGINS
            .iter()
            .map(|(_, origin)| ask(site, origin).judged_by(rules));
        judged.collect()
    };
    SITES.iter().map(|(_, site)| row(site)).collect()
}

fn app() -> Router {
    Router::new().route("/", any(async || "done"))
}

async fn respond(app: &mut Router, asked: &Asked) -> Response {
    let answered: Result<Response, Infallible> = app.call(asked.request()).await;
    answered.unwrap()
}

#[test]
fn the_matrix_is_as_written() {
    for method in [
        "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get", "Head",
    ] {
        let judged = matrix(&rules(), |site, origin| {
            Asked::new(method, "shop.example", site, origin)
        });
        assert_eq!(judged, EXPECTED, "{method}");
    }
    for method in ["GET", "HEAD", "OPTIONS"] {
        let judged = matrix(&rules(), |site, origin| {
            Asked::new(method, "shop.example", site, origin)
        });
        let everything = ["+".repeat(ORIGINS.len())];
        assert!(
            judged.iter().all(|row| *row == everything[0]),
            "{method}: {judged:?}"
        );
    }
}

#[test]
fn what_a_proxy_or_a_client_adds_makes_no_difference() {
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example;proto=http"),
        ("referer", "https://shop.example/"),
        ("x-requested-with", "XMLHttpRequest"),
        ("sec_fetch_site", "same-origin"),
        ("x-http-method-override", "GET"),
    ] {
        let judged = matrix(&rules(), |site, origin| {
            Asked::new("POST", "shop.example", site, origin).with(name, value)
        });
        assert_eq!(judged, EXPECTED, "{name}");
    }
}

/// The row where the origin decides, on requests to this host.
fn first_row(rules: &CrossSite, host: &'static str) -> String {
    let mut judged = matrix(rules, |site, origin| Asked::new("POST", host, site, origin));
    assert_eq!(
        judged[1..],
        EXPECTED[1..],
        "{host}: where the browser speaks, nobody asks for the host"
    );
    judged.swap_remove(0)
}

#[test]
fn without_an_origin_of_our_own_the_host_is_believed() {
    let check = |host, expected: &str| assert_eq!(first_row(&rules(), host), expected, "{host:?}");
    check("shop.example", EXPECTED[0]);
    check("SHOP.example", EXPECTED[0]);
    check("shop.example:443", "++OOOONNONNONNNNN+N");
    check("shop.example:80", "+O+OOONNONNONNNNN+N");
    check("shop.example:8443", "+OO+OONNONNONNNNN+N");
    check("shop.example.", "+OOOOONN+NNONNNNN+N");
    check("evil.example", "+OOO+ONNONNONNNNN+N");
    check("", "+OOOOONNONNONNNNN+N");
}

#[test]
fn with_an_origin_of_our_own_the_host_counts_for_nothing() {
    let own = rules().own("https://shop.example").unwrap();
    for host in [
        "shop.example",
        "evil.example",
        "shop.example:8443",
        "10.0.0.7:3000",
        "",
    ] {
        // And http is told from https.
        assert_eq!(first_row(&own, host), "++OOOONNONNONNNNN+N", "{host:?}");
    }
    let two = own.own("HTTP://Shop.Example:80/").unwrap();
    assert_eq!(first_row(&two, "evil.example"), "+++OOONNONNONNNNN+N");
}

#[test]
fn the_authority_of_the_target_comes_before_the_host() {
    let asked = |host, authority| Asked {
        authority: Some(authority),
        ..Asked::new("POST", host, &[], &["https://shop.example"])
    };
    assert_eq!(asked("evil.example", "shop.example").judged_by(&rules()), '+');
    assert_eq!(asked("shop.example", "evil.example").judged_by(&rules()), 'O');
    let twice =
        Asked::new("POST", "shop.example", &[], &["https://shop.example"]).with("host", "shop.example");
    assert_eq!(twice.judged_by(&rules()), 'O');
    let mut absent = Asked::new("POST", "", &[], &["https://shop.example"]);
    absent.headers.retain(|(name, _)| *name != "host");
    assert_eq!(absent.judged_by(&rules()), 'O');
}

#[test]
fn a_websocket_is_no_reading() {
    let upgrading = |value| {
        matrix(&rules(), |site, origin| {
            Asked::new("GET", "shop.example", site, origin).with("upgrade", value)
        })
    };
    assert_eq!(upgrading("websocket"), EXPECTED);
    assert_eq!(upgrading("h2c, WebSocket"), EXPECTED);
    assert!(
        upgrading("h2c")
            .iter()
            .all(|row| !row.contains(|letter| letter != '+'))
    );
}

#[test]
fn trusting_nobody_is_the_default() {
    let rules = CrossSite::default();
    let judged = matrix(&rules, |site, origin| {
        Asked::new("POST", "shop.example", site, origin)
    });
    for (judged, expected) in judged.iter().zip(EXPECTED) {
        let others = &expected[..17];
        assert_eq!(&judged[..17], others);
    }
    assert!(
        judged
            .iter()
            .enumerate()
            .all(|(row, judged)| (1..3).contains(&row) || !judged.ends_with('+'))
    );
    assert_eq!(judged[3], "S".repeat(ORIGINS.len()));
}

#[test]
fn a_denial_names_the_origin_and_cannot_forge_a_line_of_a_log() {
    let values = |name: &str| {
        let origin: &[u8] = b"https://evil.example\n\x1b[2J 2026 INFO";
        [(name == "origin").then_some(origin)].into_iter().flatten()
    };
    let denial = CrossSite::default().judge("POST", None, values).unwrap_err();
    assert_eq!(
        denial.to_string(),
        r"its Origin is none (Origin: https://evil.example\n\x1b[2J 2026 INFO)"
    );
    let long = "x".repeat(100_000);
    let values = |name: &str| {
        [(name == "origin").then_some(long.as_bytes())]
            .into_iter()
            .flatten()
    };
    let denial = CrossSite::default().judge("POST", None, values).unwrap_err();
    assert!(denial.to_string().len() < 400);
}

#[test]
fn an_origin_that_would_never_match_is_refused_when_it_is_named() {
    for wrong in [
        "shop.example",
        "https://*.shop.example",
        "https://shop.example/pay",
        "null",
        "",
    ] {
        for named in [CrossSite::default().trust(wrong), CrossSite::default().own(wrong)] {
            assert_eq!(named.unwrap_err().kind(), ErrorKind::Invalid, "{wrong}");
        }
    }
}

#[tokio::test]
async fn the_layer_keeps_to_the_rules() {
    let mut app = app().layer(rules().layer());
    for (row, (_, site)) in SITES.iter().enumerate() {
        for (column, (_, origin)) in ORIGINS.iter().enumerate() {
            let asked = Asked::new("POST", "shop.example", site, origin);
            let response = respond(&mut app, &asked).await;
            let (status, text) = match EXPECTED[row].as_bytes()[column] {
                b'+' => (200, "done"),
                _ => (403, "this was sent from another site, and nothing was done"),
            };
            assert_eq!(response.status(), status, "{asked:?}");
            assert_eq!(response.headers()["vary"], "Sec-Fetch-Site, Origin");
            assert_eq!(response.headers().contains_key("cache-control"), status == 403);
            let body = to_bytes(response.into_body(), 1000).await.unwrap();
            assert_eq!(body, text, "{asked:?}");
        }
    }
    let reading = Asked::new("GET", "shop.example", &["cross-site"], &["https://evil.example"]);
    let response = respond(&mut app, &reading).await;
    assert_eq!(response.status(), 200);
    assert!(
        !response.headers().contains_key("vary"),
        "a page that is read is the same for everyone"
    );
    let websocket = reading.with("upgrade", "websocket");
    assert_eq!(respond(&mut app, &websocket).await.status(), 403);
}

/// The same through actix-web.
#[cfg(feature = "actix")]
mod on_actix {
    use actix_web::body::{self, BoxBody};
    use actix_web::dev::{Service as _, ServiceRequest, ServiceResponse};
    use actix_web::error::ErrorBadRequest;
    use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
    use actix_web::middleware::{Next, from_fn};
    use actix_web::test::{TestRequest, init_service};
    use actix_web::{App, Error, web};

    use super::*;

    type Answer = Result<ServiceResponse<BoxBody>, Error>;

    /// An application with the middleware, to be asked.
    async fn app(rules: CrossSite) -> impl AsyncFn(&Asked) -> Answer {
        let done = web::to(async || "done");
        let app = App::new().default_service(done).wrap(rules.middleware());
        let app = init_service(app).await;
        async move |asked: &Asked| Ok(app.call(request(asked).to_request()).await?.map_into_boxed_body())
    }

    fn request(asked: &Asked) -> TestRequest {
        let target = asked
            .authority
            .map_or("/".to_owned(), |authority| format!("https://{authority}/"));
        let mut request = TestRequest::with_uri(&target).method(asked.method.parse().unwrap());
        for (name, value) in &asked.headers {
            request = request.append_header((*name, value.as_bytes()));
        }
        request
    }

    #[tokio::test]
    async fn the_middleware_keeps_to_the_rules() {
        let app = app(rules()).await;
        for (row, (_, site)) in SITES.iter().enumerate() {
            for (column, (_, origin)) in ORIGINS.iter().enumerate() {
                let asked = Asked::new("POST", "shop.example", site, origin);
                let response = app(&asked).await.unwrap();
                let (status, text) = match EXPECTED[row].as_bytes()[column] {
                    b'+' => (200, "done"),
                    _ => (403, "this was sent from another site, and nothing was done"),
                };
                assert_eq!(response.status(), status, "{asked:?}");
                let headers = response.headers();
                assert_eq!(headers.get(VARY).unwrap(), "Sec-Fetch-Site, Origin");
                assert_eq!(headers.contains_key(CACHE_CONTROL), status == 403);
                assert_eq!(headers.get(CONTENT_TYPE).unwrap(), "text/plain; charset=utf-8");
                let body = body::to_bytes(response.into_body()).await.unwrap();
                assert_eq!(body, text, "{asked:?}");
            }
        }
        let reading = Asked::new("GET", "shop.example", &["cross-site"], &["https://evil.example"]);
        let response = app(&reading).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key(VARY));
        let websocket = reading.with("upgrade", "websocket");
        assert_eq!(app(&websocket).await.unwrap().status(), 403);
    }

    #[tokio::test]
    async fn the_middleware_finds_the_authority_of_the_target() {
        let app = app(rules()).await;
        let mut asked = Asked::new("POST", "evil.example", &[], &["https://shop.example"]);
        asked.authority = Some("shop.example");
        assert_eq!(app(&asked).await.unwrap().status(), 200);
        asked.authority = Some("evil.example");
        assert_eq!(app(&asked).await.unwrap().status(), 403);
    }

    #[tokio::test]
    async fn to_begin_with_nothing_is_refused() {
        let app = app(rules().report_only()).await;
        for (_, site) in SITES {
            for (_, origin) in ORIGINS {
                let asked = Asked::new("POST", "shop.example", site, origin);
                assert_eq!(app(&asked).await.unwrap().status(), 200, "{asked:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_inner_middlewares_error_says_what_it_depends_on() {
        let refuse = from_fn(async |_: ServiceRequest, _: Next<BoxBody>| {
            Err::<ServiceResponse, _>(ErrorBadRequest("no"))
        });
        let app = App::new().wrap(refuse).wrap(rules().middleware());
        let app = init_service(app).await;
        let asked = Asked::new("POST", "shop.example", &["same-origin"], &[]);
        let error = app.call(request(&asked).to_request()).await.unwrap_err();
        for _ in 0..2 {
            let response = error.error_response();
            let vary: Vec<_> = response.headers().get_all(VARY).collect();
            assert_eq!(
                (response.status().as_u16(), vary),
                (400, vec![&HeaderValue::from_static(CrossSite::VARY)])
            );
        }
    }
}

#[tokio::test]
async fn the_layer_finds_the_authority_of_the_target() {
    let mut app = app().layer(rules().layer());
    let mut asked = Asked::new("POST", "evil.example", &[], &["https://shop.example"]);
    asked.authority = Some("shop.example");
    assert_eq!(respond(&mut app, &asked).await.status(), 200);
    asked.authority = Some("evil.example");
    assert_eq!(respond(&mut app, &asked).await.status(), 403);
}

#[tokio::test]
async fn to_begin_with_nothing_is_refused() {
    let mut app = app().layer(rules().report_only().layer());
    for (_, site) in SITES {
        for (_, origin) in ORIGINS {
            let asked = Asked::new("POST", "shop.example", site, origin);
            assert_eq!(respond(&mut app, &asked).await.status(), 200, "{asked:?}");
        }
    }
}

/// tower-http's layer is the port of Go's rules. It decides otherwise than ours where a request says what no browser
/// sends, and then it allows more; and where a `Host` is not spelled as an `Origin`, and then it refuses its own pages.
#[tokio::test]
async fn what_browsers_send_is_judged_as_by_tower_http() {
    let sent_by_browsers = |asked: &Asked| {
        let once = |name| asked.headers.iter().filter(|(header, _)| *header == name).count() <= 1;
        let strange = |(name, value): &(&str, &str)| match *name {
            "sec-fetch-site" => !["same-origin", "none", "same-site", "cross-site"].contains(value),
            "origin" => value.is_empty() || value.ends_with('/') || value.ends_with(":443"),
            _ => false,
        };
        once("sec-fetch-site") && once("origin") && !asked.headers.iter().any(strange)
    };
    let mut ours = app().layer(rules().layer());
    let mut theirs = app().layer(
        CsrfLayer::new()
            .add_trusted_origin("https://pay.example")
            .unwrap(),
    );
    let (mut same, mut stricter, mut own_pages) = (0, 0, 0);
    for host in ["shop.example", "evil.example", "shop.example:443", "SHOP.example"] {
        for (_, site) in SITES {
            for (_, origin) in ORIGINS {
                let asked = Asked::new("POST", host, site, origin);
                let ours = respond(&mut ours, &asked).await.status().as_u16();
                let theirs = respond(&mut theirs, &asked).await.status().as_u16();
                match (ours, theirs) {
                    (200, 200) | (403, 403) => same += 1,
                    (403, 200) => {
                        assert!(!sent_by_browsers(&asked), "{asked:?}");
                        stricter += 1;
                    }
                    (200, 403) => {
                        assert!(!["shop.example", "evil.example"].contains(&host), "{asked:?}");
                        own_pages += 1;
                    }
                    other => unreachable!("{other:?}"),
                }
            }
        }
    }
    for never_matches in ["https://shop.example:443", "https://ada@shop.example"] {
        assert!(CsrfLayer::new().add_trusted_origin(never_matches).is_ok());
    }
    // The two spellings of a host with which a browser may name the one it is at, and the http of the last.
    assert_eq!((same, stricter, own_pages), (638, 195, 3));
}
