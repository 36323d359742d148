//! Counters of a store that goes away: what survives, as the card says, and that an outage is no number.

use super::counters::Tally;
use super::failure::{Held, ensure, same};
use super::outage::{Fails, Outage, Outages};
use super::restart::Restarts;
use super::rule::Rule;
use crate::{AddOne, AnyCounters, Counters as _, Sweep, TakeBack, Timestamp};

pub(super) fn restart_rules() -> Vec<Rule<Restarts<AnyCounters>>> {
    vec![Rule::new(
        "what_was_counted_survives_a_restart_as_the_card_says",
        what_was_counted_survives_a_restart_as_the_card_says,
    )]
}

pub(super) fn outage_rules() -> Vec<Rule<Outages>> {
    vec![
        Rule::under_outages(
            "counters_on_a_stopped_server_are_errors_in_bounded_time",
            |outages| errors_while(outages, Outage::Stop, Outage::Start),
        ),
        Rule::under_outages(
            "counters_on_a_paused_server_are_errors_in_bounded_time",
            |outages| errors_while(outages, Outage::Pause, Outage::Resume),
        ),
    ]
}

async fn what_was_counted_survives_a_restart_as_the_card_says(restarts: Restarts<AnyCounters>) -> Held {
    let tally = Tally::new(restarts.open().await);
    let survives = tally.counters.card().survives_restart;
    let counter = tally.counter(1);
    for _ in 0..4 {
        tally.add(&counter).await?;
    }
    tally.take_back(&counter).await?;
    drop(tally);
    // The counter says in which namespace it is.
    let again = Tally::new(restarts.open().await);
    let found = again.add(&counter).await?;
    if survives {
        same("the next after a restart", &4, &found)?;
    }
    ensure((1..=5).contains(&found), || {
        format!("after a restart: expected nothing, or what was there, and one more, found {found}")
    })?;
    same("and the next", &(found + 1), &again.add(&counter).await?)
}

/// Asks everything while the server is away, then looks at what is there when it is back. Of a store that does not count
/// nothing.
async fn errors_while(outages: Outages, away: Outage, back: Outage) -> Held {
    let Some(counters) = outages.counters.clone() else {
        return Ok(());
    };
    let card = counters.card();
    let tally = Tally::new(counters);
    recovered(&outages, &tally).await?;
    let counter = tally.counter(1);
    for expected in 1..=3 {
        same("a counter", &expected, &tally.add(&counter).await?)?;
    }
    outages.server(away).await;
    let fails = Fails(outages.bound);
    let Tally {
        counters, namespace, ..
    } = &tally;
    // Either may have reached the server all the same.
    fails
        .within("an add", counters.add(AddOne::new(counter.clone())))
        .await?;
    fails
        .within("taking back", counters.take_back(TakeBack::new(counter.clone())))
        .await?;
    if !card.expires_by_itself {
        let nothing = Sweep::new(
            namespace.clone(),
            Timestamp::default(),
            std::num::NonZeroUsize::MIN,
        );
        fails.within("forgetting", counters.forget(nothing)).await?;
    }
    outages.server(back).await;
    recovered(&outages, &tally).await?;
    let may_be_lost = away == Outage::Stop && !card.survives_restart;
    let least = if may_be_lost { 1 } else { 3 };
    let found = tally.add(&counter).await?;
    ensure((least..=5).contains(&found), || {
        format!("the counter after the outage: expected {least} to 5, found {found}")
    })
}

/// Waits until every verb is answered again: each may have a connection of its own.
async fn recovered(outages: &Outages, tally: &Tally) -> Held {
    let other = tally.counter(2);
    outages.answers(|| tally.add(&other)).await?;
    outages.answers(|| tally.take_back(&other)).await
}
