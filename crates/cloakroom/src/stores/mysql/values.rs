//! The values of statements, as the driver sends them.

use cloakroom_store::{Id, Label, Namespace, Principal, Record, Revision, Timestamp};
use mysql_async::{Params, Value};

use crate::stores::sql;

/// The values of one statement, in its order.
#[derive(Default)]
pub(super) struct Values(Vec<Value>);

impl Values {
    pub(super) fn of(namespace: &Namespace) -> Self {
        Self::default().namespace(namespace)
    }

    pub(super) fn namespace(self, namespace: &Namespace) -> Self {
        self.bytes(namespace.as_str().as_bytes())
    }

    pub(super) fn id(self, id: &Id) -> Self {
        self.bytes(id.as_bytes())
    }

    pub(super) fn principal(self, principal: Option<&Principal>) -> Self {
        self.text(principal.map(Principal::as_str))
    }

    pub(super) fn revision(self, revision: Revision) -> Self {
        self.number(sql::column(revision))
    }

    pub(super) fn moment(self, moment: Timestamp) -> Self {
        self.number(sql::millis(moment))
    }

    /// The columns from the revision to the body, as all statements that write a record have them.
    pub(super) fn record(self, revision: Revision, record: &Record) -> Self {
        self.revision(revision)
            .principal(record.principal.as_ref())
            .moment(record.created)
            .moment(record.last_seen)
            .moment(record.expires)
            .text(record.label.as_ref().map(Label::as_str))
            .bytes(&record.body)
    }

    pub(super) fn number(self, number: i64) -> Self {
        self.value(Value::Int(number))
    }

    pub(super) fn nothing(self) -> Self {
        self.value(Value::NULL)
    }

    /// At most so many rows. More than a table can have is as many as there are.
    pub(super) fn limit(self, limit: usize) -> Self {
        self.number(i64::try_from(limit).unwrap_or(i64::MAX))
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        self.value(Value::Bytes(bytes.to_vec()))
    }

    fn text(self, text: Option<&str>) -> Self {
        self.value(text.map_or(Value::NULL, |text| Value::Bytes(text.as_bytes().to_vec())))
    }

    fn value(mut self, value: Value) -> Self {
        self.0.push(value);
        self
    }
}

impl From<Values> for Params {
    fn from(values: Values) -> Self {
        Self::Positional(values.0)
    }
}
