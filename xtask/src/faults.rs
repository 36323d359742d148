//! `cargo xtask faults`: what users see when a store's server misbehaves, as the table in `docs/faults.md`.

use std::collections::BTreeMap;
use std::{env, fs, process};

use crate::test::servers;
use crate::tools::{self, Install, Tool};
use crate::{Command, Failure, cargo, says, succeed, workspace};

pub(crate) const COMMAND: Command = Command {
    name: "faults",
    about: "Take stores' servers away under load, and write docs/faults.md",
    help,
    run,
};

/// The columns, in the order they are read. A store that is not here comes behind them.
const STORES: &[&str] = &[
    "disk",
    "SQLite",
    "Redis",
    "Redis with Sentinel",
    "Redis Cluster",
    "Memcached",
    "PostgreSQL",
    "MariaDB",
    "MySQL",
];

/// What is not played, and why: a fault, and the stores.
const NOT_PLAYED: &[(&str, &[&str], &str)] = &[
    ("connections cut half way", LOCAL, NO_SUCH_THING),
    ("paused", LOCAL, NO_SUCH_THING),
    ("slots of a cluster", ALL_BUT_CLUSTER, NO_SUCH_THING),
    (
        "tables of an older release",
        &[
            "disk",
            "Redis",
            "Redis with Sentinel",
            "Redis Cluster",
            "Memcached",
        ],
        NO_SUCH_THING,
    ),
    ("the primary", UNREPLICATED, NO_SUCH_THING),
    (
        "the primary freezes",
        &["PostgreSQL", "MariaDB"],
        "not played: whoever promotes must first see to it that the old primary stays away",
    ),
    (
        "the primary is killed while its replicas lag; writes wait",
        &["Redis Cluster"],
        NO_WAITING,
    ),
    (
        "the primary is killed, a replica takes over; writes wait",
        &["Redis Cluster"],
        NO_WAITING,
    ),
    (
        "the server only reads",
        &["Memcached", "Redis Cluster"],
        NO_SUCH_THING,
    ),
    ("wrong password", LOCAL, NO_SUCH_THING),
];

const NO_SUCH_THING: &str = "does not apply";
const NO_WAITING: &str = "does not apply: there is no `wait_replicas` in a cluster";

const LOCAL: &[&str] = &["disk", "SQLite"];
const UNREPLICATED: &[&str] = &["disk", "SQLite", "Redis", "Memcached"];
const ALL_BUT_CLUSTER: &[&str] = &[
    "disk",
    "SQLite",
    "Redis",
    "Redis with Sentinel",
    "Memcached",
    "PostgreSQL",
    "MariaDB",
    "MySQL",
];

/// The tests that note what they see: cargo's arguments for them, and words of their names where the others do not.
const TESTS: &[(&[&str], &[&str])] = &[
    (&["-p", "cloakroom-probe", "--test", "faults"], &[]),
    (
        &[
            "-p",
            "cloakroom",
            "--all-features",
            "--test",
            "disk",
            "--test",
            "redis",
            "--test",
            "redis_cluster",
            "--test",
            "memcached",
            "--test",
            "postgres",
            "--test",
            "mysql",
            "--test",
            "sqlite",
        ],
        &[
            "a_full_",
            "full_disk",
            "missing_memory",
            "without_memory",
            "is_not_written_to",
            "a_killed_process",
            "a_password_is_used",
            "asks_for_a_password",
            "credentials",
            "the_server_refuses",
            "became_read_only",
            "only_reads",
            "demoted_is_left",
            "read_only_disk",
            "an_older_schema",
            "of_the_tables_decides",
            "may_not_migrate",
            "a_promoted_replica",
            "waiting_for_replicas",
            "slot_that_moves",
        ],
    ),
];

fn help() -> String {
    "\
Play every fault against every store on servers of its own, hold what users saw
against what must always hold, and write the table into docs/faults.md. Takes
some minutes. Fails when something happened that must never.

Usage: cargo xtask faults [--no-install]

  --no-install   do not install what is missing, only say what would be
"
    .to_owned()
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let install = match arguments {
        [] => Install::Allowed,
        [only] if only == "--no-install" => Install::Forbidden,
        [other, ..] => return Err(Failure::Usage(format!("faults does not know {other:?}"))),
    };
    let needed = [&[Tool::Linker], tools::SERVERS].concat();
    tools::ensure(&needed, install).map_err(Failure::Failed)?;
    make_table().map_err(Failure::Failed)
}

fn make_table() -> Result<(), String> {
    let notes = env::temp_dir().join(format!("cloakroom-faults-{}", process::id()));
    let played = TESTS.iter().try_for_each(|(tests, words)| {
        succeed(
            cargo()
                .arg("test")
                .args(*tests)
                .env("CLOAKROOM_FAULTS", &notes)
                // One fault at a time: they are timed, and each has the machine to itself.
                .args(["--", "--test-threads=1"])
                .args(*words),
        )
    });
    let noted = fs::read_to_string(&notes).unwrap_or_default();
    // It is gone at the next cleaning of the temporary directory, if not now.
    let _ = fs::remove_file(&notes);
    played?;
    let page = page(
        &noted,
        &format!("{}\n{}", says("date", &["-u", "+%F"])?, servers().join("\n")),
    );
    let path = workspace().join("docs/faults.md");
    fs::write(&path, page).map_err(|error| format!("could not write {}: {error}", path.display()))?;
    println!("\nwritten: docs/faults.md");
    Ok(())
}

/// The page with the table of what was noted, `fault TAB store TAB what was seen` in each line.
fn page(noted: &str, circumstances: &str) -> String {
    let mut seen: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for line in noted.lines() {
        let mut fields = line.splitn(3, '\t');
        if let (Some(fault), Some(store), Some(what)) = (fields.next(), fields.next(), fields.next()) {
            seen.entry(fault).or_default().insert(store, what);
        }
    }
    let mut stores: Vec<&str> = seen.values().flat_map(|cells| cells.keys().copied()).collect();
    stores.sort_by_key(|store| {
        (
            STORES
                .iter()
                .position(|known| known == store)
                .unwrap_or(STORES.len()),
            *store,
        )
    });
    stores.dedup();
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut table = row([&["fault"], stores.as_slice()].concat());
    table.push_str(&row(vec!["---"; stores.len() + 1]));
    for (fault, cells) in &seen {
        let cells = stores
            .iter()
            .map(|store| cells.get(store).copied().unwrap_or(unseen(fault, store)));
        table.push_str(&row([fault].into_iter().copied().chain(cells).collect()));
    }
    format!("{INTRODUCTION}\n{circumstances}\n\n{table}")
}

/// What stands where nothing was seen: why it is not played, or a dash.
fn unseen(fault: &str, store: &str) -> &'static str {
    let not_played = NOT_PLAYED
        .iter()
        .find(|(begins, stores, _)| fault.starts_with(begins) && stores.contains(&store));
    not_played.map_or("–", |(_, _, why)| why)
}

const INTRODUCTION: &str = "\
# When a store's server misbehaves

Made by `cargo xtask faults`, which plays each fault on a real server of its own while twelve users count in their
sessions and four sign in and out, through the probe, over HTTP. Every answer is a success or a 503 with Retry-After that
leaves the cookie alone: anything else fails the run. Nothing is ever applied twice.

In a cell: how many requests were answered 503 while it lasted, the longest that any request took, how soon after its end
200 requests had succeeded, how many acknowledged writes were gone afterwards, how many sessions, and how many sessions
came back that had been signed out. Where a store may lose what it has acknowledged, its card says so, and the guide says
what to set on the server. \"Does not apply\": the store has no such fault, as it has no server, no replicas or no tables. A
dash: nobody has played it.

What quotes an error was seen by a test of the store itself, in `crates/cloakroom/tests/`. A store that refuses has acknowledged
nothing. Where there is no room, `full` (disk, PostgreSQL, MariaDB), `mounts` (SQLite), `faults` and `watched_faults` (Redis) load
afterwards what was acknowledged before, and fail when some of it is gone; Memcached's `memory` prints how many sessions went. Where
a server only reads, `faults` (PostgreSQL, MariaDB), `mounts` and `read_only` (disk) load it. The others are refused when they are
opened. The killed processes of disk and SQLite are those of `crash`, the slots those of `migration`, and the
lagging replicas of Redis with Sentinel those of `failover`.

\"Killed\" is SIGKILL, \"paused\" and \"freezes\" SIGSTOP. A replica lags because what the primary sends is held up on its way
and lost with it. Before a fault is played, a replica of Redis has acknowledged all that its primary had: one whose first copy
has not arrived takes over with nothing. \"Writes wait for a replica\": `wait_replicas=1` for Redis,
`synchronous_standby_names` for PostgreSQL (with `synchronous_commit=remote_apply`, and `on` where the standby lags),
semi-synchronous replication (`AFTER_SYNC`) for MariaDB. PostgreSQL's URL names both servers; MariaDB's names a proxy that
is led to the new primary.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_becomes_a_table_in_a_fixed_order() {
        let noted = "paused\tMemcached\tslow\nkilled\tdisk\tfine\npaused\tdisk\tnever\nhalf a line\n";
        let page = page(noted, "today");
        let table: Vec<&str> = page.lines().skip_while(|line| !line.starts_with('|')).collect();
        assert_eq!(
            table,
            [
                "| fault | disk | Memcached |",
                "| --- | --- | --- |",
                "| killed | fine | – |",
                "| paused | never | slow |",
            ]
        );
    }

    #[test]
    fn what_does_not_apply_is_said() {
        let page = page("paused, so that\tRedis\tslow\nkilled\tdisk\tfine\n", "today");
        assert!(
            page.contains("| paused, so that | does not apply | slow |"),
            "{page}"
        );
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(matches!(run(&["--fast".to_owned()]), Err(Failure::Usage(_))));
    }
}
