//! Marks of a store that goes away: what survives, as the card says, and that nobody takes what is left for the whole.

use super::failure::{Held, ensure, same};
use super::fixture::principal;
use super::marks::{Book, at, of, subjects};
use super::outage::{Fails, Outage, Outages};
use super::restart::Restarts;
use super::rule::Rule;
use crate::{AnyMarks, Cursor, Mark, Marks as _, MarksOf, News, SetMark, Subject, Sweep, Timestamp};

pub(super) fn restart_rules() -> Vec<Rule<Restarts<AnyMarks>>> {
    vec![
        Rule::new(
            "an_answered_mark_survives_a_restart",
            an_answered_mark_survives_a_restart,
        ),
        Rule::new(
            "a_position_from_before_a_loss_begins_anew",
            a_position_from_before_a_loss_begins_anew,
        ),
    ]
}

pub(super) fn outage_rules() -> Vec<Rule<Outages>> {
    vec![
        Rule::under_outages(
            "marks_on_a_stopped_server_are_errors_in_bounded_time",
            |outages| errors_while(outages, Outage::Stop, Outage::Start),
        ),
        Rule::under_outages("marks_on_a_paused_server_are_errors_in_bounded_time", |outages| {
            errors_while(outages, Outage::Pause, Outage::Resume)
        }),
    ]
}

async fn an_answered_mark_survives_a_restart(restarts: Restarts<AnyMarks>) -> Held {
    let book = Book::new(restarts.open().await);
    if !book.marks.card().survives_restart {
        return Ok(());
    }
    let seen = begun(&book).await?;
    book.mark(of("bob"), 30, 100).await?;
    let book = again(&restarts, book).await;
    everything_is_there(&book, seen).await
}

/// Before the position: everyone's mark and alice's, which was moved. The position.
async fn begun(book: &Book) -> Result<Cursor, super::failure::Failure> {
    book.mark(of("alice"), 10, 50).await?;
    book.mark(Subject::Everyone, 5, 100).await?;
    book.mark(of("alice"), 20, 100).await?;
    let (_, seen) = book.all_news(None, 10).await?;
    Ok(seen)
}

/// Holds when those marks are there, and bob's, which came after the position, and more can be set.
async fn everything_is_there(book: &Book, seen: Cursor) -> Held {
    let alice = Mark::new(of("alice"), at(20), at(100));
    let bob = Mark::new(of("bob"), at(30), at(100));
    let everyone = Mark::new(Subject::Everyone, at(5), at(100));
    same("alice's", &at(20), &book.begun_before(&principal("alice")).await?)?;
    same("bob's", &at(30), &book.begun_before(&principal("bob")).await?)?;
    let told = book.news(Some(seen), 10).await?;
    ensure(!told.anew, || {
        "a position from before begins anew, though nothing is lost".to_owned()
    })?;
    same("the news since", &vec![bob.clone()], &but_nobodys(told.marks))?;
    let (whole, end) = book.all_news(None, 10).await?;
    same("all news", &vec![everyone, alice, bob], &but_nobodys(whole))?;
    // What comes next has a number of its own, and moments still only move forward.
    let mark = book.mark(of("alice"), 1, 1).await?;
    same("alice's mark as it is", &at(20), &mark.begun_before)?;
    let carol = book.mark(of("carol"), 40, 100).await?;
    let (next, _) = book.all_news(Some(end), 10).await?;
    same("the news of carol", &Some(&carol), &next.last())
}

async fn a_position_from_before_a_loss_begins_anew(restarts: Restarts<AnyMarks>) -> Held {
    let book = Book::new(restarts.open().await);
    let seen = begun(&book).await?;
    let book = again(&restarts, book).await;
    is_noticed_if_lost(&book, seen).await
}

/// Without the mark of which it is not known whether it was set.
fn but_nobodys(mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.retain(|mark| mark.subject != of(NOBODY));
    marks
}

const NOBODY: &str = "nobody";

/// Holds when a position from before is not taken for one of a store that has lost what was before it: not while it is
/// empty, and not when it has as many marks as it had.
async fn is_noticed_if_lost(book: &Book, seen: Cursor) -> Held {
    if book.begun_before(&principal("alice")).await? == at(20) {
        return Ok(());
    }
    let told = book.news(Some(seen.clone()), 10).await?;
    ensure(told.anew && but_nobodys(told.marks.clone()).is_empty(), || {
        format!("from before the loss: expected nothing, and that it begins anew, found {told:?}")
    })?;
    let empty = told.next;
    let names = ["dora", "emil", "frida", "gustav", "hanna", "ida"];
    for name in names {
        book.mark(of(name), 10, 100).await?;
    }
    let told = book.news(Some(seen), 10).await?;
    ensure(told.anew, || {
        format!("from before the loss, with new marks: expected that it begins anew, found {told:?}")
    })?;
    let expected: Vec<_> = names.into_iter().map(of).collect();
    same("who is told", &expected, &subjects(&but_nobodys(told.marks)))?;
    let (since_empty, _) = book.all_news(Some(empty), 10).await?;
    let since_empty = subjects(&but_nobodys(since_empty));
    same("who is told since it was empty", &expected, &since_empty)
}

async fn again(restarts: &Restarts<AnyMarks>, before: Book) -> Book {
    let Book { marks, namespace } = before;
    drop(marks);
    Book {
        marks: restarts.open().await,
        namespace,
    }
}

/// Asks everything while the server is away, then looks at what is there when it is back. Of a store that keeps no marks
/// nothing.
async fn errors_while(outages: Outages, away: Outage, back: Outage) -> Held {
    let Some(marks) = outages.marks.clone() else {
        return Ok(());
    };
    let card = marks.card();
    let book = Book::new(marks);
    recovered(&outages, &book).await?;
    let seen = begun(&book).await?;
    book.mark(of("bob"), 30, 100).await?;
    outages.server(away).await;
    everything_is_an_error(&book, &Fails(outages.bound), seen.clone()).await?;
    outages.server(back).await;
    recovered(&outages, &book).await?;
    if away == Outage::Stop && !card.survives_restart {
        return is_noticed_if_lost(&book, seen).await;
    }
    everything_is_there(&book, seen).await
}

/// Waits until every verb is answered again: each may have a connection of its own.
async fn recovered(outages: &Outages, book: &Book) -> Held {
    let nobody = principal(NOBODY);
    outages.answers(|| book.begun_before(&nobody)).await?;
    outages.answers(|| book.mark(of(NOBODY), 1, 1)).await?;
    outages.answers(|| book.news(None, 10)).await
}

async fn everything_is_an_error(book: &Book, fails: &Fails, seen: Cursor) -> Held {
    let Book { marks, namespace } = book;
    let namespace = || namespace.clone();
    // It may have reached the server all the same.
    let mark = SetMark::new(namespace(), Mark::new(of(NOBODY), at(1), at(1)));
    let limit = std::num::NonZeroUsize::MIN;
    fails.within("a mark", marks.mark(mark)).await?;
    let marks_of = MarksOf::new(namespace(), principal("alice"));
    fails
        .within("the marks of a principal", marks.marks_of(marks_of))
        .await?;
    let news = News::new(namespace(), Some(seen), limit);
    fails.within("the news", marks.news(news)).await?;
    let nothing = Sweep::new(namespace(), Timestamp::default(), limit);
    fails.within("forgetting", marks.forget(nothing)).await
}
