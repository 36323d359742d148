//! What takes turns: something that can read and write sessions.

use std::future::Future;
use std::process;

use cloakroom::store::{Id, Namespace, Record, Timestamp};

/// A driver, or a store.
pub(crate) trait Subject: Clone + Send + Sync + 'static {
    /// What a task needs to write a session again: its id, and what is expected of it.
    type Held: Send;

    /// Begins a session.
    fn begin(&self, id: Id) -> impl Future<Output = Self::Held> + Send;

    /// Reads it, and checks that it is there.
    fn read(&self, held: &Self::Held) -> impl Future<Output = ()> + Send;

    /// Writes it at the revision it has, and checks that this was done.
    fn write(&self, held: &mut Self::Held) -> impl Future<Output = ()> + Send;
}

/// What a record's body takes for 190 bytes of data.
const BODY: [u8; 264] = [0x5a; 264];

/// The sessions of the benchmark.
pub(crate) fn namespace() -> Namespace {
    Namespace::new("bench").expect("a short name without special characters")
}

/// A session's record.
pub(crate) fn record() -> Record {
    Record::new(
        Timestamp::from_unix_millis(1_800_000_000_000),
        Timestamp::from_unix_millis(4_000_000_000_000),
        BODY,
    )
}

/// An id that no other subject has, nor any in another run.
pub(crate) fn id(subject: usize, task: usize, number: usize) -> Id {
    // Spread as random ids are.
    let n = ((process::id() as u128) << 64) | ((subject << 32) | (task << 16) | number) as u128;
    Id::from_bytes(
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_be_bytes(),
    )
}
