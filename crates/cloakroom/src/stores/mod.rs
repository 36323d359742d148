//! The stores: each knows the contract, and nothing else of this crate.
