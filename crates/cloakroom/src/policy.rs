//! How long sessions live, when they rotate, and how many one principal may have.

use std::time::Duration;

use cloakroom_store::{Cap, Timestamp};

use crate::{Error, ErrorKind};

/// How long sessions live, when they rotate, and how many one principal may have.
///
/// The default is an idle timeout of 30 minutes and an absolute one of 24 hours; with "remember me" 14 and 30
/// days. A session keeps the lifetime it was given: a changed policy applies from its next sign-in.
///
/// ```
/// use cloakroom::{Lifetime, Policy};
/// use std::time::Duration;
///
/// let hours = |n: u64| Duration::from_secs(n * 3600);
/// let policy = Policy::default().lifetime(Lifetime::new(hours(2), hours(12))?);
/// # Ok::<(), cloakroom::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) standard: Lifetime,
    pub(crate) remembered: Option<Lifetime>,
    pub(crate) anonymous: Option<Lifetime>,
    pub(crate) rotate_every: Option<Duration>,
    pub(crate) cap: Cap,
}

impl Policy {
    /// The longest that any policy lets a session live: what browsers keep a cookie for (RFC 6265bis §5.5).
    pub(crate) const LONGEST: Duration = Duration::from_secs(400 * DAY as u64);

    /// NIST SP 800-63B-4 §2.1.3, AAL1: at most 30 days; no inactivity timeout of its own.
    pub fn aal1() -> Self {
        Self::strict(Lifetime::of_seconds(30 * DAY, 30 * DAY))
    }

    /// NIST SP 800-63B-4 §2.2.3, AAL2: at most 24 hours, and one hour of inactivity. Nobody is remembered.
    pub fn aal2() -> Self {
        Self::strict(Lifetime::of_seconds(HOUR, DAY))
    }

    /// NIST SP 800-63B-4 §2.3.3, AAL3: at most 12 hours, and 15 minutes of inactivity. Nobody is remembered.
    pub fn aal3() -> Self {
        Self::strict(Lifetime::of_seconds(15 * MINUTE, 12 * HOUR))
    }

    /// Sets how long a session lives.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.standard = lifetime;
        self
    }

    /// Sets how long a session lives whose user asked to be remembered, and whose cookie outlives the browser.
    ///
    /// `None` remembers nobody: a sign-in that asks for it gets the standard lifetime.
    #[must_use]
    pub fn remembered(mut self, lifetime: Option<Lifetime>) -> Self {
        self.remembered = lifetime;
        self
    }

    /// Sets how long a session lives in which nobody is signed in. The same as any other by default.
    ///
    /// A shorter one keeps fewer sessions of passers-by: a cart of an hour ago, say. A sign-in gives the session the standard
    /// lifetime, or that of who is remembered.
    ///
    /// ```
    /// use cloakroom::{Lifetime, Policy};
    /// use std::time::Duration;
    ///
    /// let minutes = |n: u64| Duration::from_secs(n * 60);
    /// let policy = Policy::default().anonymous(Lifetime::new(minutes(10), minutes(60))?);
    /// # Ok::<(), cloakroom::Error>(())
    /// ```
    #[must_use]
    pub fn anonymous(mut self, lifetime: Lifetime) -> Self {
        self.anonymous = Some(lifetime);
        self
    }

    /// Gives a session a new secret this often, while it is used. Off by default.
    ///
    /// The old secret stays good until the new one has been seen and a few seconds have passed, so that a
    /// lost response locks nobody out. A use after that is taken for theft, and ends the session.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for less than a minute, which would rotate within the grace of the rotation
    /// before.
    pub fn rotate_every(mut self, period: Option<Duration>) -> Result<Self, Error> {
        if period.is_some_and(|period| period < Duration::from_secs(MINUTE as u64)) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a session rotates at most once a minute",
            ));
        }
        self.rotate_every = period;
        Ok(self)
    }

    /// Limits how many sessions one principal may have at once: see [`store::Cap`](crate::store::Cap). No limit by
    /// default.
    ///
    /// It is exact, however many sign in at once: the store counts in the step that signs in. A sign-in is answered with
    /// [`ErrorKind::Unsupported`] where a store's card says that it cannot (Memcached), and every request with
    /// [`ErrorKind::Invalid`] where sessions are sealed into their cookies, and nobody counts them.
    #[must_use]
    pub fn cap(mut self, cap: Cap) -> Self {
        self.cap = cap;
        self
    }

    /// How long a session lives that is signed in, and whether its cookie outlives the browser, when that was `asked` for.
    pub(crate) fn lifetime_for(&self, asked: bool) -> (Lifetime, bool) {
        match self.remembered {
            Some(lifetime) if asked => (lifetime, true),
            _ => (self.standard, false),
        }
    }

    /// How long a session lives in which nobody is signed in.
    pub(crate) fn anonymous_lifetime(&self) -> Lifetime {
        self.anonymous.unwrap_or(self.standard)
    }

    /// The longest that any session lives.
    pub(crate) fn longest(&self) -> Duration {
        let others = [self.remembered, self.anonymous];
        let others = others.into_iter().flatten().map(|lifetime| lifetime.absolute());
        others.fold(self.standard.absolute(), Duration::max)
    }

    fn strict(standard: Lifetime) -> Self {
        Self {
            standard,
            remembered: None,
            ..Self::default()
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            standard: Lifetime::of_seconds(30 * MINUTE, DAY),
            remembered: Some(Lifetime::of_seconds(14 * DAY, 30 * DAY)),
            anonymous: None,
            rotate_every: None,
            cap: Cap::None,
        }
    }
}

/// By how much the clocks of two nodes may differ, where nobody has said otherwise.
pub(crate) const SKEW: Duration = Duration::from_secs(5);

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

/// Two durations that end a session: without activity, and whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    // Seconds, as records keep them.
    idle: u32,
    absolute: u32,
}

impl Lifetime {
    /// A session that ends after `idle` without activity, and `absolute` after it began or was signed in.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] unless both are whole seconds, `idle` is at least one second and not longer than
    /// `absolute`, and `absolute` is at most 400 days, which is what browsers keep a cookie for
    /// (RFC 6265bis §5.5).
    pub fn new(idle: Duration, absolute: Duration) -> Result<Self, Error> {
        let wrong = |what: &str| {
            Err(Error::new(
                ErrorKind::Invalid,
                format!("the lifetime of a session: {what}"),
            ))
        };
        if idle.subsec_nanos() != 0 || absolute.subsec_nanos() != 0 {
            return wrong("timeouts are whole seconds");
        }
        if idle.is_zero() {
            return wrong("the idle timeout is at least one second");
        }
        if idle > absolute {
            return wrong("the idle timeout is longer than the absolute timeout");
        }
        match u32::try_from(absolute.as_secs()) {
            Ok(absolute) if absolute <= 400 * DAY => Ok(Self::of_seconds(idle.as_secs() as u32, absolute)),
            _ => wrong("the absolute timeout is longer than 400 days"),
        }
    }

    /// How long a session lives without activity.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle.into())
    }

    /// How long a session lives, whatever happens.
    pub fn absolute(&self) -> Duration {
        Duration::from_secs(self.absolute.into())
    }

    /// When a session expires that is seen at `now` and ends at `ends` whatever happens.
    pub(crate) fn expires(&self, now: Timestamp, ends: Timestamp) -> Timestamp {
        expires(self.idle(), now, ends)
    }

    /// Whether a session last seen at `last_seen` is due to be touched: after 5 % of the idle timeout, but at
    /// least hourly (design section 3, invariant 6).
    pub(crate) fn touch_is_due(&self, last_seen: Timestamp, now: Timestamp) -> bool {
        touch_is_due(self.idle(), last_seen, now)
    }

    /// The two timeouts in seconds, for a record.
    pub(crate) const fn to_seconds(self) -> (u32, u32) {
        (self.idle, self.absolute)
    }

    /// What [`Self::to_seconds`] gave; also anything else a damaged record says, for which expiry stays safe.
    pub(crate) const fn of_seconds(idle: u32, absolute: u32) -> Self {
        Self { idle, absolute }
    }
}

/// When a session expires that is seen at `now`, and ends at `ends` whatever happens.
pub(crate) fn expires(idle: Duration, now: Timestamp, ends: Timestamp) -> Timestamp {
    now.saturating_add(idle).min(ends)
}

/// Whether a session last seen at `last_seen` is due to be touched: see [`Lifetime::touch_is_due`].
pub(crate) fn touch_is_due(idle: Duration, last_seen: Timestamp, now: Timestamp) -> bool {
    now.since(last_seen) >= (idle / 20).min(Duration::from_secs(HOUR.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_that_makes_no_sense_cannot_be_built() {
        let check = |idle: u64, absolute: u64, valid: bool| {
            let lifetime = Lifetime::new(Duration::from_secs(idle), Duration::from_secs(absolute));
            assert_eq!(lifetime.is_ok(), valid, "{idle} {absolute}");
        };
        check(1, 1, true);
        check(0, 1, false);
        check(2, 1, false);
        check(1, 400 * 86_400, true);
        check(1, 400 * 86_400 + 1, false);
        check(1, u64::MAX, false);
        assert!(Lifetime::new(Duration::from_millis(1500), Duration::from_secs(9)).is_err());
    }

    #[test]
    fn presets_are_what_nist_says() {
        let check = |policy: Policy, idle: u64, absolute: u64| {
            assert_eq!(policy.standard.idle(), Duration::from_secs(idle));
            assert_eq!(policy.standard.absolute(), Duration::from_secs(absolute));
            assert_eq!(
                policy.lifetime_for(true),
                (policy.standard, false),
                "nobody is remembered"
            );
        };
        check(Policy::aal1(), 30 * 86_400, 30 * 86_400);
        check(Policy::aal2(), 3600, 86_400);
        check(Policy::aal3(), 900, 12 * 3600);
    }

    #[test]
    fn a_touch_is_due_after_a_twentieth_of_idle_and_at_least_hourly() {
        let check = |idle: u64, after: u64, due: bool| {
            let lifetime = Lifetime::of_seconds(idle as u32, u32::MAX);
            let begin = Timestamp::from_unix_millis(1_000_000);
            let now = begin.saturating_add(Duration::from_millis(after));
            assert_eq!(lifetime.touch_is_due(begin, now), due, "{idle} {after}");
        };
        check(1800, 89_999, false);
        check(1800, 90_000, true);
        check(1, 49, false);
        check(1, 50, true);
        check(30 * 86_400, 3_599_999, false);
        check(30 * 86_400, 3_600_000, true);
    }
}
