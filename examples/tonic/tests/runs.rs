//! It runs, and counts.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use on_tonic::{VISIT, Visit, Visits};
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};
use tonic_prost::ProstCodec;
use visitor::Program;

/// Makes the call with a cookie, if there is one: the count, and the cookie that was set.
async fn visit(channel: &Channel, cookie: Option<&str>) -> (u32, Option<String>) {
    let mut request = Request::new(Visit {});
    if let Some(cookie) = cookie {
        request.metadata_mut().insert("cookie", cookie.parse().unwrap());
    }
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<Visit, Visits>::default();
    let answer = grpc.unary(request, VISIT.parse().unwrap(), codec).await.unwrap();
    let cookie = answer.metadata().get("set-cookie");
    let pair = cookie.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned());
    (answer.get_ref().number, pair)
}

#[tokio::test]
async fn each_client_has_its_own_count() {
    let program = Program::start(env!("CARGO_BIN_EXE_on-tonic"));
    let endpoint = Endpoint::try_from(format!("http://{}", program.address())).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let (number, alice) = visit(&channel, None).await;
    assert_eq!(number, 1);
    let alice = alice.expect("a session began");
    assert_eq!(visit(&channel, Some(&alice)).await, (2, None));
    assert_eq!(visit(&channel, None).await.0, 1);
    assert_eq!(visit(&channel, Some(&alice)).await, (3, None));
    // Two cookies of our name: nobody's.
    let (number, _) = visit(&channel, Some(&format!("{alice}; {alice}"))).await;
    assert_eq!(number, 1);
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<Visit, Visits>::default();
    let path = "/counter.Counter/Other".parse().unwrap();
    let refused = grpc.unary(Request::new(Visit {}), path, codec).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
