//! Derives keys and seals bytes: the only file that knows the primitives.
//!
//! BLAKE3 `derive_key` with constant contexts over fixed-length fields in a fixed order; AES-256-GCM
//! (NIST SP 800-38D) under keys that are each used for one message only, so its nonce can be zero.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _};
use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};
use cloakroom_store::{Id, Namespace, Principal};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::keyring::ServerKey;
use crate::paseto;
use crate::token::Secret;

/// A key that seals one message.
pub(crate) type SealingKey = Zeroizing<[u8; 32]>;

/// The length of an authentication tag.
pub(crate) const TAG_LEN: usize = 16;

/// What the store sees of a secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verifier(pub(crate) [u8; Verifier::LEN]);

impl Verifier {
    pub(crate) const LEN: usize = 32;

    /// Compares in constant time, as hashes of BLAKE3 do.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        blake3::Hash::from_bytes(self.0) == blake3::Hash::from_bytes(other.0)
    }
}

/// Derives the keys of one namespace. The contexts are hashed once.
#[derive(Debug, Clone)]
pub(crate) struct Derivation {
    namespace: [u8; 32],
    verifier: ContextKey,
    wrap: ContextKey,
    wrap_with_server_key: ContextKey,
    data: ContextKey,
    credentials: ContextKey,
}

impl Derivation {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        Self {
            namespace: blake3::derive_key("cloakroom 2026-11 v1 namespace", namespace.as_str().as_bytes()),
            verifier: hash_derive_key_context("cloakroom 2026-11 v1 verifier"),
            wrap: hash_derive_key_context("cloakroom 2026-11 v1 wrap without server key"),
            wrap_with_server_key: hash_derive_key_context("cloakroom 2026-11 v1 wrap with server key"),
            data: hash_derive_key_context("cloakroom 2026-11 v1 data"),
            credentials: hash_derive_key_context("cloakroom 2026-11 v1 credentials"),
        }
    }

    /// The namespace as fixed-length bytes, for associated data.
    pub(crate) fn namespace(&self) -> &[u8; 32] {
        &self.namespace
    }

    pub(crate) fn verifier(&self, secret: &Secret) -> Verifier {
        Verifier(derive(&self.verifier, &[&self.namespace, secret.as_bytes()]))
    }

    /// The key that wraps a session key: only who has the secret, and the server key if there is one, has it.
    pub(crate) fn wrapping_key(&self, secret: &Secret, id: Id, server: Option<&ServerKey>) -> SealingKey {
        Zeroizing::new(match server {
            None => derive(&self.wrap, &[&self.namespace, id.as_bytes(), secret.as_bytes()]),
            Some(key) => derive(
                &self.wrap_with_server_key,
                &[&self.namespace, id.as_bytes(), secret.as_bytes(), key.as_bytes()],
            ),
        })
    }

    /// The key that seals a session's data once: a session key is drawn at each sign-in, a nonce at each sealing.
    pub(crate) fn data_key(&self, session_key: &[u8; 32], nonce: &[u8; 24]) -> SealingKey {
        Zeroizing::new(derive(&self.data, &[session_key, nonce]))
    }

    /// What tells the credentials of a principal from others, and nothing about them to who does not have them.
    pub(crate) fn fingerprint(&self, principal: &Principal, credentials: &[u8]) -> Fingerprint {
        let principal = principal.as_str().as_bytes();
        // A principal is at most 255 bytes long.
        let length = [principal.len() as u8];
        let fields = [&self.namespace, &length[..], principal, credentials];
        let derived = derive(&self.credentials, &fields);
        let bytes = derived.first_chunk().expect("32 bytes begin with 16");
        Fingerprint(*bytes)
    }
}

/// What tells one user's credentials from others. Kept under the seal, with the session's data.
pub(crate) struct Fingerprint(pub(crate) [u8; Fingerprint::LEN]);

impl Fingerprint {
    /// Enough that nobody finds others that have the same one.
    pub(crate) const LEN: usize = 16;

    /// Compares in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The key that cookies are sealed with: of a context of its own, so that what is done with it tells nothing about
/// data at rest.
pub(crate) fn cookie_key(server: &ServerKey) -> paseto::Key {
    let bytes = Zeroizing::new(blake3::derive_key(
        "cloakroom 2026-11 v1 sealed cookies",
        server.as_bytes(),
    ));
    paseto::Key::new(&bytes)
}

fn derive(context: &ContextKey, fields: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_from_context_key(context);
    for field in fields {
        hasher.update(field);
    }
    *hasher.finalize().as_bytes()
}

/// Seals `buffer[from..]` in place and appends the tag.
pub(crate) fn seal(key: &SealingKey, associated: &[u8], buffer: &mut Vec<u8>, from: usize) {
    let cipher = Aes256Gcm::new((&**key).into());
    let message = InOutBuf::from(&mut buffer[from..]);
    let tag = cipher
        .encrypt_inout_detached(&Default::default(), associated, message)
        .expect("a record is far below the 64 GiB that AES-GCM seals at once");
    buffer.extend_from_slice(&tag);
}

/// Opens what [`seal`] made; `None` when anything about it is not as it was sealed.
pub(crate) fn open(key: &SealingKey, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (message, tag) = sealed.split_last_chunk::<TAG_LEN>()?;
    let mut message = Zeroizing::new(message.to_vec());
    let cipher = Aes256Gcm::new((&**key).into());
    cipher
        .decrypt_inout_detached(
            &Default::default(),
            associated,
            InOutBuf::from(&mut message[..]),
            tag.into(),
        )
        .ok()?;
    Some(message)
}
