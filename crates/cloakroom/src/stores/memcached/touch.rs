//! Touching: the record with later times, written over exactly what was read.

use cloakroom_store::{Error, Stored, Touch, Touched};

use super::Memcached;
use super::command::Only;

const DOING: &str = "touch a session in";

impl Memcached {
    /// Reads and writes, because the times are in the item. The server's own touch (`T` on a read) would move its
    /// expiry for whoever comes, at whatever revision.
    pub(super) async fn touch_item(&self, request: Touch) -> Result<Touched, Error> {
        let item = self.item(&request.namespace, request.id, DOING);
        let touching = async {
            let Some(Stored { revision, record, .. }) = item.read().await? else {
                return Ok(Touched::Refused);
            };
            if revision != request.revision {
                return Ok(Touched::Refused);
            }
            let mut touched = record.clone();
            touched.last_seen = record.last_seen.max(request.last_seen);
            touched.expires = record.expires.max(request.expires);
            if (touched.last_seen, touched.expires) == (record.last_seen, record.expires) {
                return Ok(Touched::Applied(revision));
            }
            let written = item.write(&touched, Only::At(revision.value())).await?;
            Ok(written.map_or(Touched::Refused, Touched::Applied))
        };
        self.bounded(DOING, touching).await
    }
}
