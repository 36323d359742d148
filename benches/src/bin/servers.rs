//! Starts the servers that stores are measured on, says where they are, and ends with its standard input.
//!
//! Each is as it is when nobody has set it, but for Redis, which saves nothing.

use std::io::{self, Read as _, Write as _};

use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::Redis;

fn main() {
    let (redis, memcached) = (Redis::start(), Memcached::start());
    let (postgres, mysql) = (Postgres::start(), Mysqld::start());
    println!("redis {}", redis.url());
    println!("memcached {}", memcached.url());
    println!("postgres {}", postgres.url());
    println!("mysql {}", mysql.url());
    println!("ready");
    io::stdout().flush().expect("somebody reads what we say");
    // Whoever started us holds it open.
    let _ = io::stdin().read(&mut [0]);
}
