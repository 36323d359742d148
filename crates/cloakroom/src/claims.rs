//! What a sealed cookie says of its session, as the JSON that is sealed.

mod any_json;
mod own_spelling;

use std::time::Duration;

use cloakroom_store::{Id, Label, Principal, Timestamp};

use crate::data::Data;
use crate::{policy, rfc3339};

/// The version of what is said. A higher one is for newer programs than this.
const VERSION: u64 = 1;

/// What a sealed cookie says of its session, the data aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) id: Id,
    pub(crate) principal: Option<Principal>,
    /// When it began, or was last signed in. Marks of its principal and of everyone are about sessions begun before
    /// them, and a sign-in is stamped at or above those there are: this may lie some seconds in the future.
    pub(crate) begun: Timestamp,
    /// When it got its present token. A mark of the session is about tokens it got before.
    pub(crate) rotated: Timestamp,
    /// When it was last seen, which is when it was sealed.
    pub(crate) seen: Timestamp,
    /// When it ends whatever happens.
    pub(crate) ends: Timestamp,
    /// The idle timeout it was given.
    pub(crate) idle: Duration,
    /// Whether the cookie outlives the browser.
    pub(crate) remembered: bool,
    pub(crate) label: Option<Label>,
}

/// Why what was sealed says nothing to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is of this version, which is newer.
    Newer(u64),
    /// Nothing of ours was ever like this.
    Invalid,
}

/// The longest that claims are as JSON, without a principal, a label and data.
const FRAME: usize =
    r#"{"v":1,"jti":"","iat":"","exp":"","begun":,"rotated":,"ends":,"idle":,"remembered":true,"data":{}}"#
        .len()
        + 2 * Id::LEN
        + 2 * rfc3339::LEN
        + 3 * MILLIS
        + "34560000".len(); // 400 days, the longest there is

/// The digits of a moment in milliseconds, until the year 2286.
const MILLIS: usize = "1800000000000".len();

impl Claims {
    /// When it ends unless it is seen before.
    pub(crate) fn expires(&self) -> Timestamp {
        policy::expires(self.idle, self.seen, self.ends)
    }

    /// The message to be sealed.
    ///
    /// `jti`, `sub`, `iat` and `exp` are PASETO's registered claims, so that a reader in another language that
    /// enforces `exp` is right, and one that wants to know who it is finds it where it looks.
    pub(crate) fn to_json(&self, data: &Data) -> Vec<u8> {
        let (principal, label) = (self.principal.as_ref(), self.label.as_ref());
        let mut json = Vec::with_capacity(len(principal, label, data));
        json.extend_from_slice(br#"{"v":1,"jti":""#);
        for byte in self.id.as_bytes() {
            json.extend([byte >> 4, byte & 0xf].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
        json.push(b'"');
        if let Some(principal) = principal {
            json.extend_from_slice(br#","sub":"#);
            push_text(&mut json, principal.as_str());
        }
        json.extend_from_slice(br#","iat":""#);
        json.extend_from_slice(&rfc3339::spell(self.seen));
        json.extend_from_slice(br#"","exp":""#);
        json.extend_from_slice(&rfc3339::spell(self.expires()));
        json.extend_from_slice(br#"","begun":"#);
        push_number(&mut json, self.begun.as_unix_millis());
        if self.rotated != self.begun {
            json.extend_from_slice(br#","rotated":"#);
            push_number(&mut json, self.rotated.as_unix_millis());
        }
        json.extend_from_slice(br#","ends":"#);
        push_number(&mut json, self.ends.as_unix_millis());
        json.extend_from_slice(br#","idle":"#);
        push_number(&mut json, self.idle.as_secs());
        if self.remembered {
            json.extend_from_slice(br#","remembered":true"#);
        }
        if let Some(label) = label {
            json.extend_from_slice(br#","label":"#);
            push_text(&mut json, label.as_str());
        }
        json.extend_from_slice(br#","data":{"#);
        for (n, (key, value)) in data.iter().enumerate() {
            if n > 0 {
                json.push(b',');
            }
            push_text(&mut json, key);
            json.push(b':');
            json.extend_from_slice(value);
        }
        json.extend_from_slice(b"}}");
        json
    }

    /// Reads what [`Self::to_json`] gave, or what another program sealed to the same effect.
    pub(crate) fn from_json(json: &[u8]) -> Result<(Self, Data), Unreadable> {
        own_spelling::read(json).map_or_else(|| any_json::read(json), Ok)
    }
}

/// How long the message is at most: exact in principal, label and data, and the rest at its longest.
pub(crate) fn len(principal: Option<&Principal>, label: Option<&Label>, data: &Data) -> usize {
    let principal = principal.map_or(0, |text| r#""sub":,"#.len() + quoted_len(text.as_str()));
    let label = label.map_or(0, |text| r#""label":,"#.len() + quoted_len(text.as_str()));
    let entries: usize = data.iter().map(|(key, value)| entry_len(key, value.len())).sum();
    FRAME + principal + label + entries
}

/// How much longer the message is with an entry: its comma is counted, also where it needs none.
pub(crate) fn entry_len(key: &str, value: usize) -> usize {
    quoted_len(key) + ":,".len() + value
}

fn push_text(json: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(json, text).expect("text is always JSON, and there is always room for it");
}

fn push_number(json: &mut Vec<u8>, number: u64) {
    serde_json::to_writer(json, &number).expect("a number is always JSON, and there is always room for it");
}

/// How long a text is as JSON (RFC 8259 §7).
fn quoted_len(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\x08' | b'\x0c' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}

#[cfg(test)]
mod tests;
