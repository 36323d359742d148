//! What goes on though nobody waits for it any more: who comes next for the same session waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_store::{Id, Namespace};
use tokio::sync::watch;

type Key = (Namespace, Id);

/// The sessions that are being written in several steps by this process.
#[derive(Debug, Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>);

/// Says that one is over when it is dropped.
pub(super) struct Step {
    all: UnderWay,
    key: Key,
    /// Closed with this.
    _over: watch::Sender<()>,
}

impl UnderWay {
    /// Begins, once nobody else is at it.
    pub(super) async fn begin(&self, namespace: &Namespace, id: Id) -> Step {
        let key = (namespace.clone(), id);
        loop {
            self.over(namespace, id).await;
            let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !sessions.contains_key(&key) {
                let (sender, receiver) = watch::channel(());
                sessions.insert(key.clone(), receiver);
                return Step {
                    all: self.clone(),
                    key,
                    _over: sender,
                };
            }
        }
    }

    /// Waits until nobody is at it.
    pub(super) async fn over(&self, namespace: &Namespace, id: Id) {
        let receiver = {
            let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if sessions.is_empty() {
                return;
            }
            sessions.get(&(namespace.clone(), id)).cloned()
        };
        if let Some(mut receiver) = receiver {
            // An error is the end.
            let _ = receiver.changed().await;
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let mut sessions = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&self.key);
    }
}
