//! Runs the probe until it is killed.

use std::io::Write as _;

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::{Options, Pause, app};

/// Serves what the options ask for, and says `listening on` with the address once it does.
///
/// # Errors
///
/// When the options make no sense, or the store or the address cannot be used.
pub async fn serve(options: &Options) -> anyhow::Result<()> {
    let sessions = options.sessions().await?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("--listen {}", options.listen))?;
    let _sweeper = sessions.sweeper().start();
    let _refreshing = sessions.revocations_refresher().start();
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", listener.local_addr()?)?;
    stdout.flush()?;
    axum::serve(listener, app(&sessions, Pause::default())).await?;
    Ok(())
}
