//! The stores: each knows the contract, and nothing else of this crate.

#[cfg(feature = "memory")]
pub mod memory;

#[cfg(feature = "memory")]
pub use memory::Memory;
