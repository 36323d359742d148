//! The contract, verb by verb.

use cloakroom_store::{
    Cap, Capabilities, Count, Delete, Deleted, Error, ErrorKind, Expect, List, Load, Page, Residence, Revoke,
    Revoked, Store, Stored, Sweep, Swept, Touch, Touched, Write, Written,
};

use super::Memcached;
use super::command::{Command, Only};

/// The stores that have what this one has not.
const OTHERS: &str = "memory, disk, redis, postgres, mysql and sqlite can";

impl Store for Memcached {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        let item = self.item(&request.namespace, request.id, "read a session from");
        item.read().await
    }

    /// One `ms` on the server, which compares and writes in one step.
    ///
    /// A server that was restarted counts its `cas` from the beginning, so a number may come again. It cannot
    /// bring a session back: the item is gone, and a write at a `cas` is refused where there is none. Nor can it
    /// be taken for the revision of another: that would need a session begun again under the same id, and ids are
    /// drawn at random, for one session each.
    async fn write(&self, request: Write) -> Result<Written, Error> {
        if request.cap != Cap::None {
            return Err(unsupported("limit the sessions of a principal"));
        }
        let only = match request.expect {
            Expect::Absent => Only::Absent,
            Expect::Revision(revision) => match revision.value() {
                // No item has it: to the server it means that it keeps none.
                0 => return Ok(Written::Refused),
                cas => Only::At(cas),
            },
        };
        let item = self.item(&request.namespace, request.id, "write a session to");
        Ok(match item.write(&request.record, only).await? {
            Some(revision) => Written::Applied {
                revision,
                ended: Vec::new(),
            },
            None => Written::Refused,
        })
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.touch_item(request).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.delete_item(request).await
    }

    async fn list(&self, _: List) -> Result<Page, Error> {
        Err(unsupported("list sessions"))
    }

    async fn count(&self, _: Count) -> Result<u64, Error> {
        Err(unsupported("count sessions"))
    }

    async fn revoke(&self, _: Revoke) -> Result<Revoked, Error> {
        Err(unsupported("end the sessions of a principal or of everyone"))
    }

    /// The servers forget what has expired by themselves.
    async fn sweep(&self, _: Sweep) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    async fn ping(&self) -> Result<(), Error> {
        const DOING: &str = "ping";
        let every = async {
            for server in &self.0.servers {
                let answer = server.ask(Command::Noop).await;
                answer.map_err(|failure| failure.of_asking(DOING, server.address()))?;
            }
            Ok(())
        };
        self.bounded(DOING, every).await
    }

    fn capabilities(&self) -> Capabilities {
        let mut card = Capabilities::new("memcached", Residence::Elsewhere).max_body(self.0.max_body);
        card.lists = false;
        card.revokes_by_principal = false;
        card.expires_by_itself = true;
        card.touch_moves_revision = true;
        card.may_evict = true;
        card
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("could not {what} in memcached, which has no index: {OTHERS}"),
    )
}
