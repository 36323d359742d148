//! Finds cookies in the `Cookie` header lines of a request.

use memchr::memchr;

/// The most bytes of `Cookie` lines that are looked through. Servers accept far less than this.
const MAX_LEN: usize = 64 * 1024;

/// What the lines hold under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Nothing,
    One(&'a [u8]),
    /// The name stands there more than once: another host or path has set it too, and nothing says which is
    /// ours.
    Several,
    /// More bytes than are looked through.
    TooMuch,
}

/// Finds the cookies of these exact names.
///
/// Names are compared as bytes: no decoding, no case folding, no quotes, no `$Version`, no trimming but the one
/// space that follows a semicolon (RFC 6265 §4.2.1). HTTP/2 splits the header into many lines,
/// so all of them count (RFC 9113 §8.2.3). Linear, and allocates nothing.
pub(crate) fn find<'a, const N: usize>(
    names: [&str; N],
    lines: impl Iterator<Item = &'a [u8]>,
) -> [Found<'a>; N] {
    let mut all = [Found::Nothing; N];
    let mut length = 0usize;
    for line in lines {
        length = length.saturating_add(line.len());
        if length > MAX_LEN {
            return [Found::TooMuch; N];
        }
        let mut rest = Some(line);
        while let Some(line) = rest {
            let pair = match memchr(b';', line) {
                Some(end) => {
                    let after = &line[end + 1..];
                    rest = Some(after.strip_prefix(b" ").unwrap_or(after));
                    &line[..end]
                }
                None => {
                    rest = None;
                    line
                }
            };
            for (name, found) in names.iter().zip(&mut all) {
                let value = pair
                    .strip_prefix(name.as_bytes())
                    .and_then(|pair| pair.strip_prefix(b"="));
                if let Some(value) = value {
                    *found = match found {
                        Found::Nothing => Found::One(value),
                        _ => Found::Several,
                    };
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What the RFC says, with no regard for speed.
    fn model<'a>(name: &str, lines: &'a [String]) -> Found<'a> {
        let pairs = lines.iter().flat_map(|line| {
            let rest = line.split(';').skip(1);
            let first = line.split(';').take(1);
            first.chain(rest.map(|pair| pair.strip_prefix(' ').unwrap_or(pair)))
        });
        let mut values = pairs
            .filter_map(|pair| pair.split_once('='))
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) => Found::Nothing,
            (Some(value), None) => Found::One(value.as_bytes()),
            (Some(_), Some(_)) => Found::Several,
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_the_rfc_says(lines in vec("(id|i|d|=|;|; | |x|\"){0,12}", 0..4)) {
            let names = ["id", "d"];
            let found = find(names, lines.iter().map(String::as_bytes));
            prop_assert_eq!(found, names.map(|name| model(name, &lines)));
        }
    }

    fn check(lines: &[&str], expected: Found<'_>) {
        let [found] = find(["__Host-id"], lines.iter().map(|line| line.as_bytes()));
        assert_eq!(found, expected, "{lines:?}");
    }

    #[test]
    fn the_exact_name_is_found_wherever_it_stands() {
        check(&["__Host-id=x"], Found::One(b"x"));
        check(&["a=b; __Host-id=x; c=d"], Found::One(b"x"));
        check(&["a=b;__Host-id=x;c=d"], Found::One(b"x"));
        check(&["a=b", "c=d", "__Host-id=x"], Found::One(b"x"));
        check(&["__Host-id="], Found::One(b""));
        check(&["__Host-id=a=b"], Found::One(b"a=b"));
        check(&["__Host-id=\"x\""], Found::One(b"\"x\""));
        check(&["__Host-id= x "], Found::One(b" x "));
    }

    #[test]
    fn what_only_looks_like_the_name_is_not_it() {
        for line in [
            "",
            "__host-id=x",
            "__HOST-ID=x",
            "__%48ost-id=x",
            "\u{2000}__Host-id=x",
            "a=b;  __Host-id=x",
            "a=b;\t__Host-id=x",
            "..Host-id=x",
            "=__Host-id=x",
            "__Host-id",
            "__Host-id =x",
            "__Host-id2=x",
            "x__Host-id=x",
            "a=\"; b=\"__Host-id=x",
            "a=b, __Host-id=x",
        ] {
            check(&[line], Found::Nothing);
        }
        check(&["$Version=1; __Host-id=\"x\""], Found::One(b"\"x\"")); // and no token has quotes
    }

    #[test]
    fn several_are_none_of_ours() {
        check(&["__Host-id=x; __Host-id=y"], Found::Several);
        check(&["__Host-id=x; __Host-id=x"], Found::Several);
        check(&["__Host-id=x", "a=b; __Host-id="], Found::Several);
    }

    #[test]
    fn a_flood_of_cookies_is_not_looked_through() {
        let flood = "a=b; ".repeat(100_000);
        check(&[&flood], Found::TooMuch);
        let lines: Vec<&str> = vec!["a=b"; 30_000];
        check(&lines, Found::TooMuch);
        let many = "a=b; ".repeat(13_000) + "__Host-id=x";
        check(&[&many], Found::One(b"x"));
    }
}
