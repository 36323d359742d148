//! What the fuzz targets call: one function per parser, each with what must hold for any input.

use cloakroom_store::{Id, Namespace, Record, Residence, Revision, Stored, Timestamp};

use crate::claims::Claims;
use crate::cookie_header::{Found, find};
use crate::data::Data;
use crate::envelope::{Envelope, Opened};
use crate::form_token::FormTag;
use crate::keyring::Keys;
use crate::origin::Origin;
use crate::paseto;
use crate::seal::Derivation;
use crate::token::{Secret, Token};

/// A token that reads has one spelling.
pub fn token(bytes: &[u8]) {
    if let Some(token) = Token::parse(bytes) {
        assert_eq!(token.text().as_bytes(), bytes);
    }
}

/// An origin that reads has one spelling, is at its own host, and reads as what a person writes.
pub fn origin(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        assert_eq!(Origin::read(bytes), None);
        return;
    };
    if let Ok(origin) = Origin::parse(text) {
        let spelled = origin.to_string();
        assert_eq!(Origin::read(spelled.as_bytes()).as_ref(), Some(&origin));
        let (_, host) = spelled.split_once("://").expect("it has a scheme");
        assert!(origin.is_at(host.as_bytes()));
    }
    if let Some(origin) = Origin::read(bytes) {
        assert_eq!(origin.to_string(), text);
    }
}

/// A form token that reads is what its mask makes of it.
pub fn form_token(bytes: &[u8]) {
    if let Some(tag) = FormTag::parse(bytes) {
        let again = FormTag::parse(tag.masked(&[0x5a; FormTag::LEN]).as_bytes()).expect("it is one");
        assert!(again.is_one_of(&[tag]));
    }
}

/// Keys that read are written so that they read the same.
pub fn keys(bytes: &[u8]) {
    let keys = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| Keys::parse(text).ok());
    if let Some(keys) = keys {
        assert_eq!(Keys::parse(&keys.to_text()).ok().as_ref(), Some(&keys));
    }
}

/// A text that nobody sealed does not open, and what is sealed does.
pub fn paseto(bytes: &[u8]) {
    let key = paseto::Key::new(&[1; paseto::Key::LEN]);
    if let Some(token) = paseto::Untrusted::parse(bytes) {
        assert!(key.open(token, b"").is_none());
    }
    let (footer, message) = bytes.split_at(bytes.len().min(8));
    let token = key.seal(&[2; paseto::NONCE_LEN], message, footer, b"fuzz");
    let token = paseto::Untrusted::parse(token.as_bytes()).expect("it is one");
    assert_eq!(token.footer(), footer);
    assert_eq!(
        key.open(token, b"fuzz").as_deref().map(Vec::as_slice),
        Some(message)
    );
}

/// What a message says is said again so that it reads the same.
pub fn claims(bytes: &[u8]) {
    let Ok((claims, data)) = Claims::from_json(bytes) else {
        return;
    };
    let message = claims.to_json(&data);
    let (again, values) = Claims::from_json(&message).expect("it reads back");
    assert_eq!((&again, values.as_bytes()), (&claims, data.as_bytes()));
}

/// No bytes make a reader of snapshots panic.
pub fn snapshot(bytes: &[u8]) {
    let token = Token {
        id: Id::from_bytes([1; 16]),
        secret: Secret::from_bytes(&[2; 32]),
    };
    crate::snapshot::read(bytes, &token);
}

/// A cookie that is found stands in the header after its name.
pub fn cookie_header(bytes: &[u8]) {
    let lines = || bytes.split(|byte| *byte == b'\n');
    if let [Found::One(value)] = find(["__Host-session"], lines()) {
        let pair = [b"__Host-session=", value].concat();
        assert!(lines().any(|line| line.windows(pair.len()).any(|window| window == pair)));
    }
}

/// Data that reads keeps its other keys when one is set and removed.
pub fn data(bytes: &[u8]) {
    let Some(mut data) = Data::parse(bytes.into(), 0..bytes.len()) else {
        return;
    };
    let others = |data: &Data| data.iter().filter(|(key, _)| *key != "k").count();
    let before = others(&data);
    data.set("k", b"1");
    assert_eq!(data.get("k"), Some(&b"1"[..]));
    assert_eq!(others(&data), before);
    data.remove("k");
    assert_eq!((data.get("k"), others(&data)), (None, before));
}

/// A record that nobody sealed is never believed where records are sealed.
pub fn record(bytes: &[u8]) {
    let namespace = Namespace::new("fuzz").expect("four letters are a namespace");
    let derivation = Derivation::new(&namespace);
    let envelope = Envelope {
        derivation,
        keys: None,
        residence: Residence::Elsewhere,
    };
    let token = Token {
        id: Id::from_bytes([1; 16]),
        secret: Secret::from_bytes(&[2; 32]),
    };
    let record = Record::new(Timestamp::default(), Timestamp::MAX, bytes);
    let stored = Stored::new(Revision::new(1), record);
    let opened = envelope.open(stored, &token, Timestamp::from_unix_millis(1));
    assert!(!matches!(opened, Ok(Opened::Live(..))));
}
