//! base64url (RFC 4648 §5) without padding, of whole groups: three bytes are four characters.
//!
//! Every character then counts in full, so a text that decodes has no other spelling.

/// The characters, by what they stand for.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What each byte stands for, or [`STRANGER`].
const VALUES: [u8; 256] = values();

/// Stands for nothing. No value has its highest bit.
const STRANGER: u8 = 0x80;

/// Decodes a text that fills `bytes` exactly; `None` for any other, and then `bytes` is anything.
pub(crate) fn decode(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    let (groups, rest) = bytes.as_chunks_mut::<3>();
    let (texts, left) = text.as_chunks::<4>();
    if texts.len() != groups.len() || !rest.is_empty() || !left.is_empty() {
        return None;
    }
    let mut seen = 0;
    for ([a, b, c, d], group) in texts.iter().zip(groups) {
        let [a, b, c, d] = [value(*a), value(*b), value(*c), value(*d)];
        seen |= a | b | c | d;
        *group = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    (seen < STRANGER).then_some(())
}

/// Encodes whole groups of bytes into `text`, which is as long as they take.
pub(crate) fn encode(bytes: &[u8], text: &mut [u8]) {
    let (groups, rest) = bytes.as_chunks::<3>();
    let (texts, left) = text.as_chunks_mut::<4>();
    debug_assert!(
        texts.len() == groups.len() && rest.is_empty() && left.is_empty(),
        "only whole groups are encoded, and they take four thirds of their length"
    );
    for ([a, b, c], text) in groups.iter().zip(texts) {
        let sextets = [a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, *c];
        *text = sextets.map(|sextet| ALPHABET[usize::from(sextet & 0x3f)]);
    }
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
