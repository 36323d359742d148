//! Marks: one table, and a row for each namespace that numbers its changes.

use cloakroom_store::{
    Capabilities, Cursor, Error, ErrorKind, Mark, Marks, MarksOf, News, SetMark, Sweep, Swept, Timestamp,
    Told,
};

use super::given_up::Kind;
use super::lease::Answer;
use super::values::Values;
use super::{Mysql, row, sweep};
use crate::stores::sql::column;
use crate::stores::subject;

const NEWS: &str = "read what was marked";

impl Marks for Mysql {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        let Mark {
            subject,
            begun_before,
            until,
            ..
        } = request.mark;
        let epoch = column(self.0.revisions.mint()).to_be_bytes();
        let (namespace, key) = (request.namespace, subject::key(&subject));
        let values = move || {
            Values::of(&namespace)
                .bytes(&key)
                .moment(begun_before)
                .moment(until)
                .bytes(&epoch)
        };
        let mut answer = self.ask_to_mark(values).await?;
        let (begun_before, until) = answer.rows.pop().map_or_else(row::none, row::moments)?;
        Ok(Mark::new(subject, begun_before, until))
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        const MARKS_OF: &str = "SELECT COALESCE(MAX(begun_before), 0), 0 FROM cloakroom_marks \
                                WHERE namespace = ? AND subject IN (?, ?)";
        let theirs = subject::of_principal(&request.principal);
        let values = || {
            Values::of(&request.namespace)
                .bytes(&theirs)
                .bytes(subject::EVERYONE)
        };
        let mut answer = self
            .read("read the marks of a principal", MARKS_OF, values)
            .await?;
        let (begun_before, _) = answer.rows.pop().map_or_else(row::none, row::moments)?;
        Ok(begun_before)
    }

    /// In two statements: the marks are read after what is said of the position, so none is missed.
    async fn news(&self, request: News) -> Result<Told, Error> {
        const STATE: &str = "SELECT latest, epoch FROM cloakroom_mark_numbers WHERE namespace = ?";
        const MARKS: &str = "SELECT subject, begun_before, over_at, number FROM cloakroom_marks \
                             WHERE namespace = ? AND number > ? ORDER BY number LIMIT ?";
        let of = || Values::of(&request.namespace);
        let mut state = self.read(NEWS, STATE, of).await?;
        let history = state.rows.pop().map(row::history).transpose()?;
        let is_new = history.is_none();
        let (latest, epoch) = history.unwrap_or_default();
        let known = request
            .after
            .as_ref()
            .map(|after| position(after, &epoch).filter(|number| *number <= latest));
        let (after, anew) = (known.flatten().unwrap_or(0), known == Some(None));
        let at = |number: i64| Cursor::new([&number.to_be_bytes()[..], &epoch].concat());
        if is_new {
            // What is marked from now on belongs to a history that has no name here yet.
            return Ok(Told::new(Vec::new(), at(0), false).anew(anew));
        }
        // One more than is told, to see whether there are more.
        let limit = request.limit.get().saturating_add(1);
        let values = || of().number(after).limit(limit);
        let mut rows = self.read(NEWS, MARKS, values).await?.rows;
        let more = rows.len() > request.limit.get();
        rows.truncate(request.limit.get());
        let (mut marks, mut next) = (Vec::with_capacity(rows.len()), after);
        for row in rows {
            let (mark, number) = row::mark(row)?;
            marks.push(mark);
            next = number;
        }
        Ok(Told::new(marks, at(next), more).anew(anew))
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        sweep::forget(self, "forget marks", include_str!("sql/forget.sql"), &request).await
    }

    fn card(&self) -> Capabilities {
        self.0.card
    }
}

impl Mysql {
    /// In a task of its own: whoever stops waiting half way costs those who come next neither the connection nor the place.
    async fn ask_to_mark(
        &self,
        values: impl Fn() -> Values + Send + Sync + 'static,
    ) -> Result<Answer, Error> {
        const DOING: &str = "set a mark";
        let store = self.clone();
        let asking = async move {
            let statement = "CALL cloakroom_mark(?, ?, ?, ?, ?)";
            store.ask_at_place(Kind::Mark, DOING, statement, values).await
        };
        match self.0.runtime.spawn(asking).await {
            Ok(answer) => Ok(answer?),
            Err(ended) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("could not {DOING}: what does it has ended, perhaps with the runtime on which the store was connected"),
            )
            .with_source(ended)),
        }
    }
}

/// The number of a cursor, if it is of this history, or of none: nothing had been marked.
fn position(cursor: &Cursor, epoch: &[u8]) -> Option<i64> {
    let (number, of) = cursor.as_bytes().split_first_chunk()?;
    let number = i64::from_be_bytes(*number);
    (number == 0 || (number > 0 && of == epoch)).then_some(number)
}
