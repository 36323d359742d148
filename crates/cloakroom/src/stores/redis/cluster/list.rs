//! Listing and counting: a principal's sessions from their filings, everyone's on a tour of all nodes.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use cloakroom_store::{Count, Cursor, Error, ErrorKind, List, Page, Principal};

use super::super::cursor;
use super::Inner;
use super::tour::Tour;

/// How many filings are looked at for one page of a principal's sessions at most.
const FILINGS: usize = 512;

/// How many sessions are looked at for one page of everyone's at most.
const LOOKED_AT: usize = 4096;

/// How long one page of everyone may go on to look for what matches, once it has looked.
const LOOKING: Duration = Duration::from_millis(200);

const WHAT: &str = "list sessions";

impl Inner {
    /// One page, see [`Store::list`](cloakroom_store::Store::list).
    pub(super) async fn page(&self, request: &List) -> Result<Page, Error> {
        match &request.query.principal {
            Some(principal) => self.page_of_principal(request, principal).await,
            None => self.page_of_everyone(request).await,
        }
    }

    /// How many match, see [`Store::count`](cloakroom_store::Store::count).
    ///
    /// All that were counted are remembered, as with a single server, and here they are also found twice on their way.
    pub(super) async fn count(&self, request: Count) -> Result<u64, Error> {
        let mut ids = HashSet::new();
        let limit = NonZeroUsize::new(LOOKED_AT).expect("it is not zero");
        let mut list = List::new(request.namespace, request.query, limit);
        loop {
            let page = self.bounded(WHAT, self.page(&list)).await?;
            // A page may repeat what was on another.
            ids.extend(page.entries.into_iter().map(|entry| entry.id));
            if page.next.is_none() {
                return Ok(ids.len() as u64);
            }
            list = list.after(page.next);
        }
    }

    async fn page_of_principal(&self, request: &List, principal: &Principal) -> Result<Page, Error> {
        let after = cursor::of_principal(request)?;
        let most = request.limit.get().min(FILINGS);
        let look = self.look(&request.namespace, principal, after, most).await?;
        let entries = look.theirs(principal).filter(|(filing, _)| !filing.is_ended());
        let entries = entries
            .map(|(_, entry)| entry)
            .filter(|entry| request.query.matches(entry));
        let last = look.seen.last().map(|(filing, _)| filing.id());
        let next = last.filter(|_| look.seen.len() == most).map(cursor::after);
        Ok(Page::new(entries.cloned().collect(), next))
    }

    async fn page_of_everyone(&self, request: &List) -> Result<Page, Error> {
        let limit = request.limit.get();
        let mut tour = match &request.after {
            None => Some(self.tour(WHAT).await?),
            Some(cursor) => Some(tour_of(cursor)?),
        };
        let begun = Instant::now();
        let mut page = Page::default();
        let mut looked_at = 0;
        while let Some(mut at) = tour.take() {
            let mut ids = std::mem::take(&mut at.left_over);
            if ids.is_empty() {
                let (found, next) = self.step(WHAT, &request.namespace, at).await?;
                (ids, tour) = (found, next);
            } else {
                tour = Some(at);
            }
            let left_over = ids.split_off(ids.len().min(limit - page.entries.len()));
            looked_at += ids.len().max(1);
            let entries = self.entries(&request.namespace, &ids).await?;
            let entries = entries.into_iter().flatten();
            page.entries
                .extend(entries.filter(|entry| request.query.matches(entry)));
            // Where something was found, the tour goes on.
            if let Some(tour) = &mut tour {
                tour.left_over = left_over;
            }
            if page.entries.len() == limit || looked_at >= LOOKED_AT || begun.elapsed() > LOOKING {
                break;
            }
        }
        page.next = tour.map(|tour| tour.cursor());
        Ok(page)
    }
}

/// Where a tour is that a cursor goes on with.
///
/// # Errors
///
/// [`ErrorKind::InvalidCursor`] for one that is not of a tour.
pub(super) fn tour_of(cursor: &Cursor) -> Result<Tour, Error> {
    Tour::read(cursor.as_bytes()).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidCursor,
            "the cursor is not one that was given here: begin again without one",
        )
    })
}
