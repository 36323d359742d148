//! How much a session may hold.

use cloakroom_store::{Label, Principal};

use crate::authentication;
use crate::claims;
use crate::data::Data;
use crate::sealed_cookie::SealedCookie;
use crate::{Error, ErrorKind};

/// How much a session may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit<'a> {
    /// So many bytes of data: what the store takes.
    Store(usize),
    /// What fits into the cookie along with who is signed in.
    Cookie(&'a SealedCookie),
}

impl Limit<'_> {
    /// Whether a session fits, with an entry of a key and the length of its value.
    pub(super) fn check(
        self,
        principal: Option<&Principal>,
        label: Option<&Label>,
        data: &Data,
        (key, value): (&str, usize),
    ) -> Result<(), Error> {
        match self {
            Self::Store(max) => {
                let length = data.len_with(key, value);
                if length <= max {
                    return Ok(());
                }
                let with = match key {
                    authentication::NAME => "who signs in".to_owned(),
                    key => format!("{key:?}"),
                };
                Err(Error::new(
                    ErrorKind::TooLarge,
                    format!(
                        "with {with} the session's data would be {length} bytes, and the store takes {max}"
                    ),
                ))
            }
            Self::Cookie(cookie) => {
                let length = claims::len(principal, label, data);
                let of = |value: usize| claims::entry_len(key, value);
                let replaced = data.get(key).map_or(0, |value| of(value.len()));
                cookie.check(length - replaced + of(value))
            }
        }
    }
}
