//! What was seen of a store under a fault: a cell of the table in `docs/faults.md`.

use std::env;
use std::fs::File;
use std::io::Write as _;

/// The variable that names the file which collects what was seen: `cargo xtask faults` sets it.
const FILE: &str = "CLOAKROOM_FAULTS";

/// Whether what is seen is written down: then it is timed, and wants the machine to itself.
pub fn is_noted() -> bool {
    env::var_os(FILE).is_some()
}

/// Says what was seen of a store under a fault, and writes it down when the table is being made.
///
/// # Panics
///
/// When it could not be written down.
pub fn note(fault: &str, store: &str, seen: &str) {
    println!("{store}, {fault}: {seen}");
    if let Some(path) = env::var_os(FILE) {
        let line = format!("{fault}\t{store}\t{seen}\n");
        let file = File::options().create(true).append(true).open(path);
        // One call, so that lines of tests that run side by side stay whole.
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("the file of the faults can be written");
    }
}
