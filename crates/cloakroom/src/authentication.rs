//! How and when who is signed in has shown who they are: kept among the session's data, where only a sign-in writes.

use cloakroom_store::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base64url;
use crate::seal::Fingerprint;

/// The name it is kept under. No key of an application is empty, so none of theirs reads, sets or removes it; and it is
/// where all data is, under the seal.
pub(crate) const NAME: &str = "";

/// How and when who is signed in has shown who they are: what [`SignIn`](crate::SignIn) said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// When: the moment of [`sign_in`](crate::Session::sign_in), the latest one.
    pub at: Timestamp,
    /// By what: the application's own word, such as `password` or `passkey`.
    pub method: Option<String>,
    /// How well: the application's own scale, more is better. 0 where the sign-in did not say.
    pub level: u8,
}

/// What is kept, as JSON: sealed cookies hold nothing else.
#[derive(Serialize, Deserialize)]
struct Kept {
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    level: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(level: &u8) -> bool {
    *level == 0
}

/// The JSON of what a sign-in says.
pub(crate) fn to_json(authentication: &Authentication, credentials: Option<&Fingerprint>) -> Vec<u8> {
    let kept = Kept {
        at: authentication.at.as_unix_millis(),
        method: authentication.method.clone(),
        level: authentication.level,
        credentials: credentials.map(spell),
    };
    serde_json::to_vec(&kept).expect("numbers and texts are always JSON")
}

/// What a sign-in said, and a fingerprint of the credentials; `None` for anything but what [`to_json`] gave.
pub(crate) fn from_json(json: &[u8]) -> Option<(Authentication, Option<Fingerprint>)> {
    let kept: Kept = serde_json::from_slice(json).ok()?;
    // One that cannot be read is none: it is nobody's.
    let credentials = kept.credentials.and_then(|text| read(&text));
    let authentication = Authentication {
        at: Timestamp::from_unix_millis(kept.at),
        method: kept.method,
        level: kept.level,
    };
    Some((authentication, credentials))
}

fn spell(fingerprint: &Fingerprint) -> String {
    let mut text = [0; base64url::encoded_len(Fingerprint::LEN)];
    base64url::encode(&fingerprint.0, &mut text);
    text.map(char::from).iter().collect()
}

fn read(text: &str) -> Option<Fingerprint> {
    let mut bytes = [0; Fingerprint::LEN];
    base64url::decode(text.as_bytes(), &mut bytes)?;
    Some(Fingerprint(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sign_in_says_reads_back() {
        let check = |method: Option<&str>, level, credentials: Option<Fingerprint>, json: &str| {
            let said = Authentication {
                at: Timestamp::from_unix_millis(7),
                method: method.map(str::to_owned),
                level,
            };
            let written = to_json(&said, credentials.as_ref());
            assert_eq!(String::from_utf8_lossy(&written), json);
            let (read, fingerprint) = from_json(&written).expect("it reads back");
            assert_eq!(read, said);
            assert_eq!(fingerprint.map(|f| f.0), credentials.map(|f| f.0));
        };
        check(None, 0, None, r#"{"at":7}"#);
        check(
            Some("pass\"key"),
            2,
            None,
            r#"{"at":7,"method":"pass\"key","level":2}"#,
        );
        check(
            None,
            0,
            Some(Fingerprint([0xff; Fingerprint::LEN])),
            r#"{"at":7,"credentials":"_____________________w"}"#,
        );
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for json in [
            &b""[..],
            b"{}",
            b"null",
            b"7",
            br#"{"at":-1}"#,
            br#"{"at":7,"level":256}"#,
        ] {
            assert!(from_json(json).is_none(), "{}", String::from_utf8_lossy(json));
        }
        let (_, credentials) =
            from_json(br#"{"at":7,"credentials":"short"}"#).expect("the rest is as it was");
        assert!(credentials.is_none());
    }
}
