//! base64url (RFC 4648 §5) without padding, in the one spelling that each text of bytes has.
//!
//! Three bytes are four characters. One or two that are left over are two or three, whose spare bits are zero: a
//! text with others does not decode, so that what decodes has no other spelling.

/// The characters, by what they stand for.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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

const fn values() -> [[u32; 256]; 4] {
    let mut values = [[STRANGER; 256]; 4];
    let mut value = 0;
    while value < ALPHABET.len() as u32 {
        let character = ALPHABET[value as usize] as usize;
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
