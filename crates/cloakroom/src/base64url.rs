//! base64url (RFC 4648 §5) without padding, in the one spelling that each text of bytes has.
//!
//! Three bytes are four characters. One or two that are left over are two or three, whose spare bits are zero: a
//! text with others does not decode, so that what decodes has no other spelling.

/// What each byte stands for as the first, second, third and fourth of its group: its bits where they belong in the
/// group's three bytes, as a little-endian number, or [`STRANGER`].
static VALUES: [[u32; 256]; 4] = values();

/// Stands for nothing. No value has its highest bit.
const STRANGER: u32 = 1 << 31;

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

/// The bytes that a text stands for, if it is the one spelling of any.
pub(crate) fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; decoded_len(text.len())?];
    decode(text, &mut bytes)?;
    Some(bytes)
}

/// The text that bytes are spelled as.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = vec![0; encoded_len(bytes.len())];
    encode(bytes, &mut text);
    String::from_utf8(text).expect("base64url is ASCII")
}

/// Decodes a text that fills `bytes` exactly; `None` for any other, and then `bytes` is anything.
pub(crate) fn decode(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    let (groups, rest) = bytes.as_chunks_mut::<3>();
    let (texts, left) = text.as_chunks::<4>();
    if texts.len() != groups.len() {
        return None;
    }
    let [first, second, third, fourth] = &VALUES;
    let at = |character: &u8| usize::from(*character);
    let mut seen = 0;
    for ([a, b, c, d], group) in texts.iter().zip(groups) {
        let value = first[at(a)] | second[at(b)] | third[at(c)] | fourth[at(d)];
        seen |= value;
        [group[0], group[1], group[2], _] = value.to_le_bytes();
    }
    let spare = match (left, rest) {
        ([], []) => 0,
        ([a, b], [one]) => {
            let value = first[at(a)] | second[at(b)];
            seen |= value;
            let spare;
            [*one, spare, ..] = value.to_le_bytes();
            spare
        }
        ([a, b, c], [one, two]) => {
            let value = first[at(a)] | second[at(b)] | third[at(c)];
            seen |= value;
            let spare;
            [*one, *two, spare, _] = value.to_le_bytes();
            spare
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
        *text = sextets([*a, *b, *c]);
    }
    match (rest, left) {
        ([one], [a, b]) => [*a, *b, ..] = sextets([*one, 0, 0]),
        ([one, two], [a, b, c]) => [*a, *b, *c, _] = sextets([*one, *two, 0]),
        _ => {}
    }
    // In a loop of its own, which is done for many characters at once.
    for character in text {
        *character = spelled(*character);
    }
}

/// Three bytes as four times six bits.
fn sextets([a, b, c]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, a, b, c]);
    let apart = bits & 0x3f | bits << 2 & 0x3f00 | bits << 4 & 0x3f_0000 | bits << 6 & 0x3f00_0000;
    apart.to_be_bytes()
}

/// The character of six bits: reckoned, because a look into a table is done for one at a time.
const fn spelled(sextet: u8) -> u8 {
    let digit_or_later = if sextet >= 52 {
        b'0'.wrapping_sub(b'z' + 1)
    } else {
        0
    };
    let small_or_later = if sextet >= 26 { b'a' - (b'Z' + 1) } else { 0 };
    let dash_or_later = if sextet >= 62 {
        b'-'.wrapping_sub(b'9' + 1)
    } else {
        0
    };
    let underscore = if sextet >= 63 { b'_' - (b'-' + 1) } else { 0 };
    (b'A' + sextet)
        .wrapping_add(small_or_later)
        .wrapping_add(digit_or_later)
        .wrapping_add(dash_or_later)
        .wrapping_add(underscore)
}

const fn values() -> [[u32; 256]; 4] {
    let mut values = [[STRANGER; 256]; 4];
    let mut value = 0;
    while value < 64 {
        let character = spelled(value as u8) as usize;
        values[0][character] = value << 2;
        values[1][character] = value >> 4 | (value & 0xf) << 12;
        values[2][character] = value >> 2 << 8 | (value & 0x3) << 22;
        values[3][character] = value << 16;
        value += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_standard_hold() {
        // RFC 4648 §10, without its padding.
        let check = |these: &[u8], spelled: &str| {
            assert_eq!(text(these), spelled);
            assert_eq!(bytes(spelled.as_bytes()).as_deref(), Some(these));
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
    fn each_character_stands_for_its_place_in_the_alphabet() {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        assert_eq!(&std::array::from_fn(|sextet| spelled(sextet as u8)), alphabet);
    }

    #[test]
    fn another_spelling_is_none() {
        let check = |text: &str| assert_eq!(bytes(text.as_bytes()), None, "{text:?}");
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
        fn all_bytes_read_back(these: Vec<u8>) {
            prop_assert_eq!(bytes(text(&these).as_bytes()), Some(these));
        }

        #[test]
        fn what_decodes_is_spelled_as_it_was(spelled in "[A-Za-z0-9_-]{0,12}") {
            if let Some(bytes) = bytes(spelled.as_bytes()) {
                prop_assert_eq!(text(&bytes), spelled);
            }
        }
    }
}
