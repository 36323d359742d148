//! The commands we send: five of the meta protocol.
//!
//! Every command but the last carries a number of ours (`O`) that its answer repeats.

/// One command. `C` is what makes each change of a session conditional.
#[derive(Debug)]
pub(super) enum Command<'a> {
    /// Reads an item and its `cas`.
    Get { key: &'a [u8] },
    /// Writes an item if what is there is what we expect, and asks for its new `cas`.
    Set {
        key: &'a [u8],
        value: &'a [u8],
        /// See [`expiry`](super::expiry).
        exptime: u32,
        only: Only,
    },
    /// Removes an item, or only at this `cas`.
    Delete { key: &'a [u8], cas: Option<u64> },
    /// Adds one to a number and answers what it is now, and whether it is over; where there is none, it begins with one and
    /// goes at that time.
    Increment {
        key: &'a [u8],
        /// See [`expiry`](super::expiry).
        exptime: u32,
    },
    /// Takes one from a number, never below nothing; where there is none, nothing happens.
    Decrement { key: &'a [u8] },
    /// Does nothing, and is answered.
    Noop,
}

/// What must be there for an item to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Only {
    /// Nothing.
    Absent,
    /// An item at this `cas`.
    At(u64),
}

/// A command as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// The number its answer must carry, if it carries one.
    pub(super) number: Option<u32>,
}

/// What a command has beside key and value, at most.
const WORDS: usize = 96;

impl Command<'_> {
    /// The bytes of the command, under a number. By hand and not by `format!`: this is on the way of every request.
    pub(super) fn encode(&self, number: u32) -> Encoded {
        let (key, value): (&[u8], &[u8]) = match self {
            Self::Get { key }
            | Self::Delete { key, .. }
            | Self::Increment { key, .. }
            | Self::Decrement { key } => (key, &[]),
            Self::Set { key, value, .. } => (key, value),
            Self::Noop => (&[], &[]),
        };
        let mut out = Vec::with_capacity(WORDS + key.len() + value.len());
        match *self {
            Self::Get { key } => {
                put(&mut out, &[b"mg ", key, b" v c O"]);
                put_number(&mut out, number.into());
            }
            Self::Set {
                key,
                value,
                exptime,
                only,
            } => {
                put(&mut out, &[b"ms ", key, b" "]);
                put_number(&mut out, value.len() as u64);
                put(&mut out, &[b" c T"]);
                put_number(&mut out, exptime.into());
                put(&mut out, &[b" O"]);
                put_number(&mut out, number.into());
                match only {
                    Only::Absent => put(&mut out, &[b" ME"]),
                    Only::At(cas) => put_cas(&mut out, cas),
                }
                put(&mut out, &[b"\r\n", value]);
            }
            Self::Delete { key, cas } => {
                put(&mut out, &[b"md ", key]);
                if let Some(cas) = cas {
                    put_cas(&mut out, cas);
                }
                put(&mut out, &[b" O"]);
                put_number(&mut out, number.into());
            }
            Self::Increment { key, exptime } => {
                put(&mut out, &[b"ma ", key, b" MI D1 J1 N"]);
                put_number(&mut out, exptime.into());
                put(&mut out, &[b" v c t O"]);
                put_number(&mut out, number.into());
            }
            Self::Decrement { key } => {
                put(&mut out, &[b"ma ", key, b" MD D1 v c O"]);
                put_number(&mut out, number.into());
            }
            Self::Noop => put(&mut out, &[b"mn"]),
        }
        put(&mut out, &[b"\r\n"]);
        Encoded {
            bytes: out,
            number: (!matches!(self, Self::Noop)).then_some(number),
        }
    }
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn put_cas(out: &mut Vec<u8>, cas: u64) {
    put(out, &[b" C"]);
    put_number(out, cas);
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &Command<'_>, expected: &str) {
        let encoded = command.encode(7);
        assert_eq!(str::from_utf8(&encoded.bytes), Ok(expected));
        assert_eq!(encoded.number, expected.contains("O7").then_some(7));
    }

    #[test]
    fn every_change_is_conditional() {
        let key = b"k".as_slice();
        let set = |only| Command::Set {
            key,
            value: b"a\r\nb",
            exptime: 1_800_000_000,
            only,
        };
        check(&set(Only::Absent), "ms k 4 c T1800000000 O7 ME\r\na\r\nb\r\n");
        check(
            &set(Only::At(u64::MAX)),
            "ms k 4 c T1800000000 O7 C18446744073709551615\r\na\r\nb\r\n",
        );
        check(&Command::Get { key }, "mg k v c O7\r\n");
        check(&Command::Delete { key, cas: None }, "md k O7\r\n");
        let cas = Some(3);
        check(&Command::Delete { key, cas }, "md k C3 O7\r\n");
        let increment = Command::Increment {
            key,
            exptime: 1_800_000_000,
        };
        check(&increment, "ma k MI D1 J1 N1800000000 v c t O7\r\n");
        check(&Command::Decrement { key }, "ma k MD D1 v c O7\r\n");
        check(&Command::Noop, "mn\r\n");
    }

    #[test]
    fn numbers_have_their_digits_and_no_more() {
        for number in [0, 9, 10, 11, 4_294_967_295, u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
