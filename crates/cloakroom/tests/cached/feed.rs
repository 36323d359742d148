//! A feed of what other nodes change: while it is there copies may be old, and when it is cut there are none.

use cloakroom::stores::Cached;
use cloakroom::stores::cached::{CachedOptions, Invalidations};
use cloakroom_store::Store;

use crate::fixture::{STALENESS, Stage, begin, body, create, end, id, load, namespace, record};

fn fed(stage: &Stage) -> (Cached, Invalidations) {
    let options = CachedOptions::default().staleness(STALENESS);
    options.around_fed(stage.store.clone())
}

/// Whether a copy is made of what is loaded.
async fn keeps(stage: &Stage, node: &Cached, n: u32) -> bool {
    body(node, n).await;
    stage.store.loads();
    body(node, n).await;
    stage.store.loads() == 0
}

#[tokio::test(start_paused = true)]
async fn copies_are_made_only_while_the_feed_is_there() {
    let stage = Stage::default();
    create(&stage.store, 1, record("a")).await;
    let (node, feed) = fed(&stage);
    assert!(!keeps(&stage, &node, 1).await, "it is not there yet");
    feed.connected();
    assert!(keeps(&stage, &node, 1).await);
    feed.cut();
    assert!(!keeps(&stage, &node, 1).await);
    create(&node, 2, record("a")).await;
    assert!(!keeps(&stage, &node, 2).await, "nor of what is written");
    feed.connected();
    assert!(keeps(&stage, &node, 1).await);
    drop(feed);
    assert!(!keeps(&stage, &node, 1).await, "nobody tells any more");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_told_is_seen_at_once() {
    let stage = Stage::default();
    let (node, feed) = fed(&stage);
    feed.connected();
    create(&stage.store, 1, record("a")).await;
    create(&stage.store, 2, record("a")).await;
    assert!(keeps(&stage, &node, 1).await && keeps(&stage, &node, 2).await);
    end(&stage.store, 1).await;
    feed.changed(&namespace(), id(1));
    assert_eq!(body(&node, 1).await, None);
    assert!(keeps(&stage, &node, 2).await, "nobody else's copy goes");
    end(&stage.store, 2).await;
    feed.all_changed();
    assert_eq!(body(&node, 2).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_while_the_feed_was_cut_is_not_taken_for_new() {
    let stage = Stage::default();
    let (node, feed) = fed(&stage);
    feed.connected();
    create(&stage.store, 1, record("a")).await;
    assert!(keeps(&stage, &node, 1).await);
    feed.cut();
    end(&stage.store, 1).await;
    feed.connected();
    assert_eq!(body(&node, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_the_news_overtakes_leaves_no_copy() {
    let stage = Stage::default();
    let (node, feed) = fed(&stage);
    feed.connected();
    for (n, tell) in [
        (1, Invalidations::all_changed as fn(&Invalidations)),
        (2, |feed| feed.changed(&namespace(), id(2))),
        (3, |feed| {
            feed.cut();
            feed.connected();
        }),
    ] {
        create(&stage.store, n, record("a")).await;
        stage.store.hold_answers();
        let loading = begin(node.load(load(n))).await;
        stage.store.release();
        end(&stage.store, n).await;
        tell(&feed);
        assert!(loading.await.unwrap().is_some(), "it is from before");
        assert_eq!(body(&node, n).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_the_feed_leaves_no_copy() {
    let stage = Stage::default();
    let (node, feed) = fed(&stage);
    create(&stage.store, 1, record("a")).await;
    stage.store.hold_answers();
    let loading = begin(node.load(load(1))).await;
    stage.store.release();
    end(&stage.store, 1).await;
    feed.connected();
    assert!(loading.await.unwrap().is_some(), "it is from before");
    assert_eq!(body(&node, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_feed_knows_when_nobody_listens() {
    let stage = Stage::default();
    let (node, feed) = fed(&stage);
    let clone = node.clone();
    drop(node);
    assert!(feed.is_wanted());
    drop(clone);
    assert!(!feed.is_wanted());
    feed.connected();
    let (_node, feed) = CachedOptions::default().around_fed(stage.store);
    assert!(!feed.is_wanted(), "without a staleness there is nothing to tell");
}
