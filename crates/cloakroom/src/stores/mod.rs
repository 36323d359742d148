//! The stores: each knows the contract, and nothing else of this crate.

#[cfg(feature = "cached")]
pub mod cached;

#[cfg(feature = "memory")]
pub mod memory;

#[cfg(feature = "disk")]
pub mod disk;

#[cfg(feature = "redis")]
pub mod redis;

#[cfg(feature = "memcached")]
pub mod memcached;

#[cfg(feature = "postgres")]
pub mod postgres;

#[cfg(feature = "mysql")]
pub mod mysql;

#[cfg(feature = "sqlite")]
pub mod sqlite;

mod open;

// What several of them share.
#[cfg(any(feature = "postgres", feature = "redis"))]
mod backoff;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod counting;
#[cfg(any(feature = "disk", feature = "sqlite"))]
mod queue;
#[cfg(any(
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "sqlite"
))]
mod revisions;
#[cfg(any(
    feature = "memcached",
    feature = "mysql",
    feature = "postgres",
    feature = "redis"
))]
mod server;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(any(
    feature = "disk",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "sqlite"
))]
mod subject;
#[cfg(any(
    feature = "memcached",
    feature = "mysql",
    feature = "postgres",
    feature = "redis"
))]
mod url;

#[cfg(feature = "cached")]
pub use cached::Cached;
#[cfg(feature = "disk")]
pub use disk::Disk;
#[cfg(feature = "memcached")]
pub use memcached::Memcached;
#[cfg(feature = "memory")]
pub use memory::Memory;
#[cfg(feature = "mysql")]
pub use mysql::Mysql;
pub use open::{Opened, open, open_all, open_counters, open_marks};
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
// Not the crate of that name.
#[cfg(feature = "redis")]
pub use self::redis::{Redis, RedisCluster};
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
