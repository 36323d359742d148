//! Another process: this test binary again, told by an environment variable what to do.

use std::path::Path;
use std::process::{Command, Stdio};

use cloakroom::stores::Disk;

use crate::{crash, full};

const TASK: &str = "CLOAKROOM_DISK_TEST_TASK";
const DIRECTORY: &str = "CLOAKROOM_DISK_TEST_DIRECTORY";

/// This test binary, to be run with a task and a directory.
pub(crate) fn command(task: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    as_child(&mut command, task, directory);
    command
}

/// The same in a shell with these settings.
#[cfg(unix)]
pub(crate) fn command_after(settings: &str, task: &str, directory: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{settings}; exec \"$0\" \"$@\""));
    command.arg(std::env::current_exe().unwrap());
    as_child(&mut command, task, directory);
    command
}

/// The same behind another program, which runs what it is given.
#[cfg(target_os = "linux")]
pub(crate) fn command_through(program: &[&str], task: &str, directory: &Path) -> Command {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(std::env::current_exe().unwrap());
    as_child(&mut command, task, directory);
    command
}

fn as_child(command: &mut Command, task: &str, directory: &Path) {
    command.args(["--exact", "child::does_what_it_is_told", "--nocapture"]);
    command
        .env(TASK, task)
        .env(DIRECTORY, directory)
        .stdin(Stdio::null());
}

/// Does nothing in the process that runs the tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_what_it_is_told() {
    let (Ok(task), Some(directory)) = (std::env::var(TASK), std::env::var_os(DIRECTORY)) else {
        return;
    };
    let directory = Path::new(&directory);
    let (task, number) = task.split_once(' ').unwrap_or((&task, "0"));
    match task {
        "open" => match Disk::open(directory).await {
            Ok(_) => println!("opened"),
            Err(error) => println!("refused: {:?}: {error}", error.kind()),
        },
        "write" => crash::write_until_killed(directory, number.parse().unwrap()).await,
        "fill" => full::fill_what_there_is(directory).await,
        #[cfg(target_os = "linux")]
        "read-only" => crate::read_only::use_what_cannot_be_written(directory).await,
        other => panic!("no such task: {other}"),
    }
}
