//! Ending one session.

use cloakroom_store::{Delete, Deleted};

use super::failure::Fault;
use super::job::Verb;
use super::tables::Tables;

impl Verb for Delete {
    type Answer = Deleted;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Deleted, Fault> {
        let Some(found) = tables.find(&self.namespace, &self.id)? else {
            return Ok(Deleted::Missing);
        };
        if !self.owner.allows(found.principal.as_ref()) {
            return Ok(Deleted::NotOwner);
        }
        tables.remove(&self.namespace, &self.id, &found)?;
        Ok(Deleted::Ended)
    }
}
