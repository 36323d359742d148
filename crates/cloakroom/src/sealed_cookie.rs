//! Seals a session into the value of its cookie, and says what to believe of one that was presented.

use cloakroom_store::Timestamp;

use crate::claims::{Claims, Unreadable};
use crate::cookie::Cookie;
use crate::data::Data;
use crate::keyring::{Found, KeyId, KeyRing, KeyState};
use crate::paseto::{self, Untrusted};
use crate::{Error, ErrorKind, seal};

/// What it takes to seal a session into its cookie and to open it: the same for all requests.
///
/// The value is a PASETO v4.local token. The footer names the key, and the implicit assertion is what the value is
/// for: purpose, application and the cookie's name, each after its length. So a value that was sealed for another
/// purpose, application or cookie does not open here.
#[derive(Debug, Clone)]
pub(crate) struct SealedCookie {
    pub(crate) keys: KeyRing,
    assertion: Vec<u8>,
    /// The longest value that browsers keep along with the name.
    max_len: usize,
}

/// What a cookie's value turned out to be.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A session that was sealed here and has time left.
    Live(Box<Claims>, Data),
    /// Its time is over.
    Expired,
    /// It has not the form of one.
    Malformed,
    /// It was not sealed by us, or for something else, or has been altered.
    Unverifiable,
    /// It is sealed under a key that an operator has decided to refuse.
    UnderRefusedKey(KeyId, KeyState),
}

/// What a sealed session is for.
const PURPOSE: &str = "session";

impl SealedCookie {
    pub(crate) fn new(keys: KeyRing, application: &str, cookie: &Cookie) -> Self {
        let mut sealed = Self {
            keys,
            assertion: Vec::new(),
            max_len: 0,
        };
        sealed.set_use(application, cookie);
        sealed
    }

    /// Seals for this application and cookie from now on.
    pub(crate) fn set_use(&mut self, application: &str, cookie: &Cookie) {
        self.assertion = assertion(PURPOSE, application, cookie.name());
        self.max_len = Cookie::MAX_LEN - cookie.name().len();
    }

    /// Checks that a message of this many bytes fits into the cookie.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] when a browser would drop it.
    pub(crate) fn check(&self, message: usize) -> Result<(), Error> {
        let value = paseto::len(message, Footer::LEN);
        if value <= self.max_len {
            return Ok(());
        }
        let length = Cookie::MAX_LEN - self.max_len + value;
        Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "the session's cookie would be {length} bytes with its name, and browsers keep {}",
                Cookie::MAX_LEN
            ),
        ))
    }

    /// Seals a session under the active key. The nonce is fresh randomness.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] when a browser would drop the cookie.
    pub(crate) fn seal(
        &self,
        claims: &Claims,
        data: &Data,
        nonce: &[u8; paseto::NONCE_LEN],
    ) -> Result<String, Error> {
        let message = claims.to_json(data);
        self.check(message.len())?;
        let active = self.keys.active();
        let footer = Footer::of(active.key().id());
        let key = active.for_cookies(seal::cookie_key);
        let text = key.seal(nonce, &message, &footer.0, &self.assertion);
        active.count_sealed();
        Ok(text)
    }

    /// Opens a value, and believes nothing in it before it has.
    ///
    /// # Errors
    ///
    /// When it is of a newer version or under a key that is not on the ring: this node lacks something, and nobody is
    /// to be signed out for that.
    pub(crate) fn open(&self, text: &[u8], now: Timestamp) -> Result<Opened, Error> {
        // What is longer was never ours, and is not worth the work.
        if text.len() > self.max_len {
            return Ok(Opened::Malformed);
        }
        let Some(untrusted) = Untrusted::parse(text) else {
            return Ok(Opened::Malformed);
        };
        let Some(id) = Footer::read(untrusted.footer()) else {
            return Ok(Opened::Malformed);
        };
        let key = match self.keys.find(id) {
            Found::Opens(key) => key,
            Found::Refused(state) => return Ok(Opened::UnderRefusedKey(id, state)),
            Found::Unknown => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "a session's cookie is sealed under server key {id}, which is not on the key ring"
                    ),
                ));
            }
        };
        let opened = key.for_cookies(seal::cookie_key).open(untrusted, &self.assertion);
        let Some(message) = opened else {
            return Ok(Opened::Unverifiable);
        };
        key.count_opened();
        match Claims::from_json(&message) {
            Ok((claims, _)) if now >= claims.expires() => Ok(Opened::Expired),
            Ok((claims, data)) => Ok(Opened::Live(Box::new(claims), data)),
            Err(Unreadable::Invalid) => Ok(Opened::Unverifiable),
            Err(Unreadable::Newer(version)) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("a session's cookie is of version {version}, newer than this program's"),
            )),
        }
    }
}

/// The name of the key, in clear, and a checksum of it.
///
/// A key that this node lacks is an outage, and a damaged name must not pass for one: a request with a cookie that
/// lost a bit is anonymous. Whoever makes up a name and its checksum gets a 503 for it, and nobody else does.
pub(crate) struct Footer(pub(crate) [u8; Self::LEN]);

impl Footer {
    /// With nine bytes base64url has no bit to spare, so there is one spelling.
    pub(crate) const LEN: usize = KeyId::LEN + 1;

    pub(crate) fn of(id: KeyId) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..KeyId::LEN].copy_from_slice(id.as_bytes());
        bytes[KeyId::LEN] = checksum(id.as_bytes());
        Self(bytes)
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<KeyId> {
        let ([sum], id) = bytes.split_last_chunk().map(|(id, sum)| (sum, id))?;
        let id: &[u8; KeyId::LEN] = id.try_into().ok()?;
        (checksum(id) == *sum).then(|| KeyId::from_bytes(*id))
    }
}

/// CRC-8 with the polynomial x⁸+x²+x+1: it tells every change within eight bits, so of a character or two next to
/// each other.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ byte, |sum, _| {
            (sum << 1) ^ if sum & 0x80 != 0 { 0x07 } else { 0 }
        })
    })
}

/// What must be known beforehand to open a value: what it is for.
pub(crate) fn assertion(purpose: &str, application: &str, cookie: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(3 + purpose.len() + application.len() + cookie.len());
    for part in [purpose, application, cookie] {
        // An application's name has at most 32 characters, and a cookie's 64 and a prefix.
        bytes.push(part.len() as u8);
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
