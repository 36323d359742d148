//! TLS: only with a certificate of an authority that is trusted, and for the name that was asked for.

use std::path::{Path, PathBuf};
use std::process::Command;

use cloakroom::stores::Mysql;
use cloakroom::stores::mysql::MysqlOptions;
use cloakroom_store::{ErrorKind, Store};
use cloakroom_testbed::Program;
use cloakroom_testbed::mysql::Mysqld;

use super::fixture::{create, id, record_of};

#[tokio::test]
async fn a_certificate_of_the_authority_is_trusted_and_others_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let ours = certificates(directory.path(), "ours");
    let theirs = certificates(directory.path(), "theirs");
    let setting = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let server = Mysqld::start_with(&[
        &setting("ssl-ca", &ours.authority),
        &setting("ssl-cert", &ours.certificate),
        &setting("ssl-key", &ours.key),
        "--require-secure-transport=ON",
    ]);
    let url = server.url();
    let store = MysqlOptions::default()
        .tls_ca(&ours.authority)
        .connect(&url)
        .await
        .unwrap();
    create(&store, id(1), record_of("alice", "sealed on the way")).await;
    store.ping().await.unwrap();
    let by_url = format!("{url}?tls_ca={}", ours.authority.display());
    Mysql::connect(&by_url).await.unwrap();

    let refused = [
        // Signed by somebody else.
        format!("{url}?tls_ca={}", theirs.authority.display()),
        // Signed by nobody whom browsers trust.
        format!("{url}?ssl_mode=required"),
        // Good, but not for this name.
        by_url.replace("127.0.0.1", "localhost"),
        // In clear, which the server refuses.
        url.clone(),
    ];
    for url in refused {
        let error = Mysql::connect(&url).await.unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::Misconfigured | ErrorKind::Unavailable),
            "{error:?}"
        );
        if url.contains('?') {
            assert!(
                error.to_string().contains("its certificate is not good"),
                "{error:?}"
            );
        }
        assert!(!format!("{error:?}").contains(Mysqld::PASSWORD), "{error:?}");
    }
}

struct Certificates {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

/// An authority, and a certificate of it for a server on 127.0.0.1.
fn certificates(directory: &Path, name: &str) -> Certificates {
    let path = |what: &str| directory.join(format!("{name}-{what}.pem"));
    let (authority, authority_key) = (path("authority"), path("authority-key"));
    let (certificate, key) = (path("server"), path("server-key"));
    let subject = format!("/CN={name}");
    let common = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ];
    let openssl = |last: &[&str], out: &Path, key: &Path| {
        const OPENSSL: Program = Program::new("OPENSSL", &["openssl"], "openssl");
        let made = Command::new(OPENSSL.path())
            .args(common)
            .args(last)
            .arg("-out")
            .arg(out)
            .arg("-keyout")
            .arg(key)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    openssl(&["-subj", &subject], &authority, &authority_key);
    let (ca, ca_key) = (
        authority.display().to_string(),
        authority_key.display().to_string(),
    );
    let signed = [
        "-subj",
        "/CN=server",
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ];
    openssl(&signed, &certificate, &key);
    Certificates {
        authority,
        certificate,
        key,
    }
}
