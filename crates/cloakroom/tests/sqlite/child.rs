//! Another process: this test binary again, told by an environment variable what to do.

use std::path::Path;
use std::process::{Command, Stdio};

use cloakroom_store::conformance;

use crate::fixture::patient;
use crate::{crash, neighbours};

const TASK: &str = "CLOAKROOM_SQLITE_TEST_TASK";
const FILE: &str = "CLOAKROOM_SQLITE_TEST_FILE";

/// This test binary, to be run with a task and a file.
pub(crate) fn command(task: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    as_child(&mut command, task, file);
    command
}

/// The same behind another program, which runs what it is given.
#[cfg(target_os = "linux")]
pub(crate) fn command_through(program: &[&str], task: &str, file: &Path) -> Command {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(std::env::current_exe().unwrap());
    as_child(&mut command, task, file);
    command
}

fn as_child(command: &mut Command, task: &str, file: &Path) {
    command.args(["--exact", "child::does_what_it_is_told", "--nocapture"]);
    command.env(TASK, task).env(FILE, file).stdin(Stdio::null());
}

/// Does nothing in the process that runs the tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_what_it_is_told() {
    let (Ok(task), Some(file)) = (std::env::var(TASK), std::env::var_os(FILE)) else {
        return;
    };
    let file = Path::new(&file);
    let (task, number) = task.split_once(' ').unwrap_or((&task, "0"));
    match task {
        "conform" => conformance::run(patient().open(file).await.unwrap()).await,
        "open" => drop(patient().open(file).await.unwrap()),
        "write" => crash::write_until_killed(file, number.parse().unwrap()).await,
        "increment" => neighbours::increment(file, number.parse().unwrap()).await,
        #[cfg(target_os = "linux")]
        "fill" => crate::mounts::fill_what_there_is(file).await,
        #[cfg(target_os = "linux")]
        "rewrite" => crate::mounts::rewrite_in_little_room(file).await,
        #[cfg(target_os = "linux")]
        "read-only" => crate::mounts::use_what_cannot_be_written(file).await,
        other => panic!("no such task: {other}"),
    }
}
