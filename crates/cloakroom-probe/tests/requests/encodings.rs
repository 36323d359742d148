//! The forms a token can take in a dump or a log: as text, as bytes, as hexadecimal digits.

use std::collections::HashMap;

/// Everything that would give a token away: its text, its secret in base64url, raw and in hexadecimal digits.
pub(crate) fn forms_of(token: &str) -> Vec<Vec<u8>> {
    if is_sealed(token) {
        // What follows the nonce, in each way that it can be cut off.
        let text = token.as_bytes();
        return vec![text.to_vec(), text[60..].to_vec(), text[..60].to_vec()];
    }
    let bytes = from_base64url(&token[1..]);
    let secret = &bytes[16..];
    let lower: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    // The secret begins in the middle of a character, so its own characters begin one further.
    let text = &token[1 + 22..];
    vec![
        token.as_bytes().to_vec(),
        text.as_bytes().to_vec(),
        secret.to_vec(),
        lower.to_uppercase().into_bytes(),
        lower.into_bytes(),
        format!("{secret:?}").into_bytes(),
    ]
}

/// Whether it is a session itself, sealed, and not a token of one.
pub(crate) fn is_sealed(token: &str) -> bool {
    token.starts_with("v4.local.")
}

/// The session's id, as it is shown in lists and logs. A sealed one tells nobody: it stands for itself.
pub(crate) fn id_of(token: &str) -> String {
    if is_sealed(token) {
        return token.to_owned();
    }
    from_base64url(&token[1..])[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether one holds the other.
pub(crate) fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    first_of(haystack, [needle.to_vec()]).is_some()
}

/// How many times one holds the other.
pub(crate) fn times(haystack: &[u8], needle: &[u8]) -> usize {
    haystack
        .windows(needle.len())
        .filter(|part| *part == needle)
        .count()
}

/// A needle that the haystack holds, if it holds any: looked for in one pass, for dumps are large. A needle is at
/// least eight bytes long.
pub(crate) fn first_of(haystack: &[u8], needles: impl IntoIterator<Item = Vec<u8>>) -> Option<Vec<u8>> {
    let mut by_beginning: HashMap<[u8; 8], Vec<Vec<u8>>> = HashMap::new();
    for needle in needles {
        let beginning = *needle.first_chunk().expect("eight bytes");
        by_beginning.entry(beginning).or_default().push(needle);
    }
    let mut windows = haystack.windows(8).enumerate();
    windows.find_map(|(at, window)| {
        let candidates = by_beginning.get(window)?;
        let found = candidates
            .iter()
            .find(|needle| haystack[at..].starts_with(needle))?;
        Some(found.clone())
    })
}

/// The same token with one character of its secret replaced; of a sealed one, in the middle of what is sealed.
pub(crate) fn with_wrong_secret(token: &str) -> String {
    replaced(
        token,
        if is_sealed(token) {
            token.len() / 2
        } else {
            token.len() - 1
        },
    )
}

/// The same token with one character of its id replaced; of a sealed one, of its nonce.
pub(crate) fn with_other_id(token: &str) -> String {
    replaced(token, if is_sealed(token) { 15 } else { 5 })
}

/// The same, as of a version of the format that there is not.
pub(crate) fn with_other_version(token: &str) -> String {
    if is_sealed(token) {
        token.replacen("v4", "v0", 1)
    } else {
        token.replacen('1', "0", 1)
    }
}

fn replaced(token: &str, at: usize) -> String {
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

fn from_base64url(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for character in four {
            let value = match character {
                b'A'..=b'Z' => character - b'A',
                b'a'..=b'z' => character - b'a' + 26,
                b'0'..=b'9' => character - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => panic!("not base64url: {text}"),
            };
            bits = bits << 6 | u32::from(value);
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    bytes
}
