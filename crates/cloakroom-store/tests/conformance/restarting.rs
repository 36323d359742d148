//! Stores that are killed: one that keeps what its card says, and some that do not.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Page, Revoke, Revoked, Store, Stored, Sweep,
    Swept, Touch, Touched, Write, Written,
    conformance::{self, Restarts},
};

use crate::reference::{Reference, Rows};

/// What a restart does to what was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    BringsBackTheEnded,
    EmptiesBodies,
    ForgetsPrincipals,
    HalvesTouches,
    LosesNothing,
    LosesRewrites,
    NumbersAgain,
}

/// The reference store beside a copy of what it keeps, as on a disk: the copy is what a restart finds.
struct Disk {
    reference: Reference,
    copy: Arc<Mutex<Rows>>,
    loss: Loss,
}

impl Disk {
    fn open(copy: &Arc<Mutex<Rows>>, loss: Loss) -> Self {
        let mut rows = copy.lock().unwrap_or_else(PoisonError::into_inner);
        if loss == Loss::NumbersAgain {
            rows.minted = 0;
        }
        for stored in rows.kept.values_mut().flat_map(|sessions| sessions.values_mut()) {
            match loss {
                Loss::EmptiesBodies => stored.record.body = [].into(),
                Loss::ForgetsPrincipals => stored.record.principal = None,
                _ => {}
            }
        }
        let reference = Reference::default();
        *reference.rows() = rows.clone();
        Self {
            reference,
            copy: Arc::clone(copy),
            loss,
        }
    }

    /// Brings the copy up to date, but for what is lost.
    fn save(&self) {
        let mut live = self.reference.rows().clone();
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        for (namespace, before) in &copy.kept {
            let sessions = live.sessions(namespace);
            for (id, old) in before {
                match (self.loss, sessions.get_mut(id)) {
                    (Loss::BringsBackTheEnded, None) => {
                        sessions.insert(*id, old.clone());
                    }
                    (Loss::LosesRewrites, Some(new)) => *new = old.clone(),
                    (Loss::HalvesTouches, Some(new)) => new.record.expires = old.record.expires,
                    _ => {}
                }
            }
        }
        *copy = live;
    }
}

impl Store for Disk {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.reference.load(request).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        let answer = self.reference.write(request).await;
        self.save();
        answer
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        let answer = self.reference.touch(request).await;
        self.save();
        answer
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        let answer = self.reference.delete(request).await;
        self.save();
        answer
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.reference.list(request).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        self.reference.count(request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        let answer = self.reference.revoke(request).await;
        self.save();
        answer
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        let answer = self.reference.sweep(request).await;
        self.save();
        answer
    }

    async fn ping(&self) -> Result<(), Error> {
        self.reference.ping().await
    }

    fn capabilities(&self) -> Capabilities {
        Reference::CARD.survives_restart(true)
    }
}

fn restarts(loss: Loss) -> Restarts {
    let copy = Arc::default();
    Restarts::new(move || std::future::ready(Disk::open(&copy, loss)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_keeps_everything_survives() {
    conformance::run(Disk::open(&Arc::default(), Loss::LosesNothing)).await;
    conformance::run_restarts(restarts(Loss::LosesNothing)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_promises_nothing_need_not_survive() {
    let restarts = Restarts::new(|| std::future::ready(Reference::default()));
    conformance::run_restarts(restarts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_loss_breaks_the_rule_it_should() {
    let caught = [
        (Loss::EmptiesBodies, "a_restarted_store_works"),
        (Loss::LosesRewrites, "an_answered_write_survives_a_restart"),
        (
            Loss::BringsBackTheEnded,
            "what_was_ended_stays_dead_over_a_restart",
        ),
        (Loss::NumbersAgain, "no_revision_comes_again_after_a_restart"),
        (
            Loss::ForgetsPrincipals,
            "the_index_survives_a_restart_with_the_records",
        ),
        (
            Loss::HalvesTouches,
            "a_touch_survives_a_restart_whole_or_not_at_all",
        ),
    ];
    let rules = conformance::restart_rules();
    for (loss, name) in caught {
        let rule = rules.iter().find(|rule| rule.name() == name);
        let checked = rule.expect("the rule is there").check(restarts(loss)).await;
        assert!(checked.is_err(), "{loss:?} does not break {name}");
    }
    let names: BTreeSet<_> = rules.iter().map(|rule| rule.name()).collect();
    assert_eq!(names, caught.map(|(_, name)| name).into());
}
