//! Official vectors pass, an independent implementation agrees, and nothing but what was sealed opens.

use proptest::prelude::*;
use serde_json::Value;
use zeroize::ZeroizeOnDrop;

use super::*;

const OFFICIAL: &str = include_str!("../../tests/paseto/v4.json");
const PYSETO: &str = include_str!("../../tests/paseto/pyseto.json");

const FOOTER: &[u8] = b"a1b2c3d4";
const ASSERTION: &[u8] = b"\x06sealed\x03app\x0e__Host-session";

#[test]
fn the_official_vectors_hold() {
    let vectors: Value = serde_json::from_str(OFFICIAL).unwrap();
    let (mut sealed, mut refused) = (0, 0);
    for vector in vectors["tests"].as_array().unwrap() {
        let text = |field: &str| vector[field].as_str().unwrap_or_default();
        let name = text("name");
        // Those without a symmetric key are tokens of another purpose: no key may open them.
        let key = match text("key") {
            "" => key(1),
            hex => Key::new(bytes(hex).first_chunk().unwrap()),
        };
        let assertion = text("implicit-assertion").as_bytes();
        let opened = open(&key, text("token"), assertion);
        if vector["expect-fail"] == true || text("token").starts_with("v4.public.") {
            assert!(opened.is_none(), "{name}");
            refused += 1;
            continue;
        }
        let (payload, footer) = (text("payload").as_bytes(), text("footer").as_bytes());
        assert_eq!(opened, Some((payload.to_vec(), footer.to_vec())), "{name}");
        let nonce = bytes(text("nonce"));
        let again = key.seal(nonce.first_chunk().unwrap(), payload, footer, assertion);
        assert_eq!(again, text("token"), "{name}");
        sealed += 1;
    }
    assert_eq!((sealed, refused), (10, 8), "each of them was looked at");
}

#[test]
fn an_independent_implementation_agrees() {
    let cases: Value = serde_json::from_str(PYSETO).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 40);
    for case in cases {
        let field = |name: &str| bytes(case[name].as_str().unwrap());
        let key = Key::new(field("key").first_chunk().unwrap());
        let (payload, footer, assertion) = (field("payload"), field("footer"), field("assertion"));
        let token = case["token"].as_str().unwrap();
        let opened = open(&key, token, &assertion);
        assert_eq!(opened, Some((payload.clone(), footer.clone())), "{token}");
        let nonce = field("nonce");
        assert_eq!(
            key.seal(nonce.first_chunk().unwrap(), &payload, &footer, &assertion),
            token
        );
    }
}

#[test]
fn no_flipped_bit_opens() {
    let token = token();
    for bit in 0..token.len() * 8 {
        let mut wrong = token.clone().into_bytes();
        wrong[bit / 8] ^= 1 << (bit % 8);
        refused(&wrong, ASSERTION);
    }
    // Nor one in what the characters stand for: a flip there is another text in one, or in two characters.
    let Untrusted { payload, footer } = Untrusted::parse(token.as_bytes()).unwrap();
    for bit in 0..(payload.len() + footer.len()) * 8 {
        let mut wrong = [&payload[..], &footer[..]].concat();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let (payload, footer) = wrong.split_at(payload.len());
        refused(spell(payload, footer).as_bytes(), ASSERTION);
    }
    for bit in 0..ASSERTION.len() * 8 {
        let mut wrong = ASSERTION.to_vec();
        wrong[bit / 8] ^= 1 << (bit % 8);
        refused(token.as_bytes(), &wrong);
    }
}

#[test]
fn no_other_character_opens() {
    let token = token();
    for at in 0..token.len() {
        for character in 0..=u8::MAX {
            let mut wrong = token.clone().into_bytes();
            if std::mem::replace(&mut wrong[at], character) != character {
                refused(&wrong, ASSERTION);
            }
        }
    }
}

#[test]
fn no_part_of_a_token_opens_and_nothing_longer() {
    let token = token();
    for end in 0..token.len() {
        refused(&token.as_bytes()[..end], ASSERTION);
        refused(&token.as_bytes()[end + 1..], ASSERTION);
    }
    for more in ["A", "AA", "AAA", "AAAA", ".", "=", " ", "\0", ".AAAA"] {
        refused(format!("{token}{more}").as_bytes(), ASSERTION);
        refused(format!("{more}{token}").as_bytes(), ASSERTION);
    }
}

#[test]
fn another_footer_assertion_key_or_header_does_not_open() {
    let token = token();
    let (without_footer, _) = token.rsplit_once('.').unwrap();
    let check = |wrong: &str| refused(wrong.as_bytes(), ASSERTION);
    check(without_footer);
    check(&format!("{without_footer}."));
    check(&format!("{without_footer}.YTFiMmMzZDU"));
    for header in [
        "v4.public.",
        "v3.local.",
        "v2.local.",
        "v1.local.",
        "V4.local.",
        "v4.Local.",
        "v4.local",
        "v4..",
        "",
    ] {
        check(&token.replacen("v4.local.", header, 1));
    }
    // What stands before and after the boundary of two pieces is not interchangeable.
    let longer = [FOOTER, ASSERTION].concat();
    let joined = key(1).seal(&[7; NONCE_LEN], MESSAGE, &longer, b"");
    assert!(open(&key(1), &joined, b"").is_some());
    refused(joined.as_bytes(), ASSERTION);
    for assertion in [&b""[..], &ASSERTION[1..], &[ASSERTION, b"\0"].concat()] {
        refused(token.as_bytes(), assertion);
    }
    assert!(open(&key(2), &token, ASSERTION).is_none());
}

#[test]
fn only_one_spelling_opens() {
    // One byte or two that are left over have characters with bits to spare.
    for size in [1, 2] {
        let token = key(1).seal(&[7; NONCE_LEN], &MESSAGE[..size], b"", ASSERTION);
        let end = token.len() - 1;
        let opening = (0..=u8::MAX).filter(|last| {
            let mut text = token.clone().into_bytes();
            text[end] = *last;
            Untrusted::parse(&text).is_some_and(|token| key(1).open(token, ASSERTION).is_some())
        });
        assert_eq!(opening.collect::<Vec<_>>(), [token.as_bytes()[end]], "{size}");
        refused(format!("{token}=").as_bytes(), ASSERTION);
    }
}

#[test]
fn a_token_is_as_long_as_foretold() {
    for size in 0..70 {
        for footer in [&b""[..], b"k", FOOTER] {
            let token = key(1).seal(&[7; NONCE_LEN], &[0; 70][..size], footer, b"");
            assert_eq!(token.len(), len(size, footer.len()));
        }
    }
}

#[test]
fn keys_are_wiped_and_not_shown() {
    fn wiped<T: ZeroizeOnDrop>() {}
    // The state of the cipher holds its key.
    wiped::<chacha20::ChaChaCore<chacha20::R20, chacha20::variants::Ietf>>();
    assert_eq!(format!("{:?}", key(1)), "Key(..)");
    let states = |key: &Key| [&key.encryption, &key.authentication].map(State::finalize);
    let mut left = key(1);
    left.wipe();
    assert_eq!(
        states(&left),
        [State::new(), State::new()].each_ref().map(State::finalize)
    );
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens(
        key: [u8; 32], nonce: [u8; 32], message: Vec<u8>, footer: Vec<u8>, assertion: Vec<u8>,
    ) {
        let key = Key::new(&key);
        let token = key.seal(&nonce, &message, &footer, &assertion);
        prop_assert_eq!(open(&key, &token, &assertion), Some((message, footer)));
    }

    #[test]
    fn nothing_makes_it_panic(text in "(v4\\.local\\.)?[A-Za-z0-9_.-]{0,200}", bytes: Vec<u8>) {
        prop_assert!(open(&key(1), &text, b"").is_none());
        prop_assert!(Untrusted::parse(&bytes).is_none());
    }
}

// What the cases are made of.

const MESSAGE: &[u8] = b"{\"n\":1}";

fn key(number: u8) -> Key {
    Key::new(&[number; Key::LEN])
}

fn token() -> String {
    key(1).seal(&[7; NONCE_LEN], MESSAGE, FOOTER, ASSERTION)
}

fn open(key: &Key, token: &str, assertion: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let token = Untrusted::parse(token.as_bytes())?;
    let footer = token.footer().to_vec();
    Some((key.open(token, assertion)?.to_vec(), footer))
}

#[track_caller]
fn refused(token: &[u8], assertion: &[u8]) {
    let opened = Untrusted::parse(token).and_then(|token| key(1).open(token, assertion));
    assert!(opened.is_none(), "{}", token.escape_ascii());
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(byte).collect()
}
