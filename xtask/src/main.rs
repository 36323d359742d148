//! The project's own commands, run as `cargo xtask <command>`.

mod bench;
mod faults;
mod test;

mod tools;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

/// Every command there is. A new one is a file beside this one and a line here.
const COMMANDS: &[Command] = &[test::COMMAND, bench::COMMAND, faults::COMMAND];

/// One command: how it is called, what it says about itself, what it does.
struct Command {
    name: &'static str,
    about: &'static str,
    help: fn() -> String,
    run: fn(&[String]) -> Result<(), Failure>,
}

/// Why a command did not succeed.
enum Failure {
    /// It was called in a way it does not understand: exit code 2.
    Usage(String),
    /// It did what it was asked, and that failed: exit code 1.
    Failed(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(why)) => {
            eprintln!("xtask: {why}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(why)) => {
            eprintln!("xtask: {why}\ntry: cargo xtask --help");
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Failure::Usage("which command?".to_owned()));
    };
    if is_help(name) {
        print!("{}", help());
        return Ok(());
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Err(Failure::Usage(format!("there is no command {name:?}")));
    };
    if rest.iter().any(|argument| is_help(argument)) {
        print!("{}", (command.help)());
        return Ok(());
    }
    (command.run)(rest)
}

fn help() -> String {
    let mut text = "The project's own commands.\n\nUsage: cargo xtask <command> [options]\n\n".to_owned();
    for command in COMMANDS {
        text.push_str(&format!("  {:<10}{}\n", command.name, command.about));
    }
    text.push_str("\ncargo xtask <command> --help says more about one of them.\n");
    text
}

fn is_help(argument: &str) -> bool {
    matches!(argument, "-h" | "--help" | "help")
}

/// The directory of the workspace. Cargo names the package's directory when it runs us.
fn workspace() -> PathBuf {
    match env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => PathBuf::from(package).join(".."),
        None => PathBuf::from("."),
    }
}

/// The cargo that runs us, so that both are the same version.
fn cargo() -> std::process::Command {
    let mut command = std::process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(workspace())
        .stdin(std::process::Stdio::null());
    command
}

/// What a program prints.
fn says(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("could not start {program}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs it with its output going where ours goes.
fn succeed(command: &mut std::process::Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("could not start {command:?}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_command() {
        for command in COMMANDS {
            assert!(help().contains(command.name));
        }
    }

    #[test]
    fn an_unknown_command_is_a_usage_error() {
        assert!(matches!(dispatch(&["tset".to_owned()]), Err(Failure::Usage(_))));
        assert!(matches!(dispatch(&[]), Err(Failure::Usage(_))));
    }
}
