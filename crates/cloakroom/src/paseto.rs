//! PASETO v4.local: seals a message in a text that only who has the key can write or read.
//!
//! The published format (<https://github.com/paseto-standard/paseto-spec>, Version 4), over blake2b_simd and RustCrypto's
//! chacha20:
//!
//! ```text
//! v4.local. base64url(nonce 32 · XChaCha20 ciphertext · tag 32) [ . base64url(footer) ]
//! ```
//!
//! The footer is authenticated and in clear: it names the key. The implicit assertion is authenticated and not in the
//! text at all: it is what the opener must know beforehand. BLAKE2b derives a key to encrypt and one to authenticate
//! for each token, from a nonce of 256 bits, so there is no number of tokens to count.

use std::{fmt, hint};

use blake2b_simd::{Params, State};
use chacha20::XChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use subtle::ConstantTimeEq as _;

use crate::base64url;

/// Version and purpose. A token with another one is another kind of token.
const HEADER: &[u8] = b"v4.local.";

/// How much randomness a token takes.
pub(crate) const NONCE_LEN: usize = 32;

const TAG_LEN: usize = 32;

const XCHACHA_NONCE_LEN: usize = 24;

/// A key that seals and opens tokens. Wiped when dropped.
///
/// It has hashed the key and the domain already, which are the same for each token: half of the derivation.
#[derive(Clone)]
pub(crate) struct Key {
    encryption: State,
    authentication: State,
}

impl Key {
    pub(crate) const LEN: usize = 32;

    pub(crate) fn new(bytes: &[u8; Self::LEN]) -> Self {
        let mut encryption = hash(Self::LEN + XCHACHA_NONCE_LEN, bytes);
        encryption.update(b"paseto-encryption-key");
        let mut authentication = hash(Self::LEN, bytes);
        authentication.update(b"paseto-auth-key-for-aead");
        Self {
            encryption,
            authentication,
        }
    }

    /// Seals a message. The nonce is fresh randomness, and used for this token only.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        message: &[u8],
        footer: &[u8],
        assertion: &[u8],
    ) -> String {
        let mut payload = Vec::with_capacity(NONCE_LEN + message.len() + TAG_LEN);
        payload.extend_from_slice(nonce);
        payload.extend_from_slice(message);
        self.apply_cipher(nonce, &mut payload[NONCE_LEN..]);
        let tag = self.tag(nonce, &payload[NONCE_LEN..], footer, assertion);
        payload.extend_from_slice(&tag);
        spell(&payload, footer)
    }

    /// Opens a token; `None` when anything about it is not as it was sealed, or the assertion is another.
    pub(crate) fn open(&self, token: Untrusted, assertion: &[u8]) -> Option<Vec<u8>> {
        let Untrusted { mut payload, footer } = token;
        let (nonce, rest) = payload.split_first_chunk_mut::<NONCE_LEN>()?;
        let (ciphertext, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        let expected = self.tag(nonce, ciphertext, &footer, assertion);
        if !bool::from(expected.ct_eq(&*tag)) {
            return None;
        }
        self.apply_cipher(nonce, ciphertext);
        // The message moves to the front of the buffer it came in.
        let end = NONCE_LEN + ciphertext.len();
        payload.copy_within(NONCE_LEN..end, 0);
        payload.truncate(end - NONCE_LEN);
        Some(payload)
    }

    /// Overwrites it, as surely as that can be done without unsafe code.
    fn wipe(&mut self) {
        for state in [&mut self.encryption, &mut self.authentication] {
            *state = State::new();
            hint::black_box(state);
        }
    }

    /// Encrypts, which is the same as to decrypt.
    fn apply_cipher(&self, nonce: &[u8; NONCE_LEN], message: &mut [u8]) {
        let derived = self.encryption.clone().update(nonce).finalize();
        let (key, nonce) = derived.as_bytes().split_at(Self::LEN);
        XChaCha20::new_from_slices(key, nonce)
            .expect("56 bytes are a key of XChaCha20 and a nonce")
            .apply_keystream(message);
    }

    fn tag(
        &self,
        nonce: &[u8; NONCE_LEN],
        ciphertext: &[u8],
        footer: &[u8],
        assertion: &[u8],
    ) -> [u8; TAG_LEN] {
        let key = self.authentication.clone().update(nonce).finalize();
        let mut mac = hash(TAG_LEN, key.as_bytes());
        // The spec's pre-authentication encoding: how many pieces, then the length of each before it.
        let pieces = [HEADER, nonce, ciphertext, footer, assertion];
        mac.update(&(pieces.len() as u64).to_le_bytes());
        for piece in pieces {
            mac.update(&(piece.len() as u64).to_le_bytes());
            mac.update(piece);
        }
        *mac.finalize()
            .as_bytes()
            .first_chunk()
            .expect("it was asked for as many bytes")
    }
}

/// BLAKE2b, keyed, with so many bytes of output.
fn hash(length: usize, key: &[u8]) -> State {
    Params::new().hash_length(length).key(key).to_state()
}

impl Drop for Key {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A text that has the form of a token. Nothing in it is to be believed before it has opened.
pub(crate) struct Untrusted {
    /// Nonce, ciphertext and tag.
    payload: Vec<u8>,
    footer: Vec<u8>,
}

impl Untrusted {
    /// Reads a token; anything but the one spelling of one is none.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let body = text.strip_prefix(HEADER)?;
        let (payload, footer) = match memchr::memchr(b'.', body) {
            None => (body, &[][..]),
            // Without a footer there is no dot either: it would be a second spelling.
            Some(dot) if dot + 1 == body.len() => return None,
            Some(dot) => (&body[..dot], &body[dot + 1..]),
        };
        let payload = base64url::bytes(payload).filter(|payload| payload.len() >= NONCE_LEN + TAG_LEN)?;
        let footer = base64url::bytes(footer)?;
        Some(Self { payload, footer })
    }

    /// What the token says of itself in clear: which key may open it.
    pub(crate) fn footer(&self) -> &[u8] {
        &self.footer
    }
}

/// How long a token is, in characters.
pub(crate) const fn len(message: usize, footer: usize) -> usize {
    let dot = if footer == 0 { 0 } else { 1 };
    HEADER.len()
        + base64url::encoded_len(NONCE_LEN + message + TAG_LEN)
        + dot
        + base64url::encoded_len(footer)
}

fn spell(payload: &[u8], footer: &[u8]) -> String {
    let end = HEADER.len() + base64url::encoded_len(payload.len());
    let mut text = vec![b'.'; len(payload.len() - NONCE_LEN - TAG_LEN, footer.len())];
    text[..HEADER.len()].copy_from_slice(HEADER);
    base64url::encode(payload, &mut text[HEADER.len()..end]);
    if !footer.is_empty() {
        base64url::encode(footer, &mut text[end + 1..]);
    }
    String::from_utf8(text).expect("base64url is ASCII")
}

#[cfg(test)]
mod tests;
