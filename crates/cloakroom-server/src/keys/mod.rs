//! `cloakroom keys`: makes and exchanges the server's keys, while nodes serve.

mod activate;
mod add;
mod compromise;
mod generate;
mod list;
mod reopen;
mod retire;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, KeyId};

/// Make and exchange the server's keys, while nodes serve
///
/// A key is added, and is pending: every node opens with it, none seals. Once all nodes have it, it is activated, and
/// the one before is retiring: it still opens. Once no session lives that it sealed, it is retired, and refused.
/// Nobody is signed out by any of it. Nodes that watch the file take each step up within a second.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Verb,

    /// The file of keys; nodes read the same one, or copies of it
    #[arg(long, value_name = "PATH", global = true)]
    file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a new file with one key, which is active
    Generate,
    /// Show the keys, their states and dates, and never a key itself
    List,
    /// Draw a key that opens and does not seal yet
    Add,
    /// Seal with a pending or retiring key from now on
    Activate(activate::Activate),
    /// Refuse a key whose sessions are over
    Retire(retire::Retire),
    /// Open again with a key that was retired too early
    Reopen(Named),
    /// Refuse a key at once and for good, because somebody else has it
    Compromise(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The key, as `list` shows it
    // A text, since the parser of the command line repeats what it cannot use: somebody may have pasted a key.
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: String,
}

impl Named {
    fn id(&self) -> anyhow::Result<KeyId> {
        Ok(self.id.parse()?)
    }
}

impl Keys {
    /// Does what was asked, and says what it did and what comes next.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let now = Timestamp::from(SystemTime::now());
        let file = self
            .file
            .context("which file of keys? Name it with --file PATH")?;
        let file = KeyFile::new(file);
        let said = match self.verb {
            Verb::Generate => generate::run(&file, now)?,
            Verb::List => list::run(&file)?,
            Verb::Add => add::run(&file, now)?,
            Verb::Activate(activate) => activate.run(&file, now)?,
            Verb::Retire(retire) => retire.run(&file, now)?,
            Verb::Reopen(key) => reopen::run(&file, key.id()?, now)?,
            Verb::Compromise(key) => compromise::run(&file, key.id()?, now)?,
        };
        // Nobody may be reading, and it is done.
        let _ = io::stdout().write_all(said.as_bytes());
        Ok(())
    }
}

/// A duration as people say it.
fn spoken(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let (count, unit) = match duration.as_secs() {
        seconds if seconds >= 2 * DAY => (seconds / DAY, "days"),
        seconds if seconds >= 2 * HOUR => (seconds / HOUR, "hours"),
        seconds if seconds >= 2 * MINUTE => (seconds / MINUTE, "minutes"),
        1 => (1, "second"),
        seconds => (seconds, "seconds"),
    };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spoken() {
        let check = |seconds, text| assert_eq!(spoken(Duration::from_secs(seconds)), text);
        check(0, "0 seconds");
        check(1, "1 second");
        check(119, "119 seconds");
        check(120, "2 minutes");
        check(7_200, "2 hours");
        check(86_400 * 30, "30 days");
    }
}
