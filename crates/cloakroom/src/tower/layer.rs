//! The layer itself.

use tower_layer::Layer;

use crate::Sessions;
use crate::tower::SessionService;

/// Gives the requests of a service a session to ask for. Made by [`Sessions::layer`].
#[derive(Debug, Clone)]
pub struct SessionLayer {
    sessions: Sessions,
}

impl Sessions {
    /// A tower layer that gives each request its session to ask for.
    ///
    /// A request that does not ask for it costs the store nothing.
    pub fn layer(&self) -> SessionLayer {
        SessionLayer {
            sessions: self.clone(),
        }
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService::new(inner, self.sessions.clone())
    }
}
