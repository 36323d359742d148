//! Every event there is, made to happen: it names the session it is about, and has no secret in it.

#![cfg(all(feature = "axum", feature = "memory", feature = "testing"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod ailing;
mod log;
mod walk;

use log::Line;
use walk::Walk;

/// Where all of them are.
const EVENTS: &str = include_str!("../../src/events.rs");

#[tokio::test(start_paused = true)]
async fn every_event_names_its_session_and_has_no_secret() {
    let _listening = tracing::subscriber::set_default(log::Listener);
    let mut walk = Walk::default();
    walk.through_a_life().await;
    walk.through_damage().await;
    walk.through_failures().await;
    walk.through_sealed_sessions().await;
    walk.through_connections().await;
    walk.through_attempts().await;
    walk.through_forms_and_other_sites().await;
    walk.through_what_runs_beside().await;
    let lines = log::heard();

    // An operator is woken by errors: no client is to be able to do that.
    let refused: Vec<_> = lines
        .iter()
        .filter(|line| line.whole.contains("64 KiB"))
        .collect();
    assert!(
        !refused.is_empty() && refused.iter().all(|line| line.level == "debug"),
        "{refused:?}"
    );
    let secrets = walk.secrets();
    for line in &lines {
        for secret in &secrets {
            assert!(!line.whole.contains(secret), "{secret} is in {line:?}");
        }
        if let Some(session) = &line.session {
            assert!(walk.knows(session), "not the id of a session: {line:?}");
        }
    }
    let tellers: Vec<Teller<'_>> = EVENTS
        .split("\npub(crate) fn ")
        .skip(1)
        .map(Teller::read)
        .collect();
    assert!(tellers.len() > 30, "are they still written like this?");
    for teller in tellers {
        let said: Vec<Vec<&Line>> = teller
            .events
            .iter()
            .map(|event| lines.iter().filter(|line| line.is(event)).collect())
            .collect();
        assert!(
            said.iter().all(|lines| !lines.is_empty()),
            "not made to happen: {teller:?}"
        );
        let mut said = said.iter().flatten();
        let names_it = |line: &&Line| line.session.is_some();
        match teller.about {
            About::ASession => assert!(said.all(&names_it), "without a session: {teller:?}"),
            About::PerhapsOne => assert!(said.any(names_it), "without a session: {teller:?}"),
            About::None => {}
        }
    }
}

/// What tells events, as it is written in the source.
#[derive(Debug)]
struct Teller<'a> {
    about: About,
    /// Level and message of each.
    events: Vec<(&'a str, &'a str)>,
}

/// Whether it is told a session.
#[derive(Debug)]
enum About {
    ASession,
    PerhapsOne,
    None,
}

impl<'a> Teller<'a> {
    /// From what follows `fn`.
    fn read(source: &'a str) -> Self {
        let (signature, body) = source.split_once(" {\n").unwrap();
        let about = match signature {
            _ if signature.contains(": Id") => About::ASession,
            _ if signature.contains(": Option<Id>") => About::PerhapsOne,
            _ => About::None,
        };
        let body = body.split("\n}\n").next().unwrap();
        let event = |call: &'a str| {
            let (level, call) = call.split_once("!(")?;
            let message = call.split(");").next()?.split('"').skip(1).step_by(2).last()?;
            Some((level, message))
        };
        Self {
            about,
            events: body.split("tracing::").filter_map(event).collect(),
        }
    }
}
