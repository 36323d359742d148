//! No key that stands in this repository is taken: somebody would use it.

use std::fs;
use std::path::{Path, PathBuf};

use cloakroom::ServerKey;

/// Where no key of ours can be, and why.
const EXCEPTED: &[(&str, &str)] = &[
    (
        "benches/harness/src/data.rs",
        "what a form of the benchmark carries",
    ),
    (
        "tests/paseto/v4.json",
        "vectors of PASETO, which knows nothing of server keys",
    ),
    ("tests/paseto/pyseto.json", "likewise"),
];

/// What we write: not what is built, nor what others have written.
const KINDS: &[&str] = &["rs", "md", "py", "json", "toml", "html", "conf", "sql", "lua"];

#[test]
fn every_key_that_stands_in_this_repository_is_refused() {
    let mut files = Vec::new();
    collect(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
        &mut files,
    );
    let (mut refused, mut taken) = (0, Vec::new());
    for file in files {
        let path = file.to_string_lossy().replace('\\', "/");
        if EXCEPTED.iter().any(|(excepted, _)| path.ends_with(excepted)) {
            continue;
        }
        for bytes in keys(&fs::read_to_string(&file).unwrap()) {
            match ServerKey::from_bytes(bytes) {
                Ok(key) => taken.push(format!("{path}: key {}", key.id())),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        taken.is_empty(),
        "give these to `DOCUMENTED`, or draw them anew each time:\n{}",
        taken.join("\n")
    );
    assert!(
        refused > 5,
        "{refused} were found: are they still spelled like this?"
    );
}

#[test]
fn a_key_is_found_however_it_is_spelled() {
    let check = |text: &str, expected: usize| assert_eq!(keys(text).len(), expected, "{text}");
    let hex = "0F1e".repeat(16);
    check(&hex, 1);
    check(&format!("key = \"{hex}\";"), 1);
    check(&format!("{hex}0"), 0);
    let url = "Ab3_-".repeat(9)[..43].to_owned();
    check(&format!("end {url};end"), 1);
    check(&format!("'{url}='"), 1);
    check(&url.replace(['_', '-'], "+"), 1);
    check(&url[1..], 0);
    check("a_sentence_of_just_as_many_letters_as_a_key_", 0);
    check(&format!("$argon2id$v=19$salt${url}"), 0);
    check(&format!("[{}]", vec!["0x1f"; 32].join(", ")), 1);
    check(&format!("[{}]", vec!["31"; 33].join(", ")), 0);
}

/// All that could be the bytes of a key in this text: as hex digits, as base64, or as a list of numbers.
fn keys(text: &str) -> Vec<[u8; ServerKey::LEN]> {
    let is_spelling = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let words = text.split(|c| !is_spelling(c)).filter(|word| word.len() > 42);
    // The hash of a password is no key.
    let words = words.filter(|word| {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        !text[..at].ends_with('$')
    });
    let lists = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    words
        .filter_map(|word| from_hex(word).or_else(|| from_base64(word)))
        .chain(lists.filter_map(|(list, _)| from_numbers(list)))
        .collect()
}

fn from_hex(word: &str) -> Option<[u8; ServerKey::LEN]> {
    let digits: Option<Vec<u8>> = word.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let (pairs, []) = digits.as_deref()?.as_chunks::<2>() else {
        return None;
    };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}

/// Reads 43 letters, if they are not words: something random has a digit, and letters of both cases.
fn from_base64(word: &str) -> Option<[u8; ServerKey::LEN]> {
    let has = |is: fn(&u8) -> bool| word.bytes().any(|letter| is(&letter));
    if word.len() != 43
        || !has(u8::is_ascii_digit)
        || !has(u8::is_ascii_lowercase)
        || !has(u8::is_ascii_uppercase)
    {
        return None;
    }
    let mut bits = 0_u32;
    let mut bytes = Vec::new();
    for (at, letter) in (1..).zip(word.bytes()) {
        bits = bits << 6 | u32::from(letter_value(letter));
        if at % 4 == 0 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
    }
    bytes.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]);
    bytes.try_into().ok()
}

fn letter_value(letter: u8) -> u8 {
    match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}

fn from_numbers(list: &str) -> Option<[u8; ServerKey::LEN]> {
    let number = |text: &str| match text.trim().strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None => text.trim().parse().ok(),
    };
    let list = list.trim().trim_end_matches(',');
    let bytes: Option<Vec<u8>> = list.split(',').map(number).collect();
    bytes?.try_into().ok()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") {
                collect(&path, files);
            }
        } else if path
            .extension()
            .is_some_and(|kind| KINDS.contains(&&*kind.to_string_lossy()))
        {
            files.push(path);
        }
    }
}
