//! MariaDB, or MySQL proper where `MYSQLD` names it.

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::{Launch, Program, Server, directory};

/// The server.
const MYSQLD: Program = Program::new("MYSQLD", &["mariadbd", "mysqld"], "mariadb-server").also_in(&[
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/mysql/bin",
]);

/// What makes an empty data directory for MariaDB. MySQL's server does it itself.
const INSTALL: Program = Program::new(
    "MARIADB_INSTALL_DB",
    &["mariadb-install-db", "mysql_install_db"],
    "mariadb-server",
);

/// The client for statements.
const CLIENT: Program = Program::new("MYSQL_CLIENT", &["mariadb", "mysql"], "mariadb-client");

/// A server with an empty database, and two users that may use it.
#[derive(Debug)]
pub struct Mysqld {
    server: Server,
}

impl Mysqld {
    /// The database that it has.
    pub const DATABASE: &'static str = "cloakroom";

    /// The password of both users.
    pub const PASSWORD: &'static str = "hunter2";

    /// Starts one with small settings, that syncs every commit.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more settings, such as `--max-connections=20`.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_with(settings: &[&str]) -> Self {
        let settings: Vec<OsString> = settings.iter().map(OsString::from).collect();
        let launch = Launch {
            name: "mysqld",
            program: MYSQLD,
            user: None,
            arguments: Box::new(move |port, directory| {
                let mut arguments = arguments(port, directory);
                arguments.extend(settings.iter().cloned());
                arguments
            }),
            ready: Box::new(greets),
        };
        let server = Server::start(launch, |directory| {
            copy(data(), &directory.join("data"));
            fs::write(directory.join("init.sql"), INIT).expect("a directory of ours can be written");
        });
        Self { server }
    }

    /// The server behind it, to take away and give back.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The URL for an application, with its password.
    pub fn url(&self) -> String {
        let (password, address, database) = (Self::PASSWORD, self.server.address(), Self::DATABASE);
        format!("mysql://app:{password}@{address}/{database}")
    }

    /// The URL for somebody who may do everything.
    pub fn admin_url(&self) -> String {
        self.url().replace("app:", "admin:")
    }

    /// What a statement of somebody who may do everything answers: the names of the columns, then the rows, in lines
    /// with tabs.
    ///
    /// # Errors
    ///
    /// With what the server or its client says.
    pub fn ask(&self, statement: &str) -> Result<String, String> {
        let output = Command::new(CLIENT.path())
            .args([
                "--no-defaults",
                "--protocol=tcp",
                "--host=127.0.0.1",
                "--user=admin",
            ])
            .arg(format!("--port={}", self.server.port()))
            .arg(format!("--password={}", Self::PASSWORD))
            .args(["--batch", "--execute", statement])
            .output();
        let output = output.map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    /// The socket on which it listens too.
    pub fn socket(&self) -> PathBuf {
        self.server.directory().join("socket")
    }

    /// Which server this is, in its own words.
    ///
    /// # Panics
    ///
    /// When the program does not say.
    pub fn version() -> String {
        let said = Command::new(MYSQLD.path())
            .arg("--version")
            .output()
            .expect("the server says its version");
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }
}

/// Who may use it. Run at every start.
const INIT: &str = "\
CREATE DATABASE IF NOT EXISTS cloakroom;
CREATE USER IF NOT EXISTS 'app'@'%' IDENTIFIED BY 'hunter2';
GRANT ALL ON cloakroom.* TO 'app'@'%';
CREATE USER IF NOT EXISTS 'admin'@'%' IDENTIFIED BY 'hunter2';
GRANT ALL ON *.* TO 'admin'@'%' WITH GRANT OPTION;
";

fn arguments(port: u16, directory: &Path) -> Vec<OsString> {
    let path = |option: &str, name: &str| {
        let mut argument = OsString::from(format!("--{option}="));
        argument.push(directory.join(name));
        argument
    };
    let mut arguments = vec![
        "--no-defaults".into(),
        path("datadir", "data"),
        path("socket", "socket"),
        path("pid-file", "pid"),
        path("init-file", "init.sql"),
        // Of its own: a server that starts removes what it takes for another one's leavings.
        path("tmpdir", ""),
        format!("--port={port}").into(),
    ];
    let fixed = [
        "--user=root",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--skip-log-bin",
        "--performance-schema=OFF",
        "--innodb-buffer-pool-size=64M",
        "--innodb-flush-log-at-trx-commit=1",
        "--loose-mysqlx=OFF",
    ];
    arguments.extend(fixed.iter().chain(SMALL).map(OsString::from));
    arguments
}

/// Files of a size that can be copied for every server, and what may be undone in files of its own: where those of the
/// tables are full, it still takes something to remove anything.
const SMALL: &[&str] = &["--innodb-log-file-size=16M", "--loose-innodb-undo-tablespaces=2"];

/// Whether a server greets whoever connects, as both do before anything is said.
fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let patience = stream.set_read_timeout(Some(Duration::from_secs(2)));
    patience.expect("a time to wait is not zero");
    // A packet's length and number, and the version of the protocol.
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting).is_ok() && greeting[4] == 10
}

/// An empty data directory, made once for this process.
fn data() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| {
        let data = directory::new("mysqld-empty").join("data");
        let mut argument = OsString::from("--datadir=");
        argument.push(&data);
        let mut command = if Mysqld::version().contains("MariaDB") {
            let mut command = Command::new(INSTALL.path());
            command.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
            command.args(["--skip-test-db", "--user=root"]);
            command
        } else {
            let mut command = Command::new(MYSQLD.path());
            command.args(["--no-defaults", "--initialize-insecure", "--user=root"]);
            command
        };
        let made = command
            .arg(argument)
            .args(SMALL)
            .output()
            .expect("the program runs");
        assert!(
            made.status.success(),
            "could not make an empty data directory: {}{}",
            String::from_utf8_lossy(&made.stdout),
            String::from_utf8_lossy(&made.stderr)
        );
        data
    })
}

/// Copies a directory, leaving holes where there are holes.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .args(["-a", "--sparse=always"])
        .arg(from)
        .arg(to)
        .status();
    assert!(
        copied.is_ok_and(|status| status.success()),
        "could not copy {} to {}",
        from.display(),
        to.display()
    );
}
