//! Counts each client's visits, on tonic: a gRPC service of one call, `counter.Counter/Visit`.
//!
//! It is written by hand, so that nobody needs `protoc`; the handler, [`visit`], is what one writes for generated code, too.

use std::convert::Infallible;

use cloakroom::{ErrorKind, Key};
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// The path of the call.
pub const VISIT: &str = "/counter.Counter/Visit";

const VISITS: Key<u32> = Key::new("visits");

/// What is asked.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Visit {}

/// What is answered.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Visits {
    /// How many there were, this one included.
    #[prost(uint32, tag = "1")]
    pub number: u32,
}

/// Answers all calls.
pub async fn answer(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
    Ok(match request.uri().path() {
        VISIT => {
            let mut grpc = Grpc::new(ProstCodec::<Visits, Visit>::default());
            grpc.unary(service_fn(visit), request).await
        }
        _ => Status::unimplemented("there is only Visit").into_http(),
    })
}

async fn visit(request: Request<Visit>) -> Result<Response<Visits>, Status> {
    let (headers, extensions) = (request.metadata().as_ref(), request.extensions());
    let session = cloakroom::tower::session_from(headers, extensions)
        .await
        .map_err(refusal)?;
    session
        .update(VISITS, |seen| seen.unwrap_or(0) + 1)
        .map_err(refusal)?;
    let number = session.get(VISITS).map_err(refusal)?.unwrap_or(0);
    Ok(Response::new(Visits { number }))
}

/// The client learns the kind, and the log the story.
#[allow(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn refusal(error: cloakroom::Error) -> Status {
    eprintln!("{error}");
    let reason = error.kind().reason();
    match error.kind() {
        ErrorKind::Unavailable => Status::unavailable(reason),
        _ => Status::internal(reason),
    }
}
