//! Snapshots of a principal's other sessions, once all of those were to end.

use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom_store::Cap;
use tokio::time::timeout;

use super::super::nothing;
use super::super::scripted::{Act, Verb};
use super::{Browser, hybrid};
use crate::{ErrorKind, Policy};

#[derive(Debug, Clone, Copy)]
enum Ends {
    Others,
    Everywhere,
}

/// What becomes of the call that ends them.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    /// It happened, and no answer ever came.
    Lost,
    /// It happened, and whoever waited for the answer is gone.
    Dropped,
}

#[tokio::test(start_paused = true)]
async fn they_are_not_believed_here_however_the_ending_turned_out() {
    for ends in [Ends::Others, Ends::Everywhere] {
        for fate in [Fate::Answered, Fate::Lost, Fate::Dropped] {
            let this = Browser::signed_in(hybrid()).await;
            let mut other = Browser::signed_in(this.app.clone()).await;
            assert_eq!(other.n().await, Some(1));
            assert_eq!(other.asked(), [], "its snapshot is believed until then");

            match fate {
                Fate::Answered => {}
                Fate::Lost => {
                    for _ in 0..100 {
                        this.app.store.on(Verb::Revoke, Act::LoseReply(nothing()));
                    }
                }
                Fate::Dropped => drop(this.app.store.on(Verb::Revoke, Act::HangAfterwards)),
            }
            let session = this.open().await;
            let ending = async {
                match ends {
                    Ends::Others => session.sign_out_others().await,
                    Ends::Everywhere => session.sign_out_everywhere().await,
                }
            };
            // Longer than the patience with a store that does not answer, but where it is dropped.
            let waits = match fate {
                Fate::Dropped => Duration::from_millis(1),
                Fate::Answered | Fate::Lost => Duration::from_secs(3600),
            };
            match (fate, timeout(waits, ending).await) {
                (Fate::Answered, Ok(Ok(_))) | (Fate::Dropped, Err(_)) => {}
                (Fate::Lost, Ok(Err(error))) => assert_eq!(error.kind(), ErrorKind::Unavailable),
                (_, outcome) => panic!("{ends:?} {fate:?}: {outcome:?}"),
            }
            assert_eq!(other.n().await, None, "{ends:?} {fate:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nor_is_the_oldests_when_nobody_heard_that_it_had_to_go() {
    let cap = Policy::default().cap(Cap::EndOldest(NonZeroU32::MIN));
    // Nothing answers, or nothing tells what became of it.
    let ways = [
        vec![(Verb::Write, Act::HangAfterwards)],
        vec![(Verb::Write, Act::LoseReply(nothing())), (Verb::Load, Act::Hang)],
    ];
    for way in ways {
        let app = hybrid().with(|sessions| sessions.policy(cap.clone()));
        let mut oldest = Browser::signed_in(app.clone()).await;
        assert_eq!(oldest.n().await, Some(1));
        assert_eq!(oldest.asked(), [], "its snapshot is believed until then");
        for (verb, act) in way {
            app.store.on(verb, act);
        }
        let session = app.open("").await;
        session.sign_in("alice").unwrap();
        let saved = timeout(Duration::from_millis(100), session.save()).await;
        assert!(saved.is_err(), "dropped before it is known");
        assert_eq!(oldest.n().await, None);
    }
}
