//! How the server is reached: over connections of the store's own, or through an application's pool.

use std::sync::Arc;

use cloakroom_store::Error;
use tokio_postgres::Client;

use super::aside::Aside;
use super::connections::Connections;
use super::given_up::{GivenUp, Work};
use super::opening::Opening;
#[cfg(feature = "deadpool-postgres_v0_14")]
use super::pool::Shared;
use super::statements::Prepared;

/// Asks the server. Each way answers within the time to wait and the time to operate.
pub(super) enum Reach {
    Own {
        requests: Connections,
        sweeping: Aside,
        listing: Aside,
        /// Requests wait for marks, and not behind a listing.
        learning: Aside,
        /// All marks of a namespace wait for one row: not where who reads them waits.
        marking: Aside,
        /// Whoever tries to sign in waits for a row that others write: not where those wait who are signed in or sign out.
        counting: Aside,
    },
    #[cfg(feature = "deadpool-postgres_v0_14")]
    Shared(Box<Shared>),
}

impl Reach {
    /// Opens connections of the store's own.
    ///
    /// # Errors
    ///
    /// As [`Connections::open`].
    pub(super) async fn open(opening: Arc<Opening>) -> Result<Self, Error> {
        let given_up = Arc::<GivenUp>::default();
        let aside = || Aside::new(Arc::clone(&opening), Arc::clone(&given_up));
        Ok(Self::Own {
            sweeping: aside(),
            listing: aside(),
            learning: aside(),
            marking: aside(),
            counting: aside(),
            requests: Connections::open(opening, given_up).await?,
        })
    }

    /// Asks one prepared statement.
    pub(super) async fn request<T>(
        &self,
        doing: &str,
        work: Work,
        ask: impl AsyncFnOnce(Prepared<'_>) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        match self {
            Self::Own { requests, .. } => requests.ask(doing, work, ask).await,
            #[cfg(feature = "deadpool-postgres_v0_14")]
            Self::Shared(shared) => shared.request(doing, work, ask).await,
        }
    }

    /// Asks what may take long and is not the sweeper's.
    pub(super) async fn list<T>(
        &self,
        doing: &str,
        work: Work,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        match self {
            Self::Own { listing, .. } => listing.ask(doing, work, ask).await,
            #[cfg(feature = "deadpool-postgres_v0_14")]
            Self::Shared(shared) => shared.ask(doing, work, ask).await,
        }
    }

    /// Asks what was marked, which may be much.
    pub(super) async fn learn<T>(
        &self,
        doing: &str,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        match self {
            Self::Own { learning, .. } => learning.ask(doing, Work::Reads, ask).await,
            #[cfg(feature = "deadpool-postgres_v0_14")]
            Self::Shared(shared) => shared.ask(doing, Work::Reads, ask).await,
        }
    }

    /// Sets a mark, by one statement that is not prepared.
    pub(super) async fn mark<T>(
        &self,
        doing: &str,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        match self {
            Self::Own { marking, .. } => marking.ask(doing, Work::Writes, ask).await,
            #[cfg(feature = "deadpool-postgres_v0_14")]
            Self::Shared(shared) => shared.mark(doing, ask).await,
        }
    }

    /// Counts, by one statement that is not prepared.
    pub(super) async fn count<T>(
        &self,
        doing: &str,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        match self {
            Self::Own { counting, .. } => counting.ask(doing, Work::Writes, ask).await,
            #[cfg(feature = "deadpool-postgres_v0_14")]
            Self::Shared(shared) => {
                shared
                    .request(doing, Work::Writes, async |prepared| ask(prepared.client).await)
                    .await
            }
        }
    }

    /// Asks what a sweeper asks.
    pub(super) async fn sweep<T>(
        &self,
        doing: &str,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        match self {
            Self::Own { sweeping, .. } => sweeping.ask(doing, Work::Writes, ask).await,
            #[cfg(feature = "deadpool-postgres_v0_14")]
            Self::Shared(shared) => shared.ask(doing, Work::Writes, ask).await,
        }
    }
}
