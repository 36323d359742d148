//! Marks: by subject, and by the number of their last change.

use cloakroom_store::{
    Capabilities, Cursor, Error, Mark, Marks, MarksOf, Namespace, News, SetMark, Store as _, Sweep, Swept,
    Timestamp, Told,
};
use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError};

use super::Disk;
use super::failure::Fault;
use super::job::Verb;
use super::key;
use super::tables::Tables;
use crate::stores::subject;

type Bytes = &'static [u8];

/// The moments of each subject, and the number of its last change.
const MARKS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("cloakroom.marks");
/// Which subject a number belongs to.
const CHANGES: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("cloakroom.mark_changes");
/// The latest number.
const NUMBERS: TableDefinition<'_, (), u64> = TableDefinition::new("cloakroom.mark_numbers");

/// How many marks are looked at in one snapshot to find those that are over.
const ROWS: usize = 4096;

impl Marks for Disk {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        self.submit(request).await
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        self.read(move |transaction| {
            let Some(marks) = opened(transaction.open_table(MARKS))? else {
                return Ok(Timestamp::default());
            };
            let mut latest = Timestamp::default();
            let theirs = subject::of_principal(&request.principal);
            for subject in [&theirs[..], subject::EVERYONE] {
                if let Some(row) = marks.get(&*key::mark(&request.namespace, subject))? {
                    latest = latest.max(Row::parse(row.value())?.begun_before);
                }
            }
            Ok(latest)
        })
        .await
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        self.read(move |transaction| news(transaction, &request)).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        let (namespace, before, limit) = (request.namespace, request.expired_before, request.limit.get());
        let mut removed = 0;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let (of, left) = (namespace.clone(), limit - removed);
            let find =
                move |transaction: &ReadTransaction| over(transaction, &of, before, after.as_deref(), left);
            let (subjects, next) = self.read(find).await?;
            if !subjects.is_empty() {
                let forget = Forget {
                    namespace: namespace.clone(),
                    before,
                    subjects,
                };
                removed += self.submit(forget).await?;
            }
            after = next;
            if after.is_none() || removed >= limit {
                return Ok(Swept::new(removed as u64, after.is_some()));
            }
        }
    }

    fn card(&self) -> Capabilities {
        self.capabilities()
    }
}

impl Verb for SetMark {
    type Answer = Mark;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Mark, Fault> {
        let transaction = tables.changing();
        let mut marks = transaction.open_table(MARKS)?;
        let mut changes = transaction.open_table(CHANGES)?;
        let mut numbers = transaction.open_table(NUMBERS)?;
        let number = numbers.get(())?.map_or(0, |latest| latest.value()) + 1;
        let subject = subject::key(&self.mark.subject);
        let key = key::mark(&self.namespace, &subject);
        let mut mark = self.mark.clone();
        let before = marks.get(&*key)?.map(|row| Row::parse(row.value())).transpose()?;
        if let Some(before) = before {
            mark.raise(&Mark::new(
                mark.subject.clone(),
                before.begun_before,
                before.until,
            ));
            changes.remove(&*key::change(&self.namespace, before.number))?;
        }
        let row = Row {
            begun_before: mark.begun_before,
            until: mark.until,
            number,
        };
        marks.insert(&*key, &row.bytes()[..])?;
        changes.insert(&*key::change(&self.namespace, number), &*subject)?;
        numbers.insert((), number)?;
        Ok(mark)
    }
}

/// Forgets those of these that are over.
struct Forget {
    namespace: Namespace,
    before: Timestamp,
    subjects: Vec<Vec<u8>>,
}

impl Verb for Forget {
    type Answer = usize;

    /// What a crash brings back is over, and is forgotten again.
    const DURABLE: bool = false;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<usize, Fault> {
        let transaction = tables.changing();
        let mut marks = transaction.open_table(MARKS)?;
        let mut changes = transaction.open_table(CHANGES)?;
        let mut forgotten = 0;
        for subject in &self.subjects {
            let key = key::mark(&self.namespace, subject);
            let row = marks.get(&*key)?.map(|row| Row::parse(row.value())).transpose()?;
            if let Some(row) = row.filter(|row| row.until < self.before) {
                marks.remove(&*key)?;
                changes.remove(&*key::change(&self.namespace, row.number))?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}

fn news(transaction: &ReadTransaction, request: &News) -> Result<Told, Fault> {
    let numbers = opened(transaction.open_table(NUMBERS))?;
    let latest = match &numbers {
        Some(numbers) => numbers.get(())?.map_or(0, |latest| latest.value()),
        None => 0,
    };
    let known = request.after.as_ref().map(|after| {
        let number = after.as_bytes().try_into().map(u64::from_be_bytes);
        number.ok().filter(|number| *number <= latest)
    });
    let (after, anew) = (known.flatten().unwrap_or(0), known == Some(None));
    let at = |number: u64| Cursor::new(number.to_be_bytes());
    let (Some(marks), Some(changes)) = (
        opened(transaction.open_table(MARKS))?,
        opened(transaction.open_table(CHANGES))?,
    ) else {
        return Ok(Told::new(Vec::new(), at(after), false).anew(anew));
    };
    let range = key::changes(&request.namespace, after);
    let mut range = changes.range::<&[u8]>(&**range.start()..=&**range.end())?;
    let (mut told, mut next) = (Vec::new(), after);
    for entry in range.by_ref().take(request.limit.get()) {
        let (change, subject) = entry?;
        next = key::number_of(change.value()).ok_or(NOT_OURS)?;
        let row = marks
            .get(&*key::mark(&request.namespace, subject.value()))?
            .ok_or(NOT_OURS)?;
        let row = Row::parse(row.value())?;
        let subject = subject::parse(subject.value()).map_err(|_| NOT_OURS)?;
        told.push(Mark::new(subject, row.begun_before, row.until));
    }
    Ok(Told::new(told, at(next), range.next().is_some()).anew(anew))
}

/// The keys of subjects, and after which of them to go on.
type Over = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// Subjects whose marks are over before a moment, at most so many, and after which to go on unless that was the end.
fn over(
    transaction: &ReadTransaction,
    namespace: &Namespace,
    before: Timestamp,
    after: Option<&[u8]>,
    at_most: usize,
) -> Result<Over, Fault> {
    let Some(marks) = opened(transaction.open_table(MARKS))? else {
        return Ok((Vec::new(), None));
    };
    let mut found = Vec::new();
    let range = key::marks(namespace, after);
    for (looked_at, entry) in marks.range::<&[u8]>(&*range.start..&*range.end)?.enumerate() {
        let (mark, row) = entry?;
        let subject = key::subject_of(namespace, mark.value()).to_vec();
        if Row::parse(row.value())?.until < before {
            found.push(subject.clone());
        }
        if looked_at + 1 == ROWS || found.len() == at_most {
            return Ok((found, Some(subject)));
        }
    }
    Ok((found, None))
}

/// What is kept of a subject.
struct Row {
    begun_before: Timestamp,
    until: Timestamp,
    number: u64,
}

impl Row {
    fn bytes(&self) -> [u8; 24] {
        let numbers = [
            self.begun_before.as_unix_millis(),
            self.until.as_unix_millis(),
            self.number,
        ];
        let mut bytes = [0; 24];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let (numbers, []) = bytes.as_chunks::<8>() else {
            return Err(NOT_OURS);
        };
        let [begun_before, until, number] = *numbers else {
            return Err(NOT_OURS);
        };
        let moment = |bytes| Timestamp::from_unix_millis(u64::from_be_bytes(bytes));
        Ok(Self {
            begun_before: moment(begun_before),
            until: moment(until),
            number: u64::from_be_bytes(number),
        })
    }
}

const NOT_OURS: Fault = Fault::NotOurs("a mark in it cannot be read");

/// A table, unless nothing has been written to it yet.
fn opened<T>(table: Result<T, TableError>) -> Result<Option<T>, Fault> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
