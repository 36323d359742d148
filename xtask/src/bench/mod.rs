//! `cargo xtask bench`: what a session costs a request, beside other libraries.

mod instructions;
mod memory;
mod stores;
mod strategies;

mod callgrind;
mod contenders;
mod drivers;
mod over_http;
mod served;
mod servers;
mod sessions;
mod wrk;

mod circumstances;
mod others;
mod programs;

use crate::tools::{self, Install, Tool};
use crate::{Command, Failure};

use stores::Part;

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    about: "Count what a session costs a request, beside other libraries",
    help,
    run,
};

/// What is measured.
#[derive(Debug, PartialEq)]
enum Subject {
    Instructions,
    Memory,
    Stores(stores::Choice),
}

#[derive(Debug)]
struct Options {
    subject: Subject,
    install: Install,
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = parse(arguments).map_err(Failure::Usage)?;
    let measure = || match &options.subject {
        Subject::Instructions => {
            tools::ensure(&[Tool::Linker, Tool::Valgrind], options.install)?;
            instructions::measure()
        }
        Subject::Memory => {
            tools::ensure(&[Tool::Linker], options.install)?;
            memory::measure()
        }
        Subject::Stores(choice) => {
            tools::ensure(&[Tool::Linker, Tool::Valgrind, Tool::Wrk], options.install)?;
            tools::ensure(tools::SERVERS, options.install)?;
            stores::measure(choice)
        }
    };
    measure().map_err(Failure::Failed)
}

fn help() -> String {
    format!(
        "\
Count the instructions that a session adds to a request: through the tower
service, in one process, user space only, beside a layer that does nothing and
tower-sessions with its memory store. A goal that is missed is marked, and no
failure; the exit code is 1 when something could not be measured.

Usage: cargo xtask bench [--memory | --stores] [--no-install]

  --memory        measure bytes of memory per session instead
  --stores        measure every store, on servers that this starts, beside other
                  libraries and beside what the drivers do alone. Needs two
                  processors, and takes a quarter of an hour
  --only PART     of that, one of {}
  --apps A,B      of that, the apps whose names contain one of these
  --cycles N      how often each app and route has its turn ({} times by itself)
  --no-install    do not install what is missing, only say what would be
",
        Part::ALL.map(Part::name).join(", "),
        stores::CYCLES,
    )
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options {
        subject: Subject::Instructions,
        install: Install::Allowed,
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match (argument.as_str(), &mut options.subject) {
            ("--no-install", _) => options.install = Install::Forbidden,
            ("--memory", Subject::Instructions) => options.subject = Subject::Memory,
            ("--stores", Subject::Instructions) => {
                options.subject = Subject::Stores(stores::Choice::default());
            }
            ("--only", Subject::Stores(choice)) => choice.only = Some(Part::parse(value()?)?),
            ("--apps", Subject::Stores(choice)) => {
                choice.apps = value()?.split(',').map(str::to_owned).collect();
            }
            ("--cycles", Subject::Stores(choice)) => {
                let given = value()?;
                choice.cycles = given
                    .parse()
                    .map_err(|_| format!("--cycles is a number, not {given:?}"))?;
            }
            ("--only" | "--apps" | "--cycles", _) => return Err(format!("{argument} goes behind --stores")),
            ("--memory" | "--stores", _) => return Err("one subject at a time".to_owned()),
            _ => return Err(format!("bench does not know {argument:?}")),
        }
    }
    Ok(options)
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The one in the middle.
fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => f64::NAN,
        odd if !odd.is_multiple_of(2) => figures[odd / 2],
        even => (figures[even / 2 - 1] + figures[even / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &str) -> Result<Options, String> {
        let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        parse(&arguments)
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }

    #[test]
    fn stores_are_chosen_from() {
        let options =
            parsed("--stores --only requests --apps redis,actix --cycles 3").expect("it makes sense");
        let Subject::Stores(choice) = options.subject else {
            panic!("{options:?}");
        };
        assert_eq!(choice.only, Some(Part::Requests));
        assert_eq!(choice.apps, ["redis", "actix"]);
        assert_eq!(choice.cycles, 3);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            "--fast",
            "--cycles 3",
            "--stores --cycles",
            "--stores --cycles many",
            "--stores --only everything",
            "--memory --stores",
        ] {
            assert!(parsed(arguments).is_err(), "{arguments}");
        }
    }
}
