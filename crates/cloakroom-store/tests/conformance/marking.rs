//! The rules about marks, held against a store that keeps them and ones that do not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_store::conformance::{self, Restarts};
use cloakroom_store::{
    AnyMarks, Capabilities, Cursor, Error, Mark, Marks, MarksOf, Namespace, News, Residence, SetMark,
    Subject, Sweep, Swept, Timestamp, Told,
};

/// Marks in memory: all that was set, in order.
#[derive(Clone, Default)]
pub(crate) struct Book {
    flaw: Option<Flaw>,
    /// Of which history its positions speak.
    epoch: u8,
    survives: bool,
    changes: Arc<Mutex<Vec<(Namespace, Mark)>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    ForgetsItsEpoch,
    ForgetsTheLast,
    ForgetsWhatLives,
    IgnoresEveryone,
    IgnoresNamespaces,
    MovesBack,
    NumbersBeforeItWrites,
    TellsEverythingAgain,
    TellsOnlyWhatIsNew,
    TrustsAnyPosition,
}

/// Each flaw, and the rules that it breaks.
const FLAWS: &[(Flaw, &[&str])] = &[
    (
        Flaw::ForgetsWhatLives,
        &["what_is_over_is_forgotten_and_nothing_else"],
    ),
    (Flaw::IgnoresEveryone, &["everyones_mark_counts_for_all"]),
    (Flaw::IgnoresNamespaces, &["marks_of_namespaces_never_meet"]),
    (
        Flaw::MovesBack,
        &[
            "moments_only_move_forward",
            "the_latest_of_many_marks_at_once_stays",
        ],
    ),
    (
        Flaw::NumbersBeforeItWrites,
        &["news_skips_nothing_while_others_mark"],
    ),
    (Flaw::TellsEverythingAgain, &["news_is_told_once_and_in_order"]),
    (Flaw::TellsOnlyWhatIsNew, &["a_mark_that_moves_is_news_again"]),
    (
        Flaw::TrustsAnyPosition,
        &["a_position_that_means_nothing_begins_anew"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_keeps_marks_conforms() {
    conformance::run_marks(Book::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flaw_is_found() {
    for (flaw, broken) in FLAWS {
        let book = Book {
            flaw: Some(*flaw),
            ..Book::default()
        };
        for rule in conformance::mark_rules() {
            if broken.contains(&rule.name()) {
                let checked = rule.check(AnyMarks::new(book.clone())).await;
                assert!(checked.is_err(), "{flaw:?} was not found by {}", rule.name());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_are_survived_as_the_card_says() {
    for survives in [true, false] {
        conformance::run_mark_restarts(restarts(survives, None)).await;
    }
    for (survives, flaw, broken) in [
        (true, Flaw::ForgetsTheLast, "an_answered_mark_survives_a_restart"),
        (
            false,
            Flaw::ForgetsItsEpoch,
            "a_position_from_before_a_loss_begins_anew",
        ),
    ] {
        let rules = conformance::mark_restart_rules();
        let rule = rules.iter().find(|rule| rule.name() == broken);
        let checked = rule
            .expect("the rule is there")
            .check(restarts(survives, Some(flaw)));
        assert!(checked.await.is_err(), "{flaw:?} does not break {broken}");
    }
}

/// A book that a restart leaves as it was, or empty.
fn restarts(survives: bool, flaw: Option<Flaw>) -> Restarts<AnyMarks> {
    let kept = Mutex::new(Book {
        flaw,
        survives,
        ..Book::default()
    });
    Restarts::of_marks(move || {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !survives {
            kept.changes = Arc::default();
            kept.epoch += u8::from(flaw != Some(Flaw::ForgetsItsEpoch));
        }
        if flaw == Some(Flaw::ForgetsTheLast) {
            kept.changes().pop();
        }
        std::future::ready(kept.clone())
    })
}

impl Book {
    fn changes(&self) -> MutexGuard<'_, Vec<(Namespace, Mark)>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The marks of a namespace as they are now, each with the number of its last change.
    fn latest(&self, namespace: &Namespace) -> HashMap<Subject, (usize, Mark)> {
        let mut latest: HashMap<Subject, (usize, Mark)> = HashMap::new();
        for (number, (of, mark)) in self.changes().iter().enumerate() {
            if of != namespace && !self.has(Flaw::IgnoresNamespaces) {
                continue;
            }
            let mut mark = mark.clone();
            let mut place = number + 1;
            if let Some((first, before)) = latest.get(&mark.subject) {
                if !self.has(Flaw::MovesBack) {
                    mark.raise(before);
                }
                if self.has(Flaw::TellsOnlyWhatIsNew) {
                    place = *first;
                }
            }
            latest.insert(mark.subject.clone(), (place, mark));
        }
        latest
    }
}

impl Marks for Book {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        let subject = request.mark.subject.clone();
        if self.has(Flaw::NumbersBeforeItWrites) {
            let nobody = Mark::new(Subject::Everyone, Timestamp::default(), Timestamp::MAX);
            let place = {
                let mut changes = self.changes();
                changes.push((namespace("nobody"), nobody));
                changes.len() - 1
            };
            tokio::task::yield_now().await;
            self.changes()[place] = (request.namespace.clone(), request.mark);
        } else {
            let change = (request.namespace.clone(), request.mark);
            self.changes().push(change);
        }
        Ok(self.latest(&request.namespace)[&subject].1.clone())
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        let latest = self.latest(&request.namespace);
        let of = |subject| {
            latest
                .get(&subject)
                .map_or(Timestamp::default(), |(_, mark)| mark.begun_before)
        };
        let theirs = of(Subject::Principal(request.principal));
        if self.has(Flaw::IgnoresEveryone) {
            return Ok(theirs);
        }
        Ok(theirs.max(of(Subject::Everyone)))
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        let end = self.changes().len();
        let position = |cursor: &Cursor| {
            let (number, epoch) = cursor.as_bytes().split_first_chunk()?;
            (epoch == [self.epoch]).then_some(usize::from_be_bytes(*number))
        };
        let known = request.after.as_ref().map(|after| match position(after) {
            Some(number) if number <= end => Some(number),
            _ if self.has(Flaw::TrustsAnyPosition) => Some(end),
            _ => None,
        });
        let after = match known.flatten() {
            Some(_) if self.has(Flaw::TellsEverythingAgain) => 0,
            after => after.unwrap_or(0),
        };
        let mut changed: Vec<_> = self.latest(&request.namespace).into_values().collect();
        changed.retain(|(number, _)| *number > after);
        changed.sort_by_key(|(number, _)| *number);
        let more = changed.len() > request.limit.get();
        changed.truncate(request.limit.get());
        let next = match changed.last() {
            Some((number, _)) if more => *number,
            _ => end,
        };
        let marks = changed.into_iter().map(|(_, mark)| mark).collect();
        let next = [&next.to_be_bytes()[..], &[self.epoch]].concat();
        let told = Told::new(marks, Cursor::new(next), more);
        Ok(told.anew(known == Some(None)))
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        let over: Vec<Subject> = self
            .latest(&request.namespace)
            .into_values()
            .filter(|(_, mark)| mark.until < request.expired_before || self.has(Flaw::ForgetsWhatLives))
            .map(|(_, mark)| mark.subject)
            .take(request.limit.get())
            .collect();
        let forgotten = namespace("forgotten");
        for (namespace, mark) in self.changes().iter_mut() {
            if *namespace == request.namespace && over.contains(&mark.subject) {
                // The numbers of the others stay what they are.
                namespace.clone_from(&forgotten);
            }
        }
        Ok(Swept::new(over.len() as u64, over.len() == request.limit.get()))
    }

    fn card(&self) -> Capabilities {
        Capabilities::new("book", Residence::Process).survives_restart(self.survives)
    }
}

/// A namespace that no rule uses.
fn namespace(name: &str) -> Namespace {
    Namespace::new(name).expect("it is a namespace")
}
