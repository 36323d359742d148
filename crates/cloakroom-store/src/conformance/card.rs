//! The capability card agrees with behaviour.

use std::fmt::Debug;
use std::num::NonZeroUsize;

use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, all_of, id, places};
use super::rule::{Rule, rules};
use crate::{Cap, Count, Error, ErrorKind, Expect, List, Query, Revoke, Revoked, Scope, Store, Write};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        the_card_is_always_the_same,
        what_the_card_withdraws_is_unsupported,
        a_ping_answers,
    ]
}

async fn the_card_is_always_the_same(store: Fixture) -> Held {
    let name = store.card.name;
    ensure(
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()),
        || format!("the name: expected one lower-case word, found {name:?}"),
    )?;
    store.create(id(1), &store.record_of("alice", 0)).await?;
    same("the card", &store.card, &store.store.capabilities())
}

async fn what_the_card_withdraws_is_unsupported(store: Fixture) -> Held {
    if !store.card.lists {
        listing_is_unsupported(&store).await?;
    }
    if !store.card.revokes_by_principal {
        caps_are_unsupported(&store).await?;
        revoking_is_unsupported(&store).await?;
    }
    Ok(())
}

async fn a_ping_answers(store: Fixture) -> Held {
    store.store.ping().await.map_err(Failure::from)
}

/// Holds when listing and counting are refused.
pub(super) async fn listing_is_unsupported(store: &Fixture) -> Held {
    let limit = NonZeroUsize::MIN;
    let list = List::new(store.namespace.clone(), Query::default(), limit);
    unsupported("a listing", &store.store.list(list).await)?;
    let count = Count::new(store.namespace.clone(), Query::default());
    unsupported("a count", &store.store.count(count).await)
}

/// Holds when revoking by principal is refused, and revoking everyone is refused or done.
pub(super) async fn revoking_is_unsupported(store: &Fixture) -> Held {
    let store = store.nested("-revoking");
    let record = store.record_of("alice", 0);
    let revision = store.create(id(1), &record).await?;
    let revoke = Revoke::new(store.namespace.clone(), all_of("alice"));
    unsupported("a revocation by principal", &store.store.revoke(revoke).await)?;
    store.keeps(id(1), revision, &record).await?;
    let begun_before = store.in_hours(1);
    let revoke = Revoke::new(store.namespace.clone(), Scope::Everyone { begun_before });
    match store.store.revoke(revoke).await {
        Ok(answer) => {
            same("a revocation of everyone", &Revoked::new(1, false), &answer)?;
            store.keeps_nothing(id(1)).await
        }
        refused => {
            unsupported("a revocation of everyone", &refused)?;
            store.keeps(id(1), revision, &record).await
        }
    }
}

/// Holds when a write under a cap is refused, and changes nothing.
pub(super) async fn caps_are_unsupported(store: &Fixture) -> Held {
    let store = store.nested("-capped");
    let anonymous = store.record("anonymous");
    let revision = store.create(id(1), &anonymous).await?;
    for cap in [Cap::Refuse(places(1)), Cap::EndOldest(places(1))] {
        for (n, expect) in [(1, Expect::Revision(revision)), (2, Expect::Absent)] {
            let record = store.record_of("alice", 0);
            let write = Write::new(store.namespace.clone(), id(n), expect, record);
            let answer = store.store.write(write.with_cap(cap, store.now)).await;
            unsupported("a write under a cap", &answer)?;
        }
    }
    store.keeps(id(1), revision, &anonymous).await?;
    store.keeps_nothing(id(2)).await
}

fn unsupported<T: Debug>(what: &str, answer: &Result<T, Error>) -> Held {
    let kind = answer.as_ref().map_err(Error::kind);
    ensure(matches!(kind, Err(ErrorKind::Unsupported)), || {
        format!("{what}: expected the error Unsupported as the card says, found {answer:?}")
    })
}
