//! Bytes of memory per session.

use super::circumstances::circumstances;
use super::programs::Package;
use crate::{cargo, succeed};

/// Bytes of memory for each of a million sessions.
const FOOTPRINTS: &[(&str, u64)] = &[("anonymous", 450), ("signed-in", 550)];

pub(super) fn measure() -> Result<(), String> {
    println!("{}", circumstances(&[(Package::Ours, "cloakroom")])?);
    println!(
        "Bytes of resident memory per session at a million sessions of 190 bytes of data. tower-sessions' memory\n\
         store took 1,019 when it was measured for the goals (2026-11-21, the default allocator)."
    );
    for (kind, goal) in FOOTPRINTS {
        println!("\n{kind}, goal {goal}:");
        succeed(cargo().args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "cloakroom",
            "--example",
            "memory_footprint",
            "--",
            "1000000",
            kind,
        ]))?;
    }
    Ok(())
}
