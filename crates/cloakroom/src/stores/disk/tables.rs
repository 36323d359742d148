//! The tables, and how a write transaction changes a session in all of them at once.
//!
//! The index of expiries is kept lazily. A touch leaves a session filed under an earlier time than it expires, and a
//! sweep that comes upon it files it anew. So an index entry is never later than the truth.

use cloakroom_store::{Id, Namespace, Principal, Record, Revision, Timestamp};
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use super::failure::Fault;
use super::key;
use super::row::{self, Row};

/// The format of the file: the tables, their keys and what is in them.
pub(super) const FORMAT: u64 = 1;

type Bytes = &'static [u8];

/// The rows.
pub(super) const SESSIONS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("cloakroom.sessions");
/// Which sessions a principal has.
pub(super) const PRINCIPALS: TableDefinition<'_, Bytes, ()> = TableDefinition::new("cloakroom.principals");
/// Which sessions may have expired by when.
const EXPIRIES: TableDefinition<'_, Bytes, ()> = TableDefinition::new("cloakroom.expiries");
/// Numbers about the file itself.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("cloakroom.meta");

const META_FORMAT: &str = "format";
const META_REVISIONS: &str = "revisions";

/// Makes the tables in a new file.
pub(super) fn create(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    transaction.open_table(SESSIONS)?;
    transaction.open_table(PRINCIPALS)?;
    transaction.open_table(EXPIRIES)?;
    let mut meta = transaction.open_table(META)?;
    meta.insert(META_FORMAT, FORMAT)?;
    meta.insert(META_REVISIONS, 0)?;
    drop(meta);
    Ok(transaction.commit()?)
}

/// The format of an existing file, if it says one.
pub(super) fn format(database: &Database) -> Result<Option<u64>, Fault> {
    match database.begin_read()?.open_table(META) {
        Ok(meta) => Ok(meta.get(META_FORMAT)?.map(|format| format.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Mints revisions that no session ever had, also not before a crash.
///
/// The file holds a number that none has reached. It is raised by a whole block, before the first revision beyond it
/// is answered and with a sync: so what a crash may take back was never given out twice.
pub(super) struct Revisions {
    last: u64,
    kept: u64,
}

impl Revisions {
    const BLOCK: u64 = 1 << 20;

    /// Goes on after all that may have been given out.
    pub(super) fn read(database: &Database) -> Result<Self, Fault> {
        let meta = database.begin_read()?.open_table(META)?;
        let kept = meta.get(META_REVISIONS)?.map(|kept| kept.value());
        let kept = kept.ok_or(Fault::NotOurs("it does not say which revisions were given out"))?;
        Ok(Self { last: kept, kept })
    }

    /// What the file must hold before the newest revision is answered, if it does not yet.
    pub(super) fn due(&self) -> Option<u64> {
        (self.last > self.kept).then(|| self.last.saturating_add(Self::BLOCK))
    }

    /// Notes that the file holds this for good.
    pub(super) fn keep(&mut self, kept: u64) {
        self.kept = kept;
    }

    fn mint(&mut self) -> Revision {
        self.last += 1;
        Revision::new(self.last)
    }
}

/// The tables in a write transaction.
pub(super) struct Tables<'t> {
    sessions: Table<'t, Bytes, Bytes>,
    principals: Table<'t, Bytes, ()>,
    expiries: Table<'t, Bytes, ()>,
    revisions: &'t mut Revisions,
    transaction: &'t WriteTransaction,
    changed: bool,
}

/// What the tables say about a session that is there.
pub(super) struct Found {
    pub(super) revision: Revision,
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) filed: Timestamp,
    pub(super) principal: Option<Principal>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(
        transaction: &'t WriteTransaction,
        revisions: &'t mut Revisions,
    ) -> Result<Self, Fault> {
        Ok(Self {
            sessions: transaction.open_table(SESSIONS)?,
            principals: transaction.open_table(PRINCIPALS)?,
            expiries: transaction.open_table(EXPIRIES)?,
            revisions,
            transaction,
            changed: false,
        })
    }

    /// Whether anything has changed since this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The transaction, for what changes tables that few requests need.
    pub(super) fn changing(&mut self) -> &'t WriteTransaction {
        self.changed = true;
        self.transaction
    }

    pub(super) fn find(&self, namespace: &Namespace, id: &Id) -> Result<Option<Found>, Fault> {
        let Some(bytes) = self.sessions.get(&*key::session(namespace, id))? else {
            return Ok(None);
        };
        let row = parse(bytes.value())?;
        Ok(Some(Found {
            revision: row.revision,
            created: row.created,
            expires: row.expires,
            filed: row.filed,
            principal: row.principal(),
        }))
    }

    /// The sessions of a principal, at most so many.
    pub(super) fn of_principal(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        at_most: usize,
    ) -> Result<Vec<Id>, Fault> {
        let range = key::principals(namespace, principal, None);
        let range = self
            .principals
            .range::<&[u8]>(&**range.start()..=&**range.end())?;
        range.take(at_most).map(|entry| id_of(entry?.0.value())).collect()
    }

    /// What is filed as expiring before a moment, at most so many: when, and which session.
    pub(super) fn expired(
        &self,
        namespace: &Namespace,
        before: Timestamp,
        at_most: usize,
    ) -> Result<Vec<Filed>, Fault> {
        let range = key::expired(namespace, before);
        let range = self.expiries.range::<&[u8]>(&*range.start..&*range.end)?;
        let filed = range.take(at_most).map(|entry| {
            let key = entry?.0.value().to_vec();
            let id = id_of(&key)?;
            Ok(Filed { key, id })
        });
        filed.collect()
    }

    /// Writes a record in the place of what was found, and answers its revision.
    pub(super) fn put(
        &mut self,
        namespace: &Namespace,
        id: &Id,
        found: Option<&Found>,
        record: &Record,
    ) -> Result<Revision, Fault> {
        let mut filed = record.expires;
        match found {
            Some(found) if found.filed <= record.expires => filed = found.filed,
            Some(found) => {
                self.expiries.remove(&*key::expiry(namespace, found.filed, id))?;
                self.expiries.insert(&*key::expiry(namespace, filed, id), ())?;
            }
            None => drop(self.expiries.insert(&*key::expiry(namespace, filed, id), ())?),
        }
        let before = found.and_then(|found| found.principal.as_ref());
        let after = record.principal.as_ref();
        if before != after {
            if let Some(before) = before {
                self.principals.remove(&*key::principal(namespace, before, id))?;
            }
            if let Some(after) = after {
                self.principals
                    .insert(&*key::principal(namespace, after, id), ())?;
            }
        }
        let revision = self.revisions.mint();
        let row = row::bytes(revision, record, filed);
        self.sessions.insert(&*key::session(namespace, id), &*row)?;
        self.changed = true;
        Ok(revision)
    }

    /// Moves times forward and answers the revision, or nothing when the session is gone or at another.
    pub(super) fn touch(
        &mut self,
        namespace: &Namespace,
        id: &Id,
        revision: Revision,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Revision>, Fault> {
        let key = key::session(namespace, id);
        let touched = match self.sessions.get(&*key)? {
            None => return Ok(None),
            Some(bytes) => {
                let row = parse(bytes.value())?;
                if row.revision != revision {
                    return Ok(None);
                }
                if last_seen <= row.last_seen && expires <= row.expires {
                    return Ok(Some(revision));
                }
                let (last_seen, expires) = (last_seen.max(row.last_seen), expires.max(row.expires));
                row::with_times(bytes.value(), last_seen, expires, row.filed)
            }
        };
        self.sessions.insert(&*key, &*touched)?;
        self.changed = true;
        Ok(Some(revision))
    }

    /// Removes a session that was found.
    pub(super) fn remove(&mut self, namespace: &Namespace, id: &Id, found: &Found) -> Result<(), Fault> {
        self.sessions.remove(&*key::session(namespace, id))?;
        self.expiries.remove(&*key::expiry(namespace, found.filed, id))?;
        if let Some(principal) = &found.principal {
            self.principals
                .remove(&*key::principal(namespace, principal, id))?;
        }
        self.changed = true;
        Ok(())
    }

    /// Files a session, if it is there, under the time it expires, instead of the entry it was found by.
    pub(super) fn file_anew(&mut self, namespace: &Namespace, entry: &Filed) -> Result<(), Fault> {
        self.expiries.remove(&*entry.key)?;
        self.changed = true;
        let key = key::session(namespace, &entry.id);
        let (row, expires) = match self.sessions.get(&*key)? {
            None => return Ok(()),
            Some(bytes) => {
                let row = parse(bytes.value())?;
                let filed = row::with_times(bytes.value(), row.last_seen, row.expires, row.expires);
                (filed, row.expires)
            }
        };
        self.sessions.insert(&*key, &*row)?;
        self.expiries
            .insert(&*key::expiry(namespace, expires, &entry.id), ())?;
        Ok(())
    }
}

/// An entry of the index of expiries.
pub(super) struct Filed {
    key: Vec<u8>,
    pub(super) id: Id,
}

/// Notes in the file that revisions up to this may have been given out.
pub(super) fn keep_revisions(transaction: &WriteTransaction, kept: u64) -> Result<(), Fault> {
    transaction.open_table(META)?.insert(META_REVISIONS, kept)?;
    Ok(())
}

/// Reads a row that must be one.
pub(super) fn parse(bytes: &[u8]) -> Result<Row<'_>, Fault> {
    Row::parse(bytes).ok_or(Fault::NotOurs("a session in it cannot be read"))
}

/// The id in an index entry that must have one.
pub(super) fn id_of(key: &[u8]) -> Result<Id, Fault> {
    key::id_of(key).ok_or(Fault::NotOurs("an entry of an index in it cannot be read"))
}
