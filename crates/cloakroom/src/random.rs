//! Randomness, from the operating system only.

use std::fmt;
use std::sync::Arc;

use crate::{Error, ErrorKind};

/// Where random bytes come from: the operating system, or what a test put in its place.
#[derive(Clone, Default)]
pub(crate) struct Random(Option<Arc<Fill>>);

type Fill = dyn Fn(&mut [u8]) -> Result<(), Error> + Send + Sync;

impl Random {
    /// Takes randomness from a function: for tests of what a broken or repeating source does.
    #[cfg(any(all(test, feature = "memory"), feature = "testing"))]
    pub(crate) fn fake(fill: impl Fn(&mut [u8]) -> Result<(), Error> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(fill)))
    }

    /// Draws random bytes. There is no fallback: a source that fails is an error.
    pub(crate) fn draw<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        match &self.0 {
            None => getrandom::fill(&mut bytes).map_err(|error| {
                Error::new(ErrorKind::Unavailable, "the operating system gave no randomness")
                    .with_source(error.to_string())
            })?,
            Some(fill) => fill(&mut bytes)?,
        }
        Ok(bytes)
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Random(fake)"
        } else {
            "Random(operating system)"
        })
    }
}
