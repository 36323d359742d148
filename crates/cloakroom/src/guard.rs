//! Guards a long-lived connection: says when its session is over.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Session, clock, events};

impl Session {
    /// Guards a connection that outlives its request, such as a websocket: [`over`](Guard::over) says when the session is.
    ///
    /// It asks for the session and not for the user: end the sessions of who is disabled, or look the user up in the
    /// connection's own loop. While the store cannot be asked, the connection stays.
    ///
    /// ```
    /// # use cloakroom::Session;
    /// # struct WebSocket;
    /// # impl WebSocket { async fn recv(&mut self) -> Option<String> { None } }
    /// async fn serve(mut socket: WebSocket, session: Session) {
    ///     let mut guard = session.guard();
    ///     loop {
    ///         tokio::select! {
    ///             () = guard.over() => break,
    ///             message = socket.recv() => match message {
    ///                 Some(message) => println!("{message}"),
    ///                 None => break,
    ///             },
    ///         }
    ///     }
    /// }
    /// ```
    pub fn guard(&self) -> Guard {
        let every = Duration::from_secs(5);
        Guard {
            session: self.clone(),
            every,
            next: clock::instant() + every,
        }
    }
}

/// Says when a session is over: made by [`Session::guard`].
#[derive(Debug)]
pub struct Guard {
    session: Session,
    every: Duration,
    /// When to ask next.
    next: Instant,
}

impl Guard {
    /// Sets how often the store is asked: every 5 seconds by default. So much later than a sign-out the connection ends.
    #[must_use]
    pub fn every(mut self, period: Duration) -> Self {
        self.every = period;
        self.next = clock::instant() + period;
        self
    }

    /// Waits until the session is over: signed out, ended from another device, expired, or under another token, because its
    /// user signed in again. At once where it never was stored.
    ///
    /// It asks [`Session::confirm`] now and then, and a connection is not a use of the session: nothing moves its idle timeout
    /// forward. A store that cannot be asked ends nothing, and is asked again. Dropped while it waits, it goes on where it
    /// was when it is called again.
    pub async fn over(&mut self) {
        loop {
            if self.session.id().is_none() {
                return;
            }
            tokio::time::sleep_until(self.next).await;
            let confirmed = self.session.confirm().await;
            self.next = clock::instant() + self.every;
            match confirmed {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => events::guard_unsure(self.session.id(), &error),
            }
        }
    }
}
