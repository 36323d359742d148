//! PostgreSQL, in a data directory of its own.

use std::ffi::OsString;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::process::geteuid;

use crate::{Launch, Program, Server, directory};

/// Where distributions put the programs, the newest first.
const DIRECTORIES: &[&str] = &[
    "/usr/lib/postgresql/18/bin",
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/15/bin",
    "/usr/lib/postgresql/14/bin",
];

/// The server's program.
pub const POSTGRES: Program = program("CLOAKROOM_POSTGRES", &["postgres"]);
const INITDB: Program = program("CLOAKROOM_INITDB", &["initdb"]);
const PG_ISREADY: Program = program("CLOAKROOM_PG_ISREADY", &["pg_isready"]);
const UNSHARE: Program = Program::new("CLOAKROOM_UNSHARE", &["unshare"], "util-linux");
const PSQL: Program = program("CLOAKROOM_PSQL", &["psql"]);

pub(crate) const fn program(variable: &'static str, names: &'static [&'static str]) -> Program {
    Program::new(variable, names, "postgresql").also_in(DIRECTORIES)
}

/// A PostgreSQL server with one user, `cloakroom`, and its password.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
}

impl Postgres {
    /// The password of its user.
    pub const PASSWORD: &str = "correct-horse";

    /// Starts one as it is delivered, but for `pg_stat_statements`.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with these settings, `name=value`.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_in(settings, |_| {})
    }

    /// Starts one that offers TLS, with a certificate for its address.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_with_tls() -> Self {
        Self::start_in(
            &[
                "ssl=on",
                "ssl_cert_file=../server.crt",
                "ssl_key_file=../server.key",
            ],
            make_certificate,
        )
    }

    /// Starts one that sees a [small disk](Self::small_disk), which nobody else sees, and which is gone when it has ended.
    ///
    /// # Panics
    ///
    /// When it does not come up, also where neither root nor a user of one's own name space may mount.
    pub fn start_with_a_small_disk() -> Self {
        let launch = Launch {
            name: "postgres",
            program: UNSHARE,
            user: None,
            arguments: Box::new(|port, directory| {
                let mut all = with_a_small_disk(&small_disk(directory));
                all.push(POSTGRES.path().into());
                all.extend(arguments(port, directory, &[]));
                all
            }),
            ready: Box::new(is_ready),
        };
        let prepare = |directory: &Path| {
            copy_template(directory);
            fs::create_dir(small_disk(directory)).expect("a directory of ours takes another");
        };
        Self {
            server: Server::start(launch, prepare),
        }
    }

    /// Where its small disk is, of eight megabytes: for a tablespace.
    pub fn small_disk(&self) -> PathBuf {
        small_disk(self.directory())
    }

    /// Starts one with these settings, in a directory that was prepared.
    fn start_in(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        Self::start_over(settings, |directory| {
            copy_template(directory);
            prepare(directory);
        })
    }

    /// Starts one with these settings, over the data that is made in its directory.
    pub(crate) fn start_over(settings: &[&str], make: impl FnOnce(&Path)) -> Self {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let launch = Launch {
            name: "postgres",
            program: POSTGRES,
            user: user(),
            arguments: Box::new(move |port, directory| arguments(port, directory, &settings)),
            ready: Box::new(is_ready),
        };
        Self {
            server: Server::start(launch, make),
        }
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!(
            "postgres://cloakroom:{}@127.0.0.1:{}/postgres",
            Self::PASSWORD,
            self.port()
        )
    }

    /// What a statement answers: rows in lines, columns between bars.
    ///
    /// # Errors
    ///
    /// With what the server or `psql` says.
    pub fn ask(&self, statement: &str) -> Result<String, String> {
        let output = Command::new(PSQL.path())
            .args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet"])
            .args(["--dbname", &self.url(), "--command", statement])
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    /// The file with the certificate of the authority that signed the server's.
    pub fn authority(&self) -> PathBuf {
        self.directory().join("server.crt")
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// It refuses to run as root.
fn user() -> Option<&'static str> {
    geteuid().is_root().then_some("postgres")
}

fn arguments(port: u16, directory: &Path, settings: &[String]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["-D".into(), data(directory).into(), "-p".into()];
    arguments.push(port.to_string().into());
    let mut sockets = OsString::from("unix_socket_directories=");
    sockets.push(directory);
    let always = [
        // What a killed server has written is the kernel's, and stays: only a machine that stops would lose it.
        "fsync=off",
        "listen_addresses=127.0.0.1",
        "shared_preload_libraries=pg_stat_statements",
    ];
    let settings = settings.iter().map(OsString::from);
    for setting in always
        .map(OsString::from)
        .into_iter()
        .chain([sockets])
        .chain(settings)
    {
        arguments.push("-c".into());
        arguments.push(setting);
    }
    arguments
}

fn is_ready(port: u16) -> bool {
    let asked = Command::new(PG_ISREADY.path())
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

fn small_disk(directory: &Path) -> PathBuf {
    directory.join("small")
}

/// What `unshare` is told before the program that is to see a small disk here.
///
/// Root mounts, and becomes the user that the server runs as. Anybody else is root in a name space of users for as long as it
/// takes to mount, and in another one who they are: the server refuses to be root. To become somebody makes the kernel forget
/// that the server is to end with us, so it is told last.
fn with_a_small_disk(place: &Path) -> Vec<OsString> {
    const MOUNT: &str =
        "mount -t tmpfs -o size=8m tmpfs \"$0\" && chown \"$1\" \"$0\" && shift && exec \"$@\"";
    let (root, owner, become_owner): (&[&str], _, &[&str]) = match user() {
        Some(user) => (
            &[],
            user,
            &["setpriv", "--reuid", user, "--regid", user, "--clear-groups"],
        ),
        None => (
            &["--map-root-user"],
            "root",
            &["unshare", "--map-user=1000", "--map-group=1000", "setpriv"],
        ),
    };
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    [
        words(root),
        words(&["--mount", "sh", "-c", MOUNT]),
        vec![place.into()],
        words(&[owner]),
        words(become_owner),
        words(&["--pdeathsig", "KILL", "--"]),
    ]
    .concat()
}

/// Gives a server a data directory of its own.
fn copy_template(directory: &Path) {
    run(Command::new("cp").arg("-a").arg(template()).arg(data(directory)));
    own(directory);
}

/// A data directory that all servers of this process begin with a copy of: making one takes a second.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let directory = directory::new("postgres-template");
        let password = directory.join("password");
        fs::write(&password, Postgres::PASSWORD).expect("a directory of ours takes a file");
        own(&directory);
        let data = data(&directory);
        let mut command = as_user(&INITDB);
        command
            .args([
                "--username=cloakroom",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(password)
            .arg("-D")
            .arg(&data);
        run(&mut command);
        data
    })
}

/// One of its programs, as the user that owns the data.
pub(crate) fn as_user(program: &Program) -> Command {
    match user() {
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]);
            command.arg(program.path());
            command
        }
        None => Command::new(program.path()),
    }
}

/// Where a server keeps its data, below its directory.
pub(crate) fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// Gives a directory to the user that the server runs as.
pub(crate) fn own(directory: &Path) {
    if let Some(user) = user() {
        run(Command::new("chown").arg(format!("{user}:{user}")).arg(directory));
    }
}

/// A certificate for 127.0.0.1 that is its own authority.
fn make_certificate(directory: &Path) {
    let (key, certificate) = (directory.join("server.key"), directory.join("server.crt"));
    run(Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args(["-days", "2", "-subj", "/CN=cloakroom test"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate));
    own(&key);
    run(Command::new("chmod").arg("600").arg(key));
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("could not run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
