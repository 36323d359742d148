//! Marks: that they only move forward, and that news of them skips nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::failure::{Failure, Held, ensure, same};
use super::fixture::{fresh_namespace, id, principal};
use super::rule::Rule;
use crate::{
    AnyMarks, Cursor, Mark, Marks as _, MarksOf, Namespace, News, Principal, SetMark, Subject, Sweep, Swept,
    Timestamp, Told,
};

pub(super) fn rules() -> Vec<Rule<AnyMarks>> {
    macro_rules! rules {
        ($($rule:ident),+ $(,)?) => {
            vec![$(Rule::new(stringify!($rule), |marks| $rule(Book::new(marks)))),+]
        };
    }
    rules![
        a_mark_counts_for_its_principal_and_nobody_else,
        everyones_mark_counts_for_all,
        moments_only_move_forward,
        the_latest_of_many_marks_at_once_stays,
        news_is_told_once_and_in_order,
        news_comes_in_pages,
        a_mark_that_moves_is_news_again,
        news_skips_nothing_while_others_mark,
        a_position_that_means_nothing_begins_anew,
        what_is_over_is_forgotten_and_nothing_else,
        a_position_outlives_what_was_forgotten,
        marks_of_namespaces_never_meet,
        any_principal_can_be_marked,
    ]
}

/// Marks, in a namespace that nobody else uses.
#[derive(Clone)]
pub(super) struct Book {
    pub(super) marks: AnyMarks,
    pub(super) namespace: Namespace,
}

impl Book {
    pub(super) fn new(marks: AnyMarks) -> Self {
        Self {
            marks,
            namespace: fresh_namespace(),
        }
    }

    pub(super) async fn mark(
        &self,
        subject: Subject,
        begun_before: u64,
        until: u64,
    ) -> Result<Mark, Failure> {
        let mark = Mark::new(subject, at(begun_before), at(until));
        let request = SetMark::new(self.namespace.clone(), mark);
        Ok(self.marks.mark(request).await?)
    }

    pub(super) async fn begun_before(&self, who: &Principal) -> Result<Timestamp, Failure> {
        let request = MarksOf::new(self.namespace.clone(), who.clone());
        Ok(self.marks.marks_of(request).await?)
    }

    pub(super) async fn news(&self, after: Option<Cursor>, limit: usize) -> Result<Told, Failure> {
        let limit = limit.try_into().expect("a page has room for one");
        let request = News::new(self.namespace.clone(), after, limit);
        let told = self.marks.news(request).await?;
        ensure(told.marks.len() <= usize::from(limit), || {
            format!("news: expected at most {limit} marks, found {}", told.marks.len())
        })?;
        Ok(told)
    }

    /// All that is new since a position, in pages, and where it ends.
    pub(super) async fn all_news(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<Mark>, Cursor), Failure> {
        let mut told = self.news(after, limit).await?;
        let mut marks = told.marks;
        while told.more {
            told = self.news(Some(told.next), limit).await?;
            ensure(!told.anew, || {
                "a position that was just given begins anew".to_owned()
            })?;
            marks.extend(told.marks);
        }
        Ok((marks, told.next))
    }

    async fn forget(&self, before: u64, limit: usize) -> Result<Swept, Failure> {
        let limit = limit.try_into().expect("at least one");
        let request = Sweep::new(self.namespace.clone(), at(before), limit);
        Ok(self.marks.forget(request).await?)
    }
}

/// A moment: so many seconds after one in November 2026.
pub(super) fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_795_000_000_000).saturating_add(Duration::from_secs(second))
}

pub(super) fn of(who: &str) -> Subject {
    Subject::Principal(principal(who))
}

pub(super) fn subjects(marks: &[Mark]) -> Vec<Subject> {
    marks.iter().map(|mark| mark.subject.clone()).collect()
}

async fn a_mark_counts_for_its_principal_and_nobody_else(book: Book) -> Held {
    let (alice, bob) = (principal("alice"), principal("bob"));
    same(
        "before any mark",
        &Timestamp::default(),
        &book.begun_before(&alice).await?,
    )?;
    let mark = book.mark(of("alice"), 10, 100).await?;
    same("the mark", &Mark::new(of("alice"), at(10), at(100)), &mark)?;
    same("alice's", &at(10), &book.begun_before(&alice).await?)?;
    same("bob's", &Timestamp::default(), &book.begun_before(&bob).await?)?;
    // Nor does a session's mark count for anybody.
    book.mark(Subject::Session(id(1)), 50, 100).await?;
    same("alice's", &at(10), &book.begun_before(&alice).await?)
}

async fn everyones_mark_counts_for_all(book: Book) -> Held {
    book.mark(of("alice"), 30, 100).await?;
    book.mark(Subject::Everyone, 20, 100).await?;
    same("alice's", &at(30), &book.begun_before(&principal("alice")).await?)?;
    same("bob's", &at(20), &book.begun_before(&principal("bob")).await?)?;
    book.mark(Subject::Everyone, 40, 100).await?;
    same("alice's", &at(40), &book.begun_before(&principal("alice")).await?)
}

async fn moments_only_move_forward(book: Book) -> Held {
    for (begun_before, until, expected) in [
        (20, 100, (20, 100)),
        (10, 200, (20, 200)),
        (30, 50, (30, 200)),
        (1, 1, (30, 200)),
    ] {
        let mark = book.mark(of("alice"), begun_before, until).await?;
        let expected = Mark::new(of("alice"), at(expected.0), at(expected.1));
        same("the mark as it is now", &expected, &mark)?;
    }
    same("alice's", &at(30), &book.begun_before(&principal("alice")).await?)?;
    let (told, _) = book.all_news(None, 10).await?;
    same("the news", &vec![Mark::new(of("alice"), at(30), at(200))], &told)?;
    // The end of time is a moment like others: a session that is over for good.
    let forever = Mark::new(Subject::Session(id(1)), Timestamp::MAX, at(100));
    let request = SetMark::new(book.namespace.clone(), forever.clone());
    same("for good", &forever, &book.marks.mark(request).await?)?;
    let mark = book.mark(Subject::Session(id(1)), 10, 10).await?;
    same("still for good", &forever, &mark)
}

async fn the_latest_of_many_marks_at_once_stays(book: Book) -> Held {
    let line = Arc::new(Barrier::new(50));
    let mut marking = JoinSet::new();
    for n in 0..50 {
        let (book, line) = (book.clone(), Arc::clone(&line));
        marking.spawn(async move {
            line.wait().await;
            // In an order of its own.
            book.mark(of("alice"), n * 7 % 50, 100 + n).await
        });
    }
    while let Some(marked) = marking.join_next().await {
        marked.map_err(|error| Failure::new(error.to_string()))??;
    }
    same("alice's", &at(49), &book.begun_before(&principal("alice")).await?)?;
    let (told, _) = book.all_news(None, 10).await?;
    let last = told.last().cloned();
    same("the news", &Some(Mark::new(of("alice"), at(49), at(149))), &last)
}

async fn news_is_told_once_and_in_order(book: Book) -> Held {
    let nothing = book.news(None, 10).await?;
    same(
        "no news",
        &(vec![], false, false),
        &(nothing.marks, nothing.more, nothing.anew),
    )?;
    let set: Vec<Subject> = (0..5).map(|n| Subject::Session(id(n))).collect();
    for subject in &set {
        book.mark(subject.clone(), 1, 100).await?;
    }
    // From the end of nothing, and from the very beginning.
    for after in [Some(nothing.next), None] {
        let (told, end) = book.all_news(after, 10).await?;
        same("the news", &set, &subjects(&told))?;
        let (told, end) = book.all_news(Some(end), 10).await?;
        same("the news, again", &Vec::<Subject>::new(), &subjects(&told))?;
        // What is new is all that is told.
        book.mark(of("carol"), 1, 100).await?;
        let (told, _) = book.all_news(Some(end), 10).await?;
        same("one more", &vec![of("carol")], &subjects(&told))?;
        book.forget(101, 1000).await?;
        for subject in &set {
            book.mark(subject.clone(), 1, 100).await?;
        }
    }
    Ok(())
}

async fn news_comes_in_pages(book: Book) -> Held {
    let set: Vec<Subject> = (0..25).map(|n| Subject::Session(id(n))).collect();
    for subject in &set {
        book.mark(subject.clone(), 1, 100).await?;
    }
    for limit in [1, 4, 5, 24, 25, 26] {
        let (told, _) = book.all_news(None, limit).await?;
        same(format!("pages of {limit}"), &set, &subjects(&told))?;
    }
    Ok(())
}

async fn a_mark_that_moves_is_news_again(book: Book) -> Held {
    for who in ["alice", "bob", "carol"] {
        book.mark(of(who), 1, 100).await?;
    }
    let (_, end) = book.all_news(None, 10).await?;
    book.mark(of("alice"), 2, 100).await?;
    book.mark(of("bob"), 1, 200).await?;
    let (told, _) = book.all_news(Some(end), 10).await?;
    let expected = vec![
        Mark::new(of("alice"), at(2), at(100)),
        Mark::new(of("bob"), at(1), at(200)),
    ];
    same("the news", &expected, &told)?;
    let (told, _) = book.all_news(None, 10).await?;
    let everything: BTreeSet<Subject> = subjects(&told).into_iter().collect();
    same("from the beginning", &3, &everything.len())
}

/// The trap is a number that is taken before it can be seen: whoever reads on from a later one never hears of it.
async fn news_skips_nothing_while_others_mark(book: Book) -> Held {
    const WRITERS: u64 = 8;
    const EACH: u64 = 25;
    let line = Arc::new(Barrier::new(WRITERS as usize + 2));
    let mut writing = JoinSet::new();
    for writer in 0..WRITERS {
        let (book, line) = (book.clone(), Arc::clone(&line));
        writing.spawn(async move {
            line.wait().await;
            for n in 0..EACH {
                let subject = Subject::Session(id((writer * EACH + n) as usize));
                book.mark(subject, n, 1000).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    let (stop, _) = tokio::sync::watch::channel(false);
    let mut reading = JoinSet::new();
    for limit in [1, 7] {
        let (book, line, stopped) = (book.clone(), Arc::clone(&line), stop.subscribe());
        reading.spawn(async move {
            let mut heard = BTreeMap::new();
            let mut after = None;
            line.wait().await;
            loop {
                // Before the last look, not after it.
                let is_last = *stopped.borrow();
                let (told, end) = book.all_news(after, limit).await?;
                heard.extend(told.into_iter().map(|mark| (mark.subject, mark.begun_before)));
                after = Some(end);
                if is_last {
                    return Ok::<_, Failure>(heard);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(written) = writing.join_next().await {
        written.map_err(|error| Failure::new(error.to_string()))??;
    }
    // A reader holds on to its receiver: whether all of them are gone does not matter.
    let _ = stop.send(true);
    while let Some(heard) = reading.join_next().await {
        let heard = heard.map_err(|error| Failure::new(error.to_string()))??;
        same(
            "how many marks a reader heard of",
            &(WRITERS * EACH),
            &(heard.len() as u64),
        )?;
    }
    Ok(())
}

async fn a_position_that_means_nothing_begins_anew(book: Book) -> Held {
    book.mark(of("alice"), 1, 100).await?;
    let (_, end) = book.all_news(None, 10).await?;
    let mut strange = end.as_bytes().to_vec();
    for byte in &mut strange {
        *byte ^= 0x5a;
    }
    for nonsense in [&b""[..], b"nonsense", &strange] {
        let told = book.news(Some(Cursor::new(nonsense)), 10).await?;
        let expected = (vec![of("alice")], true);
        same("from nowhere", &expected, &(subjects(&told.marks), told.anew))?;
    }
    Ok(())
}

async fn what_is_over_is_forgotten_and_nothing_else(book: Book) -> Held {
    for n in 0..10 {
        book.mark(Subject::Session(id(n as usize)), 1, 100 + n).await?;
    }
    book.mark(of("alice"), 1, 100).await?;
    let mut forgotten = 0;
    loop {
        let swept = book.forget(105, 2).await?;
        ensure(swept.removed <= 2, || {
            format!("at most 2 at a time, found {}", swept.removed)
        })?;
        forgotten += swept.removed;
        if !swept.more {
            break;
        }
    }
    ensure(forgotten <= 6, || {
        format!("forgotten: expected at most 6, found {forgotten}")
    })?;
    // Forgetting late is allowed, forgetting early is not.
    let (told, _) = book.all_news(None, 10).await?;
    let left: BTreeSet<Subject> = subjects(&told).into_iter().collect();
    for n in 5..10 {
        ensure(left.contains(&Subject::Session(id(n))), || {
            format!("session {n} was to be remembered until {}", 100 + n)
        })?;
    }
    if forgotten == 6 {
        same("who is left", &5, &left.len())?;
        same(
            "alice's",
            &Timestamp::default(),
            &book.begun_before(&principal("alice")).await?,
        )?;
    }
    Ok(())
}

async fn a_position_outlives_what_was_forgotten(book: Book) -> Held {
    for n in 0..6 {
        book.mark(Subject::Session(id(n as usize)), 1, 100 + n).await?;
    }
    let middle = book.news(None, 3).await?.next;
    let (_, end) = book.all_news(None, 3).await?;
    book.forget(105, 100).await?;
    book.mark(of("alice"), 1, 500).await?;
    for (after, expected) in [(middle, 2), (end, 1)] {
        let (told, _) = book.all_news(Some(after), 10).await?;
        let told: BTreeSet<Subject> = subjects(&told).into_iter().collect();
        ensure(told.contains(&of("alice")) && told.len() >= expected, || {
            format!("the news: expected alice among {expected} at least, found {told:?}")
        })?;
    }
    Ok(())
}

async fn marks_of_namespaces_never_meet(book: Book) -> Held {
    let other = Book {
        namespace: fresh_namespace(),
        ..book.clone()
    };
    book.mark(of("alice"), 10, 100).await?;
    book.mark(Subject::Everyone, 5, 100).await?;
    same(
        "in the other",
        &Timestamp::default(),
        &other.begun_before(&principal("alice")).await?,
    )?;
    let (told, _) = other.all_news(None, 10).await?;
    same("news in the other", &Vec::<Mark>::new(), &told)?;
    other.forget(1000, 100).await?;
    same("alice's", &at(10), &book.begun_before(&principal("alice")).await?)
}

async fn any_principal_can_be_marked(book: Book) -> Held {
    let hostile = [
        "a", "A", "a ", "a\0", "everyone", "*", "%", "'; --", "é", "{a}", "session",
    ];
    let longest = "x".repeat(Principal::MAX_LEN);
    let all: Vec<&str> = hostile.into_iter().chain([longest.as_str()]).collect();
    for (n, who) in all.iter().enumerate() {
        book.mark(of(who), n as u64 + 1, 1000).await?;
    }
    for (n, who) in all.iter().enumerate() {
        let found = book.begun_before(&principal(who)).await?;
        same(format!("the mark of {who:?}"), &at(n as u64 + 1), &found)?;
    }
    let (told, _) = book.all_news(None, 5).await?;
    let expected: Vec<Subject> = all.iter().map(|who| of(who)).collect();
    same("the news", &expected, &subjects(&told))
}
