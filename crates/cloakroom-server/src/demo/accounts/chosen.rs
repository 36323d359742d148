//! The name and the password that somebody may choose.

use std::fmt;

/// What somebody wants to be called: 1 to 64 characters, none of them a control character.
#[derive(Debug)]
pub(crate) struct Name(String);

impl Name {
    /// The name, without the space around it; or what to tell the person.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err("Please enter a name."),
            1..=64 if text.chars().any(char::is_control) => Err("That name has characters nobody can see."),
            1..=64 => Ok(Self(text.to_owned())),
            _ => Err("That name is too long: 64 characters at most."),
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// A password that may be chosen: at least 8 characters, of any kind.
///
/// NIST SP 800-63B-4 §3.1.1.2: a minimum length, and no rules of composition.
pub(crate) struct Password(String);

impl Password {
    /// The password, or what to tell the person.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match text.chars().count() {
            0..8 => Err("Please choose a password of at least 8 characters."),
            8..=256 => Ok(Self(text.to_owned())),
            _ => Err("That password is too long: 256 characters at most."),
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_have_a_length() {
        assert!(Name::parse(" \t").is_err());
        assert!(Name::parse("a\u{7}b").is_err());
        assert!(Name::parse(&"é".repeat(64)).is_ok());
        assert!(Name::parse(&"é".repeat(65)).is_err());
        assert!(Password::parse("1234567").is_err());
        assert!(Password::parse("pass phrase").is_ok());
    }
}
