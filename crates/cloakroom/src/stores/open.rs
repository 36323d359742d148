//! Opens a store by its URL: for programs that are told where to keep sessions.

use cloakroom_store::{AnyStore, Error, ErrorKind};

/// What a URL may begin with, as a message lists it.
const KNOWN: &str = "memory: and disk:PATH";

/// Opens the store that a URL names.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `memory:` | `Memory` with its default limit | `memory` |
/// | `disk:PATH` | `Disk` in the directory `PATH` | `disk` |
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
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            format!("a store URL begins with a scheme and a colon: {KNOWN} are known"),
        ));
    };
    match scheme {
        "memory" => open_memory(rest),
        "disk" => open_disk(rest).await,
        unknown => Err(Error::new(
            ErrorKind::Misconfigured,
            format!(
                "no store has the scheme `{}:`: {KNOWN} are known",
                unknown.escape_debug()
            ),
        )),
    }
}

#[cfg(feature = "memory")]
fn open_memory(rest: &str) -> Result<AnyStore, Error> {
    if rest.is_empty() {
        return Ok(AnyStore::new(super::memory::Memory::default()));
    }
    Err(Error::new(
        ErrorKind::Misconfigured,
        "the URL of the memory store is `memory:`, with nothing behind it",
    ))
}

#[cfg(not(feature = "memory"))]
fn open_memory(_: &str) -> Result<AnyStore, Error> {
    Err(not_compiled_in("memory"))
}

#[cfg(feature = "disk")]
async fn open_disk(path: &str) -> Result<AnyStore, Error> {
    if path.is_empty() {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            "the URL of the disk store is `disk:PATH`, and here the path is missing",
        ));
    }
    Ok(AnyStore::new(super::disk::Disk::open(path).await?))
}

#[cfg(not(feature = "disk"))]
async fn open_disk(_: &str) -> Result<AnyStore, Error> {
    Err(not_compiled_in("disk"))
}

#[cfg(not(all(feature = "memory", feature = "disk")))]
fn not_compiled_in(feature: &str) -> Error {
    Error::new(
        ErrorKind::Misconfigured,
        format!("the {feature} store is not in this build: turn on the feature `{feature}` of cloakroom"),
    )
}
