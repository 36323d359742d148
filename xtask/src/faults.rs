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

/// The tests that note what they see: cargo's arguments for them, and words of their names where the others do not.
const TESTS: &[(&[&str], &[&str])] = &[
    (&["-p", "cloakroom-probe", "--test", "faults"], &[]),
    (
        &[
            "-p",
            "cloakroom",
            "--all-features",
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
            "without_memory",
            "is_not_written_to",
            "credentials",
            "became_read_only",
            "only_reads",
            "of_the_tables_decides",
            "may_not_migrate",
            "a_promoted_replica",
            "waiting_for_replicas",
            "killed_under_load",
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
            .map(|store| cells.get(store).copied().unwrap_or("–"));
        table.push_str(&row([fault].into_iter().copied().chain(cells).collect()));
    }
    format!("{INTRODUCTION}\n{circumstances}\n\n{table}")
}

const INTRODUCTION: &str = "\
# When a store's server misbehaves

Made by `cargo xtask faults`, which plays each fault on a real server of its own while twelve users count in their
sessions and four sign in and out, through the probe, over HTTP. Every answer is a success or a 503 with Retry-After that
leaves the cookie alone: anything else fails the run. Nothing is ever applied twice.

In a cell: how many requests were answered 503 while it lasted, the longest that any request took, how soon after its end
200 requests had succeeded, how many acknowledged writes were gone afterwards, how many sessions, and how many sessions
came back that had been signed out. Where a store may lose what it has acknowledged, its card says so, and the guide says
what to set on the server. A dash: there is no such fault, or the store has no test of it.
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
    fn an_unknown_option_is_refused() {
        assert!(matches!(run(&["--fast".to_owned()]), Err(Failure::Usage(_))));
    }
}
