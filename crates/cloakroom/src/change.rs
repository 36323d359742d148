//! What a request did to its session, as operations that can be applied again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_store::Principal;

use crate::data::Data;
use crate::settle::{DataChange, Wanted};
use crate::sign_in::CheckedSignIn;
use crate::{Error, ErrorKind};

/// One thing a request did to its session.
///
/// Changes are recorded, not the state they lead to, so that they can be applied to what a neighbour wrote
/// meanwhile.
#[derive(Clone)]
pub(crate) enum Change {
    Set { key: String, value: Vec<u8> },
    Remove { key: String },
    Update { key: String, update: Update },
    Clear,
    SignIn(CheckedSignIn),
    Rotate,
}

impl fmt::Debug for Change {
    /// Names keys, never values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set { key, .. } => write!(f, "Set({key:?})"),
            Self::Remove { key } => write!(f, "Remove({key:?})"),
            Self::Update { key, .. } => write!(f, "Update({key:?})"),
            Self::Clear => f.write_str("Clear"),
            Self::SignIn(sign_in) => write!(f, "SignIn({:?})", sign_in.principal),
            Self::Rotate => f.write_str("Rotate"),
        }
    }
}

/// Makes a value's JSON from the JSON that is there. May run several times.
#[derive(Clone)]
pub(crate) struct Update {
    // Guards nothing but the right to call it from one thread at a time: the closure need not be `Sync`. Nobody
    // waits for it, since only the request's own commit, one at a time, calls a closure again.
    closure: Arc<Mutex<Closure>>,
}

type Closure = Box<dyn Fn(Option<&[u8]>) -> Result<Vec<u8>, Error> + Send>;

impl Update {
    pub(crate) fn new(closure: impl Fn(Option<&[u8]>) -> Result<Vec<u8>, Error> + Send + 'static) -> Self {
        Self {
            closure: Arc::new(Mutex::new(Box::new(closure))),
        }
    }

    pub(crate) fn call(&self, present: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        (self.closure.lock().unwrap_or_else(PoisonError::into_inner))(present)
    }
}

/// The session as it looks after a request's changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) data: Data,
    pub(crate) principal: Option<Principal>,
    starts_over: bool,
}

impl View {
    pub(crate) fn new(data: Data, principal: Option<Principal>) -> Self {
        Self {
            data,
            principal,
            starts_over: false,
        }
    }

    /// The session after all these changes, none of which makes its data longer than `max_data` bytes.
    ///
    /// # Errors
    ///
    /// Of an update whose present value is not of its type, and [`ErrorKind::TooLarge`].
    pub(crate) fn replay(
        data: Data,
        principal: Option<Principal>,
        changes: &[Change],
        max_data: usize,
    ) -> Result<Self, Error> {
        let mut view = Self::new(data, principal);
        changes
            .iter()
            .try_for_each(|change| view.apply(change, max_data))?;
        Ok(view)
    }

    /// Applies one more change, or leaves everything as it is.
    ///
    /// # Errors
    ///
    /// As [`Self::replay`].
    pub(crate) fn apply(&mut self, change: &Change, max_data: usize) -> Result<(), Error> {
        match change {
            Change::Set { key, value } => self.set(key, value, max_data)?,
            Change::Remove { key } => self.data.remove(key),
            Change::Update { key, update } => {
                let value = update.call(self.data.get(key))?;
                self.set(key, &value, max_data)?;
            }
            Change::Clear => self.data = Data::default(),
            Change::SignIn(sign_in) => {
                if self
                    .principal
                    .as_ref()
                    .is_some_and(|principal| *principal != sign_in.principal)
                {
                    // One user's data never becomes another's.
                    self.data = Data::default();
                    self.starts_over = true;
                }
                self.principal = Some(sign_in.principal.clone());
            }
            Change::Rotate => {}
        }
        Ok(())
    }

    pub(crate) fn set(&mut self, key: &str, value: &[u8], max_data: usize) -> Result<(), Error> {
        let length = self.data.len_with(key, value.len());
        if length > max_data {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "with {key:?} the session's data would be {length} bytes, and the store takes {max_data}"
                ),
            ));
        }
        self.data.set(key, value);
        Ok(())
    }

    /// The session was written for `principal`; only `left` is still to be.
    pub(crate) fn is_written(&mut self, principal: Option<&Principal>, left: &[Change]) {
        let mut principal = principal;
        self.starts_over = false;
        for change in left {
            if let Change::SignIn(next) = change {
                self.starts_over |= principal.is_some_and(|principal| *principal != next.principal);
                principal = Some(&next.principal);
            }
        }
    }

    /// What the request wants of its session, compared with the data it loaded.
    pub(crate) fn wanted<'a>(&self, base: &Data, changes: &'a [Change]) -> Wanted<'a> {
        let data = match (self.data.as_bytes(), base.as_bytes()) {
            (now, before) if now == before => DataChange::None,
            ([], _) => DataChange::Emptied,
            _ => DataChange::Changed,
        };
        Wanted {
            data,
            sign_in: changes.iter().rev().find_map(|change| match change {
                Change::SignIn(sign_in) => Some(sign_in),
                _ => None,
            }),
            rotate: changes.iter().any(|change| matches!(change, Change::Rotate)),
            starts_over: self.starts_over,
        }
    }
}
