//! What adapters to frameworks share: it speaks bytes and strings, and knows no framework's types.

pub(crate) mod caching;
pub(crate) mod sign_in;
mod slot;

pub(crate) use slot::{Finish, Finishing, Slot};
