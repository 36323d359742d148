//! Hostile text and bytes in every field: kept as they are, and never taken for one another.

use std::collections::BTreeSet;

use super::failure::{Held, same};
use super::fixture::{Fixture, all_of, applied, id, places, principal};
use super::rule::{Rule, rules};
use crate::{Cap, Deleted, Expect, Id, Label, Owner, Principal, Query, Revoked};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        hostile_principals_are_kept_as_they_are,
        principals_that_look_alike_are_different,
        hostile_labels_are_kept_as_they_are,
        hostile_ids_are_different_sessions,
        a_body_of_every_byte_is_kept,
    ]
}

/// Text that means something to a query language, a key pattern, a collation or a C string.
fn hostile_text() -> Vec<String> {
    let mut texts: Vec<String> = [
        "a",
        "A",
        "a ",
        " a",
        "a  ",
        "a\0",
        "a\0b",
        "\0",
        "\0\0",
        " ",
        "a\n",
        "a\r\n",
        "a\tb",
        "'",
        "''",
        "\"",
        "`",
        "' OR '1'='1",
        "'; DROP TABLE sessions; --",
        "\\",
        "\\'",
        "\\0",
        "%",
        "_",
        "a%",
        "a_",
        "*",
        "a*",
        "?",
        "[a]",
        "{a}",
        ":",
        "a:b",
        "/",
        "../a",
        "|",
        ",",
        ";",
        "null",
        "NULL",
        "0",
        "é",
        "e\u{301}",
        "É",
        "ß",
        "ss",
        "ﬁ",
        "fi",
        "ａ",
        "İ",
        "i\u{307}",
        "\u{200b}",
        "\u{feff}a",
        "🧥",
        "👩‍👩‍👧",
        "\u{10ffff}",
        "\u{1}\u{1f}\u{7f}\u{80}\u{ffff}",
    ]
    .map(str::to_owned)
    .to_vec();
    // As long as it may be, and different only at the end.
    texts.push("x".repeat(255));
    texts.push(format!("{}y", "x".repeat(254)));
    texts.push("x".repeat(254));
    texts.push("é".repeat(127));
    texts.push("\0".repeat(255));
    texts
}

async fn hostile_principals_are_kept_as_they_are(store: Fixture) -> Held {
    for (n, who) in hostile_text().iter().enumerate() {
        let record = store.record_of(who, n as u64);
        let revision = store.create(id(n), &record).await?;
        store.keeps(id(n), revision, &record).await?;
    }
    Ok(())
}

async fn principals_that_look_alike_are_different(store: Fixture) -> Held {
    let everybody = hostile_text();
    let cap = match store.card.revokes_by_principal {
        // One place each: who is taken for another finds it taken.
        true => Cap::Refuse(places(1)),
        false => Cap::None,
    };
    for (n, who) in everybody.iter().enumerate() {
        let record = store.record_of(who, n as u64);
        let written = store.write_capped(id(n), Expect::Absent, record, cap).await?;
        applied(written).map_err(|failure| failure.during(format!("the first session of {who:?}")))?;
    }
    for (n, who) in everybody.iter().enumerate() {
        if store.card.lists {
            let own: BTreeSet<_> = [id(n)].into();
            same(format!("sessions of {who:?}"), &own, &store.listed(who).await?)?;
            let count = store.count(&Query::default().principal(principal(who))).await?;
            same(format!("the count of {who:?}"), &1, &count)?;
        }
        let next = &everybody[(n + 1) % everybody.len()];
        let owner = Owner::Is(Some(principal(next)));
        let answer = store.delete(id(n), owner).await?;
        same(
            format!("a delete by {next:?} of a session of {who:?}"),
            &Deleted::NotOwner,
            &answer,
        )?;
    }
    if !store.card.revokes_by_principal {
        return Ok(());
    }
    for (n, who) in everybody.iter().enumerate() {
        let answer = store.revoke(all_of(who)).await?;
        same(format!("revoking {who:?}"), &Revoked::new(1, false), &answer)?;
        store.keeps_nothing(id(n)).await?;
    }
    Ok(())
}

async fn hostile_labels_are_kept_as_they_are(store: Fixture) -> Held {
    let mut labels = hostile_text();
    labels.push(String::new());
    for (n, text) in labels.iter().enumerate() {
        let record = store.record("labelled").with_label(Some(Label::new(text)));
        let revision = store.create(id(n), &record).await?;
        store.keeps(id(n), revision, &record).await?;
    }
    if !store.card.lists {
        return Ok(());
    }
    let listed = store.entries(&Query::default(), 20).await?;
    for (n, text) in labels.iter().enumerate() {
        let label = listed.get(&id(n)).and_then(|entry| entry.label.as_ref());
        same("a listed label", &Some(text.as_str()), &label.map(Label::as_str))?;
        let found = store
            .entries(&Query::default().label_contains(text.clone()), 20)
            .await?;
        let containing: BTreeSet<_> = (0..labels.len())
            .filter(|n| labels[*n].contains(text.as_str()))
            .map(id)
            .collect();
        same(
            format!("labels that contain {text:?}"),
            &containing,
            &found.into_keys().collect(),
        )?;
    }
    Ok(())
}

async fn hostile_ids_are_different_sessions(store: Fixture) -> Held {
    let mut ids: Vec<Id> = [0x00, 0xff, b'\n', b'\'', b'%', b'0', 0x80, 0x7f]
        .map(|byte| Id::from_bytes([byte; Id::LEN]))
        .to_vec();
    // Next to each other, and equal but for one end or the case of a letter.
    for (at, byte) in [(0, 1), (15, 1), (15, 2), (7, 0xff), (15, b'a'), (15, b'A')] {
        let mut bytes = [0; Id::LEN];
        bytes[at] = byte;
        ids.push(Id::from_bytes(bytes));
    }
    let mut kept = Vec::new();
    for (n, session) in ids.iter().enumerate() {
        let record = store.record([n as u8]).with_principal(Some(principal("alice")));
        kept.push((*session, store.create(*session, &record).await?, record));
    }
    for (session, revision, record) in &kept {
        store.keeps(*session, *revision, record).await?;
    }
    if store.card.lists {
        let listed = store.listed("alice").await?;
        same("the listed ids", &ids.iter().copied().collect(), &listed)?;
    }
    while let Some((session, ..)) = kept.pop() {
        let owner = Owner::Is(Principal::new("alice").ok());
        let answer = store.delete(session, owner).await?;
        same("a delete", &Deleted::Ended, &answer)?;
        store.keeps_nothing(session).await?;
        for (session, revision, record) in &kept {
            store.keeps(*session, *revision, record).await?;
        }
    }
    Ok(())
}

async fn a_body_of_every_byte_is_kept(store: Fixture) -> Held {
    let every: Vec<u8> = (0..=255).collect();
    let bodies = [
        vec![],
        vec![0],
        vec![0; 1000],
        vec![0xff; 1000],
        b"\r\n".repeat(50),
        every.repeat(8),
        every.iter().rev().copied().collect(),
    ];
    for (n, body) in bodies.iter().enumerate() {
        let record = store.record(body);
        let revision = store.create(id(n), &record).await?;
        store.keeps(id(n), revision, &record).await?;
    }
    // Shorter and longer over one another: nothing of the body before is left.
    let mut revision = store.create(id(100), &store.record("first")).await?;
    for body in bodies.iter().chain(bodies.iter().rev()) {
        let record = store.record(body);
        revision = store.rewrite(id(100), revision, &record).await?;
        store.keeps(id(100), revision, &record).await?;
    }
    Ok(())
}
