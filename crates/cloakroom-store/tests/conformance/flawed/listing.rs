//! Listings that are flawed.

use std::num::NonZeroUsize;

use cloakroom_store::{Cursor, Error, Id, List, Page, Store};

use super::{Flaw, Flawed, dawdle};

impl Flawed {
    pub(super) async fn flawed_list(&self, mut request: List) -> Result<Page, Error> {
        match self.flaw {
            Flaw::FoldsCase => {
                let Some(text) = request.query.label_contains.take() else {
                    return self.reference.list(request).await;
                };
                let mut page = self.reference.list(request).await?;
                page.entries.retain(|entry| {
                    let label = entry.label.as_ref();
                    label.is_some_and(|label| label.as_str().to_lowercase().contains(&text.to_lowercase()))
                });
                Ok(page)
            }
            Flaw::HidesRacingSignIns => {
                let mut page = self.reference.list(request).await?;
                let memory = self.memory();
                page.entries.retain(|entry| !memory.hidden.contains(&entry.id));
                Ok(page)
            }
            Flaw::IgnoresLimits => {
                request.limit = NonZeroUsize::MAX;
                self.reference.list(request).await
            }
            Flaw::ListsByOffset => {
                dawdle().await;
                Ok(self.by_offset(&request))
            }
            Flaw::ListsWithoutLabels => {
                let mut page = self.reference.list(request).await?;
                for entry in &mut page.entries {
                    entry.label = None;
                }
                Ok(page)
            }
            Flaw::PanicsOnCursors => {
                let given = request.after.as_ref().map(Cursor::as_bytes);
                let _: Option<[u8; Id::LEN]> =
                    given.map(|bytes| bytes.try_into().expect("a cursor of this store"));
                self.reference.list(request).await
            }
            _ => self.reference.list(request).await,
        }
    }

    fn by_offset(&self, request: &List) -> Page {
        let cursor = request.after.as_ref();
        let skipped = cursor.map_or(0, |cursor| {
            cursor
                .as_bytes()
                .try_into()
                .map(usize::from_le_bytes)
                .unwrap_or(0)
        });
        let rows = self.reference.rows();
        let mut left = rows
            .matching(&request.namespace, &request.query, None)
            .skip(skipped);
        let entries: Vec<_> = left.by_ref().take(request.limit.get()).collect();
        let next = left
            .next()
            .map(|_| Cursor::new((skipped + entries.len()).to_le_bytes()));
        Page::new(entries, next)
    }
}
