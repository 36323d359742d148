//! What is drawn again, and what there is without randomness.

use std::sync::Mutex;

use super::*;
use crate::base64url;

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
async fn a_token_is_384_bits_of_the_source_and_256_of_them_are_secret() {
    let drawn = Arc::new(Mutex::new(Vec::new()));
    let drawing = Arc::clone(&drawn);
    let app = App::new().random(move |bytes| {
        let mut drawn = drawing.lock().unwrap();
        for byte in bytes.iter_mut() {
            *byte = drawn.len() as u8;
            drawn.push(*byte);
        }
        true
    });
    let cookie = app.request("", add_one).await;
    let (_, token) = cookie.split_once('=').unwrap();
    let mut bytes = [0; 48];
    base64url::decode(&token.as_bytes()[1..], &mut bytes).unwrap();
    let drawn = drawn.lock().unwrap();
    let (id, secret) = bytes.split_at(16);
    // Each of them once, and none of them twice.
    for (part, bits) in [(id, 128), (secret, 256)] {
        assert_eq!(part.len() * 8, bits);
        assert!(drawn.windows(part.len()).any(|window| window == part), "{bits}");
    }
    assert!(!secret.iter().any(|byte| id.contains(byte)));
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
