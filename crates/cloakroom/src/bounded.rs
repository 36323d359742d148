//! Bounds in time: no wait for a store is without end.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use cloakroom_store as store;
use tokio::time::{Instant, Sleep, sleep};

use crate::random::Random;
use crate::{Error, clock};

/// Waits for a store at most this long.
///
/// A store that answers at once costs no timer: most of those in memory do.
///
/// # Errors
///
/// The store's own, and [`Unavailable`](store::ErrorKind::Unavailable) when it did not answer in time.
pub(crate) async fn bounded<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, store::Error>>,
) -> Result<T, store::Error> {
    let mut call = pin!(call);
    // Boxed, so that those who need no timer do not carry the room for one around.
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        if let Poll::Ready(answer) = call.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        let timer = timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(context).map(|()| {
            Err(store::Error::new(
                store::ErrorKind::Unavailable,
                format!("the store did not answer within {limit:?}"),
            ))
        })
    })
    .await
}

/// How long to go on trying. Begins at the first attempt that was in vain.
#[derive(Debug)]
pub(crate) struct Patience {
    whole: Duration,
    began: Option<Instant>,
    attempts: u32,
}

impl Patience {
    /// How often pauses grow, for a store that is away.
    const DOUBLINGS: u32 = 11;

    /// No pause between two tries is longer: half a millisecond, so often doubled.
    pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(1 << (Self::DOUBLINGS - 1));

    pub(crate) fn new(whole: Duration) -> Self {
        Self {
            whole,
            began: None,
            attempts: 0,
        }
    }

    /// Whether anything was in vain so far.
    pub(crate) fn was_needed(&self) -> bool {
        self.attempts > 0
    }

    /// Waits a little longer each time for whoever else writes, or says that it is over. `noise` is a random number:
    /// writers that met once should not meet again.
    pub(crate) async fn wait(&mut self, noise: u64) -> Result<(), Exhausted> {
        self.pause(noise, 7).await
    }

    /// Waits for a store that is away, up to a second each time: one that refuses at once is not asked a hundred times.
    ///
    /// # Errors
    ///
    /// That this could not be done: when it is over, and at once where another try would not help.
    pub(crate) async fn outlast(
        &mut self,
        random: &Random,
        doing: &'static str,
        error: store::Error,
    ) -> Result<(), Error> {
        if error.kind() != store::ErrorKind::Unavailable {
            return Err(Error::store(doing, error));
        }
        let noise = u64::from_le_bytes(random.draw()?);
        let waited = self.pause(noise, Self::DOUBLINGS).await;
        waited.map_err(|Exhausted| Error::store(doing, error))
    }

    async fn pause(&mut self, noise: u64, doublings: u32) -> Result<(), Exhausted> {
        let now = clock::instant();
        if now.duration_since(*self.began.get_or_insert(now)) >= self.whole {
            return Err(Exhausted);
        }
        self.attempts += 1;
        // Whoever was refused once, was refused because another one got through: no need to wait at all.
        let longest =
            Duration::from_micros(500) * (1 << self.attempts.min(doublings)) - Duration::from_millis(1);
        let wait = longest.mul_f64(noise as f64 / u64::MAX as f64);
        if !wait.is_zero() {
            sleep(wait).await;
        }
        Ok(())
    }
}

/// There was no success in time.
#[derive(Debug)]
pub(crate) struct Exhausted;
