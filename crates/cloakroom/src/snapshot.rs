//! Snapshots: what the store said of a session a moment ago, sealed into a second cookie.
//!
//! ```text
//! version 1 · taken 8 · revision 8 · created 8 · last seen 8 · expires 8 · principal 1 + n · label (0, or 1 · 1 + n) · body
//! ```
//!
//! Integers are big endian, moments milliseconds. It is sealed for one token: only a request that comes with it opens it,
//! so one that a slow response brings after a sign-in is nobody's.

use std::time::Duration;

use cloakroom_store::{Freshness, Label, Principal, Record, Revision, Stored, Timestamp};

use crate::cookie::Cookie;
use crate::keyring::{Found, KeyRing};
use crate::paseto::{self, Untrusted};
use crate::seal;
use crate::sealed_cookie::{Footer, assertion};
use crate::token::Token;

const VERSION: u8 = 1;

/// What the value is for: so none opens as a sealed session.
const PURPOSE: &str = "snapshot";

/// What it takes to seal snapshots and to open them: the same for all requests.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    keys: KeyRing,
    /// How long one is good for at most.
    fresh_for: Duration,
    cookie: Cookie,
    assertion: Vec<u8>,
}

/// What the store said, and when it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) taken: Timestamp,
    pub(crate) stored: Stored,
}

impl Snapshots {
    pub(crate) fn new(keys: KeyRing, fresh_for: Duration, application: &str, cookie: &Cookie) -> Self {
        let cookie = cookie.beside("-snapshot");
        Self {
            assertion: assertion(PURPOSE, application, cookie.name()),
            keys,
            fresh_for,
            cookie,
        }
    }

    /// The same, for another application or cookie.
    pub(crate) fn of(&self, application: &str, cookie: &Cookie) -> Self {
        Self::new(self.keys.clone(), self.fresh_for, application, cookie)
    }

    /// The cookie that holds them.
    pub(crate) fn cookie(&self) -> &Cookie {
        &self.cookie
    }

    /// How long any of them is good for at most.
    pub(crate) fn longest(&self) -> Duration {
        self.fresh_for
    }

    /// How long one of a session with this idle timeout is good for: as a touch, within a twentieth of it.
    pub(crate) fn fresh_for(&self, idle: Duration) -> Duration {
        self.fresh_for.min(idle / 20)
    }

    /// The value of the cookie, for who has this token; `None` where there is no room for it: then there is none.
    pub(crate) fn seal(
        &self,
        snapshot: &Snapshot,
        token: &Token,
        nonce: &[u8; paseto::NONCE_LEN],
    ) -> Option<String> {
        let message = bytes(snapshot);
        let room = Cookie::MAX_LEN - self.cookie.name().len();
        if paseto::len(message.len(), Footer::LEN) > room {
            return None;
        }
        let active = self.keys.active();
        let key = active.for_cookies(seal::cookie_key);
        let text = key.seal(
            nonce,
            &message,
            &Footer::of(active.key().id()).0,
            &self.assertion_for(token),
        );
        active.count_sealed();
        Some(text)
    }

    /// What a value says to who has this token; `None` for anything that was not sealed here for them. The store knows
    /// better in any case, so there is no difference in why.
    pub(crate) fn open(&self, text: &[u8], token: &Token) -> Option<Snapshot> {
        if text.len() > Cookie::MAX_LEN {
            return None;
        }
        let untrusted = Untrusted::parse(text)?;
        let Found::Opens(key) = self.keys.find(Footer::read(untrusted.footer())?) else {
            return None;
        };
        let opened = key
            .for_cookies(seal::cookie_key)
            .open(untrusted, &self.assertion_for(token))?;
        key.count_opened();
        parse(&opened)
    }

    fn assertion_for(&self, token: &Token) -> Vec<u8> {
        let parts = [&self.assertion[..], token.id.as_bytes(), token.secret.as_bytes()];
        parts.concat()
    }
}

fn bytes(snapshot: &Snapshot) -> Vec<u8> {
    let Snapshot { taken, stored } = snapshot;
    let record = &stored.record;
    let principal = record.principal.as_ref().map_or("", Principal::as_str);
    let label = record.label.as_ref().map(Label::as_str);
    let mut bytes = Vec::with_capacity(64 + principal.len() + label.map_or(0, str::len) + record.body.len());
    bytes.push(VERSION);
    let [created, seen, expires] = [record.created, record.last_seen, record.expires];
    for number in [
        taken.as_unix_millis(),
        stored.revision.value(),
        created.as_unix_millis(),
        seen.as_unix_millis(),
        expires.as_unix_millis(),
    ] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    push_text(&mut bytes, principal);
    bytes.push(u8::from(label.is_some()));
    if let Some(label) = label {
        push_text(&mut bytes, label);
    }
    bytes.extend_from_slice(&record.body);
    bytes
}

fn parse(bytes: &[u8]) -> Option<Snapshot> {
    let mut rest = bytes;
    if take::<1>(&mut rest)? != [VERSION] {
        return None;
    }
    let mut number = || take(&mut rest).map(u64::from_be_bytes);
    let (taken, revision) = (number()?, number()?);
    let (created, seen, expires) = (number()?, number()?, number()?);
    let principal = match take_text(&mut rest)? {
        "" => None,
        text => Some(Principal::new(text).ok()?),
    };
    let label = match take(&mut rest)? {
        [0] => None,
        [1] => Some(Label::new(take_text(&mut rest)?)),
        _ => return None,
    };
    let record = Record::new(
        Timestamp::from_unix_millis(created),
        Timestamp::from_unix_millis(expires),
        rest,
    )
    .with_last_seen(Timestamp::from_unix_millis(seen))
    .with_principal(principal)
    .with_label(label);
    let mut stored = Stored::new(Revision::new(revision), record);
    stored.freshness = Freshness::Copied;
    Some(Snapshot {
        taken: Timestamp::from_unix_millis(taken),
        stored,
    })
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).expect("principals and labels have at most 255 bytes"));
    bytes.extend_from_slice(text.as_bytes());
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let [length] = take(rest)?;
    let (text, after) = rest.split_at_checked(usize::from(length))?;
    *rest = after;
    str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use cloakroom_store::Id;

    use super::*;
    use crate::keyring::ServerKey;
    use crate::token::Secret;

    fn moment(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn token(n: u8) -> Token {
        Token {
            id: Id::from_bytes([n; 16]),
            secret: Secret::from_bytes(&[n; 32]),
        }
    }

    fn snapshots(seed: u8) -> Snapshots {
        let bytes = std::array::from_fn(|n| (n as u8).wrapping_mul(37) ^ seed);
        let keys = KeyRing::new(ServerKey::from_bytes(bytes).unwrap());
        Snapshots::new(keys, Duration::from_secs(10), "app", &Cookie::default())
    }

    fn taken(principal: Option<&str>, label: Option<&str>, body: usize) -> Snapshot {
        let record = Record::new(moment(1), moment(u64::MAX >> 1), vec![7; body])
            .with_last_seen(moment(2))
            .with_principal(principal.map(|text| Principal::new(text).unwrap()))
            .with_label(label.map(Label::new));
        Snapshot {
            taken: moment(3),
            stored: Stored::new(Revision::new(u64::MAX), record),
        }
    }

    #[test]
    fn it_opens_as_it_was_sealed_for_its_token_and_nobody_else() {
        let long = "x".repeat(255);
        for principal in [None, Some("alice"), Some(long.as_str())] {
            for label in [None, Some(""), Some("phone")] {
                let snapshot = taken(principal, label, 100);
                let text = snapshots(1).seal(&snapshot, &token(1), &[5; 32]).unwrap();
                let opened = snapshots(1).open(text.as_bytes(), &token(1)).unwrap();
                assert_eq!(opened.taken, snapshot.taken);
                assert_eq!(opened.stored.revision, snapshot.stored.revision);
                assert_eq!(opened.stored.record, snapshot.stored.record);
                assert_eq!(opened.stored.freshness, Freshness::Copied);
                let same_id = Token {
                    secret: Secret::from_bytes(&[2; 32]),
                    ..token(1)
                };
                for (snapshots, token) in [
                    (snapshots(1), token(2)),
                    (snapshots(1), same_id),
                    (snapshots(2), token(1)),
                ] {
                    assert!(snapshots.open(text.as_bytes(), &token).is_none());
                }
                let elsewhere = snapshots(1).of("other", &Cookie::default());
                assert!(elsewhere.open(text.as_bytes(), &token(1)).is_none());
            }
        }
    }

    #[test]
    fn what_has_no_room_is_not_sealed() {
        let fits = |body| {
            let text = snapshots(1).seal(&taken(None, None, body), &token(1), &[5; 32]);
            text.map(|text| text.len() + snapshots(1).cookie.name().len())
        };
        assert!(
            (1..4096)
                .rev()
                .find_map(fits)
                .is_some_and(|length| (4090..=4096).contains(&length))
        );
        assert_eq!(fits(4000), None);
    }

    #[test]
    fn it_is_good_for_a_twentieth_of_the_idle_timeout_at_most() {
        let fresh_for = |idle| snapshots(1).fresh_for(Duration::from_secs(idle));
        assert_eq!(fresh_for(1800), Duration::from_secs(10));
        assert_eq!(fresh_for(60), Duration::from_secs(3));
    }

    #[test]
    fn cut_bytes_are_no_snapshot() {
        let whole = bytes(&taken(Some("alice"), Some("phone"), 0));
        assert!(parse(&whole).is_some());
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_none(), "{length}");
        }
    }
}
