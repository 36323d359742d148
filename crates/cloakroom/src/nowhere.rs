//! The store of those who have none: sealed sessions are in their cookies.

use std::future::{Future, ready};

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, ErrorKind, List, Load, Page, Residence, Revoke, Revoked,
    Store, Stored, Sweep, Swept, Touch, Touched, Write, Written,
};

/// A store that keeps nothing, says so on its card, and refuses everything.
///
/// Sealed sessions are listed, counted and ended one by one where sign-ins are registered. Where they are not, this
/// stands in place of the store of sign-ins.
#[derive(Debug)]
pub(crate) struct Nowhere;

fn refuse<T: Send>() -> impl Future<Output = Result<T, Error>> + Send {
    ready(Err(Error::new(
        ErrorKind::Unsupported,
        "sealed sessions are in their cookies: to list them, register sign-ins with `Revocations::register_in`",
    )))
}

impl Store for Nowhere {
    fn load(&self, _: Load) -> impl Future<Output = Result<Option<Stored>, Error>> + Send {
        refuse()
    }

    fn write(&self, _: Write) -> impl Future<Output = Result<Written, Error>> + Send {
        refuse()
    }

    fn touch(&self, _: Touch) -> impl Future<Output = Result<Touched, Error>> + Send {
        refuse()
    }

    fn delete(&self, _: Delete) -> impl Future<Output = Result<Deleted, Error>> + Send {
        refuse()
    }

    fn list(&self, _: List) -> impl Future<Output = Result<Page, Error>> + Send {
        refuse()
    }

    fn count(&self, _: Count) -> impl Future<Output = Result<u64, Error>> + Send {
        refuse()
    }

    fn revoke(&self, _: Revoke) -> impl Future<Output = Result<Revoked, Error>> + Send {
        refuse()
    }

    fn sweep(&self, _: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send {
        refuse()
    }

    fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send {
        ready(Ok(()))
    }

    fn capabilities(&self) -> Capabilities {
        let mut card = Capabilities::new("nowhere", Residence::Elsewhere).max_body(0);
        card.lists = false;
        card.revokes_by_principal = false;
        // There is nothing to sweep.
        card.expires_by_itself = true;
        card
    }
}
