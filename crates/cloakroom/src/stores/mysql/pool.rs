//! The connections: lent for one call at a time, and only taken back when that call has been answered.
//!
//! The driver has a pool of its own. A caller that gives up while it looks whether a connection is alive costs that
//! pool a place for ever, and a connection that comes back in the middle of an answer is read to its end without a
//! bound, which on a server that is frozen is for ever as well. Here such a connection is closed.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cloakroom_store::{Error, ErrorKind};
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::dialing::Dialing;
use super::given_up::{BELIEVED, Kind, Place, Writes};
use super::lease::Lease;
use super::options::MysqlOptions;

/// Connections that nobody uses, and the right to use so many at a time.
pub(super) struct Pool {
    pub(super) dialing: Dialing,
    pub(super) wait_timeout: Duration,
    pub(super) operation_timeout: Duration,
    permits: Semaphore,
    pub(super) writes: Writes,
    /// The last one used is the first one lent. Locked for a push or a pop.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Conn,
    since: Instant,
}

/// What may be waited for, in messages.
const A_CONNECTION: &str =
    "a connection to be free: raise `connections`, or look for a server that is overloaded";
const A_TURN: &str = "others that count attempts or set marks, few of which may write at a time: look for what holds \
                      locks, or for who tries to sign in so often";
const AN_END: &str = "writes to end that were given up: see that a replica follows that the server waits for, and what \
                      holds locks";

/// After this long unused, a connection is asked whether it is still there before anything depends on it.
const FRESH: Duration = Duration::from_secs(2);

impl Pool {
    /// No connections yet.
    pub(super) fn new(dialing: Dialing, options: &MysqlOptions) -> Self {
        let connections = options.server.connections.get().min(Semaphore::MAX_PERMITS);
        Self {
            dialing,
            wait_timeout: options.server.wait_timeout,
            operation_timeout: options.server.operation_timeout,
            permits: Semaphore::new(connections),
            writes: Writes::new(connections),
            idle: Mutex::default(),
        }
    }

    /// Lends a connection to read, within the time to wait for one.
    pub(super) async fn lend(&self) -> Result<Lease<'_>, Error> {
        let mut waits_for = A_CONNECTION;
        let lent = timeout(self.wait_timeout, self.lease(&mut waits_for)).await;
        lent.unwrap_or_else(|_elapsed| Err(self.waited_for(waits_for)))
    }

    /// Lends a connection to write, within the same time.
    pub(super) async fn lend_to_write(&self, kind: Kind) -> Result<Lease<'_>, Error> {
        let mut waits_for = A_CONNECTION;
        let lending = async {
            let place = match self.writes.free_place(kind) {
                Some(place) => place,
                None => self.place_in_turn(kind, &mut waits_for).await?,
            };
            waits_for = A_CONNECTION;
            Ok(self.lease(&mut waits_for).await?.at_place(place))
        };
        let lent = timeout(self.wait_timeout, lending).await;
        lent.unwrap_or_else(|_elapsed| Err(self.waited_for(waits_for)))
    }

    /// Waits for a place among the writes, and looks now and then which of those that were given up are over.
    async fn place_in_turn(&self, kind: Kind, waits_for: &mut &'static str) -> Result<Place, Error> {
        let mut placed = pin!(self.writes.place(kind));
        loop {
            let freed = self
                .writes
                .free(async |given_up| self.lease(waits_for).await?.busy(given_up).await);
            tokio::select! {
                biased;
                place = &mut placed => return Ok(place),
                freed = freed => freed?,
            }
            *waits_for = match (self.writes.count_given_up(), kind) {
                (0, Kind::Session) => A_CONNECTION,
                (0, Kind::Counter | Kind::Mark) => A_TURN,
                _ => AN_END,
            };
            if let Ok(place) = timeout(BELIEVED, &mut placed).await {
                return Ok(place);
            }
        }
    }

    async fn lease(&self, waits_for: &mut &'static str) -> Result<Lease<'_>, Error> {
        let permit = self
            .permits
            .acquire()
            .await
            .expect("the semaphore of a pool is never closed");
        *waits_for = "the server to take a connection: check that it runs and can be reached from here";
        self.connection(permit).await
    }

    fn waited_for(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "could not use {}: waited {:?} for {what}",
                self.dialing.server, self.wait_timeout
            ),
        )
    }

    /// Takes a connection in that was made elsewhere.
    pub(super) fn adopt(&self, connection: Conn) {
        self.idle().push(Idle {
            connection,
            since: Instant::now(),
        });
    }

    /// Forgets the connections that nobody uses: the server that broke one has perhaps broken all.
    pub(super) fn forget(&self) {
        let forgotten = std::mem::take(&mut *self.idle());
        drop(forgotten);
    }

    async fn connection<'pool>(&'pool self, permit: SemaphorePermit<'pool>) -> Result<Lease<'pool>, Error> {
        while let Some(Idle {
            mut connection,
            since,
        }) = self.pop()
        {
            if since.elapsed() < FRESH || connection.ping().await.is_ok() {
                return Ok(Lease::new(self, permit, connection));
            }
            // It was closed while nobody used it, and the others perhaps too.
            self.forget();
        }
        Ok(Lease::new(self, permit, self.dialing.dial().await?))
    }

    fn pop(&self) -> Option<Idle> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
