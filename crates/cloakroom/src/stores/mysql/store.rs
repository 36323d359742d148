//! The verbs, in the order of the contract.

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Page, Revoke, Revoked, Store, Stored, Sweep,
    Swept, Touch, Touched, Write, Written,
};

use super::given_up::Kind;
use super::lease::{Answer, Refusal};
use super::values::Values;
use super::{Mysql, delete, list, revoke, row, sweep, write};

impl Store for Mysql {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        let values = || Values::of(&request.namespace).id(&request.id);
        let mut answer = self
            .read("load a session", include_str!("sql/load.sql"), values)
            .await?;
        answer.rows.pop().map(row::stored).transpose()
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        write::write(self, &request).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        let values = || {
            Values::default()
                .moment(request.last_seen)
                .moment(request.expires)
                .namespace(&request.namespace)
                .id(&request.id)
                .revision(request.revision)
        };
        let answer = self
            .ask("touch a session", include_str!("sql/touch.sql"), values)
            .await?;
        Ok(match answer.affected {
            0 => Touched::Refused,
            _ => Touched::Applied(request.revision),
        })
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        delete::delete(self, &request).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        list::list(self, &request).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        list::count(self, &request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        revoke::revoke(self, &request).await
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        sweep::sweep(self, &request).await
    }

    async fn ping(&self) -> Result<(), Error> {
        // A write that finds nothing: a server that only reads refuses it, and no replica is waited for.
        const NOTHING: &str = "DELETE FROM cloakroom_turns WHERE slot = -1";
        self.read("write", NOTHING, Values::default).await.map(drop)
    }

    fn capabilities(&self) -> Capabilities {
        self.0.card
    }
}

impl Mysql {
    /// Has the server carry out one statement that writes nothing, on a connection of its own for so long.
    pub(super) async fn read(
        &self,
        doing: &str,
        statement: &'static str,
        values: impl Fn() -> Values,
    ) -> Result<Answer, Error> {
        let mut lease = self.0.pool.lend().await?;
        let answer = lease.ask(doing, statement, values).await?;
        lease.give_back();
        Ok(answer)
    }

    /// Has the server carry out one statement, on a connection of its own for so long.
    pub(super) async fn ask(
        &self,
        doing: &str,
        statement: &'static str,
        values: impl Fn() -> Values,
    ) -> Result<Answer, Error> {
        Ok(self.try_ask(doing, statement, values).await?)
    }

    /// As [`ask`](Self::ask), for what may find that a key is taken.
    pub(super) async fn try_ask(
        &self,
        doing: &str,
        statement: &'static str,
        values: impl Fn() -> Values,
    ) -> Result<Answer, Refusal> {
        self.ask_at_place(Kind::Session, doing, statement, values).await
    }

    /// As [`try_ask`](Self::try_ask), at a place among the writes of its kind.
    pub(super) async fn ask_at_place(
        &self,
        kind: Kind,
        doing: &str,
        statement: &'static str,
        values: impl Fn() -> Values,
    ) -> Result<Answer, Refusal> {
        let lent = self.0.pool.lend_to_write(kind).await;
        let mut lease = lent.map_err(Refusal::Failed)?;
        let answer = lease.ask(doing, statement, values).await;
        if matches!(answer, Ok(_) | Err(Refusal::Exists)) {
            lease.give_back();
        }
        answer
    }
}
