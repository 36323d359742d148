//! The shop, page by page, as a visitor without a browser sees it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod support;

use cloakroom_server::demo::Config;
use support::Shop;
use support::visitor::{PASSWORD, Page, Visitor};

const HAT: &[(&str, &str)] = &[("product", "critic")];

#[tokio::test]
async fn who_hands_nothing_in_gets_no_cookie() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    for path in ["/", "/cart", "/sign-in", "/sign-up", "/nowhere"] {
        assert_eq!(visitor.get(path).await.header("set-cookie"), None, "{path}");
    }
    let page = visitor.get("/").await;
    page.assert_shows("no ticket yet");
    page.assert_shows("Your ticket: none.");
}

#[tokio::test]
async fn the_cart_fills_and_empties() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    let added = visitor
        .post("/cart/add", &[("product", "critic"), ("from", "shop")])
        .await;
    assert_eq!((added.status, added.header("location")), (303, Some("/#critic")));
    visitor.post("/cart/add", HAT).await;
    visitor.post("/cart/add", &[("product", "prompter")]).await;
    let cart = visitor.get("/cart").await;
    cart.assert_shows("€168.00");
    cart.assert_shows("€207.50");

    visitor.post("/cart/take", HAT).await;
    visitor.get("/cart").await.assert_shows("€123.50");
    visitor.post("/cart/remove", HAT).await;
    visitor.get("/cart").await.assert_hides("The Critic");
    visitor.post("/cart/take", &[("product", "prompter")]).await;
    visitor.get("/cart").await.assert_shows("An empty hanger");
}

#[tokio::test]
async fn tabs_that_click_at_once_lose_nothing() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.post("/cart/add", HAT).await;
    let mut tabs = Vec::new();
    for _ in 0..12 {
        tabs.push(visitor.begin_post("/cart/add", HAT).await);
    }
    // By now each of them has seen one hat.
    for tab in tabs {
        assert_eq!(tab.finish().await.status, 303);
    }
    visitor
        .get("/cart")
        .await
        .assert_shows("<span class=\"stepper-count\">13</span>");
}

#[tokio::test]
async fn the_cart_survives_signing_up_and_the_old_cookie_is_worth_nothing() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.post("/cart/add", HAT).await;
    let mut thief = visitor.clone();
    visitor.sign_up("Ada").await;

    visitor.get("/cart").await.assert_shows("The Critic");
    assert!(visitor.is_signed_in().await);
    assert_ne!(thief.cookies, visitor.cookies);
    assert!(!thief.is_signed_in().await);
    thief.get("/cart").await.assert_hides("The Critic");
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_refused_alike() {
    let shop = Shop::in_memory().await;
    shop.visitor().sign_up("Ada").await;
    let mut visitor = shop.visitor();
    let password = visitor
        .post("/sign-in", &[("name", "Ada"), ("password", "wrong horse")])
        .await;
    let name = visitor
        .post("/sign-in", &[("name", "Adb"), ("password", "wrong horse")])
        .await;
    assert_eq!((password.status, name.status), (422, 422));
    password.assert_shows("That name and that password do not belong together.");
    assert_eq!(password.body.replace("Ada", "Adb"), name.body);
    assert!(!visitor.is_signed_in().await);
}

#[tokio::test]
async fn guessing_ends_after_ten_wrong_passwords_and_the_right_one_does_not_count() {
    let shop = Shop::in_memory().await;
    shop.visitor().sign_up("Ada").await;
    for _ in 0..12 {
        shop.visitor().sign_in("Ada").await;
    }
    let mut visitor = shop.visitor();
    let guess = |n: usize| {
        [
            ("name", if n.is_multiple_of(2) { "Ada" } else { "ada " }),
            ("password", "wrong horse"),
        ]
    };
    for n in 0..10 {
        // A form to sign up with is a way to guess as well.
        let path = ["/sign-in", "/sign-up"][n / 2 % 2];
        assert_eq!(visitor.post(path, &guess(n)).await.status, 422);
    }
    for path in ["/sign-in", "/sign-up"] {
        let refused = visitor.post(path, &guess(0)).await;
        assert_eq!(refused.status, 429);
        refused.assert_shows("too many tries");
        let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&seconds), "{seconds}");
    }
    let right = visitor
        .post("/sign-in", &[("name", "Ada"), ("password", PASSWORD)])
        .await;
    assert_eq!(right.status, 429);
    assert!(!visitor.is_signed_in().await);
}

#[tokio::test]
async fn an_address_opens_no_more_than_twenty_accounts_in_a_while() {
    let shop = Shop::in_memory().await;
    for n in 0..20 {
        shop.visitor().sign_up(&format!("Ada {n}")).await;
    }
    let refused = shop
        .visitor()
        .post("/sign-up", &[("name", "Bob"), ("password", PASSWORD)])
        .await;
    assert_eq!(refused.status, 429);
    // Who has an account comes in.
    shop.visitor().sign_in("Ada 7").await;
}

#[tokio::test]
async fn what_cannot_be_signed_up_is_said_on_the_page() {
    let shop = Shop::in_memory().await;
    shop.visitor().sign_up("Ada").await;
    let long = "x".repeat(65);
    for (name, password, expected) in [
        ("", PASSWORD, "Please enter a name."),
        (&long, PASSWORD, "That name is too long"),
        ("Bob", "1234567", "at least 8 characters."),
        ("Bob", "", "at least 8 characters."),
        ("ADA", "another password", "Somebody has that name already."),
    ] {
        let mut visitor = shop.visitor();
        let page = visitor
            .post("/sign-up", &[("name", name), ("password", password)])
            .await;
        assert_eq!(page.status, 422, "{name:?}");
        page.assert_shows(expected);
        assert!(!visitor.is_signed_in().await);
    }
}

#[tokio::test]
async fn the_second_click_on_sign_up_signs_in() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.clone().sign_up("Ada").await;
    visitor.sign_up("Ada").await;
    assert!(visitor.is_signed_in().await);
}

#[tokio::test]
async fn a_name_is_text_and_never_markup() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.sign_up("<b>Ada</b> & \"co\"").await;
    for path in ["/", "/account"] {
        let page = visitor.get(path).await;
        page.assert_hides("<b>");
        page.assert_shows("&#60;b&#62;Ada&#60;/b&#62; &#38; &#34;co&#34;");
    }
}

#[tokio::test]
async fn devices_are_listed_and_ended() {
    let shop = Shop::in_memory().await;
    let mut desk = shop.visitor();
    desk.sign_up("Ada").await;
    let mut phone = shop.visitor();
    phone.user_agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 \
                        (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1";
    phone.sign_in("Ada").await;

    let devices = desk.get("/account").await;
    devices.assert_shows("Firefox on Linux <span class=\"badge\">this device</span>");
    devices.assert_shows("Safari on iPhone</h3>");
    devices.assert_shows("Last seen just now");
    assert_eq!(devices.count("badge"), 1);
    let other = other_devices(&devices);
    assert_eq!(other.len(), 1);

    desk.post("/account/end", &[("id", &other[0])]).await;
    assert!(!phone.is_signed_in().await);
    desk.get("/account").await.assert_hides("iPhone");
}

#[tokio::test]
async fn nobody_ends_the_sessions_of_somebody_else() {
    let shop = Shop::in_memory().await;
    let (mut ada, mut again, mut bob) = (shop.visitor(), shop.visitor(), shop.visitor());
    ada.sign_up("Ada").await;
    again.sign_in("Ada").await;
    bob.sign_up("Bob").await;
    let adas = other_devices(&ada.get("/account").await);
    for mut stranger in [bob, shop.visitor()] {
        stranger.post("/account/end", &[("id", &adas[0])]).await;
        stranger.post("/account/end-others", &[]).await;
        assert_eq!(
            stranger.post("/account/end", &[("id", "../../etc")]).await.status,
            303
        );
    }
    assert!(ada.is_signed_in().await && again.is_signed_in().await);
}

#[tokio::test]
async fn everywhere_else_is_signed_out() {
    let shop = Shop::in_memory().await;
    let mut here = shop.visitor();
    here.sign_up("Ada").await;
    let mut others = [shop.visitor(), shop.visitor()];
    for other in &mut others {
        other.sign_in("Ada").await;
    }
    here.post("/account/end-others", &[]).await;
    assert!(here.is_signed_in().await);
    for mut other in others {
        assert!(!other.is_signed_in().await);
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.sign_up("Ada").await;
    let mut copy = visitor.clone();
    let page = visitor.post("/sign-out", &[]).await;
    assert_eq!((page.status, page.header("location")), (303, Some("/")));
    assert!(visitor.cookies.is_empty());
    assert!(!copy.is_signed_in().await);
}

#[tokio::test]
async fn only_who_asks_to_be_remembered_gets_a_cookie_that_lasts() {
    let shop = Shop::in_memory().await;
    shop.visitor().sign_up("Ada").await;
    for (remember, lasts) in [(None, false), (Some("on"), true)] {
        let mut form = vec![("name", "Ada"), ("password", PASSWORD)];
        form.extend(remember.map(|ticked| ("remember", ticked)));
        let page = shop.visitor().post("/sign-in", &form).await;
        let cookie = page.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-cloakroom-demo="), "{cookie}");
        let age = cookie
            .split("; ")
            .find_map(|attribute| attribute.strip_prefix("Max-Age="));
        let age: Option<u64> = age.map(|seconds| seconds.parse().unwrap());
        assert_eq!(age.is_some(), lasts, "{cookie}");
        // 30 days, less the moment it took to get here.
        assert!(
            age.is_none_or(|age| (2_591_000..=2_592_000).contains(&age)),
            "{cookie}"
        );
    }
}

#[tokio::test]
async fn checking_out_needs_signing_in_and_comes_back() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.post("/cart/add", HAT).await;
    let page = visitor.post("/checkout", &[]).await;
    assert_eq!(page.header("location"), Some("/sign-in?next=/cart"));
    visitor
        .get("/sign-in?next=/cart")
        .await
        .assert_shows("href=\"/sign-up?next=/cart\"");
    let form = [("name", "Ada"), ("password", PASSWORD), ("next", "/cart")];
    assert_eq!(
        visitor.post("/sign-up", &form).await.header("location"),
        Some("/cart")
    );

    assert_eq!(
        visitor.post("/checkout", &[]).await.header("location"),
        Some("/thank-you")
    );
    visitor.get("/thank-you").await.assert_shows("€84.00");
    visitor.get("/cart").await.assert_shows("An empty hanger");
    assert_eq!(
        visitor.post("/checkout", &[]).await.header("location"),
        Some("/cart")
    );
}

#[tokio::test]
async fn who_has_to_sign_in_is_sent_there_and_comes_back() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    for path in ["/account", "/thank-you"] {
        let page = visitor.get(path).await;
        let expected = format!("/sign-in?next={path}");
        assert_eq!((page.status, page.header("location")), (303, Some(&*expected)));
        let form = visitor.get(&expected).await;
        form.assert_shows(&format!("name=\"next\" value=\"{path}\""));
        form.assert_shows(&format!("href=\"/sign-up?next={path}\""));
    }
    // What a form does is not done again.
    let page = visitor.post("/account/end-others", &[]).await;
    assert_eq!((page.status, page.header("location")), (303, Some("/sign-in")));
    // Who asks for no page learns what is the matter.
    let mut script = shop.visitor();
    script.accept = "application/json";
    let refused = script.get("/account").await;
    assert_eq!(
        (refused.status, refused.header("www-authenticate")),
        (401, Some("Session"))
    );
    refused.assert_shows("Sign in first");

    let form = [
        ("name", "Ada"),
        ("password", PASSWORD),
        ("next", "/cart?from=a mail"),
    ];
    let page = visitor.post("/sign-up", &form).await;
    assert_eq!(page.header("location"), Some("/account"), "a path has no space");
    let form = [
        ("name", "Ada"),
        ("password", PASSWORD),
        ("next", "/cart?from=mail&to=ada"),
    ];
    let page = visitor.post("/sign-in", &form).await;
    assert_eq!(page.header("location"), Some("/cart?from=mail&to=ada"));
    let link = shop
        .visitor()
        .get("/sign-in?next=/cart%3Ffrom=mail%26to=ada")
        .await;
    link.assert_shows("href=\"/sign-up?next=/cart%3Ffrom%3Dmail%26to%3Dada\"");
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.sign_up("Ada").await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", ""] {
        let form = [("name", "Ada"), ("password", PASSWORD), ("next", next)];
        let page = shop.visitor().post("/sign-in", &form).await;
        assert_eq!(page.header("location"), Some("/account"), "{next}");
        let query = format!("/sign-in?next={next}");
        assert_eq!(
            visitor.get(&query).await.header("location"),
            Some("/account"),
            "{next}"
        );
    }
}

#[tokio::test]
async fn forms_from_other_sites_do_nothing() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.sign_up("Ada").await;
    let here = shop.url();
    let forged: &[&[(&str, &str)]] = &[
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[
            ("Sec-Fetch-Site", "cross-site"),
            ("Origin", "https://evil.example"),
        ],
        &[("Origin", "https://evil.example")],
        &[("Origin", "http://localhost")],
        &[("Origin", "null")],
    ];
    for headers in forged {
        for path in [
            "/sign-in",
            "/sign-up",
            "/sign-out",
            "/cart/add",
            "/checkout",
            "/account/end-others",
        ] {
            let page = visitor.post_with(path, HAT, headers).await;
            assert_eq!(page.status, 403, "{path} {headers:?}");
            page.assert_shows("This was not sent from here");
            assert_eq!(page.header("vary"), Some("Sec-Fetch-Site, Origin"));
            assert_eq!(page.header("set-cookie"), None);
        }
    }
    visitor.get("/cart").await.assert_shows("An empty hanger");
    let allowed: &[&[(&str, &str)]] = &[
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", &here)],
        &[],
    ];
    for headers in allowed {
        assert_eq!(
            visitor.post_with("/cart/add", HAT, headers).await.status,
            303,
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn two_tabs_are_each_told_once_what_they_did() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.post("/cart/add", HAT).await;
    visitor.post("/cart/add", &[("product", "prompter")]).await;
    let mut leads_to = Vec::new();
    for form in [HAT, &[("product", "prompter")]] {
        let page = visitor.post("/cart/remove", form).await;
        leads_to.push(page.header("location").unwrap().to_owned());
    }
    for (path, told, not_told) in [
        (&leads_to[1], "The Prompter is back", "The Critic is back"),
        (&leads_to[0], "The Critic is back", "The Prompter is back"),
    ] {
        let page = visitor.get(path).await;
        page.assert_shows(told);
        page.assert_hides(not_told);
    }
    for path in &leads_to {
        visitor.get(path).await.assert_hides("is back");
    }
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_not_to_do() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.sign_up("Ada").await;
    let style = style_path(&visitor.get("/").await);
    for path in ["/", "/cart", "/account", "/nowhere", "/thank-you", &style] {
        let page = visitor.get(path).await;
        let policy = page.header("content-security-policy").unwrap();
        for rule in [
            "default-src 'none'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(page.header("referrer-policy"), Some("same-origin"), "{path}");
        // What the policy would block, so that a browser never has to.
        for forbidden in ["<script", "<style", " style=", "javascript:", " onclick="] {
            page.assert_hides(forbidden);
        }
    }
}

#[tokio::test]
async fn pages_that_know_the_session_are_kept_by_no_cache_and_the_style_is() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    visitor.sign_up("Ada").await;
    let page = visitor.get("/account").await;
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let style = visitor.get(&style_path(&page)).await;
    assert_eq!(style.status, 200);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(style.header("cache-control").unwrap().contains("immutable"));
}

#[tokio::test]
async fn errors_look_like_the_shop() {
    let shop = Shop::in_memory().await;
    let mut visitor = shop.visitor();
    let not_found = visitor.get("/nowhere").await;
    let no_such_product = visitor.post("/cart/add", &[("product", "invisible-cloak")]).await;
    let wrong_method = visitor
        .ask("DELETE", "/cart", &[("Sec-Fetch-Site", "same-origin")], "")
        .await;
    let torn_form = visitor.post("/cart/add", &[("shoe", "left")]).await;
    let too_long = visitor.post("/sign-in", &[("name", &"x".repeat(20_000))]).await;
    for (page, status) in [
        (not_found, 404),
        (no_such_product, 404),
        (wrong_method, 405),
        (torn_form, 422),
        (too_long, 413),
    ] {
        assert_eq!(page.status, status);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        page.assert_shows("Cloakroom</title>");
        page.assert_shows("Back to the shop");
    }
}

#[tokio::test]
async fn an_account_that_is_gone_has_no_sessions() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::directory(directory.path().to_str().unwrap());
    let shop = Shop::open(&config, 0).await;
    let (mut ada, port) = (shop.visitor(), shop.port);
    ada.sign_up("Ada").await;
    shop.close().await;

    std::fs::remove_file(directory.path().join("users.json")).unwrap();
    let shop = Shop::open(&config, port).await;
    assert!(!ada.is_signed_in().await);
    assert!(ada.cookies.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn an_account_with_another_password_has_no_sessions() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::directory(directory.path().to_str().unwrap());
    let shop = Shop::open(&config, 0).await;
    let (mut ada, mut bob, port) = (shop.visitor(), shop.visitor(), shop.port);
    ada.sign_up("Ada").await;
    bob.sign_up("Bob").await;
    shop.close().await;

    let file = directory.path().join("users.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("$argon2id$", "$other$", 1)).unwrap();
    let shop = Shop::open(&config, port).await;
    assert!(!ada.is_signed_in().await);
    assert!(ada.cookies.is_empty());
    assert!(bob.is_signed_in().await);
    shop.close().await;
}

#[tokio::test]
async fn a_restart_signs_nobody_out_and_empties_no_cart() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::directory(directory.path().to_str().unwrap());
    let shop = Shop::open(&config, 0).await;
    let (mut ada, mut nobody, port) = (shop.visitor(), shop.visitor(), shop.port);
    ada.post("/cart/add", HAT).await;
    ada.sign_up("Ada").await;
    nobody.post("/cart/add", HAT).await;
    shop.close().await;

    let shop = Shop::open(&config, port).await;
    assert!(ada.is_signed_in().await);
    for mut visitor in [ada, nobody] {
        visitor.get("/cart").await.assert_shows("The Critic");
    }
    Visitor::new(port).sign_in("Ada").await;
    shop.close().await;
}

/// The ids on the buttons beside the other devices.
fn other_devices(account: &Page) -> Vec<String> {
    let buttons = account.body.split("name=\"id\" value=\"").skip(1);
    buttons
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

fn style_path(page: &Page) -> String {
    let (_, rest) = page.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}
