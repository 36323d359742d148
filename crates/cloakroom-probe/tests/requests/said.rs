//! What is said to the log, by the thread of a test and by threads that serve for it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

/// What was said, and is still being said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<u8>>>);

thread_local! {
    /// Where this thread's words go; nothing is kept on the threads of other tests.
    static HEARD: RefCell<Option<Said>> = const { RefCell::new(None) };
}

impl Said {
    /// Keeps what this thread says from now on.
    pub(crate) fn by_this_thread() -> Self {
        let said = Self::default();
        said.listen();
        said
    }

    /// Keeps what this thread says, too.
    pub(crate) fn listen(&self) {
        HEARD.set(Some(self.clone()));
    }

    /// Where this thread's words go, for threads that do its work.
    pub(crate) fn heard_here() -> Option<Self> {
        HEARD.with_borrow(Clone::clone)
    }

    pub(crate) fn say(&self, line: &str) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(line.as_bytes());
    }

    /// What was said since it was asked last.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
