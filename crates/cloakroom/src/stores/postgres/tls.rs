//! Whom a connection trusts.

use std::sync::Arc;

use cloakroom_store::{Error, ErrorKind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::stores::server::ServerOptions;

/// Makes TLS for connections: with the authorities of a file, or with those that browsers trust.
///
/// # Errors
///
/// [`ErrorKind::Misconfigured`] when the file cannot be read, or holds no certificate.
pub(super) fn connector(options: &ServerOptions) -> Result<MakeRustlsConnect, Error> {
    let roots = authorities(options)?;
    // Named, and not the process's default: an application may have none, or another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn authorities(options: &ServerOptions) -> Result<RootCertStore, Error> {
    let Some(path) = &options.tls_ca else {
        return Ok(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        });
    };
    let refused = |what: String| {
        Error::new(
            ErrorKind::Misconfigured,
            format!(
                "could not take the authorities to trust from tls_ca={}: {what}",
                path.display()
            ),
        )
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refused(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}
