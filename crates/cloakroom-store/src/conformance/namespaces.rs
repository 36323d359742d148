//! Namespaces in one store never meet.

use std::collections::BTreeSet;

use super::failure::{Held, same};
use super::fixture::{Fixture, all_of, applied, id, places, principal};
use super::rule::{Rule, rules};
use crate::{Cap, Deleted, Expect, Owner, Query, Revoked, Scope, Touched, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        what_one_namespace_keeps_is_nowhere_in_another,
        ending_in_one_namespace_ends_nothing_in_another,
        one_id_is_another_session_in_another_namespace,
        namespaces_that_look_alike_are_different,
        a_namespace_and_a_principal_never_read_as_another_pair,
    ]
}

async fn what_one_namespace_keeps_is_nowhere_in_another(store: Fixture) -> Held {
    let other = store.nested("-other");
    let revision = store.create(id(1), &store.record_of("alice", 0)).await?;
    other.keeps_nothing(id(1)).await?;
    let expect = Expect::Revision(revision);
    let written = other.write(id(1), expect, store.record("strange")).await?;
    same("a write in another namespace", &Written::Refused, &written)?;
    let touched = other
        .touch(id(1), revision, store.in_hours(1), store.in_hours(48))
        .await?;
    same("a touch in another namespace", &Touched::Refused, &touched)?;
    let deleted = other.delete(id(1), Owner::Any).await?;
    same("a delete in another namespace", &Deleted::Missing, &deleted)?;
    if store.card.lists {
        for query in [Query::default(), Query::default().principal(principal("alice"))] {
            let found = other.entries(&query, 10).await?;
            same("a listing of another namespace", &0, &found.len())?;
            same("a count of another namespace", &0, &other.count(&query).await?)?;
        }
    }
    if store.card.revokes_by_principal {
        let record = store.record_of("alice", 1);
        let cap = Cap::Refuse(places(1));
        let written = other.write_capped(id(2), Expect::Absent, record, cap).await?;
        applied(written).map_err(|failure| failure.during("under a cap, in another namespace"))?;
    }
    store.keeps(id(1), revision, &store.record_of("alice", 0)).await
}

async fn ending_in_one_namespace_ends_nothing_in_another(store: Fixture) -> Held {
    let other = store.nested("-other");
    let record = store.record_of("alice", 0);
    let revision = store.create(id(1), &record).await?;
    if store.card.revokes_by_principal {
        let begun_before = store.in_hours(1);
        for scope in [all_of("alice"), Scope::Everyone { begun_before }] {
            let answer = other.revoke(scope).await?;
            let nobody = Revoked::new(0, false);
            same("a revocation in another namespace", &nobody, &answer)?;
        }
        let cap = Cap::EndOldest(places(1));
        let written = other
            .write_capped(id(2), Expect::Absent, record.clone(), cap)
            .await?;
        applied(written).map_err(|failure| failure.during("under a cap, in another namespace"))?;
    }
    let swept = other.sweep(store.in_hours(100), 100).await?;
    let expected = u64::from(store.card.revokes_by_principal && !store.card.expires_by_itself);
    if !store.card.expires_by_itself {
        same("a sweep in another namespace", &expected, &swept.removed)?;
    }
    store.keeps(id(1), revision, &record).await
}

async fn one_id_is_another_session_in_another_namespace(store: Fixture) -> Held {
    let other = store.nested("-other");
    let (here, there) = (store.record_of("alice", 0), store.record_of("bob", 1));
    let first = store.create(id(1), &here).await?;
    let second = other.create(id(1), &there).await?;
    store.keeps(id(1), first, &here).await?;
    other.keeps(id(1), second, &there).await?;
    same(
        "a delete in one",
        &Deleted::Ended,
        &other.delete(id(1), Owner::Any).await?,
    )?;
    other.keeps_nothing(id(1)).await?;
    store.keeps(id(1), first, &here).await
}

async fn namespaces_that_look_alike_are_different(store: Fixture) -> Held {
    let longest = 128 - store.namespace.as_str().len();
    let mut names: Vec<String> = [
        "", "a", "A", "a:", "a::", "a:b", "a/b", "a|b", "a.b", "a-b", "a_b", "a*", "*", "?", "[a]", "a?",
        "\\", "\\*", "'", "\"", "`", "--", ";", "a,b", "a+b", "$1", "&", "<a>", "#", "^", "~", "@",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("x".repeat(longest));
    names.push(format!("{}y", "x".repeat(longest - 1)));
    names.push("x".repeat(longest - 1));
    let alike: Vec<_> = names.iter().map(|name| store.nested(name)).collect();
    let mut revisions = Vec::new();
    for (n, namespace) in alike.iter().enumerate() {
        let record = store.record_of("alice", n as u64);
        revisions.push(namespace.create(id(1), &record).await?);
    }
    for (n, namespace) in alike.iter().enumerate() {
        let name = &namespace.namespace;
        let record = store.record_of("alice", n as u64);
        namespace.keeps(id(1), revisions[n], &record).await?;
        if store.card.lists {
            let found = namespace.count(&Query::default()).await?;
            same(format!("the count in {name}"), &1, &found)?;
            let found = namespace.listed("alice").await?;
            same(format!("the listing in {name}"), &BTreeSet::from([id(1)]), &found)?;
        }
        if store.card.revokes_by_principal {
            let begun_before = store.in_hours(1);
            let scope = [all_of("alice"), Scope::Everyone { begun_before }][n % 2].clone();
            let answer = namespace.revoke(scope).await?;
            same(format!("revoking in {name}"), &Revoked::new(1, false), &answer)?;
        }
    }
    Ok(())
}

async fn a_namespace_and_a_principal_never_read_as_another_pair(store: Fixture) -> Held {
    // Put together with any of these between them, both pairs would be one key.
    for (n, between) in [":", "/", "|", ".", "-", "_", ",", ";", "#"]
        .into_iter()
        .enumerate()
    {
        let session = id(n);
        let short = store.nested(format!("{between}a"));
        let long = store.nested(format!("{between}a{between}b"));
        let (of_short, of_long) = (format!("b{between}alice"), "alice");
        let record = store.record_of(&of_short, 0);
        let revision = short.create(session, &record).await?;
        long.create(session, &store.record_of(of_long, 0)).await?;
        if store.card.lists {
            let own = BTreeSet::from([session]);
            same("the listing in one", &own, &short.listed(&of_short).await?)?;
            same("the listing in the other", &own, &long.listed(of_long).await?)?;
        }
        if store.card.revokes_by_principal {
            let answer = long.revoke(all_of(of_long)).await?;
            same("revoking in the other", &Revoked::new(1, false), &answer)?;
        } else {
            let answer = long.delete(session, Owner::Any).await?;
            same("a delete in the other", &Deleted::Ended, &answer)?;
        }
        short.keeps(session, revision, &record).await?;
    }
    Ok(())
}
