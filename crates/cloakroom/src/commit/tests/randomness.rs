//! What is drawn again, and what there is without randomness.

use super::*;

#[tokio::test]
async fn an_id_that_is_taken_is_drawn_again() {
    // The first session, and the first attempt at a second one, draw the same.
    let drawn = AtomicUsize::new(0);
    let app = App::new().random(move |bytes| {
        let n = drawn.fetch_add(1, Ordering::SeqCst);
        bytes.fill(n.max(1) as u8);
        true
    });
    let first = app.request("", add_one).await;
    let second = app.request("", |session| session.set(N, &7).unwrap()).await;
    assert_ne!(first, second);
    assert_eq!((app.n(&first).await, app.n(&second).await), (Some(1), Some(7)));
}

#[tokio::test]
async fn without_randomness_there_is_no_session_and_no_cookie() {
    let app = App::new().random(|_| false);
    let session = app.open("").await;
    session.sign_in("alice").unwrap();
    let finished = app.finish(&session).await;
    assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(finished.set_cookie.is_none());
    assert_eq!(app.store.asked(), []);
    // Reading needs none.
    let session = app.open("").await;
    assert!(app.finish(&session).await.result.is_ok());
}
