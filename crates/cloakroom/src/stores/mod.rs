//! Where sessions are kept: one module per store, each behind the feature of its name.

#[cfg(feature = "memory")]
pub mod memory;

#[cfg(feature = "memory")]
pub use memory::Memory;
