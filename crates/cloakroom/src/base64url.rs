//! base64url (RFC 4648 §5) without padding, in the one spelling that each text of bytes has.
//!
//! Three bytes are four characters. One or two that are left over are two or three, whose spare bits are zero: a
//! text with others does not decode, so that what decodes has no other spelling.

/// The characters, by what they stand for.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What each byte stands for, or [`STRANGER`].
const VALUES: [u8; 256] = values();

/// Stands for nothing. No value has its highest bit.
const STRANGER: u8 = 0x80;

/// How many characters so many bytes take.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes / 3 * 4 + [0, 2, 3][bytes % 3]
}

/// How many bytes so many characters stand for; `None` where no bytes take that many.
pub(crate) const fn decoded_len(characters: usize) -> Option<usize> {
    match characters % 4 {
        0 => Some(characters / 4 * 3),
        2 => Some(characters / 4 * 3 + 1),
        3 => Some(characters / 4 * 3 + 2),
        _ => None,
    }
}

/// Decodes a text that fills `bytes` exactly; `None` for any other, and then `bytes` is anything.
pub(crate) fn decode(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    let (groups, rest) = bytes.as_chunks_mut::<3>();
    let (texts, left) = text.as_chunks::<4>();
    if texts.len() != groups.len() {
        return None;
    }
    let mut seen = 0;
    for ([a, b, c, d], group) in texts.iter().zip(groups) {
        let [a, b, c, d] = [value(*a), value(*b), value(*c), value(*d)];
        seen |= a | b | c | d;
        *group = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    let spare = match (left, rest) {
        ([], []) => 0,
        ([a, b], [one]) => {
            let [a, b] = [value(*a), value(*b)];
            seen |= a | b;
            *one = a << 2 | b >> 4;
            b & 0x0f
        }
        ([a, b, c], [one, two]) => {
            let [a, b, c] = [value(*a), value(*b), value(*c)];
            seen |= a | b | c;
            (*one, *two) = (a << 2 | b >> 4, b << 4 | c >> 2);
            c & 0x03
        }
        _ => return None,
    };
    (seen < STRANGER && spare == 0).then_some(())
}

/// Encodes bytes into `text`, which is as long as they take: [`encoded_len`].
pub(crate) fn encode(bytes: &[u8], text: &mut [u8]) {
    debug_assert_eq!(
        text.len(),
        encoded_len(bytes.len()),
        "the text is as long as the bytes take"
    );
    let (groups, rest) = bytes.as_chunks::<3>();
    let (texts, left) = text.as_chunks_mut::<4>();
    for ([a, b, c], text) in groups.iter().zip(texts) {
        let sextets = [a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, *c];
        *text = sextets.map(character);
    }
    match (rest, left) {
        ([one], [a, b]) => (*a, *b) = (character(one >> 2), character(one << 4)),
        ([one, two], [a, b, c]) => {
            (*a, *b, *c) = (
                character(one >> 2),
                character(one << 4 | two >> 4),
                character(two << 2),
            );
        }
        _ => {}
    }
}

/// The character of the lower six bits.
fn character(sextet: u8) -> u8 {
    ALPHABET[usize::from(sextet & 0x3f)]
}

fn value(character: u8) -> u8 {
    VALUES[usize::from(character)]
}

const fn values() -> [u8; 256] {
    let mut values = [STRANGER; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        let mut text = vec![0; encoded_len(bytes.len())];
        encode(bytes, &mut text);
        String::from_utf8(text).unwrap()
    }

    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = vec![0; decoded_len(text.len())?];
        decode(text, &mut bytes)?;
        Some(bytes)
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        // RFC 4648 §10, without its padding.
        let check = |bytes: &[u8], text: &str| {
            assert_eq!(encoded(bytes), text);
            assert_eq!(decoded(text.as_bytes()).as_deref(), Some(bytes));
        };
        check(b"", "");
        check(b"f", "Zg");
        check(b"fo", "Zm8");
        check(b"foo", "Zm9v");
        check(b"foob", "Zm9vYg");
        check(b"fooba", "Zm9vYmE");
        check(b"foobar", "Zm9vYmFy");
        check(&[0xfb, 0xff, 0xfe], "-__-");
    }

    #[test]
    fn another_spelling_is_none() {
        let check = |text: &str| assert_eq!(decoded(text.as_bytes()), None, "{text:?}");
        check("Z");
        check("Zm9vY");
        check("Zh");
        check("Zm9");
        check("Zg==");
        check("Zm8=");
        check("+//+");
        check("Zm 9");
        check("Zmé");
    }

    proptest! {
        #[test]
        fn all_bytes_read_back(bytes: Vec<u8>) {
            prop_assert_eq!(decoded(encoded(&bytes).as_bytes()), Some(bytes));
        }

        #[test]
        fn what_decodes_is_spelled_as_it_was(text in "[A-Za-z0-9_-]{0,12}") {
            if let Some(bytes) = decoded(text.as_bytes()) {
                prop_assert_eq!(encoded(&bytes), text);
            }
        }
    }
}
