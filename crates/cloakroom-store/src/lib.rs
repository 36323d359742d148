//! The contract between Cloakroom and the stores that keep its sessions.
//!
//! A store is a place that keeps [`Record`]s under an [`Id`], and has exactly one way to change one: the
//! conditional [`write`](Store::write). Everything that makes sessions survive races follows from that: an
//! unconditional overwrite cannot be spelled, so a slow request cannot undo a fast one, and a session that
//! was ended stays ended.
//!
//! This crate knows nobody: no async runtime, no clock, no I/O, no dependency beyond `std`. A store
//! written against it keeps compiling when the library, a driver or a web framework makes a major release.
//!
//! # Writing a store
//!
//! Implement [`Store`] with plain `async fn`, then run the conformance suite against it (feature
//! `conformance`), which holds every rule of this page as a test.
//!
//! # Marks
//!
//! What keeps sessions may also keep [`Marks`], a second and smaller contract: it ends sessions that no store keeps,
//! because they are sealed into their cookies.
//!
//! # Counters
//!
//! And it may keep [`Counters`], the third and smallest: how often something was tried, such as signing in, until a moment.
//!
//! # What a store can rely on
//!
//! * Times come in as arguments ([`Timestamp`], milliseconds). A store never reads a clock.
//! * An [`Id`] is 16 bytes, not a credential, and fixed in length: nothing a browser sent reaches a key
//!   unparsed.
//! * A record's [`body`](Record::body) is opaque. It may hold any byte.
//! * Requests are extensible: a field added later breaks nobody's store.
//!
//! # What the library relies on
//!
//! * Every verb is atomic: it happens whole or not at all, also when its future is dropped half way.
//! * [`Error`] means that the store could not do it. Missing, stale and ended are values.

mod store;

mod delete;
mod list;
mod load;
mod revoke;
mod sweep;
mod touch;
mod write;

mod id;
mod label;
mod namespace;
mod principal;
mod record;
mod revision;
mod timestamp;

mod mark;
mod marks;

mod counter;
mod counters;

mod any_counters;
mod any_marks;
mod any_store;
mod capabilities;
mod error;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use any_counters::AnyCounters;
pub use any_marks::AnyMarks;
pub use any_store::AnyStore;
pub use capabilities::{Capabilities, Residence};
pub use counter::{AddOne, Counted, Counter, TakeBack};
pub use counters::Counters;
pub use delete::{Delete, Deleted, Owner};
pub use error::{Error, ErrorKind};
pub use id::{Id, InvalidId};
pub use label::Label;
pub use list::{Count, Cursor, Entry, List, Page, Query};
pub use load::{Freshness, Load};
pub use mark::{Mark, MarksOf, News, SetMark, Subject, Told};
pub use marks::Marks;
pub use namespace::{InvalidNamespace, Namespace};
pub use principal::{InvalidPrincipal, Principal};
pub use record::{Record, Stored};
pub use revision::Revision;
pub use revoke::{Revoke, Revoked, Scope};
pub use store::Store;
pub use sweep::{Sweep, Swept};
pub use timestamp::Timestamp;
pub use touch::{Touch, Touched};
pub use write::{Cap, Expect, Write, Written};
