//! Starts the program, and opens websockets to it.

use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use visitor::{Program, Visitor};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The program asks every second. A machine with other things to do gets many times that.
pub const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

pub fn start(directory: &TempDir) -> Program {
    let file = directory.path().join("sessions.db");
    Program::start_with(PROGRAM, &[file.to_str().unwrap()])
}

/// Opens a websocket with the cookies of this browser, from a page of this origin.
pub async fn talk(program: &Program, browser: &Visitor, origin: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/talk", program.address()).into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("cookie", browser.cookie().parse().unwrap());
    headers.insert("origin", origin.parse().unwrap());
    Ok(connect_async(request).await?.0)
}

/// Opens one from a page of its own.
pub async fn talk_here(program: &Program, browser: &Visitor) -> Socket {
    let origin = format!("http://{}", program.address());
    talk(program, browser, &origin).await.unwrap()
}
