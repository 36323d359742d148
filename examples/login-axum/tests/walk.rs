//! One user on two browsers, through everything the program does: `login-axum`, and `login-actix`, which does the same.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use tempfile::TempDir;
use visitor::{Page, Program, Visitor};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));
const ENTER: &str = "name=ada&password=correct+horse";

fn start(directory: &TempDir) -> Program {
    let directory = directory.path().to_str().unwrap();
    Program::start_with(PROGRAM, &[directory])
}

/// The program, and two browsers in which Ada is signed in.
fn signed_in(directory: &TempDir) -> (Program, Visitor, Visitor) {
    let program = start(directory);
    let mut desk = program.visitor().named("Firefox on Linux");
    let mut phone = program.visitor().named("Safari on an iPhone");
    let page = desk.submit("/sign-in", &format!("{ENTER}&new=yes"));
    assert_eq!(page.status, 200, "{page:?}");
    phone.submit("/sign-in", &format!("{ENTER}&remember=on"));
    (program, desk, phone)
}

fn is_signed_in(browser: &mut Visitor) -> bool {
    let page = browser.open("/");
    assert!(page.path == "/" || page.path == "/sign-in?next=/", "{page:?}");
    page.path == "/"
}

/// The form that ends a device which is not this one.
fn the_other_ones(page: &Page) -> String {
    let (_, rest) = page
        .body
        .split_once("name=\"id\" value=\"")
        .expect("another device");
    format!("id={}", rest.split('"').next().unwrap())
}

#[test]
fn whoever_has_to_sign_in_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let program = start(&directory);
    let mut ada = program.visitor();
    let page = ada.open("/?from=a+mail");
    assert_eq!(page.path, "/sign-in?next=/%3Ffrom%3Da%2Bmail");
    assert!(
        page.body.contains(r#"name="next" value="/?from=a+mail""#),
        "{page:?}"
    );

    let page = ada.submit("/sign-in", &format!("{ENTER}&new=yes&next=/%3Ffrom=a%2Bmail"));
    assert!(page.path.starts_with("/?from=a+mail&flash="), "{page:?}");
    assert!(page.body.contains("Welcome, ada."), "{page:?}");
    // It is said once.
    assert!(!ada.open(&page.path).body.contains("Welcome"));

    let mut bob = program.visitor();
    for wrong in [
        "name=ada&password=wrong+horse",
        "name=bob&password=correct+horse",
        "name=ADA&password=correct+horse&new=yes",
        "name=bob&password=short&new=yes",
    ] {
        assert_eq!(bob.submit("/sign-in", wrong).status, 422, "{wrong}");
    }
    assert!(!is_signed_in(&mut bob));
    let page = bob.submit("/sign-in", "name=Ada&password=correct+horse&next=//evil.example");
    assert!(page.path.starts_with("/?flash="), "{page:?}");
}

#[test]
fn another_site_sends_none_of_the_forms() {
    let directory = tempfile::tempdir().unwrap();
    let (_program, desk, _) = signed_in(&directory);
    let mut lured = desk.made_by("cross-site");
    for path in [
        "/sign-in",
        "/sign-out",
        "/end",
        "/end-others",
        "/password",
        "/delete",
    ] {
        assert_eq!(lured.submit(path, ENTER).status, 403, "{path}");
    }
    assert!(is_signed_in(&mut lured));
}

#[test]
fn devices_are_listed_and_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (program, mut desk, mut phone) = signed_in(&directory);
    let page = desk.open("/");
    for device in ["Firefox on Linux", "Safari on an iPhone"] {
        assert!(page.body.contains(device), "{page:?}");
    }
    let phones = the_other_ones(&page);
    // Somebody else ends nothing of Ada's.
    let mut bob = program.visitor();
    bob.submit("/sign-in", "name=bob&password=correct+horse&new=yes");
    for not_bobs in [&phones, "id=nonsense"] {
        let page = bob.submit("/end", not_bobs);
        assert!(page.body.contains("That device was not signed in."), "{page:?}");
    }
    assert!(is_signed_in(&mut phone));

    let page = desk.submit("/end", &phones);
    assert!(page.body.contains("That device is signed out."), "{page:?}");
    assert!(!page.body.contains("Safari"), "{page:?}");
    assert!(is_signed_in(&mut desk) && !is_signed_in(&mut phone));
}

#[test]
fn signing_out_ends_this_session_and_the_copies_of_its_cookie() {
    let directory = tempfile::tempdir().unwrap();
    let (_program, mut desk, mut phone) = signed_in(&directory);
    let mut copy = desk.clone();
    assert_eq!(desk.submit("/sign-out", "").path, "/sign-in");
    assert!(!is_signed_in(&mut desk) && !is_signed_in(&mut copy));
    assert!(is_signed_in(&mut phone));
}

#[test]
fn everybody_is_still_signed_in_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (program, mut desk, mut phone) = signed_in(&directory);
    // It is killed: there is no end that it would have to prepare.
    drop(program);
    let program = start(&directory);
    (desk, phone) = (desk.at(program.address()), phone.at(program.address()));
    assert!(is_signed_in(&mut desk) && is_signed_in(&mut phone));

    let page = desk.submit("/end-others", "");
    assert!(page.body.contains("signed out everywhere else"), "{page:?}");
    assert!(is_signed_in(&mut desk) && !is_signed_in(&mut phone));
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let directory = tempfile::tempdir().unwrap();
    let (_program, mut desk, mut phone) = signed_in(&directory);
    let page = desk.submit("/password", "present=wrong+horse&new=battery+staple");
    assert!(page.body.contains("not your present password"), "{page:?}");
    assert!(is_signed_in(&mut phone));

    let page = desk.submit("/password", "present=correct+horse&new=battery+staple");
    assert!(page.body.contains("You have a new password"), "{page:?}");
    assert!(is_signed_in(&mut desk) && !is_signed_in(&mut phone));
    assert_eq!(phone.submit("/sign-in", ENTER).status, 422);
    phone.submit("/sign-in", "name=ada&password=battery+staple");
    assert!(is_signed_in(&mut phone));
}

#[test]
fn a_deleted_account_is_gone_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    let (_program, mut desk, mut phone) = signed_in(&directory);
    let page = desk.submit("/delete", "");
    assert!(page.body.contains("Your account is gone."), "{page:?}");
    assert!(!is_signed_in(&mut desk) && !is_signed_in(&mut phone));
    assert_eq!(phone.submit("/sign-in", ENTER).status, 422);
}
