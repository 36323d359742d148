//! What is compiled and tried here is what the guides print.

/// From its first line to its last: both have it so, but for `pub`.
fn carry_over(text: &str) -> String {
    let begin = text
        .find("/// Takes an old session over")
        .expect("its first line");
    let end = text[begin..].find("\n}\n").expect("its last line");
    text[begin..begin + end].replace("\npub async fn", "\nasync fn")
}

#[test]
fn the_middlewares_are_those_of_the_guides() {
    let pairs = [
        (
            include_str!("../src/from_tower_sessions.rs"),
            include_str!("../../../crates/cloakroom/src/guide/moving_from_tower_sessions.md"),
        ),
        (
            include_str!("../src/from_axum_login.rs"),
            include_str!("../../../crates/cloakroom/src/guide/moving_from_axum_login.md"),
        ),
        (
            include_str!("../src/from_actix_session.rs"),
            include_str!("../../../crates/cloakroom/src/guide/moving_from_actix_session.md"),
        ),
    ];
    for (here, guide) in pairs {
        assert_eq!(carry_over(here), carry_over(guide));
    }
}
