//! Guards a long-lived connection: says when its session is over.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use crate::{Error, ErrorKind, Session, clock, events};

/// The least between two questions: whoever asks for less does not mean to keep the store busy for nothing.
const LEAST: Duration = Duration::from_millis(100);

impl Session {
    /// Guards a connection that outlives its request, such as a websocket: [`over`](Guard::over) says when the session is.
    ///
    /// It asks for the session alone. Where there has to be a user, say so with [`user`](Guard::user).
    ///
    /// ```
    /// use cloakroom::{Error, Guard, Session, User};
    /// # struct Account;
    /// # struct Upgrade;
    /// # impl Upgrade { fn on(self, _: impl Future<Output = ()>) {} }
    /// # struct WebSocket;
    /// # impl WebSocket { async fn recv(&mut self) -> Option<String> { None } }
    /// # fn socket() -> WebSocket { WebSocket }
    ///
    /// async fn connect(_: User<Account>, session: Session, upgrade: Upgrade) -> Result<(), Error> {
    ///     let guard = session.guard().user::<Account>()?;
    ///     Ok(upgrade.on(serve(socket(), guard)))
    /// }
    ///
    /// async fn serve(mut socket: WebSocket, mut guard: Guard) {
    ///     tokio::select! {
    ///         () = guard.over() => {}
    ///         () = talk(&mut socket) => {}
    ///     }
    /// }
    ///
    /// async fn talk(socket: &mut WebSocket) {
    ///     while let Some(message) = socket.recv().await {
    ///         println!("{message}");
    ///     }
    /// }
    /// ```
    pub fn guard(&self) -> Guard {
        Guard {
            session: self.clone(),
            find: None,
            every: Duration::from_secs(5),
            asked: clock::instant(),
            question: JoinSet::new(),
            is_over: false,
        }
    }
}

/// Says when a session is over: made by [`Session::guard`].
#[derive(Debug)]
pub struct Guard {
    session: Session,
    /// Finds the user anew, where there has to be one.
    find: Option<fn(Session) -> Finding>,
    every: Duration,
    /// When there was an answer.
    asked: Instant,
    /// The question under way, in a task of its own: messages that never cease drop `over` time and again, and must not put
    /// off the answer.
    question: JoinSet<Result<bool, Error>>,
    is_over: bool,
}

/// Whether there is a user.
type Finding = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send>>;

impl Guard {
    /// Asks for the user, too: the connection is over when nobody is signed in, or nobody who may be.
    ///
    /// They are looked up anew each time, as [`Session::user`] does it: who is gone, is disabled or has other credentials is
    /// signed out. Afterwards `Session::user` answers what was found.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoUsers`](crate::ErrorKind::NoUsers) when nothing finds users of this type.
    pub fn user<T: Send + Sync + 'static>(mut self) -> Result<Self, Error> {
        self.session.finder::<T>()?;
        self.find = Some(|session| Box::pin(async move { Ok(session.user_anew::<T>().await?.is_some()) }));
        Ok(self)
    }

    /// Sets how often the store is asked: every 5 seconds by default, and ten times a second at most. So much later than a
    /// sign-out the connection ends.
    #[must_use]
    pub fn every(mut self, period: Duration) -> Self {
        self.every = period.max(LEAST);
        self
    }

    /// Waits until the session is over: signed out, ended from another device, expired, or under another token, because its
    /// user signed in again. With [periodic rotation](crate::Policy::rotate_every) so it is some seconds after each, and the
    /// browser connects again. At once where it never was stored.
    ///
    /// It asks [`Session::confirm`] now and then, and a connection is not a use of the session: nothing moves its idle timeout
    /// forward. Of a sealed session only its cookie knows of other uses: the connection ends an idle timeout after it began.
    ///
    /// While the store or the user cannot be asked, the connection stays, and the question is asked again; but not beyond the
    /// session's absolute timeout, and that of a sealed session not past the bound of
    /// [`Revocations`](crate::Revocations::refresh_within), at which its requests are refused, too.
    ///
    /// Race it against all that the connection does, as above: also against what it says, for a client that does not read holds
    /// that up as long as it likes. Dropped while it waits, it goes on where it was when it is called again.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as [`tokio::spawn`] does.
    pub async fn over(&mut self) {
        while let Some(left) = self.left() {
            let pause = self.every.saturating_sub(self.asked.elapsed());
            if self.question.is_empty() {
                if !pause.is_zero() {
                    sleep(pause.min(left)).await;
                    continue;
                }
                self.question.spawn(is_over(self.session.clone(), self.find));
            }
            tokio::select! {
                () = sleep(left) => {}
                Some(answer) = self.question.join_next() => self.hear(answer),
            }
        }
    }

    /// How long the session goes on at most, whatever its store says; nothing, when it is over.
    fn left(&self) -> Option<Duration> {
        let shared = &self.session.0;
        let ends = shared.state().ends()?;
        let left = ends.since(shared.config.clock.now());
        (!self.is_over && !left.is_zero()).then_some(left)
    }

    fn hear(&mut self, answer: Result<Result<bool, Error>, JoinError>) {
        self.asked = clock::instant();
        let shared = &self.session.0;
        let error = match answer {
            Ok(Ok(is_over)) => {
                self.is_over = is_over;
                return;
            }
            Ok(Err(error)) => error,
            Err(panicked) => Error::new(ErrorKind::Unavailable, "could not find out who is signed in")
                .with_source(panicked),
        };
        self.is_over = shared.config.refuses_unknown();
        match self.is_over {
            true => events::guard_gave_up(self.session.id(), &error),
            false => events::guard_unsure(self.session.id(), &error),
        }
    }
}

async fn is_over(session: Session, find: Option<fn(Session) -> Finding>) -> Result<bool, Error> {
    if !session.confirm().await? {
        return Ok(true);
    }
    match find {
        Some(find) => find(session).await.map(|found| !found),
        None => Ok(false),
    }
}
