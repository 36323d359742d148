//! Marks of which a server that evicts has dropped a part: what the hash has is told again, and without it all are gone.

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

/// Has the server drop some of the three keys of the marks.
fn drop_keys(server: &Server, keys: &str) {
    for key in keys.split(' ') {
        let key = format!("{{cloakroom%test%m}}{key}");
        assert_eq!(server.command(&["DEL", &key]), "1");
    }
}

async fn forget(store: &Redis, over_before: u64) -> u64 {
    let sweep = Sweep::new(namespace(), at(over_before), 10.try_into().unwrap());
    Marks::forget(store, sweep).await.unwrap().removed
}

async fn marks_of(store: &Redis, who: &str) -> Timestamp {
    let request = MarksOf::new(namespace(), principal(who));
    store.marks_of(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_without_their_hash_begin_anew() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    for dropped in ["m", "m o", "m u"] {
        set(&store, "alice").await;
        set(&store, "bob").await;
        let (known, _, next) = news(&store, None).await;
        assert_eq!(known.len(), 2);
        drop_keys(&server, dropped);
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
        assert_eq!(marks_of(&store, "carol").await, at(1000));
        assert_eq!(marks_of(&store, "alice").await, at(0), "without {dropped}");
        // What is left of them goes with the next mark, or with the sweep.
        for is_marked in [true, false] {
            drop_keys(&server, dropped);
            if is_marked {
                set(&store, "dave").await;
                assert_eq!(news(&store, None).await.0, [mark_of("dave")], "without {dropped}");
            } else {
                assert_eq!(forget(&store, 0).await, 0);
                assert_eq!(server.command(&["KEYS", "*"]), "", "without {dropped}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_without_their_order_are_told_again() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    for dropped in ["o", "u", "o u"] {
        set(&store, "alice").await;
        set(&store, "bob").await;
        let (_, _, next) = news(&store, None).await;
        let both = [mark_of("alice"), mark_of("bob")];
        let told = async |after| {
            let (mut marks, anew, next) = news(&store, after).await;
            marks.sort_by_key(|mark| format!("{mark:?}"));
            assert!(!anew, "without {dropped}");
            (marks, next)
        };
        drop_keys(&server, dropped);
        // Whoever had read all reads all of it once more, and then nothing.
        let (marks, again) = told(Some(&next)).await;
        assert_eq!(marks, both, "without {dropped}");
        assert_eq!(told(Some(&again)).await.0, [], "without {dropped}");
        assert_eq!(told(None).await.0, both, "without {dropped}");
        // So it is where the first who comes sets a mark.
        drop_keys(&server, dropped);
        set(&store, "carol").await;
        let (marks, again) = told(Some(&again)).await;
        assert_eq!(
            marks,
            [&both[..], &[mark_of("carol")]].concat(),
            "without {dropped}"
        );
        assert_eq!(told(Some(&again)).await.0, [], "without {dropped}");
        assert_eq!(marks_of(&store, "alice").await, at(1000), "without {dropped}");
        // Or forgets: what is over goes, and only that.
        drop_keys(&server, dropped);
        assert_eq!(forget(&store, 2000).await, 0, "without {dropped}");
        assert_eq!(told(None).await.0.len(), 3, "without {dropped}");
        drop_keys(&server, dropped);
        assert_eq!(forget(&store, 2001).await, 3, "without {dropped}");
        assert_eq!(told(None).await.0, [], "without {dropped}");
    }
}
