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

/// The conditional write.
pub(super) static WRITE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/record.lua"),
        include_str!("lua/index.lua"),
        include_str!("lua/write.lua")
    ))
});

/// Moves the times of a session forward.
pub(super) static TOUCH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/record.lua"),
        include_str!("lua/index.lua"),
        include_str!("lua/touch.lua")
    ))
});

/// Ends one session.
pub(super) static DELETE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/record.lua"),
        include_str!("lua/delete.lua")
    ))
});

/// Lists a principal's sessions.
pub(super) static LIST: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/record.lua"),
        include_str!("lua/list.lua")
    ))
});

/// Ends a principal's sessions.
pub(super) static REVOKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/record.lua"),
        include_str!("lua/revoke.lua")
    ))
});

/// Ends those of some sessions that began before a moment.
pub(super) static END_BEGUN_BEFORE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/record.lua"),
        include_str!("lua/end_begun_before.lua")
    ))
});

/// Sets a mark.
pub(super) static MARK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/record.lua"),
        include_str!("lua/mark.lua")
    ))
});

/// Reads the moments of subjects.
pub(super) static MARKS_OF: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("lua/marks_of.lua")));

/// Reads what was marked since a number.
pub(super) static NEWS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/news.lua")));

/// Forgets marks that are over.
pub(super) static FORGET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/forget.lua")));

/// Adds one to a counter.
pub(super) static ADD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/add.lua")));

/// Takes one back from a counter.
pub(super) static TAKE_BACK: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("lua/take_back.lua")));

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
