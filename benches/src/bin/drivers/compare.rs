//! Lets subjects take turns, and prints what each took.

use std::future::Future;
use std::pin::Pin;

use crate::pace::{Pace, Runner, Verb};
use crate::subject::Subject;

/// Who takes turns: the driver as it comes first, the store last.
#[derive(Default)]
pub(crate) struct Contest {
    contestants: Vec<Contestant>,
}

/// What share a store should have at least of what its driver does.
const GOAL: f64 = 0.85;

struct Contestant {
    name: String,
    runner: Box<dyn Turn>,
    seen: [Vec<Pace>; 2],
}

/// A runner of any subject.
trait Turn {
    fn turn(&mut self, verb: Verb) -> Pin<Box<dyn Future<Output = Pace> + '_>>;
    fn repeat(&mut self, verb: Verb, operations: usize) -> Pin<Box<dyn Future<Output = ()> + '_>>;
}

impl<S: Subject> Turn for Runner<S> {
    fn turn(&mut self, verb: Verb) -> Pin<Box<dyn Future<Output = Pace> + '_>> {
        Box::pin(Runner::turn(self, verb))
    }

    fn repeat(&mut self, verb: Verb, operations: usize) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(Runner::repeat(self, verb, operations))
    }
}

impl Contest {
    /// Begins sessions for one more.
    pub(crate) async fn with(mut self, name: &str, subject: impl Subject) -> Self {
        let runner = Runner::begin(subject, self.contestants.len()).await;
        self.contestants.push(Contestant {
            name: name.to_owned(),
            runner: Box::new(runner),
            seen: Default::default(),
        });
        self
    }

    /// Everyone has so many turns with every verb, after one to warm up.
    pub(crate) async fn run(mut self, turns: usize) {
        for turn in 0..=turns {
            for (n, verb) in Verb::ALL.into_iter().enumerate() {
                for contestant in &mut self.contestants {
                    let pace = contestant.runner.turn(verb).await;
                    if turn > 0 {
                        contestant.seen[n].push(pace);
                    }
                }
            }
            self.contestants.rotate_left(1);
        }
        // As they were.
        let shift = (turns + 1) % self.contestants.len();
        self.contestants.rotate_right(shift);
        for (n, verb) in Verb::ALL.into_iter().enumerate() {
            self.report(verb, n);
        }
    }

    /// Everyone does so much with every verb, between two marks each, and is named. Before that it warms up.
    pub(crate) async fn count(mut self, operations: usize) {
        for contestant in &mut self.contestants {
            for verb in Verb::ALL {
                contestant.runner.repeat(verb, operations).await;
                mark();
                contestant.runner.repeat(verb, operations).await;
                mark();
                println!("{}|{}", contestant.name, verb.name());
            }
        }
    }

    fn report(&self, verb: Verb, n: usize) {
        let Some(first) = self.contestants.first() else {
            return;
        };
        let store = self.contestants.len() - 1;
        for (at, contestant) in self.contestants.iter().enumerate() {
            let of = |what: fn(&Pace) -> f64| median(contestant.seen[n].iter().map(what));
            // In the same turn, so that what slows the machine slows both.
            let share = |of: fn(&Pace, &Pace) -> f64| {
                let both = contestant.seen[n].iter().zip(&first.seen[n]);
                median(both.map(|(one, other)| of(one, other)))
            };
            let pace = share(|one, other| one.per_second / other.per_second);
            println!(
                "| {:<40} | {:>6} | {:>9.0} | {:>5.2} | {:>7.2} | {:>5.2} | {:>6.2} |{}",
                contestant.name,
                verb.name(),
                of(|pace| pace.per_second),
                pace,
                of(|pace| pace.processor),
                share(|one, other| other.processor / one.processor),
                of(|pace| pace.pieces),
                if at == store && pace < GOAL { " missed" } else { "" },
            );
        }
    }
}

/// Where a counter of instructions begins anew. It knows it by its name.
#[inline(never)]
fn mark() {
    std::hint::black_box("a mark");
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
