//! Certificates for servers with TLS: an authority of our own, and a server on loopback that it vouches for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Program, directory};

/// The program that makes certificates.
const OPENSSL: Program = Program::new("OPENSSL", &["openssl"], "openssl");

/// The files of an authority and of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Certificates {
    /// The authority's certificate, which a client is told to trust.
    pub authority: PathBuf,
    /// The server's certificate, for `localhost` and 127.0.0.1.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes an authority, and a server's certificate.
    ///
    /// # Panics
    ///
    /// When `openssl` does not do it.
    pub fn make() -> Self {
        let directory = directory::new("certificates");
        let file = |name: &str| directory.join(name);
        let names = file("names");
        std::fs::write(&names, "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("the directory is ours");
        openssl(
            &directory,
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
             -addext basicConstraints=critical,CA:TRUE -keyout authority.key -out authority.pem",
        );
        openssl(
            &directory,
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key \
             -out server.csr",
        );
        openssl(
            &directory,
            "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 \
             -extfile names -out server.pem",
        );
        Self {
            authority: file("authority.pem"),
            certificate: file("server.pem"),
            key: file("server.key"),
        }
    }
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new(OPENSSL.path())
        .args(arguments.split_whitespace())
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .expect("openssl runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {said}");
}
