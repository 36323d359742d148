//! Starts the servers that stores are measured on, says where they are, and ends with its standard input.
//!
//! Each is as it is when nobody has set it, but for Redis, which saves nothing.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::Redis;
use cloakroom_testbed::{Launch, Program, Server};

fn main() {
    let redis = Redis::start();
    let memcached = Server::start(
        Launch {
            name: "memcached",
            program: Program::new("MEMCACHED", &["memcached"], "memcached"),
            user: None,
            arguments: Box::new(|port, _| {
                [
                    "-p",
                    &port.to_string(),
                    "-t",
                    "1",
                    "-m",
                    "512",
                    "-u",
                    "root",
                    "-l",
                    "127.0.0.1",
                ]
                .map(OsString::from)
                .into()
            }),
            ready: Box::new(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()),
        },
        |_| (),
    );
    let postgres = Postgres::start();
    let mysql = Mysqld::start();
    println!("redis {}", redis.url());
    println!("memcached memcache://{}", memcached.address());
    println!("postgres {}", postgres.url());
    println!("mysql {}", mysql.url());
    println!("ready");
    io::stdout().flush().expect("somebody reads what we say");
    // Whoever started us holds it open.
    let _ = io::stdin().read(&mut [0]);
}
