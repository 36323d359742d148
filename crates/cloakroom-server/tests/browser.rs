//! The shop in real Chromium.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod support;

use cloakroom_server::demo::Config;
use support::Shop;
use support::chromium::{Browser, Chromium, Kind};

#[tokio::test]
async fn a_visitor_becomes_a_customer_with_two_devices() {
    let chromium = Chromium::start().await;
    let shop = Shop::in_memory().await;
    let url = shop.url();

    let desk = chromium.open("desk", Kind::Desk).await;
    desk.go(&url).await;
    desk.assert_shows("no ticket yet").await;
    assert!(desk.cookie().await.is_none(), "looking around sets no cookie");
    desk.click("#critic button").await;
    desk.click("#critic button[formaction='/cart/add']").await;
    desk.click("#long-goodbye button").await;
    desk.assert_shows("nobody yet").await;
    let anonymous = desk
        .cookie()
        .await
        .expect("Chromium takes the Secure cookie on http://localhost");

    desk.click("a[href='/cart']").await;
    desk.assert_shows("€214.00").await;
    desk.click(".sum-actions button").await;
    assert_eq!(desk.path().await, "/sign-in");
    desk.click("a[href='/sign-up?next=/cart']").await;
    sign(&desk, "Ada").await;
    assert_eq!(desk.path().await, "/cart");
    desk.assert_shows("€214.00").await;
    let signed_in = desk.cookie().await.unwrap();
    assert_ne!(
        anonymous.value(),
        signed_in.value(),
        "signing in gives a new token"
    );

    let phone = chromium.open("phone", Kind::Desk).await;
    phone.go(&format!("{url}/sign-in")).await;
    sign(&phone, "Ada").await;
    phone.assert_shows("Hello, Ada.").await;
    assert_eq!(phone.count(".device").await, 2);
    assert_eq!(phone.count(".device-this").await, 1);
    phone.assert_shows("Chrome on Linux").await;

    // The phone ends the desk, and the desk is signed out at its next click.
    phone.click(".device button").await;
    phone.assert_shows("That device is signed out.").await;
    assert_eq!(phone.count(".device").await, 1);
    desk.click(".nav-name").await;
    assert_eq!(desk.path().await, "/sign-in");
    sign(&desk, "Ada").await;
    assert_eq!(desk.count(".device").await, 2);

    // And back, with the other button.
    desk.click(".devices > form button").await;
    assert_eq!(desk.count(".device").await, 1);
    phone.click(".nav-name").await;
    assert_eq!(phone.path().await, "/sign-in");

    desk.click(".account-head form button").await;
    assert!(desk.cookie().await.is_none(), "signing out takes the cookie away");
    shop.close().await;
}

#[tokio::test]
async fn a_restart_of_the_server_signs_nobody_out() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::directory(directory.path().to_str().unwrap());
    let chromium = Chromium::start().await;
    let shop = Shop::open(&config, 0).await;
    let (url, port) = (shop.url(), shop.port);

    let browser = chromium.open("ada", Kind::Desk).await;
    browser.go(&url).await;
    browser.click("#encore button").await;
    browser.go(&format!("{url}/sign-up")).await;
    sign(&browser, "Ada").await;
    shop.close().await;

    let shop = Shop::open(&config, port).await;
    browser.click("a[href='/cart']").await;
    browser.assert_shows("The Encore").await;
    browser.click(".nav-name").await;
    browser.assert_shows("Hello, Ada.").await;
    shop.close().await;
}

#[tokio::test]
async fn who_is_remembered_is_so_when_the_browser_comes_back() {
    let chromium = Chromium::start().await;
    let shop = Shop::in_memory().await;
    let url = shop.url();

    for (page, profile, remember) in [("sign-up", "remembered", true), ("sign-in", "forgotten", false)] {
        let browser = chromium.open(profile, Kind::Desk).await;
        browser.go(&format!("{url}/{page}")).await;
        if remember {
            browser.tick("#remember").await;
        }
        sign(&browser, "Ada").await;
        browser.assert_shows("Hello, Ada.").await;
        let cookie = browser.cookie().await.unwrap();
        assert_eq!(cookie.expires().is_some(), remember);
        assert_eq!((cookie.secure(), cookie.http_only()), (Some(true), Some(true)));
        browser.close().await;

        let browser = chromium.open(profile, Kind::Desk).await;
        browser.go(&format!("{url}/account")).await;
        assert_eq!(
            browser.path().await,
            if remember { "/account" } else { "/sign-in" }
        );
        browser.close().await;
    }
    shop.close().await;
}

#[tokio::test]
async fn everything_works_without_javascript() {
    let chromium = Chromium::start().await;
    let shop = Shop::in_memory().await;
    let url = shop.url();

    let browser = chromium.open("plain", Kind::WithoutJavaScript).await;
    browser
        .go("data:text/html,<title>off</title><script>document.title='on'</script>")
        .await;
    assert_eq!(browser.title().await, "off");

    browser.go(&url).await;
    browser.click("#quiet-exit button").await;
    browser.click("#quiet-exit button[formaction='/cart/add']").await;
    browser.click("#prompter button").await;
    browser.click("a[href='/cart']").await;
    browser.click("button[formaction='/cart/take']").await;
    browser.click("button[formaction='/cart/remove']").await;
    browser.assert_shows("is back on the rail.").await;
    browser.assert_shows("€39.50").await;
    browser.click(".sum-actions button").await;
    browser.click("a[href='/sign-up?next=/cart']").await;
    sign(&browser, "Ada").await;
    browser.click(".sum-actions button").await;
    browser.assert_shows("Thank you, Ada.").await;
    browser.click(".nav-name").await;
    browser.tick("summary").await;
    browser.assert_shows("__Host-cloakroom-demo").await;
    browser.click(".account-head form button").await;
    browser.assert_shows("no ticket yet").await;
    shop.close().await;
}

#[tokio::test]
async fn no_page_is_wider_than_a_phone() {
    let chromium = Chromium::start().await;
    let shop = Shop::in_memory().await;
    let url = shop.url();

    let phone = chromium.open("phone", Kind::Phone).await;
    for path in ["", "/cart", "/sign-in", "/sign-up", "/nowhere"] {
        phone.go(&format!("{url}{path}")).await;
        assert_eq!(phone.overhang().await, 0, "{path}, for nobody");
    }
    phone.go(&url).await;
    phone.click("#late-arrival button").await;
    phone.go(&format!("{url}/sign-up")).await;
    sign(&phone, &"W".repeat(64)).await;
    phone.tick("summary").await;
    assert_eq!(phone.overhang().await, 0, "the account");
    for path in ["", "/cart"] {
        phone.go(&format!("{url}{path}")).await;
        assert_eq!(phone.overhang().await, 0, "{path}, for somebody with a long name");
    }
    phone.click(".sum-actions button").await;
    phone.assert_shows("Thank you").await;
    assert_eq!(phone.overhang().await, 0, "the receipt");
    shop.close().await;
}

/// Fills in the form for signing in or up, and sends it.
async fn sign(browser: &Browser, name: &str) {
    browser.fill("#name", name).await;
    browser.fill("#password", "correct horse").await;
    browser.click(".counter form button").await;
}
