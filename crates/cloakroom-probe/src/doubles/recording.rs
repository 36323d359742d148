//! Counts the requests that reach a store.

use std::sync::{Arc, Mutex, PoisonError};

use cloakroom::store::Error;

use super::{Hook, Verb};

/// Remembers each request that is sent to the store, in order.
#[derive(Debug, Clone, Default)]
pub struct Recording(Arc<Mutex<Vec<Verb>>>);

impl Recording {
    /// The requests since the last time they were taken.
    pub fn take(&self) -> Vec<Verb> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Hook for Recording {
    async fn around<T: Send>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(verb);
        call.await
    }
}
