//! Derives keys and seals bytes: the only file that knows the primitives.
//!
//! BLAKE3 `derive_key` with constant contexts over fixed-length fields in a fixed order; AES-256-GCM
//! (NIST SP 800-38D) under keys that are each used for one message only, so its nonce can be zero.

use std::time::Duration;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _};
use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};
use cloakroom_store::{Counted, Id, Namespace, Principal, Timestamp};
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
    form: ContextKey,
    form_in_process: ContextKey,
    form_of_cookie: ContextKey,
    credentials: ContextKey,
    attempts: ContextKey,
}

/// What only a session and its server have, and nobody gets by reading the store: form tokens are derived of it.
pub(crate) enum FormRoot<'a> {
    /// The key that its data is sealed under.
    SessionKey(&'a SealingKey),
    /// An image of its secret, where records do not leave the process.
    Verifier(Verifier),
    /// The server's key, and when a sealed session got its token.
    Cookie(&'a ServerKey, Timestamp),
}

impl Derivation {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        Self {
            namespace: blake3::derive_key("cloakroom 2026-11 v1 namespace", namespace.as_str().as_bytes()),
            verifier: hash_derive_key_context("cloakroom 2026-11 v1 verifier"),
            wrap: hash_derive_key_context("cloakroom 2026-11 v1 wrap without server key"),
            wrap_with_server_key: hash_derive_key_context("cloakroom 2026-11 v1 wrap with server key"),
            data: hash_derive_key_context("cloakroom 2026-11 v1 data"),
            form: hash_derive_key_context("cloakroom 2026-11 v1 form token"),
            form_in_process: hash_derive_key_context("cloakroom 2026-11 v1 form token in process"),
            form_of_cookie: hash_derive_key_context("cloakroom 2026-11 v1 form token of sealed cookie"),
            credentials: hash_derive_key_context("cloakroom 2026-11 v1 credentials"),
            attempts: hash_derive_key_context("cloakroom 2026-11 v1 attempts"),
        }
    }

    /// The namespace as fixed-length bytes, for associated data.
    pub(crate) fn namespace(&self) -> &[u8; 32] {
        &self.namespace
    }

    pub(crate) fn verifier(&self, secret: &Secret) -> Verifier {
        Verifier(derive(&self.verifier, &[&self.namespace, secret.as_bytes()]))
    }

    /// What a session key is wrapped with: only who has the secret, and the server key if there is one, has it.
    pub(crate) fn wrapping_pad(&self, secret: &Secret, id: Id, server: Option<&ServerKey>) -> SealingKey {
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

    /// What form tokens of a session are made of.
    pub(crate) fn form_key(&self, id: Id, root: &FormRoot<'_>) -> SealingKey {
        let (namespace, id) = (&self.namespace, id.as_bytes());
        Zeroizing::new(match root {
            FormRoot::SessionKey(key) => derive(&self.form, &[namespace, id, &key[..]]),
            FormRoot::Verifier(verifier) => derive(&self.form_in_process, &[namespace, id, &verifier.0]),
            FormRoot::Cookie(server, rotated) => {
                let rotated = rotated.as_unix_millis().to_le_bytes();
                derive(
                    &self.form_of_cookie,
                    &[namespace, id, server.as_bytes(), &rotated],
                )
            }
        })
    }

    /// What attempts at something are counted under.
    pub(crate) fn attempts(&self, what: &str) -> AttemptsKey {
        AttemptsKey {
            context: hash_derive_key_context("cloakroom 2026-11 v1 attempt"),
            root: derive(&self.attempts, &[&self.namespace, what.as_bytes()]),
        }
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

/// What the keys of snapshots are derived of: a server key's, of a context of its own.
pub(crate) fn snapshot_root(server: &ServerKey) -> SealingKey {
    let context = "cloakroom 2026-11 v1 snapshots";
    Zeroizing::new(blake3::derive_key(context, server.as_bytes()))
}

/// The key that seals one snapshot: only who has the token and the server's key has it.
pub(crate) fn snapshot_key(root: &SealingKey, id: Id, secret: &Secret, nonce: &[u8; 16]) -> SealingKey {
    // One block of the hash: the work is done for each request.
    let mut fields = Zeroizing::new([0; 64]);
    fields[..16].copy_from_slice(id.as_bytes());
    fields[16..48].copy_from_slice(secret.as_bytes());
    fields[48..].copy_from_slice(nonce);
    Zeroizing::new(*blake3::keyed_hash(root, &fields[..]).as_bytes())
}

/// Which application's snapshots, in which cookie: what is authenticated along with them.
pub(crate) fn snapshot_purpose(assertion: &[u8]) -> [u8; 32] {
    blake3::derive_key("cloakroom 2026-11 v1 purpose of snapshots", assertion)
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

/// What attempts at one thing are counted under, in one application: so that a store is told neither.
#[derive(Debug, Clone)]
pub(crate) struct AttemptsKey {
    context: ContextKey,
    root: [u8; 32],
}

impl AttemptsKey {
    /// What attempts with this are counted as. It is no secret: whoever guesses a text sees whether it was tried.
    ///
    /// Of the window, too: those of two lengths may end in the same moment, and a counter is named by that.
    pub(crate) fn counted(&self, kind: u8, window: Duration, text: &[u8]) -> Counted {
        let window = (window.as_millis() as u64).to_le_bytes();
        let derived = derive(&self.context, &[&self.root, &[kind], &window, text]);
        let (counted, _) = derived.split_first_chunk().expect("32 bytes begin with 16");
        Counted::from_bytes(*counted)
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

/// The length of the fields that a key is derived from: no more than those that wrap a session key.
const JOINED: usize = 32 + 16 + 32 + 32;

fn derive(context: &ContextKey, fields: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_from_context_key(context);
    // Joined: handing over a field takes the hasher as long as two blocks.
    let (mut joined, mut length) = ([0; JOINED], 0);
    for field in fields {
        match joined.get_mut(length..length + field.len()) {
            Some(room) => {
                room.copy_from_slice(field);
                length += field.len();
            }
            None => {
                hasher.update(&joined[..length]).update(field);
                length = 0;
            }
        }
    }
    hasher.update(&joined[..length]);
    *hasher.finalize().as_bytes()
}

/// Wraps a session key, and unwraps it: by exclusive or with a pad that wraps no other key.
///
/// Whether it is the right one shows when the data opens that is sealed with it. The wrapped key is associated with that
/// data, so a tag of its own would tell nothing more, and cost as much as the data's.
pub(crate) fn wrap(pad: &SealingKey, key: &[u8; 32]) -> SealingKey {
    Zeroizing::new(std::array::from_fn(|n| pad[n] ^ key[n]))
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

/// Opens what [`seal`] made, in its place; `None` when anything about it is not as it was sealed.
pub(crate) fn open<'a>(key: &SealingKey, associated: &[u8], sealed: &'a mut [u8]) -> Option<&'a mut [u8]> {
    let (message, tag) = sealed.split_last_chunk_mut::<TAG_LEN>()?;
    let cipher = Aes256Gcm::new((&**key).into());
    cipher
        .decrypt_inout_detached(
            &Default::default(),
            associated,
            InOutBuf::from(&mut *message),
            (&*tag).into(),
        )
        .ok()?;
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_credentials_are_others_of_another_principal_and_in_another_application() {
        let of = |namespace: &str, principal: &str, credentials: &[u8]| {
            let derivation = Derivation::new(&Namespace::new(namespace).unwrap());
            let principal = Principal::new(principal).unwrap();
            derivation.fingerprint(&principal, credentials).0
        };
        let alice = of("shop", "alice", b"canary");
        assert_eq!(alice, of("shop", "alice", b"canary"));
        assert_ne!(alice, of("shop", "alice", b"another"));
        assert_ne!(alice, of("shop", "bob", b"canary"));
        assert_ne!(alice, of("bank", "alice", b"canary"));
    }

    #[test]
    fn a_key_is_that_of_all_fields_one_after_the_other() {
        let context = hash_derive_key_context("test");
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * (JOINED + 1)).collect();
        let lengths = [0, 1, JOINED - 1, JOINED, JOINED + 1];
        for (one, two, three) in lengths
            .into_iter()
            .flat_map(|one| lengths.map(|two| (one, two)))
            .flat_map(|(one, two)| lengths.map(|three| (one, two, three)))
        {
            let (first, rest) = bytes.split_at(one);
            let (second, rest) = rest.split_at(two);
            let fields = [first, second, &rest[..three]];
            let whole = blake3::Hasher::new_from_context_key(&context)
                .update(&fields.concat())
                .finalize();
            assert_eq!(
                derive(&context, &fields),
                *whole.as_bytes(),
                "{one} {two} {three}"
            );
        }
    }
}
