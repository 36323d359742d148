//! Stores whose server goes away: one that says so in time, and some that do not.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_store::{
    AddOne, Capabilities, Count, Counters, Delete, Deleted, Error, ErrorKind, List, Load, Mark, Marks,
    MarksOf, News, Page, Revoke, Revoked, SetMark, Store, Stored, Sweep, Swept, TakeBack, Timestamp, Told,
    Touch, Touched, Write, Written,
    conformance::{self, Outage, Outages},
};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::counting::Tally;
use crate::marking::Book;
use crate::reference::Reference;

/// How a store takes it that its server is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    AnswersAnError,
    AnswersThatNothingIsThere,
    RepeatsBlindly,
    StaysAway,
    WaitsForever,
}

/// The reference store, behind a server that may be away.
struct Remote {
    reference: Reference,
    server: Arc<Server>,
    manner: Manner,
    /// Guards the writes whose answer was lost, to repeat them blindly.
    lost: Mutex<Vec<Write>>,
    /// How many requests have reached the server since one did not.
    reached: AtomicUsize,
    was_away: AtomicBool,
}

/// Where the server is.
struct Server {
    now: watch::Sender<Outage>,
    /// Guards what the server is to do once it has applied a write and not answered it.
    before_its_answer: Mutex<Option<Outage>>,
}

impl Server {
    fn there() -> Arc<Self> {
        Arc::new(Self {
            now: watch::Sender::new(Outage::Start),
            before_its_answer: Mutex::new(None),
        })
    }

    /// Goes away in the middle of a write if there is one soon, and else in between.
    async fn suffer(&self, outage: Outage) {
        if matches!(outage, Outage::Stop | Outage::Pause) {
            *self.next() = Some(outage);
            let mut now = self.now.subscribe();
            let _ = timeout(Duration::from_millis(10), now.wait_for(|now| *now == outage)).await;
        }
        *self.next() = None;
        self.now.send_replace(outage);
    }

    fn applied_a_write(&self) {
        if let Some(outage) = self.next().take() {
            self.now.send_replace(outage);
        }
    }

    fn next(&self) -> MutexGuard<'_, Option<Outage>> {
        self.before_its_answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remote {
    fn new(server: &Arc<Server>, manner: Manner) -> Self {
        Self {
            reference: Reference::default(),
            server: Arc::clone(server),
            manner,
            lost: Mutex::default(),
            reached: AtomicUsize::new(0),
            was_away: AtomicBool::new(false),
        }
    }

    /// Gets through to the server, or gives up after a while.
    async fn reach(&self) -> Result<(), Error> {
        let away = || Error::new(ErrorKind::Unavailable, "the server is away");
        let now = *self.server.now.borrow();
        match now {
            Outage::Start | Outage::Resume if self.manner == Manner::StaysAway => {
                let was_away = self.was_away.load(Ordering::SeqCst);
                if was_away { Err(away()) } else { Ok(()) }
            }
            Outage::Start | Outage::Resume => {
                if self.reached.fetch_add(1, Ordering::SeqCst) == 25 {
                    self.repeat_what_was_lost();
                }
                Ok(())
            }
            Outage::Pause if self.manner == Manner::WaitsForever => std::future::pending().await,
            Outage::Pause | Outage::Stop => {
                self.was_away.store(true, Ordering::SeqCst);
                self.reached.store(0, Ordering::SeqCst);
                let mut server = self.server.now.subscribe();
                let patience = Duration::from_millis(if now == Outage::Pause { 5 } else { 0 });
                let _ = timeout(patience, server.wait_for(|now| *now == Outage::Resume)).await;
                Err(away())
            }
        }
    }

    fn lost(&self) -> MutexGuard<'_, Vec<Write>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn repeat_what_was_lost(&self) {
        for write in self.lost().drain(..) {
            let mut rows = self.reference.rows();
            let stored = Stored::new(rows.mint(), write.record);
            rows.sessions(&write.namespace).insert(write.id, stored);
        }
    }
}

impl Store for Remote {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        match self.reach().await {
            Err(_) if self.manner == Manner::AnswersThatNothingIsThere => Ok(None),
            Err(away) => Err(away),
            Ok(()) => self.reference.load(request).await,
        }
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        self.reach().await?;
        let answer = self.reference.write(request.clone()).await;
        self.server.applied_a_write();
        let answered = self.reach().await;
        if answered.is_err() && self.manner == Manner::RepeatsBlindly {
            self.lost().push(request);
        }
        answered.and(answer)
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.reach().await?;
        self.reference.touch(request).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.reach().await?;
        self.reference.delete(request).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.reach().await?;
        self.reference.list(request).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        self.reach().await?;
        self.reference.count(request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        self.reach().await?;
        self.reference.revoke(request).await
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.reach().await?;
        self.reference.sweep(request).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.reach().await
    }

    fn capabilities(&self) -> Capabilities {
        Reference::CARD.survives_restart(true)
    }
}

/// Marks behind the same server.
struct RemoteMarks {
    way: Remote,
    book: Book,
}

impl Marks for RemoteMarks {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        self.way.reach().await?;
        self.book.mark(request).await
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        match self.way.reach().await {
            Err(_) if self.way.manner == Manner::AnswersThatNothingIsThere => Ok(Timestamp::default()),
            Err(away) => Err(away),
            Ok(()) => self.book.marks_of(request).await,
        }
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        self.way.reach().await?;
        self.book.news(request).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        self.way.reach().await?;
        self.book.forget(request).await
    }

    fn card(&self) -> Capabilities {
        self.way.capabilities()
    }
}

/// Counters behind the same server.
struct RemoteCounters {
    way: Remote,
    tally: Tally,
}

impl Counters for RemoteCounters {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        match self.way.reach().await {
            Err(_) if self.way.manner == Manner::AnswersThatNothingIsThere => Ok(1),
            Err(away) => Err(away),
            Ok(()) => self.tally.add(request).await,
        }
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        self.way.reach().await?;
        self.tally.take_back(request).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        self.way.reach().await?;
        self.tally.forget(request).await
    }

    fn card(&self) -> Capabilities {
        self.way.capabilities()
    }
}

fn outages(manner: Manner, bound: Duration) -> Outages {
    let server = Server::there();
    let store = Remote::new(&server, manner);
    let marks = RemoteMarks {
        way: Remote::new(&server, manner),
        book: Book::default(),
    };
    let counters = RemoteCounters {
        way: Remote::new(&server, manner),
        tally: Tally::default(),
    };
    let does = move |outage| {
        let server = Arc::clone(&server);
        async move { server.suffer(outage).await }
    };
    Outages::new(store, bound, does)
        .and_marks(marks)
        .and_counters(counters)
}

/// Long enough for a busy machine: a store that keeps the contract never takes it.
const GENEROUS: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_says_so_in_time_takes_every_outage() {
    conformance::run_outages(outages(Manner::AnswersAnError, GENEROUS)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_manner_breaks_the_rule_it_should() {
    let caught = [
        (
            Manner::AnswersThatNothingIsThere,
            "a_stopped_server_is_an_error_in_bounded_time",
        ),
        (Manner::StaysAway, "a_stopped_server_is_an_error_in_bounded_time"),
        (
            Manner::WaitsForever,
            "a_paused_server_is_an_error_in_bounded_time",
        ),
        (
            Manner::AnswersThatNothingIsThere,
            "marks_on_a_stopped_server_are_errors_in_bounded_time",
        ),
        (
            Manner::WaitsForever,
            "marks_on_a_paused_server_are_errors_in_bounded_time",
        ),
        (
            Manner::AnswersThatNothingIsThere,
            "counters_on_a_stopped_server_are_errors_in_bounded_time",
        ),
        (
            Manner::WaitsForever,
            "counters_on_a_paused_server_are_errors_in_bounded_time",
        ),
        (Manner::RepeatsBlindly, "calls_cut_by_a_stop_count_once_or_never"),
        (Manner::RepeatsBlindly, "calls_cut_by_a_pause_count_once_or_never"),
    ];
    let rules = conformance::outage_rules();
    for (manner, name) in caught {
        // Where nothing ever answers, this is how long the suite waits.
        let (bound, patience) = match manner {
            Manner::StaysAway | Manner::WaitsForever => (Duration::from_millis(100), Duration::from_secs(1)),
            _ => (GENEROUS, GENEROUS),
        };
        let rule = rules.iter().find(|rule| rule.name() == name).cloned();
        let rule = rule.expect("the rule is there").within(patience);
        let checked = rule.check(outages(manner, bound)).await;
        assert!(checked.is_err(), "{manner:?} does not break {name}");
    }
    let names: BTreeSet<_> = rules.iter().map(|rule| rule.name()).collect();
    assert_eq!(names, caught.map(|(_, name)| name).into());
}
