//! Names a value in a session, and says its type.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::{Error, ErrorKind};

/// Names a value in a session and says its type, so that reading and writing it need no annotation.
///
/// ```
/// # use cloakroom::Key;
/// const VISITS: Key<u64> = Key::new("visits");
/// ```
///
/// A name that is empty or longer than 255 bytes does not compile, and neither does one that begins with `cloakroom.`,
/// which is what the library keeps:
///
/// ```compile_fail
/// # use cloakroom::Key;
/// const NAMELESS: Key<u64> = Key::new("");
/// ```
///
/// ```compile_fail
/// # use cloakroom::Key;
/// const OURS: Key<u64> = Key::new("cloakroom.flash");
/// ```
pub struct Key<T> {
    name: Name,
    // A key makes values of T and holds none, so it is Send and Sync whatever T is.
    value: PhantomData<fn() -> T>,
}

#[derive(Clone)]
enum Name {
    Constant(&'static str),
    Shared(Arc<str>),
}

impl<T> Key<T> {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// A key of this name, for a constant: checked when the program is compiled.
    ///
    /// # Panics
    ///
    /// When the name is empty, longer than [`Self::MAX_LEN`] bytes or the library's. In a constant that is a compile
    /// error.
    #[allow(clippy::panic)] // in a constant, where it is a compile error
    pub const fn new(name: &'static str) -> Self {
        assert!(
            !name.is_empty() && name.len() <= Self::MAX_LEN,
            "a key is 1 to 255 bytes long"
        );
        assert!(
            !is_reserved(name),
            "keys that begin with \"cloakroom.\" are the library's"
        );
        Self::reserved(name)
    }

    /// A key of the library's own, which no application can name.
    pub(crate) const fn reserved(name: &'static str) -> Self {
        Self {
            name: Name::Constant(name),
            value: PhantomData,
        }
    }

    /// A key whose name is known only at run time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when the name is empty, longer than [`Self::MAX_LEN`] bytes or the library's.
    pub fn parse(name: impl Into<Arc<str>>) -> Result<Self, Error> {
        let name = name.into();
        if is_reserved(&name) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the key {name:?} is one of the library's"),
            ));
        }
        if (1..=Self::MAX_LEN).contains(&name.len()) {
            Ok(Self {
                name: Name::Shared(name),
                value: PhantomData,
            })
        } else {
            Err(Error::new(
                ErrorKind::Invalid,
                format!("a key is 1 to 255 bytes long, not {}", name.len()),
            ))
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Constant(name) => name,
            Name::Shared(name) => name,
        }
    }
}

/// Whether only the library names values so.
const fn is_reserved(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        [b'c', b'l', b'o', b'a', b'k', b'r', b'o', b'o', b'm', b'.', ..]
    )
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            value: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name()).finish()
    }
}
