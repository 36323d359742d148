//! What adapters to frameworks share: it speaks bytes and strings, and knows no framework's types.

pub(crate) mod caching;
mod slot;

pub(crate) use slot::{Finish, Finishing, Slot};
