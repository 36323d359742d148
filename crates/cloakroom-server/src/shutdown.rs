//! When to stop: the terminal's Ctrl-C, or a service manager's request.

use std::io;

/// Answers a future that ends at the first signal to stop.
///
/// The signals are caught from here on, not only once the future is polled: none is lost while starting.
///
/// # Errors
///
/// When the system refuses to deliver signals.
#[cfg(unix)]
pub(crate) fn signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub(crate) fn signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // An error means that Ctrl-C cannot be caught: then it ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
