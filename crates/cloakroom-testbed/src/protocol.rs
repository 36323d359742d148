//! Which requests there are in what a client sends, for each protocol as far as counting needs: none goes without a name.

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// The meta and the classic text commands.
    Memcached,
    /// The client's packets of a connection without compression and TLS.
    Mysql,
    /// The messages of protocol version 3, without TLS.
    Postgres,
    /// RESP arrays: `*2 $3 GET $1 k`.
    Redis,
}

/// One request at the beginning of some bytes: its length, and its name if it counts as one.
type Parsed = Option<(usize, Option<String>)>;

impl Protocol {
    /// The requests in a connection's bytes from `taken` on, and where they end.
    pub(crate) fn requests(self, bytes: &[u8], mut taken: usize) -> (usize, Vec<String>) {
        let mut requests = Vec::new();
        loop {
            let rest = &bytes[taken..];
            let parsed = match self {
                Self::Memcached => memcached(rest),
                Self::Mysql => mysql(rest),
                Self::Postgres => postgres(rest),
                Self::Redis => redis(rest),
            };
            let Some((length, name)) = parsed else {
                return (taken, requests);
            };
            taken += length;
            requests.extend(name);
        }
    }
}

/// A line; those that store something are followed by a block of so many bytes.
fn memcached(bytes: &[u8]) -> Parsed {
    let (line, length) = line(bytes)?;
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default().to_owned();
    let block = match name.as_str() {
        "ms" => words.nth(1),
        "add" | "cas" | "replace" | "set" => words.nth(3),
        _ => None,
    };
    let block = block.map_or(0, |size| {
        size.parse::<usize>().expect("the size of a block is a number") + 2
    });
    let whole = length + block;
    (bytes.len() >= whole).then_some((whole, Some(name)))
}

/// Three bytes of length, one of sequence number. A command has number 0 and begins with its code; the answer to the
/// server's greeting has another number.
fn mysql(bytes: &[u8]) -> Parsed {
    let (header, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
    let command = *rest.get(..length)?.first()?;
    let name = match (header[3], command) {
        (0, 0x03) => Some("query".to_owned()),
        (0, 0x0e) => Some("ping".to_owned()),
        (0, 0x16) => Some("prepare".to_owned()),
        (0, 0x17) => Some("execute".to_owned()),
        (0, 0x19) => Some("close".to_owned()),
        (0, 0x01) => Some("quit".to_owned()),
        (0, other) => Some(format!("command {other:#04x}")),
        _ => None,
    };
    Some((4 + length, name))
}

/// A letter and a length. What begins a connection, to ask for TLS and to say who it is, has no letter: it begins with the
/// first byte of its length, which is zero.
fn postgres(bytes: &[u8]) -> Parsed {
    let (letter, rest) = match bytes.split_first()? {
        (0, _) => (None, bytes),
        (letter, rest) => (Some(*letter), rest),
    };
    let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
    rest.get(..length)?;
    let name = match letter {
        // A statement is bound and executed: it counts once.
        None | Some(b'B') => None,
        Some(b'C') => Some("close".to_owned()),
        Some(b'D') => Some("describe".to_owned()),
        Some(b'E') => Some("execute".to_owned()),
        Some(b'P') => Some("parse".to_owned()),
        Some(b'Q') => Some("query".to_owned()),
        Some(b'S') => Some("sync".to_owned()),
        Some(b'X') => Some("terminate".to_owned()),
        Some(other) => Some(format!("message {:?}", char::from(other))),
    };
    Some((length + usize::from(letter.is_some()), name))
}

fn redis(bytes: &[u8]) -> Parsed {
    let (count, mut at) = number(bytes, '*')?;
    let mut name = None;
    for _ in 0..count {
        let (length, header) = number(bytes.get(at..)?, '$')?;
        at += header;
        let word = bytes.get(at..at + length)?;
        name.get_or_insert_with(|| String::from_utf8_lossy(word).to_uppercase());
        at += length + 2;
    }
    (bytes.len() >= at).then_some((at, name))
}

/// A line of a sign and a number, and how long the line is.
fn number(bytes: &[u8], sign: char) -> Option<(usize, usize)> {
    let (line, length) = line(bytes)?;
    let number = line.strip_prefix(sign).and_then(|digits| digits.parse().ok());
    Some((
        number.unwrap_or_else(|| panic!("expected {sign} and a number, found {line:?}")),
        length,
    ))
}

/// A line without its end, and how long it is with it.
fn line(bytes: &[u8]) -> Option<(&str, usize)> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    let line =
        str::from_utf8(&bytes[..end]).unwrap_or_else(|_| panic!("a line is text: {:?}", &bytes[..end]));
    Some((line, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds whole, and in two pieces wherever they are cut.
    fn check(protocol: Protocol, bytes: &[u8], expected: &[&str]) {
        assert_eq!(
            protocol.requests(bytes, 0),
            (
                bytes.len(),
                expected.iter().map(|&name| name.to_owned()).collect()
            )
        );
        for cut in 0..bytes.len() {
            let (taken, mut found) = protocol.requests(&bytes[..cut], 0);
            let (whole, rest) = protocol.requests(bytes, taken);
            found.extend(rest);
            assert_eq!(
                (whole, found.len()),
                (bytes.len(), expected.len()),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn redis_commands_are_arrays() {
        check(
            Protocol::Redis,
            b"*2\r\n$3\r\nget\r\n$4\r\n\r\n\r\n\r\n*1\r\n$4\r\nPING\r\n",
            &["GET", "PING"],
        );
    }

    #[test]
    fn memcached_blocks_are_not_commands() {
        check(
            Protocol::Memcached,
            b"mg k v\r\nms k 6 T0\r\nmg x\r\n\r\nmd k\r\n",
            &["mg", "ms", "md"],
        );
    }

    #[test]
    fn postgres_begins_without_a_letter() {
        check(
            Protocol::Postgres,
            b"\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x08\0\x03\0\0P\0\0\0\x04B\0\0\0\x05xE\0\0\0\x04S\0\0\0\x04Q\0\0\0\x04F\0\0\0\x04",
            &["parse", "execute", "sync", "query", "message 'F'"],
        );
    }

    #[test]
    fn mysql_commands_have_the_number_zero() {
        check(
            Protocol::Mysql,
            b"\x02\0\0\x01\x03x\x01\0\0\0\x0e\x02\0\0\0\x17x\x01\0\0\0\x1f",
            &["ping", "execute", "command 0x1f"],
        );
    }
}
