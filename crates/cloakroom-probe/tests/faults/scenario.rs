//! One fault, from the users' side: it comes, it goes, and what they were told is compared with what is there.

use std::time::{Duration, Instant};

use cloakroom::Sessions;
use cloakroom::stores;
use cloakroom_probe::{Pause, app};
use cloakroom_testbed::{is_noted, note};
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};

use crate::load::{Load, Outcome};

/// Longer than any request may take: a few calls of the store that time out, and the machine is busy.
const BOUND: Duration = Duration::from_secs(15);

/// One fault of one store.
pub(crate) struct Scenario<Away, Back> {
    /// The row of the table.
    pub(crate) fault: &'static str,
    /// The column of the table.
    pub(crate) store: &'static str,
    pub(crate) url: String,
    /// Whether acknowledged writes may be lost, as the store's card or its guide says.
    pub(crate) may_lose: MayLose,
    /// Makes it happen. May block.
    pub(crate) away: Away,
    /// Makes it stop. May block.
    pub(crate) back: Back,
}

/// Plays two scenarios that mostly wait for servers side by side, unless they are timed for the table.
pub(crate) fn both(
    one: impl Future<Output = ()> + Send + 'static,
    other: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> {
    let (one, other) = (Box::pin(one), Box::pin(other));
    async {
        let mut playing = JoinSet::new();
        playing.spawn(one);
        if is_noted() {
            playing
                .join_next()
                .await
                .expect("one is played")
                .expect("it holds");
        }
        playing.spawn(other);
        playing.join_all().await;
    }
}

/// What a fault may cost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayLose {
    /// Nothing that was acknowledged.
    Nothing,
    /// The last writes, endings among them.
    LastWrites,
    /// Everything: the store keeps nothing over a restart.
    Everything,
}

impl<Away, Back> Scenario<Away, Back>
where
    Away: FnOnce() + Send + 'static,
    Back: FnOnce() + Send + 'static,
{
    /// Plays it under load, holds what came of it against what must always hold, and notes it for the table.
    pub(crate) async fn play(self) {
        self.play_after(None::<fn()>).await;
    }

    /// The same, but something else goes wrong first that nobody notices, and the users go on for a while. May block.
    pub(crate) async fn play_behind(self, unnoticed: impl FnOnce() + Send + 'static) {
        self.play_after(Some(unnoticed)).await;
    }

    async fn play_after(self, unnoticed: Option<impl FnOnce() + Send + 'static>) {
        let store = stores::open(&self.url).await.expect("the store opens");
        let sessions = Sessions::new(store);
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let router = app(&sessions, Pause::default());
        tokio::spawn(async move { axum::serve(listener, router).await });

        let load = Load::begin(address).await;
        load.succeeds(300).await;
        if let Some(unnoticed) = unnoticed {
            spawn_blocking(unnoticed).await.expect("it can go wrong");
            load.goes_on(300, Duration::from_secs(4)).await;
        }
        spawn_blocking(self.away).await.expect("the fault can be made");
        load.fails(16, Duration::from_secs(4)).await;
        spawn_blocking(self.back).await.expect("the fault can be undone");
        let begun = Instant::now();
        load.succeeds(200).await;
        let recovered = begun.elapsed();
        let outcome = load.end().await;
        note(self.fault, self.store, &describe(&outcome, recovered));
        hold(&outcome, self.may_lose);
    }
}

fn hold(outcome: &Outcome, may_lose: MayLose) {
    assert!(outcome.longest < BOUND, "every wait has a bound: {outcome:?}");
    assert_eq!(outcome.invented, 0, "nothing is applied twice: {outcome:?}");
    if may_lose == MayLose::Nothing {
        assert_eq!(outcome.revived, 0, "no session comes back: {outcome:?}");
        assert_eq!(outcome.lost, 0, "nothing acknowledged is lost: {outcome:?}");
    }
    if may_lose != MayLose::Everything {
        assert_eq!(outcome.lost_sessions, 0, "no session is lost: {outcome:?}");
    }
}

fn describe(outcome: &Outcome, recovered: Duration) -> String {
    let Outcome {
        acknowledged,
        failed,
        longest,
        lost,
        lost_sessions,
        ended,
        revived,
        ..
    } = outcome;
    format!(
        "503: {failed}, longest {:.1} s, back in {:.1} s, lost {lost} of {acknowledged} writes and {lost_sessions} sessions, \
         revived {revived} of {ended}",
        longest.as_secs_f64(),
        recovered.as_secs_f64()
    )
}
