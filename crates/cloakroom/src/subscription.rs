//! What somebody in the application hears who has subscribed to what happens to sessions.

use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::Sessions;
use crate::lifecycle::SessionEvent;

impl Sessions {
    /// Subscribes to what happens to sessions from now on, on this node.
    ///
    /// For an audit log, or a mail after a sign-in from a new device. Each subscriber hears everything, and none holds up
    /// a request: who is slow [misses](Heard::Missed) the oldest of more than 1024, and is told how many. It costs nothing
    /// while nobody subscribes. The same is in the log, as events of `tracing`, without the principal.
    ///
    /// Each session that begins here is told as [`Begun`](crate::Happened::Begun), unless its request was dropped before the
    /// store had answered. An ending whose answer was lost is settled by asking the store again; where that does not help, it
    /// is told as [`MayHaveEnded`](crate::Happened::MayHaveEnded).
    ///
    /// What happens on other nodes is theirs to tell, and that a session has expired nobody notices. What happens after another
    /// [`cookie`](Self::cookie) or [`application`](Self::application) was named is told to who subscribes after that: of two
    /// applications made of one value, nobody hears of the other's users.
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # async fn f() {
    /// use cloakroom::stores::Memory;
    /// use cloakroom::{Happened, Heard, Sessions};
    ///
    /// let sessions = Sessions::new(Memory::default());
    /// let mut events = sessions.subscribe();
    /// tokio::spawn(async move {
    ///     while let Some(heard) = events.next().await {
    ///         match heard {
    ///             Heard::Event(event) if event.what == Happened::TokenReused => {
    ///                 println!("{:?}: a token was stolen", event.session);
    ///             }
    ///             Heard::Event(event) => println!("{event:?}"),
    ///             Heard::Missed(many) => println!("{many} events missed"),
    ///             _ => {}
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.config.lifecycle.subscribe())
    }
}

/// What somebody who has subscribed hears: made by [`Sessions::subscribe`].
#[derive(Debug)]
pub struct Subscription(Receiver<SessionEvent>);

impl Subscription {
    /// The next event; `None` once there are no [`Sessions`] left to tell any. Dropped while it waits, it loses nothing.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(event) => Some(Heard::Event(event)),
            Err(RecvError::Lagged(many)) => Some(Heard::Missed(many)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// Something happened.
    Event(SessionEvent),
    /// This many things happened before those that follow, and nobody kept them: the subscriber is too slow.
    Missed(u64),
}
