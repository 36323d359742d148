//! One filing: that a session may be a principal's.

use std::time::Duration;

use cloakroom_store::Id;
use redis::Value;

/// A filing as `lua/filing.lua` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Filing([u8; Filing::LEN]);

impl Filing {
    const LEN: usize = 33;

    /// As long as this a filing without a session is that of a sign-in under way; `lua/filing.lua` has it too.
    const GRACE: Duration = Duration::from_secs(60);

    /// How long after it was filed a session may be written: what is left of the grace is for clocks that differ.
    pub(super) const WRITABLE: Duration = Duration::from_secs(20);

    pub(super) fn read(answer: &Value) -> Option<Self> {
        match answer {
            Value::BulkString(bytes) => Some(Self(bytes.as_slice().try_into().ok()?)),
            _ => None,
        }
    }

    /// Several, as an answer lists them.
    pub(super) fn read_all(answer: &Value) -> Option<Vec<Self>> {
        match answer {
            Value::Array(filings) => filings.iter().map(Self::read).collect(),
            _ => None,
        }
    }

    /// Several, as scripts take them.
    pub(super) fn concat<'a>(filings: impl IntoIterator<Item = &'a Self>) -> Vec<u8> {
        filings.into_iter().flat_map(|filing| filing.0).collect()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn id(&self) -> Id {
        let id = self.0.first_chunk().expect("a filing begins with an id");
        Id::from_bytes(*id)
    }

    /// Whether another session has taken its place.
    pub(super) fn is_ended(&self) -> bool {
        self.0.ends_with(b"e")
    }

    /// Whether no sign-in that has filed it can be under way at this time of its server's.
    pub(super) fn is_old(&self, now: u64) -> bool {
        let filed = self.0[24..].first_chunk().expect("a filing has 33 bytes");
        u128::from(now.saturating_sub(u64::from_be_bytes(*filed))) > Self::GRACE.as_millis()
    }
}
