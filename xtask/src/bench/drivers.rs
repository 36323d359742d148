//! What a store adds to its driver: the same commands, by the driver alone and through the store.

use std::process::Command;

use super::callgrind;
use super::contenders::Contender;
use super::others::Others;
use super::programs::{Package, program};
use super::served;
use super::servers::Servers;
use super::thousands;
use crate::succeed;

/// The stores that have a driver to be compared with.
const STORES: [&str; 6] = ["redis", "memcached", "postgres", "mysql", "sqlite", "disk"];

/// How many operations callgrind counts.
const COUNTED: usize = 6_400;

pub(super) fn measure(
    contenders: &[&'static Contender],
    servers: &Servers,
    cycles: usize,
) -> Result<(), String> {
    let is_chosen = |store: &&str| {
        contenders
            .iter()
            .any(|contender| contender.package == Package::Ours && contender.store == *store)
    };
    let stores: Vec<&str> = STORES.into_iter().filter(is_chosen).collect();
    pace(&stores, servers, cycles)?;
    instructions(&stores, servers)
}

fn pace(stores: &[&str], servers: &Servers, cycles: usize) -> Result<(), String> {
    println!(
        "Operations per second of 64 tasks in a process on one processor, the server on the other: by the driver \
         alone,\nand through the store. Reads are loads, writes replace a session at the revision it has. A share is \
         the median of\n{cycles} turns of a second, each beside the driver's in the same round. CPU is this \
         process's time for an operation, user\nand kernel, and its share the driver's beside it. Pieces are how \
         often something is sent or written for an operation,\nat least.\n\n\
         The driver has the store's own commands, of the same size, and as many connections or threads. It has no \
         bound on\ntime, looks after no connection, opens no record, and panics where an answer is an error.\n\
         Redis: the driver has one connection, and writes each command by itself.\n\
         Memcached: there is no driver, but the least client that lets commands leave together.\n\
         SQLite: the driver does not see whether the file is still there, which is a system call for each read.\n\
         Disk: the driver has one table, the store three.\n\
         SQLite and disk have their files in memory, if there is a /dev/shm: a disk would decide what writes do.\n"
    );
    println!(
        "|                                          |   verb |       1/s | share | CPU, us | share | pieces |"
    );
    println!("|---|---|---|---|---|---|---|");
    let others = Others::watch();
    for store in stores {
        let arguments = ["pace", store, &servers.url_in_memory(store)?, &cycles.to_string()];
        succeed(
            Command::new("taskset")
                .args(["-c", served::PROCESSOR])
                .arg(program("drivers"))
                .args(arguments),
        )?;
    }
    if let Some(share) = others.share() {
        println!(
            "\nOther processes had {:.0} % of a processor meanwhile.",
            share * 100.0
        );
    }
    println!();
    Ok(())
}

/// The same without the machine's noise, and without what the kernel does.
fn instructions(stores: &[&str], servers: &Servers) -> Result<(), String> {
    println!(
        "Instructions for an operation, user space, all threads of the process, also 64 tasks: the mean of {} \
         operations,\ncounted by callgrind.\n",
        thousands(COUNTED as u64)
    );
    println!("|                                          |   verb | instructions | share |");
    println!("|---|---|---|---|");
    for store in stores {
        let mut counting = Command::new(program("drivers"));
        counting.args([
            "count",
            store,
            &servers.url_in_memory(store)?,
            &COUNTED.to_string(),
        ]);
        let counted = callgrind::between_marks(&counting, "drivers::compare::mark")?;
        for (name, instructions) in &counted {
            let (who, verb) = name.split_once('|').unwrap_or((name, ""));
            let drivers = counted.iter().find(|(name, _)| name.ends_with(verb));
            let drivers = drivers.map_or(0, |(_, instructions)| *instructions);
            println!(
                "| {who:<40} | {verb:>6} | {:>12} | {:>5.2} |",
                thousands(instructions / COUNTED as u64),
                drivers as f64 / *instructions as f64,
            );
        }
    }
    println!();
    Ok(())
}
