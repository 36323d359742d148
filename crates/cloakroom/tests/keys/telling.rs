//! The log is told what a retiring key still opens, so that an operator knows when it can go.

use std::cell::RefCell;
use std::fmt::Debug;
use std::time::Duration;

use cloakroom::{KeyRing, Outcome, ServerKey, Sessions};
use tracing::field::{Field, Visit};
use tracing::span::{self, Attributes, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::{new_file, now};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn each_hour_the_log_is_told_what_a_retiring_key_still_opens() {
    let _heard = tracing::subscriber::set_default(Listener);
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let ring = KeyRing::from(file.read().unwrap());
    let sessions = Sessions::danger_sealed_without_revocation(ring.clone());
    let cookie = begin(&sessions).await;
    let reads = async |times: u64| {
        for _ in 0..times {
            sessions.open([cookie.as_bytes()].into_iter()).await.unwrap();
        }
    };
    let watcher = file.watch(&ring).every(HOUR / 60).start();
    reads(2).await;
    tokio::time::sleep(HOUR + HOUR / 2).await;
    assert_eq!(HEARD.take(), [], "it is the active one");

    let old = file.read().unwrap().active().id;
    file.change(|keys| {
        let new = keys.add(ServerKey::generate()?, now())?;
        keys.activate(new, now())
    })
    .unwrap();
    let told = |opened| (old.to_string(), opened);
    tokio::time::sleep(HOUR / 4).await;
    reads(3).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(HEARD.take(), [told(3)]);
    tokio::time::sleep(HOUR).await;
    assert_eq!(
        HEARD.take(),
        [told(0)],
        "this is said, too: silence could be a node that does not watch"
    );
    reads(1).await;
    watcher.stop().await;
    assert_eq!(HEARD.take(), [told(1)], "nothing is lost when a process stops");
}

/// The cookie of somebody who has signed in.
async fn begin(sessions: &Sessions) -> String {
    let session = sessions.open([].into_iter()).await.unwrap();
    session.sign_in("alice").unwrap();
    let finished = sessions.finish(&session, Outcome::Success).await;
    let line = finished.set_cookie.unwrap();
    line.split(';').next().unwrap().to_owned()
}

thread_local! {
    /// Which keys were told of since somebody last asked, and how often each had opened something.
    static HEARD: RefCell<Vec<(String, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Hears what is told of retiring keys.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cloakroom"
    }

    fn event(&self, event: &Event<'_>) {
        let mut told = Told::default();
        event.record(&mut told);
        if let Told {
            key: Some(key),
            opened: Some(opened),
        } = told
        {
            HEARD.with_borrow_mut(|heard| heard.push((key, opened)));
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Told {
    key: Option<String>,
    opened: Option<u64>,
}

impl Visit for Told {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "opened" {
            self.opened = Some(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "key" {
            self.key = Some(format!("{value:?}"));
        }
    }
}
