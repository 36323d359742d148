//! The scripts: each verb that changes something is one, so that the server decides and does it in one step.

use std::future::Future;
use std::sync::LazyLock;

use cloakroom_store::Error;
use redis::{Cmd, Value};

/// Whoever runs scripts: the connections to one server, or those to a cluster.
pub(super) trait Scripts: Sync {
    /// Runs a script in one round trip, and answers what it returned.
    fn run(
        &self,
        what: &'static str,
        invocation: Invocation<'_>,
    ) -> impl Future<Output = Result<Value, Error>> + Send;

    /// The error for an answer that no script of ours gives.
    fn nonsense(&self, what: &str) -> Error;
}

/// A script, and the hash that the server knows it by.
pub(super) struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    pub(super) fn new(source: &'static str) -> Self {
        Self {
            hash: redis::Script::new(source).get_hash().to_owned(),
            source,
        }
    }
}

/// A script of these parts, one after the other.
macro_rules! script {
    ($($part:literal),+) => {
        LazyLock::new(|| Script::new(concat!($(include_str!(concat!("lua/", $part, ".lua"))),+)))
    };
}

/// The conditional write.
pub(super) static WRITE: LazyLock<Script> = script!("record", "write", "times", "index", "write_and_file");

/// Moves the times of a session forward.
pub(super) static TOUCH: LazyLock<Script> = script!("record", "times", "index", "touch");

/// Ends one session.
pub(super) static DELETE: LazyLock<Script> = script!("record", "delete");

/// Lists a principal's sessions.
pub(super) static LIST: LazyLock<Script> = script!("record", "list");

/// Ends a principal's sessions.
pub(super) static REVOKE: LazyLock<Script> = script!("record", "revoke");

/// Ends those of some sessions that began before a moment.
pub(super) static END_BEGUN_BEFORE: LazyLock<Script> = script!("record", "times", "end_begun_before");

/// Sets a mark.
pub(super) static MARK: LazyLock<Script> = script!("times", "marks", "mark");

/// Reads the moments of subjects.
pub(super) static MARKS_OF: LazyLock<Script> = script!("marks_of");

/// Reads what was marked since a number.
pub(super) static NEWS: LazyLock<Script> = script!("marks", "news");

/// Forgets marks that are over.
pub(super) static FORGET: LazyLock<Script> = script!("marks", "forget");

/// Adds one to a counter.
pub(super) static ADD: LazyLock<Script> = script!("add");

/// Takes one back from a counter.
pub(super) static TAKE_BACK: LazyLock<Script> = script!("take_back");

/// A script with what it is called with.
#[derive(Clone, Copy)]
pub(super) struct Invocation<'a> {
    pub(super) script: &'a Script,
    pub(super) keys: &'a [&'a [u8]],
    pub(super) arguments: &'a [&'a [u8]],
}

impl Invocation<'_> {
    /// Calls it by its hash, which a server that has not seen it refuses.
    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// Calls it by its text, which also makes it known.
    pub(super) fn by_source(&self) -> Cmd {
        self.command("EVAL", self.script.source)
    }

    fn command(&self, name: &'static str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len());
        for part in self.keys.iter().chain(self.arguments) {
            command.arg(*part);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Whether what stands before an operator is a part of a string, and not a number that was made of one.
    fn is_part_of_a_string(before: &str) -> bool {
        let mut open = 0;
        let call = before.trim_end().char_indices().rev().find(|(_, character)| {
            open += match character {
                ')' => 1,
                '(' => -1,
                _ => 0,
            };
            open <= 0
        });
        call.is_some_and(|(at, _)| before[..at].ends_with(":sub"))
    }

    /// Lua compares strings as the server's locale sorts them, and under most of those bytes do not go by their value.
    #[test]
    fn no_script_compares_parts_of_strings() {
        assert!(is_part_of_a_string("if kept:sub(1, 8) ") && is_part_of_a_string("kept:sub(1, size(kept))"));
        assert!(!is_part_of_a_string("unpacked(id:sub(1, 8)) ") && !is_part_of_a_string("#found"));
        let redis = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stores/redis");
        let mut scripts = 0;
        for directory in ["lua", "cluster/lua"] {
            for script in fs::read_dir(redis.join(directory)).unwrap() {
                let path = script.unwrap().path();
                let text = fs::read_to_string(&path).unwrap();
                for line in text
                    .lines()
                    .map(|line| line.split("--").next().unwrap_or_default())
                {
                    let mut compared = line.match_indices(['<', '>']);
                    assert!(
                        compared.all(|(at, _)| !is_part_of_a_string(&line[..at])),
                        "{}: {line}: use `later`",
                        path.display()
                    );
                }
                scripts += 1;
            }
        }
        assert_eq!(scripts, 23);
    }
}
