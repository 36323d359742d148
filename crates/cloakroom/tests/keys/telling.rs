//! The log is told what a retiring key still opens, so that an operator knows when it can go.

use std::time::Duration;

use cloakroom::{KeyRing, Outcome, ServerKey, Sessions};

use crate::log::{self, Listener};
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
    assert_eq!(heard(), [""; 0], "it is the active one");

    let old = file.read().unwrap().active().id;
    file.change(|keys| {
        let new = keys.add(ServerKey::generate()?, now())?;
        keys.activate(new, now())
    })
    .unwrap();
    let told = |opened: u64| format!("message=use of a retiring key key={old} opened={opened} ");
    tokio::time::sleep(HOUR / 4).await;
    reads(3).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(heard(), [told(3)]);
    tokio::time::sleep(HOUR).await;
    assert_eq!(
        heard(),
        [told(0)],
        "this is said, too: silence could be a node that does not watch"
    );
    reads(1).await;
    watcher.stop().await;
    assert_eq!(heard(), [told(1)], "nothing is lost when a process stops");
}

/// The cookie of somebody who has signed in.
async fn begin(sessions: &Sessions) -> String {
    let session = sessions.open([].into_iter()).await.unwrap();
    session.sign_in("alice").unwrap();
    let finished = sessions.finish(&session, Outcome::Success).await;
    let line = finished.set_cookie.unwrap();
    line.split(';').next().unwrap().to_owned()
}

/// What the log was told of retiring keys since somebody last asked.
fn heard() -> Vec<String> {
    let lines = log::heard().into_iter();
    let about_keys = lines.filter(|line| line.is(&("info", "use of a retiring key")));
    about_keys.map(|line| line.whole).collect()
}
