//! Starts the real servers that stores are tested on, takes them away, and gives them back.
//!
//! A server listens on a free port of loopback, keeps its files in a directory of its own below the system's
//! temporary one, and ends with the process that started it, however that ends. A program that is missing is a
//! panic that says what to install: a test never passes for want of a server.
//!
//! Everything here blocks, and panics when a machine does not do its part: it is for tests.

#![allow(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "in a test a panic is the answer"
)]

mod server;

pub mod memcached;
pub mod mysql;
pub mod mysql_replica;
pub mod postgres;
pub mod postgres_standby;
pub mod redis;
pub mod redis_cluster;
pub mod redis_sentinel;

mod certificates;
mod note;
mod protocol;
mod proxy;
mod tap;
mod wait;

mod process;

mod directory;
mod program;

pub use certificates::Certificates;
pub use note::{is_noted, note};
pub use program::Program;
pub use protocol::Protocol;
pub use proxy::Proxy;
pub use server::{Launch, Server};
pub use tap::Tap;
pub use wait::wait_until;
