//! What a rule found wrong, in words.

use std::fmt::{self, Debug, Display};

use crate::{Error, Record};

/// What a rule answers: it held, or what was found instead.
pub(super) type Held = Result<(), Failure>;

/// What was expected and what was found.
#[derive(Debug)]
pub(super) struct Failure(String);

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Says where it happened.
    pub(super) fn during(self, what: impl Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!(
            "expected an answer, found the error {:?}: {error}",
            error.kind()
        ))
    }
}

/// Holds when a condition does.
pub(super) fn ensure(condition: bool, otherwise: impl FnOnce() -> String) -> Held {
    if condition {
        Ok(())
    } else {
        Err(Failure::new(otherwise()))
    }
}

/// Holds when what was found is what was expected.
pub(super) fn same<T: PartialEq + Debug>(what: impl Display, expected: &T, found: &T) -> Held {
    ensure(expected == found, || {
        format!("{what}: expected {expected:?}, found {found:?}")
    })
}

/// Holds when two records are equal; says where the bodies differ, which their `Debug` does not.
pub(super) fn same_record(what: impl Display, expected: &Record, found: &Record) -> Held {
    if expected.body != found.body {
        let common = expected.body.iter().zip(found.body.iter());
        let at = common.take_while(|(one, other)| one == other).count();
        return Err(Failure::new(format!(
            "{what}: expected a body of {} bytes, found one of {} bytes that differs from byte {at} on",
            expected.body.len(),
            found.body.len(),
        )));
    }
    same(what, expected, found)
}
