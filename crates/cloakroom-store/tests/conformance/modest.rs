//! A store whose card withdraws whatever a card can, as an engine of keys and values alone would.

use cloakroom_store::{
    Cap, Capabilities, Count, Delete, Deleted, Error, ErrorKind, List, Load, Page, Residence, Revoke,
    Revoked, Store, Stored, Sweep, Swept, Touch, Touched, Write, Written, conformance,
};

use crate::reference::Reference;

/// The reference store, without an index and with a server's own revisions.
#[derive(Default)]
struct Modest(Reference);

impl Store for Modest {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.0.load(request).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        match request.cap {
            Cap::None => self.0.write(request).await,
            _ => Err(unsupported("cap sessions")),
        }
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        let mut rows = self.0.rows();
        if rows.touch(&request) == Touched::Refused {
            return Ok(Touched::Refused);
        }
        let revision = rows.mint();
        if let Some(stored) = rows.sessions(&request.namespace).get_mut(&request.id) {
            stored.revision = revision;
        }
        Ok(Touched::Applied(revision))
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.0.delete(request).await
    }

    async fn list(&self, _: List) -> Result<Page, Error> {
        Err(unsupported("list sessions"))
    }

    async fn count(&self, _: Count) -> Result<u64, Error> {
        Err(unsupported("count sessions"))
    }

    async fn revoke(&self, _: Revoke) -> Result<Revoked, Error> {
        Err(unsupported("revoke sessions"))
    }

    async fn sweep(&self, _: Sweep) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    async fn ping(&self) -> Result<(), Error> {
        self.0.ping().await
    }

    fn capabilities(&self) -> Capabilities {
        let mut card = Capabilities::new("modest", Residence::Elsewhere).max_body(Reference::CARD.max_body);
        card.lists = false;
        card.revokes_by_principal = false;
        card.expires_by_itself = true;
        card.touch_moves_revision = true;
        card.may_evict = true;
        card
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the modest store cannot {what}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_conforms_when_its_card_withdraws_what_it_cannot() {
    conformance::run(Modest::default()).await;
}
