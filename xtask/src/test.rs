//! `cargo xtask test`: the one test command, from formatting to the browser and the examples.

mod interop;
mod python;
mod steps;
mod valkey;

use std::time::{Duration, Instant};

use crate::tools::{self, Install, Tool};
use crate::{Command, Failure};

pub(crate) use steps::servers;

pub(crate) const COMMAND: Command = Command {
    name: "test",
    about: "Check everything: formatting, clippy, docs, tests",
    help,
    run,
};

/// The checks in the order they run: what fails fastest comes first.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "formatting",
        needs: &[Tool::Rustfmt],
        run: steps::fmt,
    },
    Step {
        name: "clippy",
        about: "clippy, warnings denied",
        needs: &[Tool::Linker, Tool::Clippy],
        run: steps::clippy,
    },
    Step {
        name: "features",
        about: "each feature of cloakroom alone, and none",
        needs: &[Tool::Linker, Tool::Clippy],
        run: steps::features,
    },
    Step {
        name: "docs",
        about: "documentation, warnings denied",
        needs: &[Tool::Linker],
        run: steps::docs,
    },
    Step {
        name: "interop",
        about: "an independent implementation makes and opens the same cookies",
        needs: &[Tool::Python],
        run: interop::interop,
    },
    Step {
        name: "tests",
        about: "unit, conformance, request, browser and doc tests",
        needs: &[
            Tool::Linker,
            Tool::Chromium,
            Tool::Chromedriver,
            Tool::Redis,
            Tool::Memcached,
            Tool::Postgres,
            Tool::Mariadb,
            Tool::MariadbDefaults,
        ],
        run: steps::tests,
    },
    Step {
        name: "valkey",
        about: "the tests of Redis once more, on Valkey",
        needs: &[Tool::Linker, Tool::Python],
        run: valkey::valkey,
    },
    Step {
        name: "examples",
        about: "the examples, each started and asked",
        needs: &[Tool::Linker, Tool::Nginx, Tool::Redis],
        run: steps::examples,
    },
];

struct Step {
    name: &'static str,
    about: &'static str,
    needs: &'static [Tool],
    run: fn() -> Result<(), String>,
}

struct Options {
    steps: Vec<&'static Step>,
    install: Install,
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = parse(arguments).map_err(Failure::Usage)?;
    let needed: Vec<Tool> = options
        .steps
        .iter()
        .flat_map(|step| step.needs.iter().copied())
        .collect();
    tools::ensure(&needed, options.install).map_err(Failure::Failed)?;

    let mut took = Vec::new();
    let mut failure = None;
    for step in &options.steps {
        println!("\n==> {}: {}", step.name, step.about);
        let start = Instant::now();
        let outcome = (step.run)();
        took.push(start.elapsed());
        if let Err(why) = outcome {
            failure = Some(format!("{} failed: {why}", step.name));
            break;
        }
    }
    print!("{}", summary(&options.steps, &took, failure.is_some()));
    failure.map_or(Ok(()), |why| Err(Failure::Failed(why)))
}

fn help() -> String {
    let mut text = "\
Check everything, and stop at the first thing that fails.

Usage: cargo xtask test [--only STEP]... [--no-install]

  --only STEP    run this step alone; may be given more than once
  --no-install   do not install what is missing, only say what would be

The steps, in order:

"
    .to_owned();
    for step in STEPS {
        text.push_str(&format!("  {:<10}{}\n", step.name, step.about));
    }
    text.push_str(
        "
What the steps need and the machine lacks is installed through apt-get, snap
or rustup, after saying so. Where that is not allowed, the commands to run are
printed and the exit code is 1: a missing tool never skips a test.
",
    );
    text
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut chosen: Vec<&str> = Vec::new();
    let mut install = Install::Allowed;
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--no-install" => install = Install::Forbidden,
            "--only" => chosen.push(arguments.next().ok_or("--only needs the name of a step")?),
            other => match other.strip_prefix("--only=") {
                Some(name) => chosen.push(name),
                None => return Err(format!("test does not know {other:?}")),
            },
        }
    }
    if let Some(unknown) = chosen
        .iter()
        .find(|name| !STEPS.iter().any(|step| step.name == **name))
    {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("there is no step {unknown:?}, only {}", known.join(", ")));
    }
    let steps = STEPS
        .iter()
        .filter(|step| chosen.is_empty() || chosen.contains(&step.name))
        .collect();
    Ok(Options { steps, install })
}

fn summary(steps: &[&Step], took: &[Duration], failed: bool) -> String {
    let mut text = "\n".to_owned();
    for (at, step) in steps.iter().enumerate() {
        let outcome = match took.get(at) {
            Some(time) if failed && at + 1 == took.len() => format!("FAILED  {:>7.1} s", time.as_secs_f64()),
            Some(time) => format!("ok      {:>7.1} s", time.as_secs_f64()),
            None => "not run".to_owned(),
        };
        text.push_str(&format!("{:<10}{outcome}\n", step.name));
    }
    let total: Duration = took.iter().sum();
    text.push_str(&format!("{:<18}{:>7.1} s\n", "in all", total.as_secs_f64()));
    text
}

#[cfg(test)]
mod unit {
    use super::*;

    fn names(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        parse(&arguments).map(|options| options.steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn without_options_every_step_runs() {
        assert_eq!(
            names(&[]).unwrap(),
            [
                "fmt", "clippy", "features", "docs", "interop", "tests", "valkey", "examples"
            ]
        );
    }

    #[test]
    fn chosen_steps_run_in_their_usual_order() {
        assert_eq!(names(&["--only", "docs", "--only=fmt"]).unwrap(), ["fmt", "docs"]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert!(names(&["--only", "format"]).unwrap_err().contains("fmt, clippy"));
        assert!(names(&["--only"]).unwrap_err().contains("needs"));
        assert!(names(&["--fast"]).unwrap_err().contains("--fast"));
    }

    #[test]
    fn installing_can_be_forbidden() {
        assert!(matches!(
            parse(&["--no-install".to_owned()]).unwrap().install,
            Install::Forbidden
        ));
    }

    #[test]
    fn help_names_every_step() {
        for step in STEPS {
            assert!(help().contains(step.name));
        }
    }

    #[test]
    fn the_summary_says_what_failed_and_what_did_not_run() {
        let steps: Vec<&Step> = STEPS.iter().take(3).collect();
        let text = summary(
            &steps,
            &[Duration::from_millis(1500), Duration::from_secs(2)],
            true,
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "fmt       ok          1.5 s");
        assert_eq!(lines[2], "clippy    FAILED      2.0 s");
        assert_eq!(lines[3], "features  not run");
        assert_eq!(lines[4], "in all                3.5 s");
    }
}
