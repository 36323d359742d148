//! The commands we send: five of the meta protocol.
//!
//! Every command but the last carries a number of ours (`O`) that its answer repeats.

use std::io::Write as _;

/// One command. `C` is what makes each change of a session conditional.
#[derive(Debug)]
pub(super) enum Command {
    /// Reads an item and its `cas`.
    Get { key: Vec<u8> },
    /// Writes an item if what is there is what we expect, and asks for its new `cas`.
    Set {
        key: Vec<u8>,
        value: Vec<u8>,
        /// See [`expiry`](super::expiry).
        exptime: u32,
        only: Only,
    },
    /// Removes an item, or only at this `cas`.
    Delete { key: Vec<u8>, cas: Option<u64> },
    /// Adds one to a number and answers what it is now; where there is none, it begins with one and goes at that time.
    Increment {
        key: Vec<u8>,
        /// See [`expiry`](super::expiry).
        exptime: u32,
    },
    /// Takes one from a number, never below nothing; where there is none, nothing happens.
    Decrement { key: Vec<u8> },
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

impl Command {
    /// Appends the command, under a number. Answers whether its answer will carry that number.
    pub(super) fn encode(&self, number: u32, out: &mut Vec<u8>) -> bool {
        let encoded = match self {
            Self::Get { key } => begin(out, b"mg ", key).and_then(|()| write!(out, " v c O{number}\r\n")),
            Self::Set {
                key,
                value,
                exptime,
                only,
            } => begin(out, b"ms ", key)
                .and_then(|()| write!(out, " {} c T{exptime} O{number}", value.len()))
                .and_then(|()| match only {
                    Only::Absent => out.write_all(b" ME\r\n"),
                    Only::At(cas) => write!(out, " C{cas}\r\n"),
                })
                .and_then(|()| out.write_all(value))
                .and_then(|()| out.write_all(b"\r\n")),
            Self::Delete { key, cas } => begin(out, b"md ", key)
                .and_then(|()| match cas {
                    Some(cas) => write!(out, " C{cas}"),
                    None => Ok(()),
                })
                .and_then(|()| write!(out, " O{number}\r\n")),
            Self::Increment { key, exptime } => {
                begin(out, b"ma ", key).and_then(|()| write!(out, " MI D1 J1 N{exptime} v c O{number}\r\n"))
            }
            Self::Decrement { key } => {
                begin(out, b"ma ", key).and_then(|()| write!(out, " MD D1 v c O{number}\r\n"))
            }
            Self::Noop => out.write_all(b"mn\r\n"),
        };
        encoded.expect("a vector takes everything");
        !matches!(self, Self::Noop)
    }
}

fn begin(out: &mut Vec<u8>, name: &[u8], key: &[u8]) -> std::io::Result<()> {
    out.write_all(name)?;
    out.write_all(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &Command, expected: &str) {
        let mut out = Vec::new();
        command.encode(7, &mut out);
        assert_eq!(str::from_utf8(&out), Ok(expected));
    }

    #[test]
    fn every_change_is_conditional() {
        let key = || b"k".to_vec();
        let set = |only| Command::Set {
            key: key(),
            value: b"a\r\nb".to_vec(),
            exptime: 1_800_000_000,
            only,
        };
        check(&set(Only::Absent), "ms k 4 c T1800000000 O7 ME\r\na\r\nb\r\n");
        check(
            &set(Only::At(u64::MAX)),
            "ms k 4 c T1800000000 O7 C18446744073709551615\r\na\r\nb\r\n",
        );
        check(&Command::Get { key: key() }, "mg k v c O7\r\n");
        check(
            &Command::Delete {
                key: key(),
                cas: None,
            },
            "md k O7\r\n",
        );
        check(
            &Command::Delete {
                key: key(),
                cas: Some(3),
            },
            "md k C3 O7\r\n",
        );
        let increment = Command::Increment {
            key: key(),
            exptime: 1_800_000_000,
        };
        check(&increment, "ma k MI D1 J1 N1800000000 v c O7\r\n");
        check(&Command::Decrement { key: key() }, "ma k MD D1 v c O7\r\n");
        check(&Command::Noop, "mn\r\n");
    }
}
