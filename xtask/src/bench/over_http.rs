//! Requests per second over HTTP, beside a route without sessions in the same process and at the same time.

use super::contenders::{Contender, PACE};
use super::median;
use super::others::Others;
use super::served::Served;
use super::servers::Servers;
use super::wrk::{self, CONNECTIONS, ROUTES, Route, SESSIONS};

/// One app while it is measured.
struct Running {
    contender: &'static Contender,
    served: Served,
    cookies: Vec<String>,
    /// Of every cycle, every route.
    seen: Vec<[Seen; ROUTES.len()]>,
}

/// What was seen of a route in a cycle.
#[derive(Clone, Copy, Default)]
struct Seen {
    per_second: f64,
    /// Microseconds of its processor's time for each request.
    processor: f64,
    /// The share of a processor that other processes had meanwhile.
    others: f64,
}

/// What others may have of a processor before a second is measured again.
const QUIET: f64 = 0.05;

/// How often it is measured again at most: then the quietest counts.
const PATIENCE: usize = 3;

pub(super) fn measure(
    contenders: &[&'static Contender],
    servers: &Servers,
    cycles: usize,
) -> Result<(), String> {
    let mut running = contenders
        .iter()
        .map(|contender| Running::start(contender, servers))
        .collect::<Result<Vec<_>, _>>()?;
    // The first cycle warms up.
    for cycle in 0..=cycles {
        for app in &mut running {
            let seen = app.cycle()?;
            if cycle > 0 {
                app.seen.push(seen);
            }
        }
        running.rotate_left(1);
    }
    running.sort_by_key(|app| {
        contenders
            .iter()
            .position(|&known| std::ptr::eq(known, app.contender))
    });
    report(&running, cycles);
    Ok(())
}

impl Running {
    fn start(contender: &'static Contender, servers: &Servers) -> Result<Self, String> {
        let served = Served::start(contender, &servers.url(contender.store)?)?;
        let cookies = wrk::begin(served.address()).map_err(|why| format!("{}: {why}", contender.name))?;
        Ok(Self {
            contender,
            served,
            cookies,
            seen: Vec::new(),
        })
    }

    /// Every route for a second.
    fn cycle(&self) -> Result<[Seen; ROUTES.len()], String> {
        let mut all = [Seen::default(); ROUTES.len()];
        for (route, seen) in ROUTES.iter().zip(&mut all) {
            *seen = self.second(*route)?;
            for _ in 0..PATIENCE {
                if seen.others > QUIET {
                    let again = self.second(*route)?;
                    *seen = if again.others < seen.others { again } else { *seen };
                }
            }
        }
        match ROUTES.iter().zip(&all).find(|(_, seen)| seen.per_second == 0.0) {
            Some((route, _)) => Err(format!(
                "{}, {}: nothing was answered",
                self.contender.name, route.name
            )),
            None => Ok(all),
        }
    }

    /// One route for a second.
    fn second(&self, route: Route) -> Result<Seen, String> {
        let others = Others::watch();
        let before = self.served.processor_time()?;
        let load = wrk::send(self.served.address(), route, &self.cookies)
            .map_err(|why| format!("{}, {why}", self.contender.name))?;
        let used = self.served.processor_time()? - before;
        Ok(Seen {
            per_second: load.per_second,
            processor: used.as_secs_f64() * 1e6 / load.requests.max(1) as f64,
            others: match load.requests {
                0 => f64::INFINITY,
                _ => others.share().unwrap_or(0.0),
            },
        })
    }

    /// Requests per second, as a share of those to the route without sessions in the same cycle.
    fn pace(&self, route: usize) -> f64 {
        median(
            self.seen
                .iter()
                .map(|cycle| cycle[route].per_second / cycle[0].per_second),
        )
    }

    fn processor(&self, route: usize) -> f64 {
        median(self.seen.iter().map(|cycle| cycle[route].processor))
    }

    fn plain(&self) -> f64 {
        median(self.seen.iter().map(|cycle| cycle[0].per_second))
    }
}

fn report(running: &[Running], cycles: usize) {
    println!(
        "Requests per second as a share of those to a route without sessions in the same process and cycle, and\n\
         microseconds of processor time per request: medians of {cycles} cycles, in which every app and route has a \
         second\nof its own. The app is served on one processor; on the other are wrk with {CONNECTIONS} connections and \
         {SESSIONS} sessions,\nand the store's server.\n"
    );
    print!("| {:<27} | {:>15} ", "", "plain, 1/s");
    for route in &ROUTES[1..] {
        print!("| {:>12} ", route.name);
    }
    println!("|\n|---|---|{}", "---|".repeat(ROUTES.len() - 1));
    for app in running {
        let plain = format!("{:.0} / {:.1}", app.plain(), app.processor(0));
        print!("| {:<27} | {plain:>15} ", app.contender.name);
        for route in 1..ROUTES.len() {
            let cell = format!("{:.2} / {:.1}", app.pace(route), app.processor(route));
            print!("| {cell:>12} ");
        }
        println!("|");
    }
    let others = running
        .iter()
        .flat_map(|app| &app.seen)
        .flatten()
        .map(|seen| seen.others);
    let all = running.len() * cycles * ROUTES.len();
    let (disturbed, most) = others.fold((0, 0.0_f64), |(count, most), share| {
        (count + usize::from(share > QUIET), most.max(share))
    });
    println!(
        "\nIn {disturbed} of {} seconds other processes had more than {:.0} % of a processor, at most {:.0} %.\n",
        all,
        QUIET * 100.0,
        most * 100.0,
    );
    if disturbed * 10 > all {
        println!("The machine was not quiet enough to say which goals were met.\n");
        return;
    }
    for goal in PACE {
        let app = running.iter().find(|app| app.contender.name == goal.contender);
        let route = ROUTES.iter().position(|route| route.name == goal.route);
        if let (Some(app), Some(route)) = (app, route) {
            let pace = app.pace(route);
            println!(
                "{}, {}: {pace:.2}, goal {:.2}{} (tower-sessions, when the goal was set: {:.2})",
                goal.contender,
                goal.route,
                goal.at_least,
                if pace >= goal.at_least { "" } else { ", missed" },
                goal.theirs,
            );
        }
    }
    println!();
}
