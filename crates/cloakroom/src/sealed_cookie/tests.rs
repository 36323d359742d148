//! A cookie opens for what it was sealed for, and nothing else opens: no flip, no prefix, no other thing of ours.

use std::time::Duration;

use cloakroom_store::{Id, Principal};

use super::*;
use crate::base64url;
use crate::keyring::{Keys, ServerKey};

/// The program that made `cookie.json`, with the key in it.
const MAKE_COOKIE: &str = include_str!("../../tests/paseto/make_cookie.py");

const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_060_000);

fn sealed_cookie(number: u8) -> SealedCookie {
    SealedCookie::new(
        KeyRing::new(ServerKey::numbered(number)),
        "shop",
        &Cookie::default(),
    )
}

fn claims() -> Claims {
    let begun = Timestamp::from_unix_millis(1_800_000_000_000);
    Claims {
        id: Id::from_bytes([7; 16]),
        principal: Some(Principal::new("alice").unwrap()),
        begun,
        rotated: begun,
        seen: begun,
        ends: begun.saturating_add(Duration::from_secs(86_400)),
        idle: Duration::from_secs(1800),
        remembered: false,
        label: None,
    }
}

fn data() -> Data {
    let mut data = Data::default();
    data.set("cart", b"[1,2,3]");
    data
}

fn seal(by: &SealedCookie) -> String {
    by.seal(&claims(), &data(), &[9; 32]).unwrap()
}

/// What a value is here, in a word.
fn opens(by: &SealedCookie, text: &[u8]) -> &'static str {
    match by.open(text, NOW) {
        Ok(Opened::Live(claims, data)) => {
            assert_eq!(
                (*claims, data.as_bytes()),
                (self::claims(), self::data().as_bytes())
            );
            "live"
        }
        Ok(Opened::Expired) => "expired",
        Ok(Opened::Malformed) => "malformed",
        Ok(Opened::Unverifiable) => "unverifiable",
        Ok(Opened::UnderRefusedKey(..)) => "refused",
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            "unavailable"
        }
    }
}

#[test]
fn what_was_sealed_opens() {
    let sealed = sealed_cookie(1);
    let text = seal(&sealed);
    assert_eq!(opens(&sealed, text.as_bytes()), "live");
    let uses = &sealed.keys.uses()[0];
    assert_eq!((uses.sealed, uses.opened), (1, 1));
}

#[test]
fn an_independent_implementation_agrees() {
    let cookies: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/paseto/cookie.json")).unwrap();
    let (_, hex) = MAKE_COOKIE.split_once("fromhex(\"").unwrap();
    let pair = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    let key = ServerKey::unchecked(std::array::from_fn(pair));
    let sealed = SealedCookie::new(KeyRing::new(key), "shop", &Cookie::default());
    let at = |millis: u64| Timestamp::from_unix_millis(1_800_000_000_000 + millis);
    let expected = Claims {
        id: Id::from_bytes([0xab; 16]),
        principal: Some(Principal::new("alice").unwrap()),
        begun: at(0),
        rotated: at(60_000),
        seen: at(120_000),
        ends: at(86_400_000),
        idle: Duration::from_secs(1800),
        remembered: true,
        label: Some(cloakroom_store::Label::new("Firefox")),
    };
    for name in ["ours", "theirs"] {
        let value = cookies[name]["value"].as_str().unwrap();
        let Ok(Opened::Live(claims, data)) = sealed.open(value.as_bytes(), NOW) else {
            panic!("{name} does not open");
        };
        assert_eq!(*claims, expected, "{name}");
        let cart: Vec<String> = serde_json::from_slice(data.get("cart").unwrap()).unwrap();
        assert_eq!(cart, ["coat"], "{name}");
        // Where it is what we write ourselves, it is sealed to the same bytes: they open what we seal.
        if name == "ours" {
            assert_eq!(sealed.seal(&claims, &data, &[1; 32]).unwrap(), value);
        }
    }
}

#[test]
fn nothing_one_bit_away_from_it_opens() {
    let sealed = sealed_cookie(1);
    let text = seal(&sealed).into_bytes();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut flipped = text.clone();
            flipped[at] ^= 1 << bit;
            let opened = opens(&sealed, &flipped);
            assert!(
                ["malformed", "unverifiable"].contains(&opened),
                "{at} {bit}: {opened}"
            );
        }
    }
}

#[test]
fn no_part_of_it_opens_and_nothing_longer() {
    let sealed = sealed_cookie(1);
    let text = seal(&sealed).into_bytes();
    for end in 0..text.len() {
        assert!(
            ["malformed", "unverifiable"].contains(&opens(&sealed, &text[..end])),
            "{end}"
        );
        assert!(
            ["malformed", "unverifiable"].contains(&opens(&sealed, &text[end + 1..])),
            "{end}"
        );
    }
    for more in [".", "=", "A", " ", "\0"] {
        let longer = [&text, more.as_bytes()].concat();
        assert_eq!(opens(&sealed, &longer), "malformed", "{more:?}");
    }
}

#[test]
fn it_opens_for_what_it_was_sealed_for_alone() {
    let sealed = sealed_cookie(1);
    let text = seal(&sealed);
    let check = |application: &str, cookie: &Cookie, expected: &str| {
        let other = SealedCookie::new(sealed.keys.clone(), application, cookie);
        assert_eq!(
            opens(&other, text.as_bytes()),
            expected,
            "{application} {cookie:?}"
        );
    };
    let named = |name: &str| Cookie::builder(name).build().unwrap();
    check("shop", &Cookie::default(), "live");
    check("shop2", &Cookie::default(), "unverifiable");
    check("sho", &Cookie::default(), "unverifiable");
    check("shop", &named("other"), "unverifiable");
    // A letter that moves from one to the other makes another assertion.
    assert_ne!(assertion("session", "a", "bc"), assertion("session", "ab", "c"));
    let mut snapshot = sealed.clone();
    snapshot.assertion = assertion("snapshot", "shop", Cookie::default().name());
    assert_eq!(opens(&snapshot, text.as_bytes()), "unverifiable");
}

#[test]
fn what_is_not_sealed_is_nothing() {
    let sealed = sealed_cookie(1);
    let json = claims().to_json(&data());
    let mut encoded = vec![0; base64url::encoded_len(json.len())];
    base64url::encode(&json, &mut encoded);
    let dressed = [b"v4.local.", &encoded[..]].concat();
    for text in [&json, &encoded, &dressed, &b""[..], b"v4.local.", b"1AAAA"] {
        assert_eq!(opens(&sealed, text), "malformed");
    }
    // With our footer it has the form, and that is all.
    let footer = seal(&sealed);
    let footer = footer.rsplit('.').next().unwrap();
    let dressed = [&dressed[..], b".", footer.as_bytes()].concat();
    assert_eq!(opens(&sealed, &dressed), "unverifiable");
}

#[test]
fn each_key_opens_what_its_state_says() {
    let mut keys = Keys::new(ServerKey::numbered(1), NOW);
    let before = SealedCookie::new(KeyRing::from(keys.clone()), "shop", &Cookie::default());
    let text = seal(&before);
    let other = sealed_cookie(2);
    assert_eq!(
        opens(&other, text.as_bytes()),
        "unavailable",
        "this node lacks the key"
    );
    keys.add(ServerKey::numbered(2), NOW).unwrap();
    keys.activate(ServerKey::numbered(2).id(), NOW).unwrap();
    before.keys.replace(keys.clone()).unwrap();
    assert_eq!(opens(&before, text.as_bytes()), "live", "the key is retiring");
    assert_eq!(opens(&before, seal(&before).as_bytes()), "live");
    assert_eq!(
        opens(&other, seal(&before).as_bytes()),
        "live",
        "the new key seals"
    );
    keys.retire(ServerKey::numbered(1).id(), NOW).unwrap();
    before.keys.replace(keys).unwrap();
    assert_eq!(opens(&before, text.as_bytes()), "refused");
}

#[test]
fn both_timeouts_are_judged_from_inside() {
    let sealed = sealed_cookie(1);
    let check = |change: fn(&mut Claims), expected: &str| {
        let mut claims = claims();
        change(&mut claims);
        let text = sealed.seal(&claims, &data(), &[9; 32]).unwrap();
        let opened = match sealed.open(text.as_bytes(), NOW) {
            Ok(Opened::Live(..)) => "live",
            Ok(Opened::Expired) => "expired",
            other => panic!("{other:?}"),
        };
        assert_eq!(opened, expected);
    };
    check(|_| {}, "live");
    check(|claims| claims.idle = Duration::from_secs(61), "live");
    check(|claims| claims.idle = Duration::from_secs(60), "expired");
    check(
        |claims| claims.ends = Timestamp::from_unix_millis(NOW.as_unix_millis() + 1),
        "live",
    );
    check(|claims| claims.ends = NOW, "expired");
}

#[test]
fn what_browsers_would_drop_is_not_sealed() {
    let sealed = sealed_cookie(1);
    let of_len = |length: usize| {
        let mut data = Data::default();
        data.set("k", format!("\"{}\"", "x".repeat(length)).as_bytes());
        sealed.seal(&claims(), &data, &[9; 32])
    };
    let name = Cookie::default().name().len();
    let longest = (1..4096).rev().find(|length| of_len(*length).is_ok()).unwrap();
    // A character of JSON is a character and a third in the cookie.
    let length = name + of_len(longest).unwrap().len();
    assert!(
        (Cookie::MAX_LEN - 1..=Cookie::MAX_LEN).contains(&length),
        "{length}"
    );
    let error = of_len(longest + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let said = error.to_string();
    assert!(said.contains("4096") && said.contains("would be 409"), "{said}");
}

#[test]
fn a_newer_version_is_an_outage() {
    let sealed = sealed_cookie(1);
    let active = sealed.keys.active();
    let seal = |message: &[u8]| {
        let footer = Footer::of(active.key().id());
        let key = active.for_cookies(seal::cookie_key);
        key.seal(&[9; 32], message, &footer.0, &sealed.assertion)
    };
    assert_eq!(
        opens(&sealed, seal(br#"{"v":2,"new":"words"}"#).as_bytes()),
        "unavailable"
    );
    assert_eq!(opens(&sealed, seal(br#"{"v":1}"#).as_bytes()), "unverifiable");
    assert_eq!(opens(&sealed, seal(b"").as_bytes()), "unverifiable");
}
