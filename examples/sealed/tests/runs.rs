//! It runs, and a copied cookie is dead once its user has signed out, also after a restart.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use visitor::Program;

#[test]
fn a_copied_cookie_dies_with_the_session() {
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        Program::start_with(
            env!("CARGO_BIN_EXE_sealed"),
            &[directory.path().to_str().unwrap()],
        )
    };
    let program = start();
    let mut alice = program.visitor();
    alice.post("/sign-in");
    assert_eq!(alice.get("/"), "alice, visit number 1");
    assert_eq!(alice.get("/"), "alice, visit number 2");
    let thief = alice.clone();
    assert_eq!(thief.clone().get("/"), "alice, visit number 3");
    alice.post("/sign-out");
    assert_eq!(thief.clone().get("/"), "nobody, visit number 1");
    // Who did not sign out goes on.
    let mut bob = program.visitor();
    bob.post("/sign-in");
    drop(program);
    let program = start();
    assert_eq!(thief.at(program.address()).get("/"), "nobody, visit number 1");
    assert_eq!(bob.at(program.address()).get("/"), "alice, visit number 1");
}
