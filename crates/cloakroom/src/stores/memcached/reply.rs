//! What the server answers, read from the bytes that have come so far.
//!
//! A pure function over bytes. What it does not know word for word ends the connection: a guess about where the
//! next answer begins could hand somebody's session to somebody else.

use std::fmt;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The number of the command it answers, where the answer carries one.
    pub(super) number: Option<u32>,
    pub(super) answer: Answer,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// `HD`: it is done; of an item that was written, its `cas`.
    Done { cas: Option<u64> },
    /// `VA`: an item, and whether its time is over, where that was asked for.
    Value { cas: u64, is_over: bool, data: Vec<u8> },
    /// `EN` or `NF`: there is no such item.
    Missing,
    /// `EX` or `NS`: there is an item, and not the one that was expected.
    Refused,
    /// `MN`: the answer to a command that does nothing.
    Noop,
    /// The item is over the size that the server takes. The one that was there is gone: the server sees to that.
    TooLarge,
    /// There is no memory for the item, and nothing may be evicted. A session that was there is gone likewise.
    OutOfMemory,
}

/// What is not an answer to any command of ours. There is no reading on after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation(String);

/// The longest line of an answer of ours is far shorter.
const LONGEST_LINE: usize = 2048;

/// The largest item any server takes (`-I 1024m`).
const LARGEST_ITEM: usize = 1 << 30;

/// Reads the first answer and how many bytes it has, or nothing when not all of it has come yet.
pub(super) fn parse(input: &[u8]) -> Result<Option<(Reply, usize)>, Violation> {
    let Some(end) = memchr::memchr(b'\n', input) else {
        return match input.len() {
            0..=LONGEST_LINE => Ok(None),
            _ => Err(Violation::of(input)),
        };
    };
    let violation = || Violation::of(&input[..end]);
    let line = input[..end].strip_suffix(b"\r").ok_or_else(violation)?;
    let after = end + 1;
    let mut words = line.split(|byte| *byte == b' ');
    let answer = match words.next() {
        Some(b"VA") => return value(words, &input[after..], after).map_err(|Unclear| violation()),
        Some(b"HD") => {
            let Flags { number, cas, .. } = Flags::read(words).map_err(|Unclear| violation())?;
            let answer = Answer::Done { cas };
            return Ok(Some((Reply { number, answer }, after)));
        }
        Some(b"EN" | b"NF") => Answer::Missing,
        Some(b"EX" | b"NS") => Answer::Refused,
        Some(b"MN") => Answer::Noop,
        _ => {
            let answer = match line {
                b"SERVER_ERROR object too large for cache" => Answer::TooLarge,
                b"SERVER_ERROR out of memory storing object"
                // Of a number that is to begin, or gets longer.
                | b"SERVER_ERROR Out of memory allocating new item"
                | b"SERVER_ERROR out of memory" => Answer::OutOfMemory,
                _ => return Err(violation()),
            };
            return Ok(Some((Reply { number: None, answer }, after)));
        }
    };
    let Flags { number, .. } = Flags::read(words).map_err(|Unclear| violation())?;
    Ok(Some((Reply { number, answer }, after)))
}

/// A line that is none of the protocol's.
struct Unclear;

fn value<'a>(
    mut words: impl Iterator<Item = &'a [u8]>,
    rest: &[u8],
    before: usize,
) -> Result<Option<(Reply, usize)>, Unclear> {
    let length = words.next().map(decimal).ok_or(Unclear)??;
    let length = usize::try_from(length).map_err(|_| Unclear)?;
    let Flags { number, cas, is_over } = Flags::read(words)?;
    let cas = cas.ok_or(Unclear)?;
    if length > LARGEST_ITEM {
        return Err(Unclear);
    }
    let Some((data, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    match rest {
        [b'\r', b'\n', ..] => {
            let answer = Answer::Value {
                cas,
                is_over,
                data: data.to_vec(),
            };
            Ok(Some((Reply { number, answer }, before + length + 2)))
        }
        [] | [b'\r'] => Ok(None),
        _ => Err(Unclear),
    }
}

/// What follows the first words of an answer. What we have not asked for is passed over.
#[derive(Default)]
struct Flags {
    number: Option<u32>,
    cas: Option<u64>,
    is_over: bool,
}

impl Flags {
    fn read<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Self, Unclear> {
        let mut flags = Self::default();
        for word in words {
            match word {
                [b'O', number @ ..] => {
                    flags.number = Some(decimal(number)?.try_into().map_err(|_| Unclear)?);
                }
                [b'c', cas @ ..] => flags.cas = Some(decimal(cas)?),
                // So long from now, `-1` for ever, and below nothing as 32 bits without a sign (seen on 1.6.18).
                [b't', seconds @ ..] => {
                    let seconds = decimal(seconds)
                        .ok()
                        .and_then(|seconds| u32::try_from(seconds).ok());
                    flags.is_over = seconds.is_some_and(|seconds| seconds.cast_signed() <= 0);
                }
                _ => {}
            }
        }
        Ok(flags)
    }
}

/// A number as the protocol has it: digits, and nothing else.
fn decimal(digits: &[u8]) -> Result<u64, Unclear> {
    let next = |number: u64, digit: &u8| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    };
    let number = digits.iter().try_fold(0, next);
    number.filter(|_| !digits.is_empty()).ok_or(Unclear)
}

impl Violation {
    fn of(line: &[u8]) -> Self {
        let line = &line[..line.len().min(100)];
        Self(String::from_utf8_lossy(line).trim_end().to_owned())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only an answer that reports an error is repeated: any other may be a piece of somebody's session.
        let known = ["ERROR", "CLIENT_ERROR ", "SERVER_ERROR "];
        if known.iter().any(|known| self.0.starts_with(known)) {
            write!(f, "it answered `{}`", self.0.escape_debug())
        } else {
            f.write_str("it answered what is not the meta protocol of memcached")
        }
    }
}

#[cfg(test)]
mod tests;
