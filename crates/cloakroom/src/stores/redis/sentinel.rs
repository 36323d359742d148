//! Sentinels: asks them where the primary is, and believes the latest that they know.

use std::io;
use std::time::Duration;

use redis::{RedisError, Value};
use tokio::time::timeout;

use super::address::{Place, Sentinels};
use super::all::until;
use super::server::Server;

/// Where the primary is, as far as the sentinels know that have answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: Place,
    /// Grows with every failover: who knows a higher one knows better.
    pub(super) epoch: u64,
    /// Whether most of the sentinels that there are have answered. A failover takes the votes of most, so that one of
    /// them at least knows of the last.
    pub(super) by_most: bool,
}

impl Found {
    /// Whether this is a reason to leave a primary that was found before and still answers.
    ///
    /// A few that know of nothing later may have been cut off, together with a primary that was replaced.
    pub(super) fn contradicts(&self, place: &Place, epoch: u64) -> bool {
        self.place != *place && (self.by_most || self.epoch > epoch)
    }
}

/// What one sentinel knows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    place: Place,
    epoch: u64,
}

/// How long those are waited for that are slower than most. Of a failover one sentinel knows first, and tells the others within
/// two seconds: until then most of them say what was.
const STRAGGLERS: Duration = Duration::from_millis(100);

/// Where the primary is: asks all sentinels at once, until the time is up or most have answered, and those that would have in a
/// moment.
///
/// The server that is found there must still say itself that it is the primary.
///
/// # Errors
///
/// When none answers, or none knows the name.
pub(super) async fn primary(
    server: &Server,
    sentinels: &Sentinels,
    within: Duration,
) -> Result<Found, RedisError> {
    let asking = sentinels.places.iter().map(async |sentinel| {
        let silent = || {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the sentinel {sentinel} did not answer"),
            )
        };
        let asked = timeout(within, ask(server, sentinel, sentinels)).await;
        asked.unwrap_or_else(|_elapsed| Err(silent().into()))
    });
    let are_most = |answered: usize| answered > sentinels.places.len() / 2;
    let are_enough = |answers: &[&Result<_, _>]| {
        let answered = answers.iter().filter(|answer| answer.is_ok()).count();
        are_most(answered)
    };
    let answers = until(asking, are_enough, STRAGGLERS).await;
    let mut known = Vec::new();
    let mut failed = RedisError::from(io::Error::other("there are no sentinels"));
    for answer in answers {
        match answer {
            Ok(answer) => known.push(answer),
            Err(error) => failed = error,
        }
    }
    let by_most = are_most(known.len());
    match latest(&known) {
        Some(Known { place, epoch }) => Ok(Found {
            place: place.clone(),
            epoch: *epoch,
            by_most,
        }),
        None => Err(failed),
    }
}

/// The latest of what they know, and of several as late what most of them say.
fn latest(known: &[Known]) -> Option<&Known> {
    let votes = |one: &Known| known.iter().filter(|other| *other == one).count();
    // Of equals the first is taken, which is named first in the URL.
    known.iter().rev().max_by_key(|one| (one.epoch, votes(one)))
}

async fn ask(server: &Server, sentinel: &Place, sentinels: &Sentinels) -> Result<Known, RedisError> {
    let (mut connection, _driving) = server.open(sentinel, &sentinels.login).await?;
    let mut questions = redis::pipe();
    // During a failover only the second knows whom it has promoted. A user may be granted the second alone.
    for question in ["master", "get-master-addr-by-name"] {
        questions.cmd("SENTINEL").arg(question).arg(&sentinels.primary);
    }
    let answers = connection.send_packed_commands(&questions, 0, 2).await?;
    let unknown = || {
        let name = sentinels.primary.escape_debug();
        io::Error::other(format!("the sentinel {sentinel} knows no primary `{name}`"))
    };
    match <[Value; 2]>::try_from(answers) {
        Ok([about, place]) => Ok(Known {
            place: place_in(&place.extract_error()?).ok_or_else(unknown)?,
            epoch: epoch_in(&about).unwrap_or(0),
        }),
        Err(_) => Err(unknown().into()),
    }
}

fn place_in(answer: &Value) -> Option<Place> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [Value::BulkString(name), Value::BulkString(port)] = &**parts else {
        return None;
    };
    let name = String::from_utf8_lossy(name).into_owned();
    let port = str::from_utf8(port).ok()?.parse().ok()?;
    Some(Place::Host { name, port })
}

/// The epoch among names and values that follow each other.
fn epoch_in(answer: &Value) -> Option<u64> {
    let Value::Array(parts) = answer else {
        return None;
    };
    parts.chunks_exact(2).find_map(|pair| match pair {
        [Value::BulkString(name), Value::BulkString(value)] if name == b"config-epoch" => {
            str::from_utf8(value).ok()?.parse().ok()
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(port: u16) -> Place {
        let name = "host".to_owned();
        Place::Host { name, port }
    }

    #[test]
    fn the_latest_is_believed_and_then_the_most() {
        for (known, expected) in [
            (&[(1, 0)][..], Some(1)),
            (&[(1, 7), (2, 8)], Some(2)),
            (&[(2, 8), (1, 7), (1, 7)], Some(2)),
            (&[(1, 0), (2, 0), (2, 0)], Some(2)),
            (&[(1, 0), (2, 0)], Some(1)),
            (&[], None),
        ] {
            let known: Vec<_> = known
                .iter()
                .map(|(port, epoch)| Known {
                    place: place(*port),
                    epoch: *epoch,
                })
                .collect();
            assert_eq!(
                latest(&known).map(|known| known.place.clone()),
                expected.map(place),
                "{known:?}"
            );
        }
    }

    #[test]
    fn a_few_that_know_of_nothing_later_contradict_nobody() {
        let found = |port, epoch, by_most| Found {
            place: place(port),
            epoch,
            by_most,
        };
        for (found, contradicts) in [
            (found(1, 9, true), false),
            (found(2, 7, false), false),
            (found(2, 6, false), false),
            (found(2, 8, false), true),
            (found(2, 8, true), true),
            // They were made anew, and count from the beginning.
            (found(2, 0, true), true),
        ] {
            assert_eq!(found.contradicts(&place(1), 7), contradicts, "{found:?}");
        }
    }

    #[test]
    fn the_answers_of_a_sentinel_are_read() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let list = |texts: &[&str]| Value::Array(texts.iter().map(|part| text(part)).collect());
        assert_eq!(place_in(&list(&["host", "7"])), Some(place(7)));
        assert_eq!(place_in(&list(&["host", "port"])), None);
        assert_eq!(place_in(&Value::Nil), None);
        let about = list(&["name", "config-epoch", "config-epoch", "12", "quorum", "2"]);
        assert_eq!(epoch_in(&about), Some(12));
        assert_eq!(epoch_in(&list(&["name", "cloakroom"])), None);
        assert_eq!(epoch_in(&Value::Nil), None);
    }
}
