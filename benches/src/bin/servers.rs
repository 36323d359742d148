//! Starts the servers that stores are measured on, says where they are, and ends with its standard input.
//!
//! Each is set as one that is to keep what it is told, but for Redis and Memcached, which are set as caches are.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::Command;

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
    let postgres = Server::start(
        Launch {
            name: "postgres",
            program: Program::new("POSTGRES", &["postgres"], "postgresql")
                .also_in(&["/usr/lib/postgresql/15/bin"]),
            user: Some("postgres"),
            arguments: Box::new(|port, directory| {
                let port = port.to_string();
                let data = directory.join("data").into_os_string();
                [OsString::from("-D"), data]
                    .into_iter()
                    .chain(["-p", &port, "-c", "unix_socket_directories="].map(OsString::from))
                    .collect()
            }),
            ready: Box::new(|port| {
                Command::new("/usr/lib/postgresql/15/bin/pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status().is_ok_and(|s| s.success())
            }),
        },
        initdb,
    );
    println!("redis redis://127.0.0.1:{}", redis.port());
    println!("postgres postgres://postgres@127.0.0.1:{}/postgres", postgres.port());
    println!("ready");
    io::stdout().flush().expect("somebody reads what we say");
    // Whoever started us holds it open.
    let _ = io::stdin().read(&mut [0]);
}

fn initdb(directory: &Path) {
    let data = directory.join("data");
    std::fs::create_dir(&data).expect("d");
    assert!(Command::new("chown").arg("postgres").arg(&data).status().expect("chown").success());
    let out = Command::new("setpriv").args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--", "/usr/lib/postgresql/15/bin/initdb", "--auth", "trust", "--no-sync", "-D"]).arg(&data).output().expect("initdb");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
