//! Runs the probe until it is killed.

use std::io::Write as _;
use std::net::TcpListener;

use actix_web::{App, HttpServer};
use anyhow::Context as _;
use cloakroom::KeyFile;

use crate::{Framework, Options, Pause, actix_app, app};

/// Serves what the options ask for, and says `listening on` with the address once it does.
///
/// # Errors
///
/// When the options make no sense, or the keys, the store or the address cannot be used.
pub async fn serve(options: &Options) -> anyhow::Result<()> {
    let keys = options.key_ring()?;
    let sessions = options.sessions(keys.clone()).await?;
    let listener =
        TcpListener::bind(options.listen).with_context(|| format!("--listen {}", options.listen))?;
    let _sweeper = sessions.sweeper().start();
    let _refreshing = sessions.revocations_refresher().start();
    let file_and_keys = options.keys.as_ref().zip(keys);
    let _watching = file_and_keys.map(|(file, keys)| KeyFile::new(file).watch(&keys).start());
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", listener.local_addr()?)?;
    stdout.flush()?;
    match options.framework {
        Framework::Axum => {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, app(&sessions, Pause::default())).await?;
        }
        Framework::Actix => {
            let app = move || App::new().configure(actix_app(&sessions, Pause::default(), |_| ()));
            // A client that goes away takes its handler with it, as on axum.
            let server = HttpServer::new(app).h1_allow_half_closed(false);
            server.listen(listener)?.run().await?;
        }
    }
    Ok(())
}
