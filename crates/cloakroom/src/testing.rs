//! For the tests of an application: a browser's cookies, a clock that stands until it is moved, and randomness that fails.
//!
//! The guide [`testing`](crate::guide::testing) shows them at work.

mod clock;
mod cookie_jar;

pub use clock::ManualClock;
pub use cookie_jar::CookieJar;
