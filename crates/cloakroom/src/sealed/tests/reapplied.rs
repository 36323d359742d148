//! A sign-in whose session has ended elsewhere begins another one, with its own changes: which may not apply to that.

use serde::{Deserialize, Serialize, Serializer, ser};

use super::*;

const SHARE: Key<Share> = Key::new("share");

/// What is in the session of whoever had it before, and what nothing can be divided by.
#[derive(Deserialize)]
struct Share(u64);

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => Err(ser::Error::custom("there is nothing to share")),
            some => some.serialize(serializer),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_applied_takes_nothing_of_the_ended_session_along() {
    let node = Node::new();
    let other = node.neighbour(Duration::ZERO);
    let cookie = node.signed_in("alice").await;
    let cookie = node
        .request(&cookie, |session| session.set(SHARE, &Share(2)).unwrap())
        .await;
    let slow = other.open(&cookie).await;
    slow.update(SHARE, |share| share.unwrap_or(Share(0))).unwrap();
    slow.set(TEXT, &"slow".to_owned()).unwrap();
    slow.sign_in("alice").unwrap();
    node.open(&cookie).await.sign_out().await.unwrap();

    for _ in 0..3 {
        assert_eq!(slow.save().await.unwrap_err().kind(), ErrorKind::Encode);
    }
    // Also not by a handler that answers with a page of its own.
    let finished = other.end(&slow, Outcome::Success).await;
    assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Encode);
    assert_eq!(finished.set_cookie, None);
}
