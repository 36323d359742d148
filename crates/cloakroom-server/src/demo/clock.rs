//! The time.

use std::time::SystemTime;

use cloakroom::store::Timestamp;

/// The moment it is.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}
