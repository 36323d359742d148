//! Removing what has expired: it costs as much as the index says has expired, not what lives.

use cloakroom_store::{Sweep, Swept};

use super::failure::Fault;
use super::job::Verb;
use super::tables::Tables;

/// How many entries of the index one step looks at, so that others do not wait long.
pub(super) const STEP: usize = 256;

impl Verb for Sweep {
    /// What this step did. That it removed nothing does not say that nothing is left.
    type Answer = Swept;

    /// What a crash brings back has expired, and is swept again.
    const DURABLE: bool = false;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Swept, Fault> {
        let most = self.limit.get().min(STEP);
        let entries = tables.expired(&self.namespace, self.expired_before, STEP + 1)?;
        let mut swept = Swept::new(0, false);
        for (looked_at, entry) in entries.iter().enumerate() {
            if looked_at == STEP || swept.removed == most as u64 {
                swept.more = true;
                break;
            }
            match tables.find(&self.namespace, &entry.id)? {
                Some(found) if found.expires < self.expired_before => {
                    tables.remove(&self.namespace, &entry.id, &found)?;
                    swept.removed += 1;
                }
                // It has been touched since it was filed.
                _ => tables.file_anew(&self.namespace, entry)?,
            }
        }
        Ok(swept)
    }
}
