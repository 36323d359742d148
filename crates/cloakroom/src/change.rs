//! What a request did to its session, as operations that can be applied again.

mod limit;
mod view;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Error;
use crate::sign_in::CheckedSignIn;

pub(crate) use limit::Limit;
pub(crate) use view::View;

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
