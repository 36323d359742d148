//! Through the store.

use cloakroom::store::{AnyStore, Expect, Id, Load, Namespace, Record, Revision, Store as _, Write, Written};

use crate::subject::{self, Subject};

/// A store, as the library calls it.
#[derive(Clone)]
pub(crate) struct Through {
    store: AnyStore,
    namespace: Namespace,
    record: Record,
}

impl Through {
    pub(crate) async fn open(url: &str) -> Self {
        let store = crate::opening::open(&patient(url)).await;
        Self {
            store: store.unwrap_or_else(|why| panic!("{why}")),
            namespace: subject::namespace(),
            record: subject::record(),
        }
    }

    async fn applied(&self, id: Id, expect: Expect) -> Revision {
        let write = Write::new(self.namespace.clone(), id, expect, self.record.clone());
        match self.store.write(write).await {
            Ok(Written::Applied { revision, .. }) => revision,
            other => panic!("{other:?}"),
        }
    }
}

/// With more time than a store takes by itself where it has a server: a disk that is held up for a moment, by whomever,
/// should not end the benchmark.
fn patient(url: &str) -> String {
    const PATIENCE: &str = "wait_timeout=30s&operation_timeout=30s";
    match (url.contains("://"), url.contains('?')) {
        (false, _) => url.to_owned(),
        (true, false) => format!("{url}?{PATIENCE}"),
        (true, true) => format!("{url}&{PATIENCE}"),
    }
}

impl Subject for Through {
    type Held = (Id, Revision);

    async fn begin(&self, id: Id) -> Self::Held {
        (id, self.applied(id, Expect::Absent).await)
    }

    async fn read(&self, (id, _): &Self::Held) {
        let load = Load::new(self.namespace.clone(), *id);
        let loaded = self.store.load(load).await;
        assert!(matches!(loaded, Ok(Some(_))), "{loaded:?}");
    }

    async fn write(&self, (id, revision): &mut Self::Held) {
        *revision = self.applied(*id, Expect::Revision(*revision)).await;
    }
}
