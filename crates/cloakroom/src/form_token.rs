//! Form tokens: what a session's own pages put into their forms, and nobody else can.

use std::fmt;

use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::base64url;

/// The version of the text form: not that of a session's token, which belongs into no page.
const VERSION: u8 = b'f';

/// What a session's forms carry, before it is masked: 192 bits, wiped when dropped.
pub(crate) struct FormTag(Zeroizing<[u8; FormTag::LEN]>);

impl FormTag {
    pub(crate) const LEN: usize = 24;

    /// The length of the text form, in bytes.
    const TEXT_LEN: usize = 1 + base64url::encoded_len(2 * Self::LEN);

    /// What is left of a key that was derived for nothing else.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let tag = key.first_chunk().expect("24 bytes are fewer than 32");
        Self(Zeroizing::new(*tag))
    }

    /// The text form: a mask, which is fresh randomness, and the tag under it.
    ///
    /// It is another text in every response, so that one that is compressed tells nothing of the tag by its length
    /// (BREACH). 48 bytes have one spelling.
    pub(crate) fn masked(&self, mask: &[u8; Self::LEN]) -> String {
        let mut bytes = [0; 2 * Self::LEN];
        let (first, second) = bytes.split_at_mut(Self::LEN);
        first.copy_from_slice(mask);
        second.copy_from_slice(&xor(mask, &self.0));
        let mut text = vec![VERSION; Self::TEXT_LEN];
        base64url::encode(&bytes, &mut text[1..]);
        String::from_utf8(text).expect("base64url is ASCII")
    }

    /// What a text has under its mask; anything but the one spelling of one is none.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let [VERSION, encoded @ ..] = text else {
            return None;
        };
        let mut bytes = [0; 2 * Self::LEN];
        base64url::decode(encoded, &mut bytes)?;
        let (mask, masked) = bytes.split_first_chunk()?;
        Some(Self(Zeroizing::new(xor(mask, masked.first_chunk()?))))
    }

    /// Whether it is one of these: in a time that tells nothing of them.
    pub(crate) fn is_one_of(&self, tags: &[Self]) -> bool {
        let none = Choice::from(0);
        tags.iter()
            .fold(none, |found, tag| found | self.0.ct_eq(&*tag.0))
            .into()
    }
}

impl fmt::Debug for FormTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormTag(..)")
    }
}

fn xor(mask: &[u8; FormTag::LEN], bytes: &[u8; FormTag::LEN]) -> [u8; FormTag::LEN] {
    std::array::from_fn(|at| mask[at] ^ bytes[at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(first: u8) -> FormTag {
        let mut key = [7; 32];
        key[0] = first;
        FormTag::new(&key)
    }

    proptest! {
        #[test]
        fn what_is_masked_reads_back(key: [u8; 32], mask: [u8; 24]) {
            let tag = FormTag::new(&key);
            let text = tag.masked(&mask);
            prop_assert_eq!(text.len(), FormTag::TEXT_LEN);
            prop_assert!(FormTag::parse(text.as_bytes()).unwrap().is_one_of(&[tag]));
        }
    }

    #[test]
    fn another_mask_is_another_text() {
        let (one, other) = (tag(1).masked(&[0; 24]), tag(1).masked(&[0xff; 24]));
        let shared = one.bytes().zip(other.bytes()).filter(|(one, other)| one == other);
        assert_eq!(shared.count(), 1, "the version alone: {one} {other}");
    }

    #[test]
    fn any_bit_decides() {
        let text = tag(1).masked(&[0x5a; 24]);
        let tags = [tag(2), tag(1), tag(3)];
        assert!(FormTag::parse(text.as_bytes()).unwrap().is_one_of(&tags));
        assert!(
            !FormTag::parse(text.as_bytes())
                .unwrap()
                .is_one_of(&[tag(2), tag(3)])
        );
        assert!(!FormTag::parse(text.as_bytes()).unwrap().is_one_of(&[]));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let accepted = FormTag::parse(&bytes).is_some_and(|read| read.is_one_of(&tags));
                assert!(!accepted, "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn only_one_spelling_is_one() {
        let text = tag(1).masked(&[0x5a; 24]);
        let check = |wrong: &str| assert!(FormTag::parse(wrong.as_bytes()).is_none(), "{wrong:?}");
        check("");
        check("f");
        check(&text[1..]);
        check(&text[..text.len() - 1]);
        check(&format!("{text}A"));
        check(&format!("{text}="));
        check(&format!(" {text}"));
        check(&text.replacen('f', "1", 1));
    }

    #[test]
    fn debug_shows_no_tag() {
        assert_eq!(format!("{:?}", tag(1)), "FormTag(..)");
    }
}
