//! Reads claims in the one spelling that this program writes, which nearly all cookies have.
//!
//! A reader of any JSON takes four times as long. It comes second, for what another program has sealed.

use std::time::Duration;

use cloakroom_store::{Id, Label, Principal, Timestamp};

use super::Claims;
use crate::data::Data;
use crate::rfc3339;

/// The claims and the data of a message that [`Claims::to_json`] wrote; `None` for any other, which may still be one.
pub(super) fn read(json: &[u8]) -> Option<(Claims, Data)> {
    let mut rest = Rest(json);
    rest.skip(br#"{"v":1,"jti":""#)?;
    let id: &[u8; 2 * Id::LEN] = rest.take()?;
    let id = str::from_utf8(id).ok()?.parse().ok()?;
    rest.skip(b"\"")?;
    let principal = match rest.skip(br#","sub":""#) {
        Some(()) => Some(Principal::new(rest.text()?).ok()?),
        None => None,
    };
    rest.skip(br#","iat":""#)?;
    let seen = rfc3339::read(rest.take::<{ rfc3339::LEN }>()?)?;
    rest.skip(br#"","exp":""#)?;
    // Follows from the rest.
    rest.take::<{ rfc3339::LEN }>()?;
    rest.skip(br#"","begun":"#)?;
    let begun = rest.moment()?;
    let rotated = match rest.skip(br#","rotated":"#) {
        Some(()) => rest.moment()?,
        None => begun,
    };
    rest.skip(br#","ends":"#)?;
    let ends = rest.moment()?;
    rest.skip(br#","idle":"#)?;
    let idle = Duration::from_secs(u64::from(u32::try_from(rest.number()?).ok()?));
    let remembered = rest.skip(br#","remembered":true"#).is_some();
    let label = match rest.skip(br#","label":""#) {
        Some(()) => Some(Label::new(rest.text()?)),
        None => None,
    };
    rest.skip(br#","data":{"#)?;
    let data = rest.entries()?;
    rest.skip(b"}")?;
    let claims = Claims {
        id,
        principal,
        begun,
        rotated,
        seen,
        ends,
        idle,
        remembered,
        label,
    };
    rest.0.is_empty().then_some((claims, data))
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn skip(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, after) = self.0.split_first_chunk()?;
        self.0 = after;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = self.0.split_at(digits);
        self.0 = after;
        match digits {
            [] | [b'0', _, ..] => None,
            _ => digits.iter().try_fold(0_u64, |number, digit| {
                number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
            }),
        }
    }

    fn moment(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp::from_unix_millis)
    }

    /// A text after its opening quote, up to the closing one; `None` where anything in it is escaped.
    fn text(&mut self) -> Option<&'a str> {
        let end = memchr::memchr2(b'"', b'\\', self.0)?;
        let text = self.0[..end]
            .iter()
            .all(|byte| *byte >= b' ')
            .then_some(&self.0[..end])?;
        self.0 = self.0[end..].strip_prefix(b"\"")?;
        str::from_utf8(text).ok()
    }

    /// The entries of an object after its opening brace, up to the closing one.
    fn entries(&mut self) -> Option<Data> {
        let mut bytes = Vec::with_capacity(self.0.len());
        while self.skip(b"}").is_none() {
            if !bytes.is_empty() {
                self.skip(b",")?;
            }
            self.skip(b"\"")?;
            let key = self.text()?;
            self.skip(b":")?;
            Data::push(&mut bytes, key, self.value()?)?;
        }
        Some(Data::from_pushed(bytes))
    }

    /// A value without a space between its parts. Only where it ends is looked for: what it is, is for who asks.
    fn value(&mut self) -> Option<&'a [u8]> {
        let whole = self.0;
        let mut depth = 0_usize;
        loop {
            match self.0 {
                [b'"', after @ ..] => self.0 = after_text(after)?,
                [b'{' | b'[', after @ ..] => {
                    depth += 1;
                    self.0 = after;
                    continue;
                }
                [b'}' | b']' | b',', ..] if depth == 0 => break,
                [b'}' | b']', after @ ..] => {
                    depth -= 1;
                    self.0 = after;
                }
                [
                    b',' | b':' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E',
                    after @ ..,
                ] => {
                    self.0 = after;
                    continue;
                }
                _ => return None,
            }
        }
        let value = &whole[..whole.len() - self.0.len()];
        (!value.is_empty()).then_some(value)
    }
}

/// What comes after a text, whose opening quote has been taken.
fn after_text(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        let at = memchr::memchr2(b'"', b'\\', text)?;
        if text[at] == b'"' {
            return Some(&text[at + 1..]);
        }
        text = text.get(at + 2..)?;
    }
}
