//! Serves the counter.
//!
//! ```sh
//! cargo run -p on-tonic          # in `examples`
//! ```

use cloakroom::Sessions;
use cloakroom::stores::Memory;
use on_tonic::answer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tower::service_fn;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Sessions::new(Memory::default());

    let listen = std::env::args().nth(1).unwrap_or("localhost:3000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Server::builder()
        .layer(sessions.layer())
        .serve_with_incoming(service_fn(answer), TcpListenerStream::new(listener))
        .await?;
    Ok(())
}
