//! What a store adds to its driver: the same commands, by the driver alone and through the store.

use std::process::Command;

use super::contenders::Contender;
use super::others::Others;
use super::programs::{Package, program};
use super::served;
use super::servers::Servers;
use crate::succeed;

/// The stores that have a driver to be compared with.
const STORES: [&str; 4] = ["redis", "memcached", "postgres", "mysql"];

pub(super) fn measure(
    contenders: &[&'static Contender],
    servers: &Servers,
    cycles: usize,
) -> Result<(), String> {
    println!(
        "Operations per second of 64 tasks in a process on one processor, the server on the other: by the driver \
         alone,\nand through the store. A share is the median of {cycles} turns of a second, each beside the driver's \
         in the same\nround. Pieces are how often something is sent for an operation, at least. Memcached has no driver here: \
         its store\nis beside a client that checks and bounds nothing.\n"
    );
    println!("|                                          |   verb |       1/s | share | CPU, us | pieces |");
    println!("|---|---|---|---|---|---|");
    let others = Others::watch();
    for store in STORES {
        let is_chosen =
            |contender: &&'static Contender| contender.package == Package::Ours && contender.store == store;
        if !contenders.iter().any(is_chosen) {
            continue;
        }
        succeed(
            Command::new("taskset")
                .args(["-c", served::PROCESSOR])
                .arg(program("drivers"))
                .args([store, servers.url(store)?.as_str(), &cycles.to_string()]),
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
