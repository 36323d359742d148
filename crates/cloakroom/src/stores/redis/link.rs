//! One connection that is kept up: replaced when it breaks, when it is silent, and when the primary has moved.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::server::{Connected, Live, Server};
use crate::stores::backoff::Backoff;

/// What each of a pool's connections is at, by its number.
pub(super) type Links = Vec<Link>;

/// What a connection is at.
#[derive(Clone)]
pub(super) enum Link {
    Up(Arc<Live>),
    /// Why it is not there.
    Down(Arc<str>),
}

impl Link {
    /// The connection, if it is of use.
    pub(super) fn live(&self) -> Option<&Arc<Live>> {
        match self {
            Self::Up(live) if !live.is_broken.load(Ordering::Relaxed) => Some(live),
            _ => None,
        }
    }
}

/// How often the sentinels are asked while all seems well. A primary that was cut off from everybody but us goes on to
/// take writes that will be lost: this is for how long.
const SENTINELS_ASKED: Duration = Duration::from_secs(1);

/// Keeps a connection up for as long as this is polled, and says in `links` what it is at.
pub(super) async fn keep(
    server: Arc<Server>,
    number: usize,
    links: Arc<watch::Sender<Links>>,
    mut connected: Option<Connected>,
) {
    let publish = |link: Link| links.send_modify(|links| links[number] = link);
    let mut backoff = Backoff::reconnecting();
    loop {
        let connection = match connected.take() {
            Some(connection) => Ok(connection),
            None => server.connect().await,
        };
        match connection {
            Ok(connection) => {
                publish(Link::Up(Arc::clone(&connection.live)));
                let begun = Instant::now();
                let reason = until_dead(&server, connection).await;
                publish(Link::Down(reason.into()));
                sleep(backoff.after_connection(begun.elapsed())).await;
            }
            Err(error) => {
                publish(Link::Down(error.to_string().into()));
                sleep(backoff.pause()).await;
            }
        }
    }
}

/// Waits until a connection is of no more use, and says why. What waits on it for an answer learns that it gets none.
async fn until_dead(server: &Server, connected: Connected) -> &'static str {
    let Connected { live, mut driving } = connected;
    let mut asking = interval(SENTINELS_ASKED);
    asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = driving.join_next() => return "the connection was lost",
            () = live.suspected.notified() => {
                if !server.answers(&live).await {
                    return "it did not answer as a primary does";
                }
            }
            _ = asking.tick(), if server.has_sentinels() => {
                if !server.is_current(&live).await {
                    return "the sentinels have chosen another primary";
                }
            }
        }
    }
}
