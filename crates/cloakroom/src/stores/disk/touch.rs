//! Moving last seen and the expiry forward.

use cloakroom_store::{Touch, Touched};

use super::failure::Fault;
use super::job::Verb;
use super::tables::Tables;

impl Verb for Touch {
    type Answer = Touched;

    /// The contract lets a crash take a touch back; what it costs is that somebody seems idle for a second longer.
    const DURABLE: bool = false;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Touched, Fault> {
        let touched = tables.touch(
            &self.namespace,
            &self.id,
            self.revision,
            self.last_seen,
            self.expires,
        )?;
        Ok(touched.map_or(Touched::Refused, Touched::Applied))
    }
}
