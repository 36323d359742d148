//! It runs, and a page that is only read asks Redis once in a while.

use cloakroom_testbed::redis::Redis;
use visitor::Program;

#[test]
fn reading_spares_redis() {
    let redis = Redis::start();
    let program = Program::start_with(env!("CARGO_BIN_EXE_hybrid-redis"), &[&redis.url()]);
    let mut alice = program.visitor();
    alice.post("/sign-in");
    assert_eq!(alice.post("/reserve"), "1 seats");
    let reads = || {
        let calls = redis.calls();
        calls
            .iter()
            .find(|(name, _)| name == "get")
            .map_or(0, |(_, calls)| *calls)
    };
    let before = reads();
    for _ in 0..50 {
        assert_eq!(alice.get("/"), "alice has 1 seats");
    }
    // Ten seconds are longer than this takes, but on the slowest of machines.
    assert!(
        reads() - before <= 10,
        "{} reads for 50 requests",
        reads() - before
    );
    // A browser that keeps no snapshot is served as well.
    assert_eq!(program.visitor().get("/"), "nobody");
    assert_eq!(alice.post("/reserve"), "2 seats");
    assert_eq!(alice.get("/"), "alice has 2 seats");
}
