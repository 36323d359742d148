//! Marks in the memory of this process: they end with it, and so does what they have ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::{
    Capabilities, Cursor, Error, Mark, Marks, MarksOf, Namespace, News, SetMark, Store as _, Subject, Sweep,
    Swept, Timestamp, Told,
};

use super::Memory;

/// The marks of all namespaces.
pub(super) struct Book {
    /// Tells this store's positions from another's.
    number: u64,
    // Guards the marks of all namespaces: they are set by sign-outs, and read a few times a minute.
    pages: Mutex<HashMap<Namespace, Page>>,
}

/// The marks of one namespace.
#[derive(Default)]
struct Page {
    /// The number of the latest change.
    latest: u64,
    marks: HashMap<Subject, (Mark, u64)>,
    /// Who was marked by which change. Those that were marked again since are not here.
    changes: BTreeMap<u64, Subject>,
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, HashMap<Namespace, Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cursor(&self, position: u64) -> Cursor {
        Cursor::new([self.number.to_be_bytes(), position.to_be_bytes()].concat())
    }

    /// The position of a cursor of this store.
    fn position(&self, cursor: &Cursor) -> Option<u64> {
        let (number, position) = cursor.as_bytes().split_first_chunk()?;
        let position = u64::from_be_bytes(position.try_into().ok()?);
        (u64::from_be_bytes(*number) == self.number).then_some(position)
    }
}

impl Default for Book {
    fn default() -> Self {
        static BOOKS: AtomicU64 = AtomicU64::new(0);
        Self {
            number: BOOKS.fetch_add(1, Ordering::Relaxed),
            pages: Mutex::default(),
        }
    }
}

impl Page {
    fn set(&mut self, mark: Mark) -> Mark {
        self.latest += 1;
        let (present, change) = self
            .marks
            .entry(mark.subject.clone())
            .or_insert_with(|| (mark.clone(), self.latest));
        present.raise(&mark);
        self.changes.remove(change);
        *change = self.latest;
        self.changes.insert(self.latest, mark.subject);
        present.clone()
    }

    fn begun_before(&self, subject: &Subject) -> Timestamp {
        self.marks
            .get(subject)
            .map_or(Timestamp::default(), |(mark, _)| mark.begun_before)
    }
}

impl Marks for Memory {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        let SetMark { namespace, mark, .. } = request;
        Ok(self.0.marks.pages().entry(namespace).or_default().set(mark))
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        let pages = self.0.marks.pages();
        Ok(pages
            .get(&request.namespace)
            .map_or(Timestamp::default(), |page| {
                let theirs = page.begun_before(&Subject::Principal(request.principal));
                theirs.max(page.begun_before(&Subject::Everyone))
            }))
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        let book = &self.0.marks;
        let known = request.after.as_ref().and_then(|after| book.position(after));
        let anew = request.after.is_some() && known.is_none();
        let from = known.unwrap_or(0);
        let pages = book.pages();
        let Some(page) = pages.get(&request.namespace) else {
            return Ok(Told::new(Vec::new(), book.cursor(from), false).anew(anew));
        };
        let mut changes = page.changes.range(from.saturating_add(1)..);
        let told: Vec<_> = changes.by_ref().take(request.limit.get()).collect();
        let next = told.last().map_or(from, |(change, _)| **change);
        let marks = told
            .iter()
            .filter_map(|(_, subject)| page.marks.get(subject))
            .map(|(mark, _)| mark.clone())
            .collect();
        Ok(Told::new(marks, book.cursor(next), changes.next().is_some()).anew(anew))
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        let mut pages = self.0.marks.pages();
        let Some(page) = pages.get_mut(&request.namespace) else {
            return Ok(Swept::new(0, false));
        };
        let over: Vec<_> = page
            .marks
            .iter()
            .filter(|(_, (mark, _))| mark.until < request.expired_before)
            .map(|(subject, (_, change))| (subject.clone(), *change))
            .take(request.limit.get() + 1)
            .collect();
        let more = over.len() > request.limit.get();
        let forgotten = over.len() - usize::from(more);
        for (subject, change) in &over[..forgotten] {
            page.marks.remove(subject);
            page.changes.remove(change);
        }
        Ok(Swept::new(forgotten as u64, more))
    }

    fn card(&self) -> Capabilities {
        self.capabilities()
    }
}
