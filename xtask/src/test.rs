//! `cargo xtask test`: the one test command, from formatting to the browser and the examples.

mod beside;
mod interop;
mod python;
mod steps;
mod valkey;

use std::time::{Duration, Instant};

use crate::tools::{self, Install, Tool};
use crate::{Command, Failure};
use beside::Beside;

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
        name: "build",
        about: "all tests, built once",
        needs: &[Tool::Linker],
        run: steps::build,
    },
    Step {
        name: "valkey",
        about: "the tests of Redis on Valkey, beside the next step",
        needs: &[Tool::Linker, Tool::Python],
        run: valkey::valkey,
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
        name: "examples",
        about: "the examples, each started and asked",
        needs: &[Tool::Linker, Tool::Nginx, Tool::Redis],
        run: steps::examples,
    },
];

/// What runs beside the step after it: like all tests with servers it waits more than it works.
const BESIDE: &str = "valkey";

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

    let start = Instant::now();
    let mut took = vec![None; options.steps.len()];
    let mut failure = None;
    let mut beside = None;
    for (at, step) in options.steps.iter().enumerate() {
        println!("\n==> {}: {}", step.name, step.about);
        if step.name == BESIDE && at + 1 < options.steps.len() {
            beside = Some((at, Beside::start(step.name).map_err(Failure::Failed)?));
            continue;
        }
        let start = Instant::now();
        let outcome = (step.run)();
        took[at] = Some(Took::new(start.elapsed(), &outcome));
        let mut fails = |step: &Step, outcome: Result<(), String>| {
            if let Err(why) = outcome {
                failure.get_or_insert(format!("{} failed: {why}", step.name));
            }
        };
        fails(step, outcome);
        if let Some((at, beside)) = beside.take() {
            let step = options.steps[at];
            println!("\n==> {}: what it has said meanwhile", step.name);
            let (time, outcome) = beside.end();
            took[at] = Some(Took::new(time, &outcome));
            fails(step, outcome);
        }
        if failure.is_some() {
            break;
        }
    }
    print!("{}", summary(&options.steps, &took, start.elapsed()));
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

/// What became of a step.
#[derive(Debug, Clone, Copy)]
struct Took {
    time: Duration,
    failed: bool,
}

impl Took {
    fn new(time: Duration, outcome: &Result<(), String>) -> Self {
        let failed = outcome.is_err();
        Self { time, failed }
    }
}

fn summary(steps: &[&Step], took: &[Option<Took>], total: Duration) -> String {
    let mut text = "\n".to_owned();
    for (step, took) in steps.iter().zip(took) {
        let outcome = match took {
            Some(Took { time, failed: true }) => format!("FAILED  {:>7.1} s", time.as_secs_f64()),
            Some(Took { time, failed: false }) => format!("ok      {:>7.1} s", time.as_secs_f64()),
            None => "not run".to_owned(),
        };
        text.push_str(&format!("{:<10}{outcome}\n", step.name));
    }
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
                "fmt", "clippy", "features", "docs", "interop", "build", "valkey", "tests", "examples"
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
        let took = |millis: u64, failed: bool| {
            let time = Duration::from_millis(millis);
            Some(Took { time, failed })
        };
        let took = [took(1500, false), took(2000, true), None];
        let text = summary(&steps, &took, Duration::from_millis(3500));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "fmt       ok          1.5 s");
        assert_eq!(lines[2], "clippy    FAILED      2.0 s");
        assert_eq!(lines[3], "features  not run");
        assert_eq!(lines[4], "in all                3.5 s");
    }
}
