//! One user on two browsers, through everything the program does.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use visitor::{Page, Program, Visitor};

const ENTER: &str = "name=ada&password=correct+horse&next=";

fn start() -> Program {
    Program::start(env!("CARGO_BIN_EXE_login-actix"))
}

/// The program, and two browsers in which Ada is signed in.
fn signed_in() -> (Program, Visitor, Visitor) {
    let program = start();
    let mut desk = program.visitor().named("Firefox on Linux");
    let mut phone = program.visitor().named("Safari on an iPhone");
    let page = desk.submit("/sign-in", ENTER);
    assert_eq!(page.status, 200, "{page:?}");
    phone.submit("/sign-in", &format!("{ENTER}&remember=on"));
    (program, desk, phone)
}

fn is_signed_in(browser: &mut Visitor) -> bool {
    let page = browser.open("/");
    assert!(page.path == "/" || page.path == "/sign-in?next=/", "{page:?}");
    page.path == "/"
}

/// Where the form goes that ends a device which is not this one.
fn the_other_one(page: &Page) -> String {
    let (_, rest) = page.body.split_once("action=\"/end/").expect("another device");
    format!("/end/{}", rest.split('"').next().unwrap())
}

#[test]
fn whoever_has_to_sign_in_comes_back() {
    let program = start();
    let mut ada = program.visitor();
    let page = ada.open("/?from=a+mail");
    assert_eq!(page.path, "/sign-in?next=/%3Ffrom%3Da%2Bmail");
    assert!(
        page.body.contains(r#"name="next" value="/?from=a+mail""#),
        "{page:?}"
    );

    let page = ada.submit("/sign-in", &format!("{ENTER}/%3Ffrom=a%2Bmail"));
    assert!(page.path.starts_with("/?from=a+mail&flash="), "{page:?}");
    assert!(page.body.contains("Welcome, ada."), "{page:?}");
    // It is said once.
    assert!(!ada.open(&page.path).body.contains("Welcome"));

    let mut bob = program.visitor();
    for wrong in [
        "name=ada&password=wrong+horse&next=",
        "name=bob&password=correct+horse&next=",
    ] {
        assert_eq!(bob.submit("/sign-in", wrong).status, 422, "{wrong}");
    }
    assert!(!is_signed_in(&mut bob));
    let page = bob.submit("/sign-in", &format!("{ENTER}//evil.example"));
    assert!(page.path.starts_with("/?flash="), "{page:?}");
}

#[test]
fn another_site_sends_none_of_the_forms() {
    let (_program, desk, _) = signed_in();
    let mut lured = desk.made_by("cross-site");
    for path in ["/sign-in", "/sign-out", "/end/x", "/end-all", "/delete"] {
        assert_eq!(lured.submit(path, ENTER).status, 403, "{path}");
    }
    assert!(is_signed_in(&mut lured));
}

#[test]
fn devices_are_listed_and_ended() {
    let (_program, mut desk, mut phone) = signed_in();
    let page = desk.open("/");
    assert!(page.body.contains("Firefox on Linux"), "{page:?}");
    assert!(page.body.contains("Safari on an iPhone"), "{page:?}");
    let phones = the_other_one(&page);
    let page = desk.submit(&phones, "");
    assert!(page.body.contains("It is signed out."), "{page:?}");
    assert!(!is_signed_in(&mut phone));
    assert!(is_signed_in(&mut desk));
    for nothing in ["/end/nonsense", phones.as_str()] {
        let page = desk.submit(nothing, "");
        assert!(page.body.contains("not signed in any more"), "{page:?}");
    }
}

#[test]
fn one_signs_out_here_or_everywhere() {
    let (_program, mut desk, mut phone) = signed_in();
    let copied = desk.clone();
    let page = desk.submit("/sign-out", "");
    assert!(page.body.contains("You are signed out."), "{page:?}");
    assert!(!is_signed_in(&mut copied.clone()));
    assert!(is_signed_in(&mut phone));

    desk.submit("/sign-in", ENTER);
    let page = phone.submit("/end-all", "");
    assert!(page.path.starts_with("/sign-in?flash="), "{page:?}");
    assert!(!is_signed_in(&mut phone));
    assert!(!is_signed_in(&mut desk));
}

#[test]
fn whose_account_is_deleted_is_nobody_on_every_device() {
    let (_program, mut desk, mut phone) = signed_in();
    let page = desk.submit("/delete", "");
    assert!(page.body.contains("Your account is deleted."), "{page:?}");
    assert!(!is_signed_in(&mut desk));
    assert!(!is_signed_in(&mut phone));
    assert_eq!(desk.submit("/sign-in", ENTER).status, 422);
}

#[test]
fn guessing_ends_after_ten_wrong_passwords() {
    let (_program, mut desk, mut phone) = signed_in();
    let wrong = "name=ada&password=wrong+horse&next=";
    for _ in 0..10 {
        assert_eq!(desk.submit("/sign-in", wrong).status, 422);
    }
    assert_eq!(desk.submit("/sign-in", wrong).status, 429);
    assert_eq!(phone.submit("/sign-in", ENTER).status, 429);
    // Nobody is signed out for that.
    assert!(is_signed_in(&mut phone));
}
