//! TLS: whom to trust.

use std::path::Path;
use std::sync::Arc;

use cloakroom_store::{Error, ErrorKind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// A client that trusts the authorities in this file, or those that browsers trust where there is none.
///
/// # Errors
///
/// [`ErrorKind::Misconfigured`] when the file cannot be read or has no certificate.
pub(super) fn client(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    match authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => trust(&mut roots, path)?,
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the protocols it was built with")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn trust(roots: &mut RootCertStore, path: &Path) -> Result<(), Error> {
    let wrong = |what: &dyn std::fmt::Display| {
        Error::new(
            ErrorKind::Misconfigured,
            format!("could not read `tls_ca`, {}: {what}", path.display()),
        )
    };
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"there is no certificate in it"));
    }
    Ok(())
}
