//! What the cookie carries: an id to look up, and a secret to be believed.

use std::{fmt, mem};

use cloakroom_store::Id;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::base64url;

/// The version of the text form. Another one is another kind of token.
const VERSION: u8 = b'1';

/// A session's token: the id, which is not a credential, and the secret, which is.
///
/// Text form: the version marker, then base64url (RFC 4648 §5, no padding) of id and secret. 48 bytes are 64
/// characters with no bit to spare, so each token has exactly one spelling.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) id: Id,
    pub(crate) secret: Secret,
}

impl Token {
    /// The length of the text form, in bytes.
    pub(crate) const TEXT_LEN: usize = 1 + Self::LEN / 3 * 4;
    const LEN: usize = Id::LEN + Secret::LEN;

    /// Reads a token; anything but the one spelling of one is none.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let [VERSION, encoded @ ..] = text else {
            return None;
        };
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        base64url::decode(encoded, &mut bytes[..])?;
        let (id, secret) = bytes.split_first_chunk()?;
        Some(Self {
            id: Id::from_bytes(*id),
            secret: Secret::from_bytes(secret.first_chunk()?),
        })
    }

    /// The text form, wiped when dropped.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        bytes[..Id::LEN].copy_from_slice(self.id.as_bytes());
        bytes[Id::LEN..].copy_from_slice(self.secret.as_bytes());
        let mut text = Zeroizing::new(vec![VERSION; Self::TEXT_LEN]);
        base64url::encode(&bytes[..], &mut text[1..]);
        Zeroizing::new(String::from_utf8(mem::take(&mut *text)).expect("base64url is ASCII"))
    }
}

impl fmt::Debug for Token {
    /// Shows the id, never the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The credential half of a token: 256 random bits, wiped when dropped.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<[u8; Secret::LEN]>);

impl Secret {
    pub(crate) const LEN: usize = 32;

    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> Token {
        Token {
            id: Id::from_bytes([0xfb; 16]),
            secret: Secret::from_bytes(&[0xff; 32]),
        }
    }

    proptest! {
        #[test]
        fn every_token_reads_back(id: [u8; 16], secret: [u8; 32]) {
            let token = Token { id: Id::from_bytes(id), secret: Secret::from_bytes(&secret) };
            prop_assert_eq!(Token::parse(token.text().as_bytes()), Some(token));
        }

        #[test]
        fn what_reads_is_spelled_as_it_was(text in "[0-2][A-Za-z0-9_+/=-]{62,66}") {
            if let Some(token) = Token::parse(text.as_bytes()) {
                let spelled = token.text();
                prop_assert_eq!(spelled.as_str(), text);
            }
        }
    }

    #[test]
    fn a_token_reads_back() {
        let text = token().text();
        assert_eq!(text.len(), Token::TEXT_LEN);
        assert_eq!(Token::parse(text.as_bytes()), Some(token()));
    }

    #[test]
    fn only_one_spelling_is_a_token() {
        let text = token().text().to_string();
        let check = |wrong: String| assert_eq!(Token::parse(wrong.as_bytes()), None, "{wrong:?}");
        check(String::new());
        check(text[1..].to_owned());
        check(text.replacen('1', "2", 1));
        check(format!("{text}="));
        check(format!("{text}A"));
        check(format!(" {text}"));
        check(format!("\"{text}\""));
        check(text[..text.len() - 1].to_owned());
        check(text.replace('_', "/").replace('-', "+"));
        for at in 1..text.len() {
            for stranger in ["=", "%", " ", "\0", "é", "."] {
                let mut wrong = text.clone();
                wrong.replace_range(at..=at, stranger);
                check(wrong);
            }
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", token(), token().secret);
        assert!(!shown.contains("255") && !shown.contains("ff"), "{shown}");
    }
}
