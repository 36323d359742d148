//! One server: connects to it, signs in, and learns who it is.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError, Value};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::{Address, Place};
use super::{driver, failure, info, sentinel};

/// How to reach a server.
pub(super) struct Server {
    pub(super) address: Address,
    /// How it is called in messages.
    pub(super) shown: String,
    /// Set where the connection is encrypted.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) connect_timeout: Duration,
    /// How long it may take to answer one call.
    pub(super) operation_timeout: Duration,
    /// Set once the store has promised that nothing is dropped: from then on a server that evicts is refused.
    pub(super) must_keep_all: Arc<AtomicBool>,
}

/// A connection that was alive when it was last heard of.
pub(super) struct Live {
    pub(super) connection: MultiplexedConnection,
    /// Who is at the other end: another number after a restart or a failover, as far as the server says.
    pub(super) run: u64,
    /// Set once a call has learned that it is broken, which may be before the task that replaces it has.
    pub(super) is_broken: AtomicBool,
    /// Told when a call got no answer, or one that a primary does not give.
    pub(super) suspected: Notify,
    /// Where it leads to.
    pub(super) place: Place,
    /// How late the sentinels were that knew of it.
    pub(super) epoch: u64,
}

impl Live {
    /// Whether another connection leads to the same run of the same server.
    #[cfg(feature = "cached")]
    pub(super) fn is_same_server(&self, other: &Self) -> bool {
        (self.run, &self.place) == (other.run, &other.place)
    }
}

/// A connection, and the task that runs it: it ends when this is dropped.
pub(super) struct Connected {
    pub(super) live: Arc<Live>,
    pub(super) driving: JoinSet<()>,
}

/// What bytes go over.
pub(super) type Stream = Pin<Box<dyn Duplex>>;

/// Both directions of a connection.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Duplex for S {}

/// How many commands may wait for the driver. The bound of a call bounds how long.
const QUEUE: usize = 1024;

impl Server {
    /// Connects to the primary, within the time there is for it.
    ///
    /// # Errors
    ///
    /// When there is none: it refuses, it is a replica, it evicts and must not, or it takes too long.
    pub(super) async fn connect(&self) -> Result<Connected, RedisError> {
        self.connect_as(&self.address.login, Self::configuration()).await
    }

    /// As [`connect`](Self::connect), for a connection of another kind.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub(super) async fn connect_as(
        &self,
        login: &RedisConnectionInfo,
        configuration: AsyncConnectionConfig,
    ) -> Result<Connected, RedisError> {
        let late = || {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {:?}", self.connect_timeout),
            )
        };
        timeout(self.connect_timeout, self.connect_unbounded(login, configuration))
            .await
            .unwrap_or_else(|_elapsed| Err(late().into()))
    }

    async fn connect_unbounded(
        &self,
        login: &RedisConnectionInfo,
        configuration: AsyncConnectionConfig,
    ) -> Result<Connected, RedisError> {
        let (place, epoch) = match &self.address.place {
            Place::Sentinel(sentinels) => {
                // Those that do not answer must leave time to connect.
                let found = sentinel::primary(self, sentinels, self.connect_timeout / 2).await?;
                (found.place, found.epoch)
            }
            place => (place.clone(), 0),
        };
        let (connection, driving) = self.open_as(&place, login, configuration).await?;
        let (mut asking, mut run) = (connection.clone(), 0);
        let mut questions = redis::pipe();
        questions.cmd("ROLE").cmd("INFO").arg("server");
        questions.cmd("INFO").arg("memory");
        let answers = asking.send_packed_commands(&questions, 0, 3).await?;
        if let [role, about, memory] = &*answers {
            may_not_be_replica(role)?;
            run = info::run(about);
            if self.must_keep_all.load(Ordering::Relaxed) {
                // Where it does not let us ask, or cannot answer yet, that is the matter.
                let memory = memory.clone().extract_error()?;
                if info::evicts(&memory) {
                    return Err(io::Error::other(failure::EVICTS).into());
                }
            }
        }
        let live = Arc::new(Live {
            connection,
            run,
            is_broken: AtomicBool::new(false),
            suspected: Notify::new(),
            place,
            epoch,
        });
        // One that was frozen meanwhile may have been replaced, and has not heard of it: what it takes is lost.
        if !self.is_current(&live).await {
            return Err(io::Error::other("the sentinels have chosen another primary").into());
        }
        Ok(Connected { live, driving })
    }

    /// Opens a connection and signs in, whoever is there.
    pub(super) async fn open(
        &self,
        place: &Place,
        login: &RedisConnectionInfo,
    ) -> Result<(MultiplexedConnection, JoinSet<()>), RedisError> {
        self.open_as(place, login, Self::configuration()).await
    }

    /// How our connections behave: what bounds a call is ours.
    pub(super) fn configuration() -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_connection_timeout(None)
            .set_pipeline_buffer_size(QUEUE)
    }

    async fn open_as(
        &self,
        place: &Place,
        login: &RedisConnectionInfo,
        configuration: AsyncConnectionConfig,
    ) -> Result<(MultiplexedConnection, JoinSet<()>), RedisError> {
        let stream = self.stream(place).await?;
        let (connection, driver) =
            MultiplexedConnection::new_with_config(login, stream, configuration).await?;
        let mut driving = JoinSet::new();
        driving.spawn(driver::drive(driver));
        Ok((connection, driving))
    }

    /// Opens what bytes go over.
    pub(super) async fn stream(&self, place: &Place) -> io::Result<Stream> {
        match place {
            Place::Host { name, port } => {
                let stream = TcpStream::connect((name.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                let Some(config) = &self.tls else {
                    return Ok(Box::pin(stream));
                };
                let name = ServerName::try_from(name.clone()).map_err(io::Error::other)?;
                let greeting = TlsConnector::from(Arc::clone(config)).connect(name, stream);
                // A server without TLS may wait for the rest of what it takes for a command: that is said before the
                // time is up.
                match timeout(self.connect_timeout.mul_f32(0.9), greeting).await {
                    Ok(Ok(stream)) => Ok(Box::pin(stream)),
                    Ok(Err(error)) if is_no_tls(&error) => Err(io::Error::new(
                        error.kind(),
                        format!("{}: {error}", failure::NOT_TLS),
                    )),
                    Ok(Err(error)) => Err(error),
                    Err(_elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, failure::NOT_TLS)),
                }
            }
            Place::Socket(path) => Ok(Box::pin(UnixStream::connect(path).await?)),
            Place::Sentinel(_) => Err(io::Error::other(
                "sentinels say where the server is, they are not it",
            )),
        }
    }

    /// Whether a connection still leads to a primary that answers.
    pub(super) async fn answers(&self, live: &Live) -> bool {
        let mut asking = live.connection.clone();
        let role = redis::cmd("ROLE");
        match timeout(self.operation_timeout, asking.send_packed_command(&role)).await {
            Ok(Ok(role)) => may_not_be_replica(&role).is_ok(),
            _ => false,
        }
    }

    /// Whether the primary is still where a connection leads to, as far as sentinels know.
    pub(super) async fn is_current(&self, live: &Live) -> bool {
        let Place::Sentinel(sentinels) = &self.address.place else {
            return true;
        };
        // While one connects there is this much time for it, too.
        match sentinel::primary(self, sentinels, self.connect_timeout / 4).await {
            Ok(found) => !found.contradicts(&live.place, live.epoch),
            // That nobody knows is no reason to leave a server that answers.
            Err(_) => true,
        }
    }

    /// Whether sentinels say where the primary is.
    pub(super) fn has_sentinels(&self) -> bool {
        matches!(self.address.place, Place::Sentinel(_))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.shown).finish()
    }
}

/// Whether a server answered a greeting of TLS with something else, or hung up.
fn is_no_tls(error: &io::Error) -> bool {
    let refused = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(refused, Some(rustls::Error::InvalidMessage(_))) || error.kind() == io::ErrorKind::UnexpectedEof
}

/// Fails when a server says that it is a replica. One that does not say who it is may be a primary.
fn may_not_be_replica(role: &Value) -> Result<(), RedisError> {
    let is_replica = match role {
        Value::Array(answer) => {
            matches!(answer.first(), Some(Value::BulkString(role)) if role == b"slave" || role == b"sentinel")
        }
        _ => false,
    };
    if is_replica {
        return Err(RedisError::from((
            ErrorKind::Server(redis::ServerErrorKind::ReadOnly),
            "READONLY: the server there is a replica",
        )));
    }
    // Without a password that it wants, this is the first that it refuses.
    match role {
        Value::ServerError(error) if error.code() == "NOAUTH" => Err(error.clone().into()),
        _ => Ok(()),
    }
}
