//! The memory store keeps every rule of the store contract.

#![cfg(feature = "memory")]

use cloakroom::stores::Memory;
use cloakroom_store::conformance;

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    conformance::run(Memory::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_marks() {
    conformance::run_marks(Memory::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_counts() {
    conformance::run_counters(Memory::default()).await;
}
