//! What nodes whose clocks differ do to a session of which both have requests.

use super::*;

impl App {
    /// A node over the same store, whose clock is ahead by so much, or behind.
    pub(super) fn with_clock_at(&self, millis: i64) -> Self {
        let now = self
            .time
            .load(Ordering::SeqCst)
            .checked_add_signed(millis)
            .unwrap();
        Self::over(self.store.undisturbed(), Arc::new(AtomicU64::new(now)))
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_write_by_a_node_whose_clock_is_behind_ends_the_session_for_nobody() {
    let app = App::new();
    let behind = app.with_clock_at(-(HOUR.as_millis() as i64));
    let changes: [fn(&Session); 3] = [
        add_one,
        |session| session.rotate().unwrap(),
        |session| session.set(NAME, &"x".to_owned()).unwrap(),
    ];
    for change in changes {
        let cookie = app.begun().await;
        let session = behind.open(&cookie).await;
        change(&session);
        let cookie = behind.done(&session, &cookie).await;
        // It goes on, and for as long as if nobody had written.
        for _ in 0..2 {
            app.wait(Duration::from_secs(14 * 60));
            assert!(app.n(&cookie).await.is_some());
        }
    }
}

#[tokio::test]
async fn a_cookie_that_is_kept_lives_as_long_as_its_session_by_the_clock_that_gave_it() {
    let app = App::new();
    let ahead = app.with_clock_at(4000);
    let cookie = ahead.begun().await;
    let session = app.open(&cookie).await;
    session.sign_in(SignIn::new("alice").remember(true)).unwrap();
    let line = app.finish(&session).await.set_cookie.unwrap();
    assert!(line.contains("; Max-Age=2592000"), "{line}");
}
