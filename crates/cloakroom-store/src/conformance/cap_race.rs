//! The cap under racing sign-ins: exact, whoever is faster.

use std::collections::BTreeSet;

use super::card;
use super::failure::{Failure, Held, same};
use super::fixture::{Fixture, ended, id, places};
use super::rule::{Rule, rules};
use crate::{Cap, Expect, Id, Revision, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_refusing_cap_is_exact_under_racing_sign_ins,
        ending_the_oldest_is_exact_under_racing_sign_ins,
    ]
}

/// How many sign-ins race.
const SIGN_INS: usize = 100;
/// How many sessions the cap leaves.
const PLACES: u32 = 7;

async fn a_refusing_cap_is_exact_under_racing_sign_ins(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    for round in 0..2 {
        let store = store.nested(format!("-{round}"));
        let begun = begin_half(&store).await?;
        let answers = sign_in_all(&store, round, begun, Cap::Refuse(places(PLACES))).await?;
        let mut signed_in = BTreeSet::new();
        for (session, written) in answers {
            match written {
                Written::Applied { .. } => {
                    signed_in.insert(session);
                }
                other => same("the sign-ins over the cap", &Written::AtCap, &other)?,
            }
        }
        same("how many were signed in", &(PLACES as usize), &signed_in.len())?;
        let hers = sessions_of_alice(&store).await?;
        same("whose sessions they are", &signed_in, &hers)?;
    }
    Ok(())
}

async fn ending_the_oldest_is_exact_under_racing_sign_ins(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    for round in 0..2 {
        let store = store.nested(format!("-{round}"));
        let begun = begin_half(&store).await?;
        let answers = sign_in_all(&store, round, begun, Cap::EndOldest(places(PLACES))).await?;
        let mut gone = Vec::new();
        for (_, written) in answers {
            gone.extend(ended(written)?);
        }
        let live = sessions_of_alice(&store).await?;
        same("how many are left", &(PLACES as usize), &live.len())?;
        let excess = SIGN_INS - PLACES as usize;
        same("how many were reported as ended", &excess, &gone.len())?;
        let gone: BTreeSet<_> = gone.into_iter().collect();
        let missing: BTreeSet<_> = (0..SIGN_INS).map(id).filter(|id| !live.contains(id)).collect();
        same("who was reported as ended", &missing, &gone)?;
    }
    Ok(())
}

/// Begins every other session anonymously, so that creations and sign-ins of what exists race.
async fn begin_half(store: &Fixture) -> Result<Vec<Option<Revision>>, Failure> {
    let mut begun = Vec::with_capacity(SIGN_INS);
    for n in 0..SIGN_INS {
        begun.push(if n % 2 == 0 {
            Some(store.create(id(n), &store.record("anonymous")).await?)
        } else {
            None
        });
    }
    Ok(begun)
}

async fn sign_in_all(
    store: &Fixture,
    round: usize,
    begun: Vec<Option<Revision>>,
    cap: Cap,
) -> Result<Vec<(Id, Written)>, Failure> {
    store
        .race(round, begun.len(), |store, n| {
            let expect = begun[n].map_or(Expect::Absent, Expect::Revision);
            async move {
                let record = store.record_of("alice", n as u64);
                let written = store.write_capped(id(n), expect, record, cap).await?;
                Ok((id(n), written))
            }
        })
        .await
}

/// Which sessions are alice's: by their records, and where the store lists, by its index too.
async fn sessions_of_alice(store: &Fixture) -> Result<BTreeSet<Id>, Failure> {
    let mut hers = BTreeSet::new();
    for n in 0..SIGN_INS {
        let found = store.load(id(n)).await?;
        if found.is_some_and(|stored| stored.record.principal.is_some()) {
            hers.insert(id(n));
        }
    }
    if store.card.lists {
        same("alice's listed sessions", &hers, &store.listed("alice").await?)?;
    }
    Ok(hers)
}
