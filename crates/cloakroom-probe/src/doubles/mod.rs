//! Doubles: stand between the library and a store, and count its requests, hold them or fail them.

mod around;
mod flaky;
mod gate;
mod recording;

pub use around::{Around, Hook, Verb};
pub use flaky::{Fault, Flaky, Health};
pub use gate::{Gate, Moment};
pub use recording::Recording;
