//! The strategies beside each other and beside other cookies: instructions, bytes, and what hybrid spares a store.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::contenders::Contender;
use super::programs::{Package, program};
use super::served::Served;
use super::servers::Servers;
use super::{callgrind, median, sessions, thousands, wrk};

/// The apps whose sessions are in cookies, what each is called in tables, and the app without sessions that it is beside.
const COOKIES: [(&str, Package, &str, &str); 4] = [
    ("Cloakroom, sealed", Package::Ours, "cloakroom-sealed", "bare"),
    ("PrivateCookieJar", Package::Ours, "private-cookies", "bare"),
    (
        "actix-session, cookies",
        Package::Peers,
        "actix-session-cookies",
        "actix-bare",
    ),
    ("Cloakroom, stored in memory", Package::Ours, "cloakroom", "bare"),
];

/// What reading and writing a sealed session may take on top of plain, and what PrivateCookieJar took when the goals
/// were set (2026-11-21).
const SEALED: [(&str, u64, u64); 2] = [("read", 15_000, 36_000), ("write", 25_000, 55_000)];

const STORED: Contender = Contender::new("stored", Package::Ours, "cloakroom", "redis");
const HYBRID: Contender = Contender::new("hybrid", Package::Ours, "cloakroom-hybrid", "redis");

pub(super) fn measure(servers: &Servers, cycles: usize) -> Result<(), String> {
    instructions()?;
    bytes()?;
    reads_spared(servers, cycles)
}

fn instructions() -> Result<(), String> {
    println!(
        "Instructions per request on top of the same app without sessions, user space, one request after the other.\n"
    );
    println!("|                             |      read |     write |   sign-in |\n|---|---|---|---|");
    let routes = ["read", "write", "sign-in"];
    let mut ours = None;
    for (name, package, app, bare) in COOKIES {
        let count = |app, route| callgrind::count(package, app, "memory:", route, 0);
        print!("| {name:<27} ");
        let mut counted = Vec::new();
        for route in routes {
            let above = count(app, route)?.saturating_sub(count(bare, route)?);
            print!("| {:>9} ", thousands(above));
            counted.push(above);
        }
        println!("|");
        ours.get_or_insert(counted);
    }
    println!();
    for ((route, goal, theirs), counted) in SEALED.iter().zip(ours.unwrap_or_default()) {
        let missed = if counted > *goal { ", missed" } else { "" };
        println!(
            "sealed, {route}: {}, goal {}{missed} (PrivateCookieJar, when it was set: {})",
            thousands(counted),
            thousands(*goal),
            thousands(*theirs),
        );
    }
    println!();
    Ok(())
}

fn bytes() -> Result<(), String> {
    println!("Bytes of the cookies, names and values, for one value of so many bytes.\n");
    println!("|                             |   64 |  256 | 1024 |\n|---|---|---|---|");
    for (name, package, app, _) in COOKIES {
        let app = Served::start(&Contender::new(name, package, app, "memory"), "memory:")?;
        print!("| {name:<27} ");
        for bytes in [64, 256, 1024] {
            print!("| {:>4} ", sessions::cookie_bytes(app.address(), bytes)?);
        }
        println!("|");
    }
    println!();
    Ok(())
}

/// 64 browsers that keep their cookies, beside each other in turns.
fn reads_spared(servers: &Servers, cycles: usize) -> Result<(), String> {
    const LASTS: Duration = Duration::from_secs(5);
    let url = servers.url("redis")?;
    let mut seen: [Vec<(f64, f64)>; 2] = [Vec::new(), Vec::new()];
    let apps = [Served::start(&STORED, &url)?, Served::start(&HYBRID, &url)?];
    // The first cycle warms up.
    for cycle in 0..=cycles {
        for (app, seen) in apps.iter().zip(&mut seen) {
            let before = commands(&url)?;
            let output = Command::new("taskset")
                .args(["-c", wrk::PROCESSOR])
                .arg(program("browsers"))
                .args([app.address().to_string(), LASTS.as_millis().to_string()])
                .output()
                .map_err(|error| format!("could not start the browsers: {error}"))?;
            let answered: f64 = String::from_utf8_lossy(&output.stdout)
                .trim()
                .parse()
                .map_err(|_| format!("the browsers said {:?}", String::from_utf8_lossy(&output.stderr)))?;
            let asked = commands(&url)? - before;
            if cycle > 0 {
                seen.push((answered / LASTS.as_secs_f64(), asked as f64 / answered));
            }
        }
    }
    println!(
        "64 browsers that keep their cookies, 95 % reads, Redis: medians of {cycles} turns of {LASTS:?} each.\n\n\
         |        | requests, 1/s | commands per request |\n|---|---|---|"
    );
    for (name, seen) in [STORED.name, HYBRID.name].iter().zip(&seen) {
        let pace = median(seen.iter().map(|(pace, _)| *pace));
        let asked = median(seen.iter().map(|(_, asked)| *asked));
        println!("| {name} | {pace:>13.0} | {asked:>20.3} |");
    }
    let ratios = seen[0]
        .iter()
        .zip(&seen[1])
        .map(|((stored, _), (hybrid, _))| hybrid / stored);
    println!(
        "\nhybrid: {:.2} times as many requests (goal 1.25), {:.3} commands per request (goal 0.1)\n",
        median(ratios),
        median(seen[1].iter().map(|(_, asked)| *asked)),
    );
    Ok(())
}

/// How many commands Redis was sent by clients: what scripts call is not among them.
fn commands(url: &str) -> Result<u64, String> {
    let failed = |error: std::io::Error| format!("could not ask {url}: {error}");
    let address = url.trim_start_matches("redis://");
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .map_err(failed)?;
    stream.write_all(b"INFO commandstats\r\n").map_err(failed)?;
    let mut sum = 0;
    for line in BufReader::new(stream).lines() {
        // It ends with a pause: the connection stays open.
        let Ok(line) = line else { break };
        let sent = ["cmdstat_get:", "cmdstat_evalsha:", "cmdstat_eval:"];
        if sent.iter().any(|name| line.starts_with(name)) {
            let calls = line
                .split_once("calls=")
                .and_then(|(_, rest)| rest.split(',').next());
            sum += calls.and_then(|calls| calls.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Ok(sum)
}
