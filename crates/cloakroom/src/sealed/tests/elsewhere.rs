//! What nodes do to a session that have not heard of its ending, or whose clocks are wrong.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_ends_nobodys_session_for_the_others() {
    for how in 0..3 {
        let node = Node::new();
        let alice = node.signed_in("alice").await;
        let behind = node.neighbour(Duration::ZERO);
        behind.time.fetch_sub(3_600_000, Ordering::SeqCst);
        let session = behind.open(&alice).await;
        match how {
            0 => add_one(&session),
            1 => session.rotate().unwrap(),
            _ => drop(session.sign_out_others().await.unwrap()),
        }
        let cookie = behind.sent(&session).await.unwrap();
        let n = if how == 0 { 2 } else { 1 };
        assert_eq!(node.sees(&cookie).await, somebody("alice", n), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_everyone_was_ended_can_begin_a_session() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    // Its clock is a day ahead, and so is its mark.
    let broken = node.neighbour(Duration::from_secs(86_400));
    broken.sessions.end_everyone().await.unwrap();
    node.wait(BOUND).await;
    assert_eq!(node.sees(&alice).await, NOBODY);
    let visitor = node.begun().await;
    assert_eq!(node.sees(&visitor).await, (None, Some(1)));
    let alice = node
        .request(&visitor, |session| session.sign_in("alice").unwrap())
        .await;
    assert_eq!(node.sees(&alice).await, somebody("alice", 1));
}
