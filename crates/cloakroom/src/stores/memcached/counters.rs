//! Counters: a number for each, which the server adds to, or begins with one, in one step.

use cloakroom_store::{AddOne, Capabilities, Counters, Error, ErrorKind, Store as _, Sweep, Swept, TakeBack};

use super::Memcached;
use super::command::Command;
use super::expiry::exptime;
use super::reply::Answer;
use super::servers::server_of;

/// As long as the longest window: from now on, for it is not a moment.
const A_DAY: u32 = 60 * 60 * 24;

/// A number, as it is now.
struct Number {
    value: u64,
    /// Whether it is gone again already.
    is_over: bool,
}

impl Counters for Memcached {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        const DOING: &str = "count in";
        let counter = request.counter;
        let key = self.0.prefix.counter(&counter);
        // Where the clock of who counts is behind, a counter would be over as soon as it begins, and each add the first: then
        // it is kept by the server's clock.
        for exptime in [exptime(counter.until, self.0.ttl_margin), A_DAY] {
            let increment = Command::Increment { key: &key, exptime };
            match self.change(DOING, &key, increment).await? {
                Some(Number { is_over: true, .. }) => {}
                Some(Number { value, .. }) => return Ok(value),
                None => break,
            }
        }
        let why = "it did not begin the counter";
        Err(self.failed(DOING, &key, ErrorKind::Unavailable, why))
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        let key = self.0.prefix.counter(&request.counter);
        let decrement = Command::Decrement { key: &key };
        let number = self.change("take back what was counted in", &key, decrement);
        number.await.map(drop)
    }

    /// Nothing to do: numbers go by themselves.
    async fn forget(&self, _: Sweep) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    fn card(&self) -> Capabilities {
        self.capabilities()
    }
}

impl Memcached {
    /// Has a number changed, and answers what it is now, if there is one.
    async fn change(
        &self,
        doing: &'static str,
        key: &[u8],
        command: Command<'_>,
    ) -> Result<Option<Number>, Error> {
        let server = server_of(&self.0.servers, key);
        let answer = server.ask(command).await;
        match answer.map_err(|failure| failure.of_asking(doing, server.address()))? {
            Answer::Value { data, is_over, .. } => {
                // One that has become shorter may have kept its length.
                let number = str::from_utf8(&data)
                    .ok()
                    .and_then(|text| text.trim_end().parse().ok());
                let number = number.map(|value| Some(Number { value, is_over }));
                number.ok_or_else(|| {
                    let why =
                        "what is kept as a counter is no number: see whether somebody else uses this prefix";
                    self.failed(doing, key, ErrorKind::Corrupt, why)
                })
            }
            Answer::Missing => Ok(None),
            Answer::TooLarge | Answer::OutOfMemory => {
                let why = "the server has no memory left and evicts nothing (-M): give it more (-m)";
                Err(self.failed(doing, key, ErrorKind::Full, why))
            }
            Answer::Done { .. } | Answer::Refused | Answer::Noop => {
                let why = "it answered what makes no sense";
                Err(self.failed(doing, key, ErrorKind::Unavailable, why))
            }
        }
    }

    fn failed(&self, doing: &str, key: &[u8], kind: ErrorKind, why: &str) -> Error {
        let server = server_of(&self.0.servers, key).address();
        Error::new(kind, format!("could not {doing} memcached at {server}: {why}"))
    }
}
