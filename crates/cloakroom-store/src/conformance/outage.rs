//! Stores with a server: an outage is an error in bounded time, and the store recovers from it.

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, all_of, id, principal};
use super::rule::Rule;
use crate::{
    AnyCounters, AnyMarks, AnyStore, Count, Counters, Delete, Deleted, Error, ErrorKind, Expect, Id, List,
    Load, Marks, Owner, Query, Record, Revision, Revoke, Store, Sweep, Timestamp, Touch, Write,
};

type Doing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the suite does to the server of a store.
// Complete: it is there, gone, or there and silent, and back from either.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Kill it: connections break and new ones are refused.
    Stop,
    /// Start it again, and return when it takes connections.
    Start,
    /// Freeze it: connections stay and new ones may be taken, but nothing is answered.
    Pause,
    /// Let it go on.
    Resume,
}

/// A store and its server, which the suite can take away and give back.
#[derive(Clone)]
pub struct Outages {
    pub(super) store: AnyStore,
    /// Where it keeps marks, too.
    pub(super) marks: Option<AnyMarks>,
    /// Where it counts, too.
    pub(super) counters: Option<AnyCounters>,
    pub(super) bound: Duration,
    server: Arc<dyn Fn(Outage) -> Doing + Send + Sync>,
}

impl Outages {
    /// A store every verb of which answers within `bound`, and what does an outage to its server.
    ///
    /// Starting a server that runs, and resuming one that is not paused, must do nothing: the suite does
    /// both around every rule, so that a broken one does not take the server away from the next. Nobody else
    /// should use the server meanwhile.
    pub fn new<Does, Done>(store: impl Store, bound: Duration, server: Does) -> Self
    where
        Does: Fn(Outage) -> Done + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        Self {
            store: AnyStore::new(store),
            marks: None,
            counters: None,
            bound,
            server: Arc::new(move |outage| Box::pin(server(outage))),
        }
    }

    /// Also asks these marks, which are kept on the same server, within the same bound.
    #[must_use]
    pub fn and_marks(mut self, marks: impl Marks) -> Self {
        self.marks = Some(AnyMarks::new(marks));
        self
    }

    /// Also asks these counters, which are kept on the same server, within the same bound.
    #[must_use]
    pub fn and_counters(mut self, counters: impl Counters) -> Self {
        self.counters = Some(AnyCounters::new(counters));
        self
    }

    pub(super) async fn server(&self, outage: Outage) {
        (self.server)(outage).await;
    }

    /// Gives the server back, whatever was done to it.
    pub(super) async fn restore(&self) {
        self.server(Outage::Resume).await;
        self.server(Outage::Start).await;
    }

    /// Waits until the store answers again: on every connection it may have kept, so many at once.
    pub(super) async fn recovered(&self, store: &Fixture) -> Held {
        let begun = Instant::now();
        let mut asking = interval(Duration::from_millis(20));
        asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            asking.tick().await;
            let pinged = matches!(timeout(self.bound, self.store.ping()).await, Ok(Ok(())));
            let load = |store: Fixture, n| async move { store.load(id(n)).await };
            let loads = timeout(self.bound, store.race(0, 16, load));
            if pinged && matches!(loads.await, Ok(Ok(_))) {
                return Ok(());
            }
            ensure(begun.elapsed() < RECOVERY, || {
                format!(
                    "after the outage: expected the store to answer within {RECOVERY:?}, found it did not"
                )
            })?;
        }
    }
}

impl Outages {
    /// Waits until this is answered, whatever the answer.
    pub(super) async fn answers<T, Asking>(&self, ask: impl Fn() -> Asking) -> Held
    where
        Asking: Future<Output = Result<T, Failure>>,
    {
        let begun = Instant::now();
        let mut asking = interval(Duration::from_millis(20));
        asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            asking.tick().await;
            if matches!(timeout(self.bound, ask()).await, Ok(Ok(_))) {
                return Ok(());
            }
            ensure(begun.elapsed() < RECOVERY, || {
                format!("expected an answer within {RECOVERY:?}, found none")
            })?;
        }
    }
}

/// How long a store may take to find its server again.
const RECOVERY: Duration = Duration::from_secs(30);

impl fmt::Debug for Outages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outages")
            .field("store", &self.store)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

pub(super) fn rules() -> Vec<Rule<Outages>> {
    vec![
        Rule::under_outages(
            "a_stopped_server_is_an_error_in_bounded_time",
            a_stopped_server_is_an_error_in_bounded_time,
        ),
        Rule::under_outages(
            "a_paused_server_is_an_error_in_bounded_time",
            a_paused_server_is_an_error_in_bounded_time,
        ),
    ]
}

impl Rule<Outages> {
    /// A rule after which, and before which, the server is there.
    pub(super) fn under_outages<F, Checking>(name: &'static str, body: F) -> Self
    where
        F: Fn(Outages) -> Checking + Clone + Send + Sync + 'static,
        Checking: Future<Output = Held> + Send + 'static,
    {
        Self::new(name, move |outages: Outages| {
            let body = body.clone();
            async move {
                outages.restore().await;
                let held = body(outages.clone()).await;
                outages.restore().await;
                held
            }
        })
    }
}

async fn a_stopped_server_is_an_error_in_bounded_time(outages: Outages) -> Held {
    errors_while(&outages, Outage::Stop, Outage::Start).await
}

async fn a_paused_server_is_an_error_in_bounded_time(outages: Outages) -> Held {
    errors_while(&outages, Outage::Pause, Outage::Resume).await
}

/// Asks everything while the server is away, then looks at what is there when it is back.
async fn errors_while(outages: &Outages, away: Outage, back: Outage) -> Held {
    let store = Fixture::new(outages.store.clone());
    outages.recovered(&store).await?;
    let before = store.record_of("alice", 0);
    let mut revisions = Vec::new();
    for n in 0..6 {
        revisions.push(store.create(id(n), &before).await?);
    }
    let after = store.record_of("bob", 1);
    outages.server(away).await;
    everything_is_an_error(outages, &store, &revisions, &after).await?;
    outages.server(back).await;
    outages.recovered(&store).await?;
    // What was asked may have reached the server after all, but nothing else has happened.
    let mut touched = before.clone().with_last_seen(store.in_hours(1));
    touched.expires = store.in_hours(48);
    let lost = away == Outage::Stop && !store.card.survives_restart;
    let left: [(usize, &[Option<&Record>]); 6] = [
        (0, &[Some(&before)]),
        (1, &[Some(&before), Some(&after)]),
        (2, &[Some(&before), Some(&touched)]),
        (3, &[Some(&before), None]),
        (4, &[Some(&before)]),
        (9, &[Some(&after), None]),
    ];
    for (n, allowed) in left {
        is_one_of(&store, id(n), allowed, lost).await?;
    }
    works(&store.nested("-afterwards")).await
}

/// Holds when every verb that the card promises answers an error within the bound, and none an absence.
async fn everything_is_an_error(
    outages: &Outages,
    fixture: &Fixture,
    revisions: &[Revision],
    after: &Record,
) -> Held {
    let Fixture {
        store,
        namespace,
        card,
        ..
    } = fixture;
    let namespace = || namespace.clone();
    let owner = Owner::Is(Some(principal("alice")));
    let (seen, expires) = (fixture.in_hours(1), fixture.in_hours(48));
    let rewrite = Write::new(namespace(), id(1), Expect::Revision(revisions[1]), after.clone());
    let create = Write::new(namespace(), id(9), Expect::Absent, after.clone());
    let touch = Touch::new(namespace(), id(2), revisions[2], seen, expires);
    let sweep = Sweep::new(namespace(), Timestamp::default(), NonZeroUsize::MIN);
    let fails = Fails(outages.bound);
    fails
        .within("a load", store.load(Load::new(namespace(), id(0))))
        .await?;
    fails
        .within("a load of nothing", store.load(Load::new(namespace(), id(7))))
        .await?;
    fails.within("a write", store.write(rewrite)).await?;
    fails.within("a create", store.write(create)).await?;
    fails.within("a touch", store.touch(touch)).await?;
    fails
        .within("a delete", store.delete(Delete::new(namespace(), id(3), owner)))
        .await?;
    fails.within("a ping", store.ping()).await?;
    if !card.expires_by_itself {
        fails.within("a sweep", store.sweep(sweep)).await?;
    }
    if card.lists {
        let list = List::new(namespace(), Query::default(), NonZeroUsize::MIN);
        fails.within("a listing", store.list(list)).await?;
        let count = Count::new(namespace(), Query::default());
        fails.within("a count", store.count(count)).await?;
    }
    if card.revokes_by_principal {
        let revoke = Revoke::new(namespace(), all_of("nobody here"));
        fails.within("a revocation", store.revoke(revoke)).await?;
    }
    Ok(())
}

/// How long a verb may take to answer that the store is away.
pub(super) struct Fails(pub(super) Duration);

impl Fails {
    pub(super) async fn within<T: fmt::Debug>(
        &self,
        what: &str,
        verb: impl Future<Output = Result<T, Error>>,
    ) -> Held {
        let answer = timeout(self.0, verb).await.map_err(|_elapsed| {
            Failure::new(format!(
                "{what} while the server is away: expected an error within {:?}, found no answer",
                self.0
            ))
        })?;
        let kind = answer.as_ref().map_err(Error::kind);
        ensure(matches!(kind, Err(ErrorKind::Unavailable)), || {
            format!("{what} while the server is away: expected the error Unavailable, found {answer:?}")
        })
    }
}

async fn is_one_of(store: &Fixture, session: Id, allowed: &[Option<&Record>], lost: bool) -> Held {
    let found = store.load(session).await?.map(|stored| stored.record);
    let whole = allowed.contains(&found.as_ref()) || (lost && found.is_none());
    ensure(whole, || {
        format!("{session} after the outage: expected one of {allowed:?}, found {found:?}")
    })
}

/// Holds when the store takes writes and endings as ever.
pub(super) async fn works(store: &Fixture) -> Held {
    let revision = store.create(id(1), &store.record("created")).await?;
    let record = store.record_of("alice", 0);
    let revision = store.rewrite(id(1), revision, &record).await?;
    store.keeps(id(1), revision, &record).await?;
    let answer = store.delete(id(1), Owner::Any).await?;
    same("a delete", &Deleted::Ended, &answer)?;
    store.keeps_nothing(id(1)).await
}
