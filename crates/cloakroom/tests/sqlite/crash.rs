//! `kill -9` in the middle of load loses no acknowledged write.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use cloakroom::stores::Sqlite;
use cloakroom_store::{Delete, Deleted, Expect, Owner, Query, Store};

use crate::child;
use crate::fixture::{
    applied, id, listed, load, namespace, neighbour, patient, place, principal, record_of, write,
};

const ROUNDS: u64 = 20;
const WRITERS: u64 = 16;
const SESSIONS_OF_EACH: u64 = 8;

/// What a writer was told about a session: its value was written, or it was ended after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acknowledged {
    Written(u64),
    Ended(u64),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_no_acknowledged_write() {
    let (_directory, file) = place();
    let mut acknowledged = HashMap::new();
    let mut total = 0;
    for round in 0..ROUNDS {
        let command = child::command(&format!("write {round}"), &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        total += kill_after(
            command,
            Duration::from_millis(150 + 13 * round),
            &mut acknowledged,
        );
        let store = patient().open(&file).await.unwrap();
        for (session, acknowledged) in &acknowledged {
            let found = load(&store, id(*session))
                .await
                .unwrap()
                .map(|found| value(&found.record.body));
            let kept = match (*acknowledged, found) {
                // A later value may have been written, or the session ended, without being acknowledged in time.
                (Acknowledged::Written(value), Some(found)) => found >= value,
                (Acknowledged::Written(value), None) => ends(value + SESSIONS_OF_EACH),
                (Acknowledged::Ended(_), None) => true,
                (Acknowledged::Ended(value), Some(found)) => found > value,
            };
            assert!(
                kept,
                "round {round}, session {session}: {acknowledged:?}, found {found:?}"
            );
        }
        // The indexes agree with the rows.
        let all = listed(&store, Query::default()).await;
        let mut by_principal = Vec::new();
        for writer in 0..WRITERS {
            let query = Query::default().principal(principal(&format!("writer {writer}")));
            by_principal.extend(listed(&store, query).await);
        }
        by_principal.sort();
        assert_eq!(by_principal, all, "round {round}");
        store.close().await.unwrap();
        is_whole(&file);
    }
    assert!(
        total > ROUNDS * 20,
        "only {total} writes were acknowledged: nothing was shown"
    );
    cloakroom_testbed::note(
        "killed and started again",
        "SQLite",
        &format!("the process, {ROUNDS} times, 16 writing: lost 0 of {total} writes and endings, revived 0"),
    );
}

/// Holds when the engine finds nothing wrong, and every session has its data and every piece of data its session.
fn is_whole(file: &Path) {
    let database = neighbour(file);
    let checked: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(checked, "ok");
    let apart = "SELECT count(*) FROM cloakroom_sessions FULL JOIN cloakroom_bodies ON number = body \
                 WHERE number IS NULL OR body IS NULL";
    let apart: i64 = database.query_row(apart, [], |row| row.get(0)).unwrap();
    assert_eq!(apart, 0, "sessions without data, or data without a session");
}

/// Reads what is acknowledged, kills the process in the middle of it, and reads the rest. Answers how much there was.
fn kill_after(mut child: Child, time: Duration, acknowledged: &mut HashMap<u64, Acknowledged>) -> u64 {
    let lines = lines_of(&mut child);
    // The time begins with the first acknowledgement, so that a slow start does not make a round empty.
    let mut deadline = None;
    let mut count = 0;
    let mut note = |line: &str| {
        let mut words = line.split(' ');
        let (Some(what @ ("written" | "ended")), Some(session), Some(value), Some("."), None) = (
            words.next(),
            words.next(),
            words.next(),
            words.next(),
            words.next(),
        ) else {
            return false; // What the test harness says, or the half of a line.
        };
        let (session, value) = (session.parse().unwrap(), value.parse().unwrap());
        let what = if what == "ended" {
            Acknowledged::Ended(value)
        } else {
            Acknowledged::Written(value)
        };
        acknowledged.insert(session, what);
        true
    };
    let start = Instant::now();
    while deadline.is_none_or(|deadline| Instant::now() < deadline) {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "nothing was acknowledged"
        );
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(10))
            && note(&line)
        {
            count += 1;
            deadline.get_or_insert_with(|| Instant::now() + time);
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    count + lines.iter().filter(|line| note(line)).count() as u64
}

fn lines_of(child: &mut Child) -> Receiver<String> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// What the other process does: many writers, each with sessions of its own, say what was acknowledged.
pub(crate) async fn write_until_killed(file: &Path, round: u64) {
    let store = patient().open(file).await.unwrap();
    let mut writing = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writing.spawn(async move {
            // Values only grow, from process to process as well.
            for value in round << 32.. {
                write_once(&store, writer, value).await;
            }
        });
    }
    writing.join_all().await;
}

async fn write_once(store: &Sqlite, writer: u64, value: u64) {
    let session = writer * SESSIONS_OF_EACH + value % SESSIONS_OF_EACH;
    if ends(value) {
        let delete = Delete::new(namespace(), id(session), Owner::Any);
        let deleted = store.delete(delete).await.unwrap();
        assert_ne!(deleted, Deleted::NotOwner);
        return say("ended", session, value);
    }
    let found = load(store, id(session)).await.unwrap();
    let expect = found.map_or(Expect::Absent, |found| Expect::Revision(found.revision));
    let record = record_of(&format!("writer {writer}"), value.to_be_bytes().repeat(20));
    applied(write(store, id(session), expect, record).await.unwrap());
    say("written", session, value);
}

/// In one piece, and ended so that half a line is not taken for a whole one.
fn say(what: &str, session: u64, value: u64) {
    let line = format!("{what} {session} {value} .\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Whether a session ends at this value instead of being written.
fn ends(value: u64) -> bool {
    value / SESSIONS_OF_EACH % 5 == 4
}

fn value(body: &[u8]) -> u64 {
    let value = u64::from_be_bytes(*body.first_chunk().unwrap());
    assert_eq!(body, value.to_be_bytes().repeat(20), "half a body");
    value
}
