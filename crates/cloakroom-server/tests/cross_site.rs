//! Forms from elsewhere, sent to the shop by real Chromium.
//!
//! The shop is at `http://localhost:A`. A page at `http://127.0.0.1:B` is on another site; one at `http://localhost:B` is
//! another origin of the same site, with which the browser sends the cookie. At `http://shop.test:A` there is no
//! `Sec-Fetch-Site`, because browsers send that to trustworthy addresses only.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod support;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, Response};
use axum::routing::{any, get};
use cloakroom::CrossSite;
use serde_json::json;
use support::Shop;
use support::chromium::{Browser, Chromium, Kind};
use tokio::net::TcpListener;

/// Somebody else's server: a page whose forms lead to an address that the query gives.
struct Elsewhere {
    port: u16,
}

impl Elsewhere {
    async fn open() -> Self {
        let app = Router::new().route("/", get(page));
        Self {
            port: serve(app).await,
        }
    }

    /// Its page, at this host, with forms that lead to a shop.
    async fn visit(&self, browser: &Browser, host: &str, shop: &str) {
        browser.go(&format!("http://{host}:{}/?{shop}", self.port)).await;
    }
}

/// Serves until the test ends.
async fn serve(app: Router) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(axum::serve(listener, app).into_future());
    port
}

async fn page(RawQuery(query): RawQuery) -> Html<String> {
    let shop = query.unwrap_or_default();
    Html(format!(
        r#"<!doctype html><title>elsewhere</title>
        <form id="add" method="post" action="{shop}/cart/add">
          <input type="hidden" name="product" value="critic"><button>You have won</button></form>
        <form id="sign-in" method="post" action="{shop}/sign-in">
          <input type="hidden" name="name" value="Mallory">
          <input type="hidden" name="password" value="correct horse"><button>You have won</button></form>
        <form id="sign-out" method="post" action="{shop}/sign-out"><button>You have won</button></form>
        <a id="link" href="{shop}/account">You have won</a>"#
    ))
}

async fn sign_up(browser: &Browser, shop: &str, name: &str) {
    browser.go(&format!("{shop}/sign-up")).await;
    browser.fill("#name", name).await;
    browser.fill("#password", "correct horse").await;
    browser.click(".counter form button").await;
    browser.assert_shows(&format!("Hello, {name}.")).await;
}

#[tokio::test]
async fn pages_of_others_can_link_to_the_shop_and_send_it_nothing() {
    let chromium = Chromium::start().await;
    let (shop, elsewhere) = (Shop::in_memory().await, Elsewhere::open().await);
    let url = shop.url();
    shop.visitor().sign_up("Mallory").await;
    let browser = chromium.open("ada", Kind::Desk).await;
    sign_up(&browser, &url, "Ada").await;

    for host in ["127.0.0.1", "localhost"] {
        for form in ["#add", "#sign-in", "#sign-out"] {
            elsewhere.visit(&browser, host, &url).await;
            browser.click(&format!("{form} button")).await;
            browser.assert_shows("This was not sent from here").await;
        }
        elsewhere.visit(&browser, host, &url).await;
        let sent = format!(
            "const body = new URLSearchParams({{ product: 'critic' }});
             const sent = await fetch('{url}/cart/add', {{ method: 'POST', mode: 'no-cors', credentials: 'include', body }});
             return sent.type"
        );
        assert_eq!(
            browser.run(&sent).await,
            json!("opaque"),
            "{host}: it was answered"
        );
        // Nothing was done, and a link is a link: she is still herself.
        browser.click("#link").await;
        assert_eq!(browser.path().await, "/account", "{host}");
        browser.assert_shows("Hello, Ada.").await;
        browser.go(&format!("{url}/cart")).await;
        browser.assert_shows("An empty hanger").await;
    }

    // The shop's own form does what it says.
    browser.go(&url).await;
    browser.click("#critic button").await;
    browser.go(&format!("{url}/cart")).await;
    browser.assert_shows("The Critic").await;
    shop.close().await;
}

#[tokio::test]
async fn over_plain_http_the_origin_decides() {
    let chromium = Chromium::start().await;
    let (shop, elsewhere) = (Shop::in_memory().await, Elsewhere::open().await);
    let url = format!("http://shop.test:{}", shop.port);
    let browser = chromium.open("ada", Kind::Desk).await;
    browser.go(&url).await;
    browser.click("#critic button").await;
    // No browser keeps a Secure cookie from there, but what was sent was taken.
    assert_eq!(browser.path().await, "/");
    browser.assert_shows("You hand in your coat").await;
    for host in ["evil.test", "shop.test", "localhost"] {
        elsewhere.visit(&browser, host, &url).await;
        browser.click("#add button").await;
        browser.assert_shows("This was not sent from here").await;
    }
    shop.close().await;
}

/// What each request said of where it came from, to rules that refuse nothing.
#[tokio::test]
async fn what_chromium_says_is_what_the_rules_are_made_for() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let rules = CrossSite::default().report_only();
    let app = Router::new()
        .route("/page", get(async || Html("<!doctype html><title>here</title>")))
        .route("/target", any(async || "done"))
        .layer(from_fn_with_state(Arc::clone(&seen), note))
        .layer(rules.layer());
    let port = serve(app).await;
    let chromium = Chromium::start().await;
    let browser = chromium.open("ada", Kind::Desk).await;
    for (page, target, expected) in [
        ("localhost", "localhost", "same-origin, with Origin"),
        ("127.0.0.1", "localhost", "cross-site, with Origin"),
        ("shop.test", "shop.test", "absent, with Origin"),
        ("evil.test", "shop.test", "absent, with Origin"),
    ] {
        browser.go(&format!("http://{page}:{port}/page")).await;
        let script = format!(
            "const target = 'http://{target}:{port}/target';
             await fetch(target, {{ method: 'POST', mode: 'no-cors' }});
             return 'sent'"
        );
        assert_eq!(browser.run(&script).await, json!("sent"), "{page}");
        let (_, said) = seen.lock().unwrap().pop().unwrap();
        assert_eq!(said, expected, "{page}");

        // The handshake of a websocket says its Origin alone. That it fails here does not matter.
        let script = format!(
            "const socket = new WebSocket('ws://{target}:{port}/target');
             await new Promise((over) => {{ socket.onclose = over; }});
             return 'closed'"
        );
        assert_eq!(browser.run(&script).await, json!("closed"), "{page}");
        let (upgrade, said) = seen.lock().unwrap().pop().unwrap();
        assert_eq!(upgrade, "websocket");
        assert_eq!(said, "absent, with Origin", "{page}");
    }
}

type Seen = Arc<Mutex<Vec<(String, String)>>>;

async fn note(State(seen): State<Seen>, request: Request, next: Next) -> Response {
    seen.lock().unwrap().push(said(&request));
    next.run(request).await
}

fn said(request: &Request) -> (String, String) {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let site = header("sec-fetch-site").unwrap_or("absent");
    let origin = if header("origin").is_some() {
        "with"
    } else {
        "without"
    };
    let upgrade = header("upgrade").unwrap_or_default().to_owned();
    (upgrade, format!("{site}, {origin} Origin"))
}
