//! Marks of which a server that evicts has dropped a part: it is as if all were gone.

use cloakroom::stores::Redis;
use cloakroom_store::{Cursor, Mark, Marks, MarksOf, News, SetMark, Subject, Sweep, Timestamp};
use cloakroom_testbed::redis::Redis as Server;

use crate::fixture::{namespace, principal};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

fn mark_of(who: &str) -> Mark {
    Mark::new(Subject::Principal(principal(who)), at(1000), at(2000))
}

async fn set(store: &Redis, who: &str) {
    store.mark(SetMark::new(namespace(), mark_of(who))).await.unwrap();
}

/// What was marked after a position, whether the position means nothing any more, and where to go on.
async fn news(store: &Redis, after: Option<&Cursor>) -> (Vec<Mark>, bool, Cursor) {
    let request = News::new(namespace(), after.cloned(), 10.try_into().unwrap());
    let told = store.news(request).await.unwrap();
    (told.marks, told.anew, told.next)
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_that_are_there_in_part_begin_anew() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    for dropped in ["m", "o", "u", "m o", "m u", "o u"] {
        set(&store, "alice").await;
        set(&store, "bob").await;
        let (known, _, next) = news(&store, None).await;
        assert_eq!(known.len(), 2);
        let drop_them = || {
            for key in dropped.split(' ') {
                assert_eq!(
                    server.command(&["DEL", &format!("{{cloakroom%test%m}}{key}")]),
                    "1"
                );
            }
        };
        drop_them();
        // A reader keeps what it knows, and hears that it reads another history.
        let (marks, anew, empty) = news(&store, Some(&next)).await;
        assert!(marks.is_empty() && anew, "without {dropped}: {marks:?}");
        let (marks, anew, _) = news(&store, None).await;
        assert!(marks.is_empty() && !anew, "without {dropped}: {marks:?}");
        set(&store, "carol").await;
        for after in [None, Some(&empty), Some(&next)] {
            let (marks, anew, _) = news(&store, after).await;
            assert_eq!(marks, [mark_of("carol")], "without {dropped}");
            assert_eq!(anew, after == Some(&next), "without {dropped}");
        }
        let marks_of = |who| store.marks_of(MarksOf::new(namespace(), principal(who)));
        assert_eq!(marks_of("carol").await.unwrap(), at(1000));
        assert_eq!(marks_of("alice").await.unwrap(), at(0), "without {dropped}");
        // What is left of them goes with the sweep, too.
        set(&store, "dave").await;
        drop_them();
        let sweep = Sweep::new(namespace(), at(0), 10.try_into().unwrap());
        assert_eq!(Marks::forget(&store, sweep).await.unwrap().removed, 0);
        assert_eq!(server.command(&["KEYS", "*"]), "", "without {dropped}");
    }
}
