//! Session management.

pub mod stores;
