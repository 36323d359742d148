//! Queries: each condition filters as [`Query::matches`] says, and a count agrees.

use std::collections::{BTreeMap, BTreeSet};

use super::card;
use super::failure::{Failure, Held, same};
use super::fixture::{Fixture, id, principal};
use super::rule::{Rule, rules};
use crate::{Entry, Id, Label, Query, Timestamp};

pub(super) fn rules() -> Vec<Rule> {
    rules![every_condition_of_a_query_filters, a_count_agrees_with_the_query,]
}

async fn every_condition_of_a_query_filters(store: Fixture) -> Held {
    if !store.card.lists {
        return card::listing_is_unsupported(&store).await;
    }
    let kept = fill(&store).await?;
    for query in queries(&store) {
        let found = store.entries(&query, 7).await?;
        same(
            format!("what {query:?} finds"),
            &matching(&kept, &query),
            &found.into_keys().collect(),
        )?;
    }
    Ok(())
}

async fn a_count_agrees_with_the_query(store: Fixture) -> Held {
    if !store.card.lists {
        return card::listing_is_unsupported(&store).await;
    }
    let nothing = store.count(&Query::default()).await?;
    same("a count of nothing", &0, &nothing)?;
    let kept = fill(&store).await?;
    for query in queries(&store) {
        let expected = matching(&kept, &query).len() as u64;
        let found = store.count(&query).await?;
        same(format!("the count of {query:?}"), &expected, &found)?;
    }
    Ok(())
}

const LABELS: [Option<&str>; 10] = [
    None,
    Some(""),
    Some("Firefox on Linux"),
    Some("firefox on linux"),
    Some("100% safe_mode \\ *"),
    Some("O'Brien \"the phone\""),
    Some("Straße 🧥"),
    Some("a\0b\nc"),
    Some("Firefox  on  Linux "),
    Some("[a-z]?"),
];

/// Sessions that differ in every field a query asks for.
async fn fill(store: &Fixture) -> Result<BTreeMap<Id, Entry>, Failure> {
    let owners = [None, Some("alice"), Some("bob"), Some("Alice")];
    let mut kept = BTreeMap::new();
    for n in 0..20 {
        let mut record = store
            .record("kept")
            .with_principal(owners[n % 4].map(principal))
            .with_last_seen(store.in_hours(n as u64 % 6))
            .with_label(LABELS[n % 10].map(Label::new));
        record.created = store.in_hours(n as u64 % 5);
        record.expires = store.in_hours(24 + n as u64 % 7);
        let revision = store.create(id(n), &record).await?;
        kept.insert(id(n), Entry::new(id(n), revision, &record));
    }
    Ok(kept)
}

/// Every condition alone, at its edges, and all together.
fn queries(store: &Fixture) -> Vec<Query> {
    let query = Query::default;
    let mut queries = vec![query()];
    queries.extend(
        ["alice", "bob", "Alice", "ALICE", "alice ", "%", "nobody"]
            .map(|who| query().principal(principal(who))),
    );
    for moment in [0, 2, 3, 24, 26, 27, 100].map(|hours| store.in_hours(hours)) {
        queries.extend([
            query().created_before(moment),
            query().seen_before(moment),
            query().live_at(moment),
        ]);
    }
    for moment in [Timestamp::from_unix_millis(0), Timestamp::MAX] {
        queries.extend([
            query().created_before(moment),
            query().seen_before(moment),
            query().live_at(moment),
        ]);
    }
    for text in [
        "",
        "Firefox",
        "firefox",
        "%",
        "_",
        "\\",
        "*",
        "'",
        "\"",
        "ß",
        "ss",
        "🧥",
        "\0",
        "\n",
        " ",
        "[a-z]",
        "Firefox%Linux",
    ] {
        queries.push(query().label_contains(text));
    }
    let all = query()
        .principal(principal("bob"))
        .created_before(store.in_hours(4))
        .seen_before(store.in_hours(5))
        .live_at(store.in_hours(25))
        .label_contains("Fire");
    queries.push(all);
    queries
}

fn matching(kept: &BTreeMap<Id, Entry>, query: &Query) -> BTreeSet<Id> {
    let matching = kept.values().filter(|entry| query.matches(entry));
    matching.map(|entry| entry.id).collect()
}
