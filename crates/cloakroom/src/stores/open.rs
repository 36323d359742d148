//! Opens a store by its URL: for programs that are told where to keep sessions.

use cloakroom_store::{AnyCounters, AnyMarks, AnyStore, Error, ErrorKind, Store};

/// Opens the store that a URL names.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `memory:` | `Memory` with its default limit | `memory` |
/// | `disk:PATH` | `Disk` in the directory `PATH` | `disk` |
/// | `sqlite:PATH` | `Sqlite` in the file `PATH` | `sqlite` |
/// | `redis://…`, `rediss://…`, `redis+unix://…` | `Redis`, with TLS where it says `rediss` | `redis` |
/// | `redis-sentinel://…`, `rediss-sentinel://…` | `Redis` at the master that sentinels know | `redis` |
/// | `redis-cluster://…`, `rediss-cluster://…` | `RedisCluster` | `redis` |
/// | `memcache://…`, `memcache+unix://…` | `Memcached` | `memcached` |
/// | `postgres://…`, `postgresql://…` | `Postgres` | `postgres` |
/// | `mysql://…`, `mariadb://…` | `Mysql` | `mysql` |
///
/// Each store's own page says how its URL goes on, and which options it takes.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// let store = cloakroom::stores::open("memory:").await?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`ErrorKind::Misconfigured`] when no store has this scheme, or the one that has was not compiled in: the message says
/// which there are, and which feature is missing. It never repeats more of the URL than its scheme. Otherwise what
/// opening the store says.
pub async fn open(url: &str) -> Result<AnyStore, Error> {
    Ok(open_all(url).await?.store)
}

/// Opens what a URL names to keep marks in, which sealed sessions need: any store of [`open`] but Memcached.
///
/// # Errors
///
/// Those of [`open`], and [`ErrorKind::Unsupported`] for a store that keeps no marks.
pub async fn open_marks(url: &str) -> Result<AnyMarks, Error> {
    let Opened { store, marks, .. } = open_all(url).await?;
    marks.ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} keeps no marks: it has no order to tell them in and may evict them; take redis, postgres, mysql, \
                 sqlite or disk for them",
                store.capabilities().name
            ),
        )
    })
}

/// Opens what a URL names to count in, which [`Attempts`](crate::Attempts) need: any store of [`open`].
///
/// # Errors
///
/// Those of [`open`].
pub async fn open_counters(url: &str) -> Result<AnyCounters, Error> {
    Ok(open_all(url).await?.counters)
}

/// A store, and the same for whatever else it can keep: made by [`open_all`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Opened {
    /// Keeps sessions.
    pub store: AnyStore,
    /// Keeps marks, if it can.
    pub marks: Option<AnyMarks>,
    /// Counts.
    pub counters: AnyCounters,
}

/// Opens the store that a URL names once, for all that it can keep: what is on a disk is opened by one at a time.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// use cloakroom::{Sessions, stores};
///
/// let opened = stores::open_all("memory:").await?;
/// let sessions = Sessions::new(opened.store);
/// let attempts = sessions.attempts(opened.counters);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Those of [`open`].
pub async fn open_all(url: &str) -> Result<Opened, Error> {
    let parts = url.split_once(':').ok_or_else(|| {
        misconfigured(format!(
            "a store URL begins with a scheme and a colon: {} are known",
            known()
        ))
    })?;
    match parts {
        #[cfg(feature = "memory")]
        ("memory", "") => Ok(all(super::memory::Memory::default())),
        #[cfg(feature = "memory")]
        ("memory", _) => Err(misconfigured(
            "the URL of the memory store is `memory:`, with nothing behind it",
        )),
        #[cfg(feature = "disk")]
        ("disk", path) => Ok(all(super::disk::Disk::open(given(path, "disk")?).await?)),
        #[cfg(feature = "sqlite")]
        ("sqlite", path) => Ok(all(super::sqlite::Sqlite::open(given(path, "sqlite")?).await?)),
        #[cfg(feature = "redis")]
        ("redis-cluster" | "rediss-cluster", _) => Ok(all(super::redis::RedisCluster::connect(url).await?)),
        #[cfg(feature = "redis")]
        ("redis" | "rediss" | "redis+unix" | "redis-sentinel" | "rediss-sentinel", _) => {
            Ok(all(super::redis::Redis::connect(url).await?))
        }
        #[cfg(feature = "memcached")]
        ("memcache" | "memcache+unix" | "memcaches", _) => {
            let store = super::memcached::Memcached::connect(url).await?;
            Ok(Opened {
                store: AnyStore::new(store.clone()),
                marks: None,
                counters: AnyCounters::new(store),
            })
        }
        #[cfg(feature = "postgres")]
        ("postgres" | "postgresql", _) => Ok(all(super::postgres::Postgres::connect(url).await?)),
        #[cfg(feature = "mysql")]
        ("mysql" | "mariadb", _) => Ok(all(super::mysql::Mysql::connect(url).await?)),
        (scheme, _) => Err(not_there(scheme)),
    }
}

#[cfg(any(
    feature = "disk",
    feature = "memory",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "sqlite"
))]
fn all(store: impl Store + cloakroom_store::Marks + cloakroom_store::Counters + Clone) -> Opened {
    Opened {
        store: AnyStore::new(store.clone()),
        marks: Some(AnyMarks::new(store.clone())),
        counters: AnyCounters::new(store),
    }
}

/// The stores there are: what their URLs look like, and the feature that has them.
const STORES: &[(&str, &str)] = &[
    ("memory:", "memory"),
    ("disk:PATH", "disk"),
    ("sqlite:PATH", "sqlite"),
    ("redis://", "redis"),
    ("rediss://", "redis"),
    ("redis+unix://", "redis"),
    ("redis-sentinel://", "redis"),
    ("rediss-sentinel://", "redis"),
    ("redis-cluster://", "redis"),
    ("rediss-cluster://", "redis"),
    ("memcache://", "memcached"),
    ("memcache+unix://", "memcached"),
    ("postgres://", "postgres"),
    ("postgresql://", "postgres"),
    ("mysql://", "mysql"),
    ("mariadb://", "mysql"),
];

/// What a URL may begin with, as a message lists it.
fn known() -> String {
    let shapes: Vec<_> = STORES.iter().map(|(shape, _)| *shape).collect();
    shapes.join(", ")
}

/// What others call some of them, and how their URLs begin here.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("memcached", "memcache://"),
    ("sqlite3", "sqlite:PATH"),
    ("valkey", "redis://"),
    ("valkeys", "rediss://"),
];

/// Why nothing opens a URL of this scheme.
fn not_there(scheme: &str) -> Error {
    if let Some((name, shape)) = OTHER_NAMES.iter().find(|(name, _)| *name == scheme) {
        return misconfigured(format!("no store has the scheme `{name}:`: here it is `{shape}`"));
    }
    let store = STORES
        .iter()
        .find(|(shape, _)| shape.split(':').next() == Some(scheme));
    misconfigured(match store {
        Some((_, feature)) => {
            format!("the {feature} store is not in this build: turn on the feature `{feature}` of cloakroom")
        }
        None => format!(
            "no store has the scheme `{}:`: {} are known",
            scheme.escape_debug(),
            known()
        ),
    })
}

#[cfg(any(feature = "disk", feature = "sqlite"))]
fn given<'a>(path: &'a str, store: &str) -> Result<&'a str, Error> {
    if path.is_empty() {
        return Err(misconfigured(format!(
            "the URL of the {store} store is `{store}:PATH`, and here the path is missing"
        )));
    }
    // Elsewhere `//` begins a host or is left out, and here it would be the root of the disk; `///` is that everywhere.
    let path_of_url = path.starts_with("//") && !path.starts_with("///");
    if path_of_url || path.contains('?') {
        return Err(misconfigured(format!(
            "the URL of the {store} store is `{store}:PATH`, without `//` and options: `{store}:./PATH` begins in the \
             working directory, `{store}:/PATH` at the root; options are set in code"
        )));
    }
    Ok(path)
}

fn misconfigured(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a URL that no store here opens: asked of the message itself, since here all are compiled in.
    #[test]
    fn a_store_that_was_not_compiled_in_names_its_feature() {
        for (scheme, feature) in [
            ("memory", "memory"),
            ("disk", "disk"),
            ("sqlite", "sqlite"),
            ("redis", "redis"),
            ("rediss", "redis"),
            ("redis+unix", "redis"),
            ("redis-sentinel", "redis"),
            ("rediss-sentinel", "redis"),
            ("redis-cluster", "redis"),
            ("rediss-cluster", "redis"),
            ("memcache", "memcached"),
            ("memcache+unix", "memcached"),
            ("postgres", "postgres"),
            ("postgresql", "postgres"),
            ("mysql", "mysql"),
            ("mariadb", "mysql"),
        ] {
            let error = not_there(scheme);
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{scheme}");
            let says = format!("turn on the feature `{feature}` of cloakroom");
            assert!(error.to_string().contains(&says), "{scheme}: {error}");
        }
    }
}
