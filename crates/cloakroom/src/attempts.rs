//! Counts attempts at signing in, and refuses those that are too many.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{
    AddOne, AnyCounters, Counter, Counters, Error as StoreError, Namespace, TakeBack, Timestamp,
};

use crate::bounded::bounded;
use crate::config::Config;
use crate::lifecycle::Happened;
use crate::seal::AttemptsKey;
use crate::throttle::{self, Block, Limit, Throttled};
use crate::{Error, Sessions, events};

/// Limits how often somebody may try to sign in: made by [`Sessions::attempts`], and kept by the application. Cheap to
/// clone.
///
/// [`begin`](Self::begin) counts an attempt *before* its password is checked, so that a hundred guesses at once are a
/// hundred, and refuses it where there were too many: [`ErrorKind::TooManyAttempts`](crate::ErrorKind::TooManyAttempts), a
/// 429 with a `Retry-After`. [`Attempt::succeeded`] takes it back, so that who signs in ten times a day is not refused the
/// eleventh time.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # mod app {
/// use std::net::IpAddr;
/// use std::time::Duration;
///
/// use cloakroom::stores::Memory;
/// use cloakroom::{Attempts, Error, Session, Sessions};
/// # async fn check(name: &str, password: &str) -> Option<u64> { None }
///
/// const WINDOW: Duration = Duration::from_secs(15 * 60);
///
/// fn attempts(store: Memory, sessions: &Sessions) -> Result<Attempts, Error> {
///     sessions
///         .attempts(store)
///         .per_address(10, WINDOW)?
///         .per_principal(30, WINDOW)
/// }
///
/// async fn sign_in(
///     session: Session,
///     attempts: Attempts,
///     address: IpAddr,
///     name: &str,
///     password: &str,
/// ) -> Result<bool, Error> {
///     let attempt = attempts.begin(name, address).await?;
///     let Some(user) = check(name, password).await else {
///         return Ok(false); // It stays counted.
///     };
///     attempt.succeeded().await;
///     session.sign_in(user.to_string())?;
///     Ok(true)
/// }
/// # }
/// ```
///
/// # What is counted
///
/// The address first: one of IPv4, or a /56 of IPv6, which is what a home has (RIPE-690 §4.2). Where it has tried too
/// often, the attempt is refused and does *not* count at the principal: so one address can spend at most its own limit of a
/// principal's, however often it asks. Then the principal, by the text that was typed, in whatever letter case and
/// without spaces around it. An attempt that is refused there stays counted at its address. Where the application takes
/// still more spellings for one user, give [`begin`](Self::begin) the one it looks up, or each spelling is a limit of its
/// own: a name of full-width letters, one whose accents are characters of their own, and all those that a database takes
/// for equal whose collation ignores accents, as MySQL's does unless told otherwise.
///
/// An attempt counts while its password is checked, so those who sign in at once from one address need room below its
/// limit. Who is refused meanwhile does not count: as soon as the others have succeeded there is room again.
///
/// Windows begin at multiples of their length, for each principal and address at others, and end whatever happens: being
/// refused does not make one longer. Nodes that share the store count together. What the store and the log see of a name is
/// a hash, because people type passwords into that field; whoever reads the store finds out by guessing whether a text was
/// tried.
///
/// # Where the address comes from
///
/// It must be what your own proxy says, or the connection where there is none: a header that the client can write is a
/// limit that the client sets. In axum without a proxy it is `ConnectInfo<SocketAddr>`, with
/// `into_make_service_with_connect_info::<SocketAddr>()`; in actix-web `HttpRequest::peer_addr()`, and not
/// `realip_remote_addr`, which believes everybody. Behind a proxy it is the header that this proxy overwrites, or of
/// `X-Forwarded-For` the last entry of the last line, which it has added; whatever is before that is the client's. A proxy
/// may add a line of its own, as HAProxy does, and `HeaderMap::get` answers the first. Behind a proxy the connection's own
/// address is the proxy's: everybody would share one limit.
///
/// # What it cannot do
///
/// * **Twice the limit across an edge.** Who tries at the end of one window and at the beginning of the next has both.
/// * **Somebody can keep another from signing in**, by failing in their name until it is refused. Keep the limit per
///   address well below the one per principal, so that this takes several addresses; make windows short; and leave another
///   way in, such as a link sent by mail. NIST SP 800-63B-4 §3.2.2 allows up to 100 failures at an account.
/// * **Another site can have its visitors' browsers try**, from their addresses, unless [`CrossSite`](crate::CrossSite) is
///   around the form that signs in.
/// * **Who has more addresses has more limits**: a network of IPv6 of its own, a /48, has 256.
/// * **Guesses that are spread** over many names and many addresses stay below both limits. Only better passwords, a second
///   factor, and looking at what fails in sum help against those.
/// * **Who sits behind one address shares its limit**: an office, a mobile network. A limit that is too low refuses them
///   all.
/// * **A full store in memory forgets.** See the card of the store: `Memory` and Memcached drop counters to make room, those
///   first that were not tried for longest, and all of them go when their server or process is restarted, unless the card
///   says otherwise. A failover loses the last ones.
/// * A call that was given up may have counted, or not been taken back: too much is counted then, never too little.
/// * It counts passwords that were tried, and not what a stolen session does.
///
/// # What else to begin an attempt for
///
/// Whatever tells whether a secret is right: a form for a new password that asks for the present one, an API, and above all
/// a second factor, whose six digits are a million guesses. Give it [attempts of its own](Self::at), at the user who has
/// shown the first.
///
/// A store that does not let counters go by itself keeps them until a [`Sweeper`](crate::Sweeper::attempts) forgets them.
///
/// # When the store cannot be asked
///
/// Nobody knows then how often something was tried, and the attempt is refused with a 503, like everything else that needs
/// the store. [`danger_let_in_when_unknown`](Self::danger_let_in_when_unknown) decides otherwise.
#[derive(Debug, Clone)]
#[must_use = "it counts nothing until attempts begin with it"]
pub struct Attempts {
    counters: AnyCounters,
    config: Arc<Config>,
    key: AttemptsKey,
    per_address: Option<Limit>,
    per_principal: Option<Limit>,
    when_unknown: WhenUnknown,
}

/// What happens to an attempt that could not be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenUnknown {
    Refuse,
    LetIn,
}

impl Sessions {
    /// Counts attempts at signing in, in this store: once a limit [per address](Attempts::per_address) or
    /// [per principal](Attempts::per_principal) is set, and an application begins attempts with it.
    ///
    /// It may be the store that has the sessions, or any other. Take it when the sessions are set up: it has their
    /// [application](Self::application) and cookie, by which it is told apart in a store that several share, their clock,
    /// and their bound for [one call of the store](Self::store_timeout).
    pub fn attempts(&self, counters: impl Counters) -> Attempts {
        let config = Arc::clone(&self.config);
        Attempts {
            counters: AnyCounters::new(counters),
            key: config.envelope.derivation.attempts("signing in"),
            config,
            per_address: None,
            per_principal: None,
            when_unknown: WhenUnknown::Refuse,
        }
    }
}

impl Attempts {
    /// Allows so many attempts at one principal within each window.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a limit of 0, and for a window that is not from one second to
    /// one day.
    pub fn per_principal(mut self, most: u32, window: Duration) -> Result<Self, Error> {
        self.per_principal = Some(Limit::new(Throttled::Principal, most, window)?);
        Ok(self)
    }

    /// Allows so many attempts from one address within each window, whomever they are at.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a limit of 0, and for a window that is not from one second to
    /// one day.
    pub fn per_address(mut self, most: u32, window: Duration) -> Result<Self, Error> {
        self.per_address = Some(Limit::new(Throttled::Address, most, window)?);
        Ok(self)
    }

    /// Says what is attempted: `signing in` by default. Whatever has another name is counted by itself: signing up, say, or
    /// asking for a new password.
    pub fn at(mut self, what: &str) -> Self {
        self.key = self.config.envelope.derivation.attempts(what);
        self
    }

    /// Lets attempts go on where the store cannot be asked, instead of refusing them with a 503: while it is down, or
    /// somebody keeps it busy, passwords can be guessed without limit.
    pub fn danger_let_in_when_unknown(mut self) -> Self {
        self.when_unknown = WhenUnknown::LetIn;
        self
    }

    /// Begins an attempt at a principal, as it was typed, from an address: counts it, and says whether it may go on.
    ///
    /// Call it before anything that costs time or tells something: before the password is looked at, and before the user is
    /// looked up. It asks the store at most once for each limit, and twice more where it refuses, to take that back and to count
    /// refusals, and waits as long as one call may take.
    ///
    /// # Errors
    ///
    /// * [`ErrorKind::TooManyAttempts`](crate::ErrorKind::TooManyAttempts) where there were too many:
    ///   [`Error::retry_after`] says when to try again;
    /// * [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked. The attempt may be
    ///   counted.
    pub async fn begin(&self, principal: &str, address: IpAddr) -> Result<Attempt, Error> {
        let now = self.config.clock.now();
        let mut so_far = SoFar::default();
        let counting = bounded(
            self.config.store_timeout,
            self.count(principal, address, now, &mut so_far),
        )
        .await;
        // What is known to be too much is refused, whatever the store failed at after that.
        if let Some(refused) = so_far.refused {
            return Err(self.refuse(&refused, address, now));
        }
        match counting {
            Ok(()) => {}
            Err(error) if self.when_unknown == WhenUnknown::LetIn => events::attempt_uncounted(&error),
            Err(error) => return Err(Error::store("count an attempt", error)),
        }
        Ok(Attempt {
            counters: self.counters.clone(),
            begun: so_far.begun,
            patience: self.config.store_timeout,
        })
    }

    /// Counts at the address and then at the principal, and stops where it is too much.
    async fn count(
        &self,
        principal: &str,
        address: IpAddr,
        now: Timestamp,
        so_far: &mut SoFar,
    ) -> Result<(), StoreError> {
        let mut unknown = Ok(());
        let limits = [
            (Throttled::Address, self.per_address),
            (Throttled::Principal, self.per_principal),
        ];
        for (by, limit) in limits {
            let Some(limit) = limit else {
                continue;
            };
            let counted = match by {
                Throttled::Address => throttle::of_block(&self.key, &limit, Block::of(address)),
                Throttled::Principal => throttle::of_principal(&self.key, &limit, principal),
            };
            let until = limit.end(counted, now);
            let counter = Counter::new(self.config.namespace.clone(), counted, until);
            let count = match self.counters.add(AddOne::new(counter.clone())).await {
                Ok(count) => count,
                // One of two servers may be away, and the other knows that it is too much.
                Err(error) if self.when_unknown == WhenUnknown::LetIn => {
                    unknown = Err(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if limit.has_room(count) {
                so_far.begun.push(counter);
                continue;
            }
            let refused = |is_first| Refused { by, until, is_first };
            so_far.refused = Some(refused(false));
            // So many who are right at once may be refused, and what was refused is not to keep out who comes after.
            self.counters.take_back(TakeBack::new(counter)).await?;
            // Counted apart: exact counters make one of all nodes' refusals in a window the first.
            let refusals = throttle::of_refusals(&self.key, &limit, counted);
            let refusals = Counter::new(self.config.namespace.clone(), refusals, until);
            let count = self.counters.add(AddOne::new(refusals)).await?;
            so_far.refused = Some(refused(count == 1));
            return Ok(());
        }
        unknown
    }

    /// Tells of the first one in a window, and of no other: whoever is refused does not stop.
    fn refuse(&self, refused: &Refused, address: IpAddr, now: Timestamp) -> Error {
        let Refused { by, until, is_first } = *refused;
        if is_first {
            let what = Happened::AttemptsRefused { by, address };
            self.config.tell_all(what, None);
        }
        Error::too_many_attempts(by.word(), throttle::seconds_until(until, now))
    }

    /// Where they are counted, and for which application and cookie.
    pub(crate) fn counted_in(&self) -> (&Namespace, &AnyCounters) {
        (&self.config.namespace, &self.counters)
    }
}

/// How far counting has come.
#[derive(Default)]
struct SoFar {
    /// What the attempt counts in, where it may go on.
    begun: Vec<Counter>,
    refused: Option<Refused>,
}

/// Why an attempt may not go on.
struct Refused {
    by: Throttled,
    /// When its window is over.
    until: Timestamp,
    is_first: bool,
}

/// An attempt that is counted, and may go on: made by [`Attempts::begin`].
///
/// Dropped, it stays counted: a wrong password, a panic, a client that went away.
#[derive(Debug)]
#[must_use = "an attempt that succeeds stays counted until it says so"]
pub struct Attempt {
    counters: AnyCounters,
    /// What it counts in.
    begun: Vec<Counter>,
    patience: Duration,
}

impl Attempt {
    /// Takes it back: the password was right, so it was none of those that are to be limited.
    ///
    /// A store that cannot be asked is no reason to refuse who has just shown who they are: it stays counted then, and the
    /// log says so. Waits at most as long as one call may take.
    pub async fn succeeded(self) {
        let taking_back = async {
            let mut all = Ok(());
            // All of them: of two servers one may be there.
            for counter in self.begun {
                let taken = self.counters.take_back(TakeBack::new(counter)).await;
                all = all.and(taken);
            }
            all
        };
        if let Err(error) = bounded(self.patience, taking_back).await {
            events::attempt_still_counted(&error);
        }
    }
}
