//! What a handler does with `delay_ms`, between asking for its session and using it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Waits in the middle of a handler, as long as `delay_ms` says.
///
/// The program sleeps. A test waits for whatever it means by the number instead, so that a race is forced and
/// not hoped for.
#[derive(Clone)]
pub struct Pause(Arc<dyn Fn(u64) -> Waiting + Send + Sync>);

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Pause {
    /// Waits until a future made from the number is ready.
    pub fn new<F>(wait: impl Fn(u64) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |number| Box::pin(wait(number))))
    }

    pub(crate) async fn wait(&self, number: Option<u64>) {
        if let Some(number) = number {
            (self.0)(number).await;
        }
    }
}

impl Default for Pause {
    /// Sleeps so many milliseconds.
    fn default() -> Self {
        Self::new(|millis| tokio::time::sleep(Duration::from_millis(millis)))
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pause(..)")
    }
}
