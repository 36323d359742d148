//! The conformance suite: what every store must do, as tests that a store of your own runs.
//!
//! In the tests of a store's crate, with the feature `conformance`:
//!
//! ```no_run
//! # struct MyStore;
//! # impl MyStore {
//! #     async fn open() -> cloakroom_store::AnyStore { unreachable!() }
//! # }
//! #[tokio::test(flavor = "multi_thread")]
//! async fn my_store_conforms() {
//!     cloakroom_store::conformance::run(MyStore::open().await).await;
//! }
//! ```
//!
//! [`run`] checks every rule and panics with the names of those that are broken, each with what was expected
//! and what was found. To report each rule as a test of its own, go through [`rules`] and
//! [`check`](Rule::check) one by one; to look into one, take it from [`rule()`].
//!
//! A store that keeps [`Marks`] goes through [`run_marks`] as well, one that keeps its records outside of its process
//! through [`run_restarts`], its marks through [`run_mark_restarts`], and one with a server through [`run_outages`]. One that
//! counts ([`Counters`]) goes through [`run_counters`] and [`run_counter_restarts`].
//!
//! * Every rule works in namespaces of its own, so one store serves them all, also at the same time. They
//!   leave records behind: hand in a store that is made for tests.
//! * Races are forced by a barrier, on a multi-thread runtime, and judged by counting. None sleeps.
//! * A rule about something that the [card](crate::Capabilities) withdraws asserts that it is
//!   [`Unsupported`](crate::ErrorKind::Unsupported) instead.
//! * Sessions that must live expire hours from now by the machine's clock, for stores that
//!   [expire by themselves](crate::Capabilities::expires_by_itself).

mod write;

mod delete;
mod touch;

mod cap;
mod cap_race;

mod list;
mod query;

mod revoke;
mod revoke_race;

mod sweep;

mod hostile;
mod limits;
mod namespaces;

mod cancellation;
mod lost_reply;

mod card;

mod counters;
mod marks;

mod restart;

mod counters_kept;
mod marks_kept;

mod outage;
mod outage_race;

mod ending;
mod failure;
mod fixture;
mod race;
mod rule;

pub use outage::{Outage, Outages};
pub use restart::Restarts;
pub use rule::{Broken, Rule};

use crate::{AnyCounters, AnyMarks, AnyStore, Counters, Marks, Store};

/// Checks every rule against a store.
///
/// # Panics
///
/// When a rule is broken: with the names of all that are, and what was found.
pub async fn run(store: impl Store) {
    let store = AnyStore::new(store);
    check_all(rules(), &store).await;
}

/// The rules of the contract, in the order a newcomer should read them.
pub fn rules() -> Vec<Rule> {
    let topics = [
        write::rules(),
        delete::rules(),
        touch::rules(),
        cap::rules(),
        cap_race::rules(),
        list::rules(),
        query::rules(),
        revoke::rules(),
        revoke_race::rules(),
        sweep::rules(),
        hostile::rules(),
        limits::rules(),
        namespaces::rules(),
        lost_reply::rules(),
        cancellation::rules(),
        card::rules(),
    ];
    topics.concat()
}

/// Checks every rule about marks, of a store that keeps them.
///
/// # Panics
///
/// When a rule is broken: with the names of all that are, and what was found.
pub async fn run_marks(marks: impl Marks) {
    let marks = AnyMarks::new(marks);
    check_all(mark_rules(), &marks).await;
}

/// The rules about marks.
pub fn mark_rules() -> Vec<Rule<AnyMarks>> {
    marks::rules()
}

/// Checks every rule about counters, of a store that keeps them.
///
/// # Panics
///
/// When a rule is broken: with the names of all that are, and what was found.
pub async fn run_counters(counters: impl Counters) {
    let counters = AnyCounters::new(counters);
    check_all(counter_rules(), &counters).await;
}

/// The rules about counters.
pub fn counter_rules() -> Vec<Rule<AnyCounters>> {
    counters::rules()
}

/// The rule of this name, if there is one.
pub fn rule(name: &str) -> Option<Rule> {
    rules().into_iter().find(|rule| rule.name() == name)
}

/// Checks what survives when a store is killed and opened again, as its card says.
///
/// # Panics
///
/// When a rule is broken: with the names of all that are, and what was found.
pub async fn run_restarts(restarts: Restarts) {
    check_all(restart_rules(), &restarts).await;
}

/// The rules about restarts: of a store that survives none, only that it works afterwards.
pub fn restart_rules() -> Vec<Rule<Restarts>> {
    restart::rules()
}

/// Checks what of a store's marks survives when it is killed and opened again, as its card says, and that nobody takes a
/// position from before a loss for one from after.
///
/// # Panics
///
/// When a rule is broken: with the names of all that are, and what was found.
pub async fn run_mark_restarts(restarts: Restarts<AnyMarks>) {
    check_all(mark_restart_rules(), &restarts).await;
}

/// The rules about marks over restarts.
pub fn mark_restart_rules() -> Vec<Rule<Restarts<AnyMarks>>> {
    marks_kept::restart_rules()
}

/// Checks what of a store's counters survives when it is killed and opened again, as its card says.
///
/// # Panics
///
/// When a rule is broken: with the names of all that are, and what was found.
pub async fn run_counter_restarts(restarts: Restarts<AnyCounters>) {
    check_all(counter_restart_rules(), &restarts).await;
}

/// The rules about counters over restarts.
pub fn counter_restart_rules() -> Vec<Rule<Restarts<AnyCounters>>> {
    counters_kept::restart_rules()
}

/// Checks that a store whose server goes away answers errors in bounded time, and recovers.
///
/// # Panics
///
/// When a rule is broken: with the names of all that are, and what was found.
pub async fn run_outages(outages: Outages) {
    check_all(outage_rules(), &outages).await;
    outages.restore().await;
}

/// The rules about outages. They take the server away: check one after the other, on a server of their own.
pub fn outage_rules() -> Vec<Rule<Outages>> {
    [
        outage::rules(),
        outage_race::rules(),
        marks_kept::outage_rules(),
        counters_kept::outage_rules(),
    ]
    .concat()
}

/// Checks one rule after the other, so that a failure is about nothing but its rule.
async fn check_all<Subject: Clone + Send + 'static>(rules: Vec<Rule<Subject>>, subject: &Subject) {
    let mut broken = Vec::new();
    for rule in rules {
        if let Err(finding) = rule.check(subject.clone()).await {
            broken.push(format!("\n  {finding}"));
        }
    }
    assert!(
        broken.is_empty(),
        "{} rules of the store contract are broken:{}",
        broken.len(),
        broken.concat()
    );
}
