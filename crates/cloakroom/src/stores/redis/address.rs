//! Where a server is and how one signs in: what the URL says, read once.

use std::fmt;
use std::path::PathBuf;

use cloakroom_store::{Error, ErrorKind};
use redis::RedisConnectionInfo;

use super::super::url::{Host, StoreUrl};

/// The schemes of the URLs of this store.
pub(super) const SCHEMES: &[&str] = &[
    "redis",
    "rediss",
    "redis+unix",
    "redis-sentinel",
    "rediss-sentinel",
];

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Where the server is, with the credentials for it.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) place: Place,
    /// Whether the connection is encrypted.
    pub(super) tls: bool,
    pub(super) login: RedisConnectionInfo,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Host {
        name: String,
        port: u16,
    },
    Socket(PathBuf),
    /// Wherever these sentinels say that the primary of this name is.
    Sentinel(Sentinels),
}

/// Who knows where the primary is.
#[derive(Clone)]
pub(super) struct Sentinels {
    pub(super) places: Vec<Place>,
    pub(super) primary: String,
    pub(super) login: RedisConnectionInfo,
}

impl Address {
    /// Takes the address and the credentials out of a URL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`], saying what is missing or too much.
    pub(super) fn take(url: &mut StoreUrl) -> Result<Self, Error> {
        let tls = url.scheme.starts_with("rediss");
        let (place, database) = match url.scheme.as_str() {
            "redis+unix" => socket(url)?,
            "redis-sentinel" | "rediss-sentinel" => sentinels(url)?,
            _ => host(url)?,
        };
        Ok(Self {
            place,
            tls,
            login: login(url.user.as_deref(), url.password.as_deref()).set_db(database),
        })
    }
}

fn host(url: &StoreUrl) -> Result<(Place, i64), Error> {
    match &*url.hosts {
        [host] => Ok((place(host, PORT), database(url, &url.path)?)),
        [] => Err(wrong(url, "the host is missing")),
        _ => Err(wrong(
            url,
            "one host is expected: several are sentinels (redis-sentinel://) or a cluster (redis-cluster://)",
        )),
    }
}

fn socket(url: &mut StoreUrl) -> Result<(Place, i64), Error> {
    if !url.hosts.is_empty() || url.path.is_empty() {
        return Err(wrong(
            url,
            "the path of the socket is expected behind three slashes: redis+unix:///run/redis.sock",
        ));
    }
    let path = PathBuf::from(format!("/{}", url.path));
    let number = url.option("db").unwrap_or_default();
    Ok((Place::Socket(path), database(url, &number)?))
}

fn sentinels(url: &mut StoreUrl) -> Result<(Place, i64), Error> {
    let (primary, number) = match url.path.split_once('/') {
        Some((primary, number)) => (primary.to_owned(), number.to_owned()),
        None => (url.path.clone(), String::new()),
    };
    if url.hosts.is_empty() || primary.is_empty() {
        return Err(wrong(
            url,
            "the sentinels and the name of the primary are expected: redis-sentinel://one:26379,two:26379/mymaster",
        ));
    }
    let (user, password) = (url.option("sentinel_user"), url.option("sentinel_password"));
    let sentinels = Sentinels {
        places: url.hosts.iter().map(|host| place(host, SENTINEL_PORT)).collect(),
        primary,
        login: login(user.as_deref(), password.as_deref()),
    };
    Ok((Place::Sentinel(sentinels), database(url, &number)?))
}

fn place(host: &Host, usual: u16) -> Place {
    Place::Host {
        name: host.name.clone(),
        port: host.port_or(usual),
    }
}

fn database(url: &StoreUrl, number: &str) -> Result<i64, Error> {
    if number.is_empty() {
        return Ok(0);
    }
    let read = number.parse().ok().filter(|number| *number >= 0);
    read.ok_or_else(|| wrong(url, "the number of a database is expected at the end, such as /0"))
}

fn login(user: Option<&str>, password: Option<&str>) -> RedisConnectionInfo {
    let mut login = RedisConnectionInfo::default().set_lib_name("cloakroom", env!("CARGO_PKG_VERSION"));
    if let Some(user) = user {
        login = login.set_username(user);
    }
    if let Some(password) = password {
        login = login.set_password(password);
    }
    login
}

fn wrong(url: &StoreUrl, what: &str) -> Error {
    Error::new(ErrorKind::Misconfigured, format!("in {url}: {what}"))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { name, port } if name.contains(':') => write!(f, "[{name}]:{port}"),
            Self::Host { name, port } => write!(f, "{name}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Sentinel(sentinels) => write!(f, "the primary `{}`", sentinels.primary.escape_debug()),
        }
    }
}

/// Without the credentials.
impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels")
            .field("places", &self.places)
            .field("primary", &self.primary)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Sentinels {
    fn eq(&self, other: &Self) -> bool {
        (&self.places, &self.primary) == (&other.places, &other.primary)
    }
}

impl Eq for Sentinels {}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Result<Address, Error> {
        let mut url = StoreUrl::parse(text, SCHEMES)?;
        let address = Address::take(&mut url)?;
        url.nothing_left()?;
        Ok(address)
    }

    #[test]
    fn every_kind_of_url_is_read() {
        let host = |name: &str, port| Place::Host {
            name: name.to_owned(),
            port,
        };
        let address = taken("redis://bob:secret@[::1]/3").unwrap();
        assert_eq!((address.place, address.tls), (host("::1", 6379), false));
        assert_eq!(address.login.db(), 3);
        assert_eq!(address.login.username(), Some("bob"));
        assert_eq!(address.login.password(), Some("secret"));

        let address = taken("rediss://host:7").unwrap();
        assert_eq!((address.place, address.tls), (host("host", 7), true));

        let address = taken("redis+unix:///run/redis.sock?db=2").unwrap();
        assert_eq!(address.place, Place::Socket("/run/redis.sock".into()));
        assert_eq!(address.login.db(), 2);

        let url = "rediss-sentinel://:secret@one,two:7/mymaster/4?sentinel_password=other";
        let address = taken(url).unwrap();
        let Place::Sentinel(sentinels) = address.place else {
            panic!("these are sentinels");
        };
        assert_eq!(sentinels.places, [host("one", 26379), host("two", 7)]);
        assert_eq!(sentinels.primary, "mymaster");
        assert_eq!(sentinels.login.password(), Some("other"));
        assert_eq!((address.login.db(), address.tls), (4, true));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (wrong, says) in [
            ("redis://", "the host is missing"),
            ("redis://one,two", "redis-sentinel://"),
            ("redis://host/zero", "number of a database"),
            ("redis://host/-1", "number of a database"),
            ("redis+unix://run/redis.sock", "three slashes"),
            ("redis-sentinel://one", "name of the primary"),
            ("redis-sentinel://one/mymaster/x", "number of a database"),
            ("redis://host?db=1", "not known"),
        ] {
            let error = taken(wrong).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{wrong}");
            assert!(error.to_string().contains(says), "{wrong}: {error}");
        }
    }
}
