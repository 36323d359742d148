//! Starts the servers that stores are measured on, says where they are, and ends with its standard input.
//!
//! Each keeps what it is told as safely as it does when nobody has set it, but for Redis, which keeps it in memory.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};

use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::{Launch, Program, Server};

fn main() {
    let redis = Server::start(
        Launch {
            name: "redis",
            program: Program::new("REDIS_SERVER", &["redis-server", "valkey-server"], "redis-server"),
            user: None,
            arguments: Box::new(|port, directory| {
                let port = port.to_string();
                ["--port", &port, "--save", "", "--bind", "127.0.0.1", "--dir"]
                    .map(OsString::from)
                    .into_iter()
                    .chain([directory.as_os_str().to_owned()])
                    .collect()
            }),
            ready: Box::new(|port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()),
        },
        |_| (),
    );
    let postgres = Postgres::start();
    println!("redis redis://127.0.0.1:{}", redis.port());
    println!("postgres {}", postgres.url());
    println!("ready");
    io::stdout().flush().expect("somebody reads what we say");
    // Whoever started us holds it open.
    let _ = io::stdin().read(&mut [0]);
}
