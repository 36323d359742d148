//! The stores: each knows the contract, and nothing else of this crate.

#[cfg(feature = "cached")]
pub mod cached;
#[cfg(feature = "disk")]
pub mod disk;
#[cfg(feature = "memory")]
pub mod memory;
mod open;
#[cfg(feature = "redis")]
pub mod redis;

#[cfg(any(
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "sqlite"
))]
mod revisions;
#[cfg(feature = "server")]
mod server;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "server")]
mod url;

#[cfg(feature = "cached")]
pub use cached::Cached;
#[cfg(feature = "disk")]
pub use disk::Disk;
#[cfg(feature = "memory")]
pub use memory::Memory;
pub use open::open;
#[cfg(feature = "redis")]
pub use redis::{Redis, RedisCluster};
