//! `cloakroom keys`, as an operator uses it.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use cloakroom::{KeyFile, KeyState};
use tempfile::TempDir;

#[test]
fn a_rotation_takes_five_commands() {
    let file = File::default();
    let said = file.ok("generate");
    assert!(said.contains("which is active"), "{said}");
    assert_eq!(file.states(), [KeyState::Active]);
    let mode = fs::metadata(&file.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let said = file.ok("add");
    let [first, next] = file.ids()[..] else {
        panic!("{said}")
    };
    assert!(
        said.contains(&format!("cloakroom keys activate {next} --file")),
        "{said}"
    );
    assert_eq!(file.states(), [KeyState::Active, KeyState::Pending]);

    // A minute has not passed.
    let said = file.refusal(&format!("activate {next}"));
    assert!(said.contains("--now"), "{said}");
    let said = file.ok(&format!("activate {next} --now"));
    assert!(said.contains(&format!("keys retire {first}")), "{said}");
    assert!(
        said.contains("Stored sessions are sealed anew as they are written"),
        "{said}"
    );
    assert!(
        said.contains("Sealed ones\nare sealed anew with their next cookie"),
        "{said}"
    );
    assert_eq!(file.states(), [KeyState::Retiring, KeyState::Active]);

    // Thirty days have not passed.
    let said = file.refusal(&format!("retire {first}"));
    assert!(
        said.contains("wait 29 days") || said.contains("wait 30 days"),
        "{said}"
    );
    file.ok(&format!("retire {first} --longest-session 0"));
    assert_eq!(file.states(), [KeyState::Retired, KeyState::Active]);

    // That was too early.
    let said = file.ok(&format!("reopen {first}"));
    assert!(said.contains("is back"), "{said}");
    assert_eq!(file.states(), [KeyState::Retiring, KeyState::Active]);
}

#[test]
fn a_key_seals_once_every_node_has_heard_that_it_opens() {
    let file = File::default();
    file.ok("generate");
    file.ok("add");
    let [first, next] = file.ids()[..] else { panic!() };
    file.ok(&format!("activate {next} --now"));
    // All nodes open what the one before has sealed: there is nothing to wait for.
    file.ok(&format!("activate {first}"));
    file.ok(&format!("activate {next}"));
    file.ok(&format!("retire {first} --longest-session 0"));
    // As a day later: until now nodes have refused it.
    file.date_back(next);
    file.ok(&format!("reopen {first}"));
    let said = file.refusal(&format!("activate {first}"));
    for part in [
        "is retiring for",
        "may sign out whoever has what it seals",
        "--now",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(file.states(), [KeyState::Retiring, KeyState::Active]);
    file.ok(&format!("activate {first} --now"));
    assert_eq!(file.states(), [KeyState::Active, KeyState::Retiring]);
}

#[test]
fn a_compromised_key_is_replaced_and_its_bytes_are_gone() {
    let file = File::default();
    file.ok("generate");
    let [first] = file.ids()[..] else { panic!() };
    let secret = file.secrets().remove(0);
    let said = file.ok(&format!("compromise {first}"));
    assert!(said.contains("none was pending"), "{said}");
    assert!(
        said.contains("Sessions::end_everyone. Whoever has the key could make sessions"),
        "{said}"
    );
    assert_eq!(file.states(), [KeyState::Compromised, KeyState::Active]);
    assert!(!fs::read_to_string(&file.path).unwrap().contains(&secret));
    let said = file.refusal(&format!("activate {first} --now"));
    assert!(said.contains("compromised"), "{said}");

    file.ok("add");
    let active = file.ids()[1];
    let said = file.ok(&format!("compromise {active}"));
    assert!(said.contains("which was pending"), "{said}");
    assert_eq!(
        file.states(),
        [KeyState::Compromised, KeyState::Compromised, KeyState::Active]
    );
}

#[test]
fn no_command_shows_a_key() {
    let file = File::default();
    let mut said = file.ok("generate");
    said += &file.ok("add");
    said += &file.ok("list");
    let first = file.ids()[0];
    said += &file.ok(&format!("activate {} --now", file.ids()[1]));
    said += &file.refusal(&format!("retire {first}"));
    said += &file.refusal("generate");
    said += &file.ok("list");
    assert!(
        said.contains("retiring") && said.contains(&first.to_string()),
        "{said}"
    );
    for secret in file.secrets() {
        assert!(!said.contains(&secret[..8]), "{said}");
    }
}

#[test]
fn commands_at_the_same_time_lose_nothing() {
    let file = File::default();
    file.ok("generate");
    let commands: Vec<_> = (0..10)
        .map(|_| file.command("add").stdout(Stdio::null()).spawn().unwrap())
        .collect();
    for command in commands {
        assert!(command.wait_with_output().unwrap().status.success());
    }
    assert_eq!(file.states().len(), 11);
    let left: Vec<_> = fs::read_dir(file.path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_what_to_do() {
    let file = File::default();
    assert_eq!(file.refusal("list").matches("No such file").count(), 1);
    file.ok("generate");
    assert!(file.refusal("generate").contains("cloakroom keys add"));
    let dangling = File::default();
    symlink("nowhere", &dangling.path).unwrap();
    let said = dangling.refusal("generate");
    let what = "a symbolic link to nowhere, where there is no file: remove the link";
    assert!(said.contains(what), "{said}");
    assert!(
        file.refusal("retire 0123456789abcdef")
            .contains("there is no key")
    );
    fs::set_permissions(&file.path, Permissions::from_mode(0o640)).unwrap();
    let said = file.refusal("add");
    assert!(said.contains("mode 0640") && said.contains("chmod 600"), "{said}");
    let nowhere = cloakroom(&["keys", "list"]).output().unwrap();
    assert!(String::from_utf8(nowhere.stderr).unwrap().contains("--file PATH"));
    // Somebody pastes a key where an id belongs.
    for verb in ["activate", "retire", "reopen", "compromise"] {
        for key in ["bm90LWEta2V5LWJ1dC1pdC1jb3VsZC1iZS1vbmUtMDE", "-m90LWEta2V5"] {
            let said = file.refusal(&format!("{verb} {key}"));
            assert!(said.contains("16 hex digits") && !said.contains("m90L"), "{said}");
        }
    }
}

/// A file of keys, and the commands on it.
struct File {
    path: PathBuf,
    _directory: TempDir,
}

impl Default for File {
    fn default() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            path: directory.path().join("keys"),
            _directory: directory,
        }
    }
}

impl File {
    fn command(&self, arguments: &str) -> Command {
        let mut command = cloakroom(&["keys"]);
        command.args(arguments.split(' ')).arg("--file").arg(&self.path);
        command
    }

    /// What a command says that succeeds.
    fn ok(&self, arguments: &str) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).output().unwrap();
        let complaint = String::from_utf8(stderr).unwrap();
        assert!(
            status.success() && complaint.is_empty(),
            "{arguments}: {complaint}"
        );
        String::from_utf8(stdout).unwrap()
    }

    /// The one line that a command says that is refused.
    fn refusal(&self, arguments: &str) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).output().unwrap();
        let sentence = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{arguments}: {sentence}");
        assert!(stdout.is_empty());
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        sentence
    }

    /// Writes a key's dates as if all that was a day ago.
    fn date_back(&self, id: cloakroom::KeyId) {
        let mut text = fs::read_to_string(&self.path).unwrap();
        let line = text.lines().find(|line| line.starts_with(&id.to_string()));
        let line = line.unwrap().to_owned();
        let [_, _, created, since, _] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!()
        };
        let yesterday = "2026-01-01T00:00:00Z";
        text = text.replace(&line, &line.replace(created, yesterday).replace(since, yesterday));
        fs::write(&self.path, text).unwrap();
    }

    fn states(&self) -> Vec<KeyState> {
        let keys = KeyFile::new(&self.path).read().unwrap();
        keys.iter().map(|key| key.state).collect()
    }

    fn ids(&self) -> Vec<cloakroom::KeyId> {
        let keys = KeyFile::new(&self.path).read().unwrap();
        keys.iter().map(|key| key.id).collect()
    }

    /// The bytes of the keys, as they are spelled in the file.
    fn secrets(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.path).unwrap();
        let fields = text.lines().filter_map(|line| line.rsplit(' ').next());
        fields
            .filter(|field| field.len() == 43)
            .map(str::to_owned)
            .collect()
    }
}

fn cloakroom(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("RUST_BACKTRACE", "0");
    command
}
