//! The conformance suite: what every store must do, as tests that a store of your own runs.
