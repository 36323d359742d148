//! The stores: each knows the contract, and nothing else of this crate.

#[cfg(feature = "disk")]
pub mod disk;
#[cfg(feature = "memory")]
pub mod memory;
mod open;

#[cfg(feature = "disk")]
pub use disk::Disk;
#[cfg(feature = "memory")]
pub use memory::Memory;
pub use open::open;
