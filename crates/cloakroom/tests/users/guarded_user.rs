//! A connection that needs a user: it ends when they may not be signed in any more, and their session with it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::store::Principal;
use cloakroom::stores::Memory;
use cloakroom::{ErrorKind, Sessions, Users};
use tokio::time::{Instant, sleep, timeout};

use crate::guard::{again, connected, ends};
use crate::strategies::in_memory;

const WHOLE: Duration = Duration::from_secs(3600);

/// What is known of whoever is asked for.
#[derive(Clone)]
struct Known(Arc<Mutex<Answer>>);

#[derive(Clone, Copy)]
enum Answer {
    /// This is their hash.
    There(Option<&'static str>),
    /// There they are, without a hash, under this name.
    Named(&'static str),
    Gone,
    Unknown,
    /// They are gone, and it takes its time to say so.
    GoneSlowly(Duration),
    Panics,
}

impl Known {
    fn is(&self, answer: Answer) {
        *self.0.lock().unwrap() = answer;
    }
}

impl Default for Known {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Answer::There(None))))
    }
}

struct Account {
    hash: Option<&'static str>,
    name: &'static str,
}

impl Users for Known {
    type User = Account;
    type Error = &'static str;

    async fn find(&self, _: &Principal) -> Result<Option<Account>, &'static str> {
        let answer = *self.0.lock().unwrap();
        match answer {
            Answer::There(hash) => Ok(Some(Account { hash, name: "" })),
            Answer::Named(name) => Ok(Some(Account { hash: None, name })),
            Answer::Gone => Ok(None),
            Answer::Unknown => Err("the database is down"),
            Answer::GoneSlowly(time) => {
                sleep(time).await;
                Ok(None)
            }
            Answer::Panics => panic!("as it happens"),
        }
    }

    fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
        account.hash.map(str::as_bytes)
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_user_and_signs_them_out() {
    in_memory(async |sessions, _| {
        for answer in [Answer::Gone, Answer::There(Some("new"))] {
            let known = Known::default();
            let sessions = sessions.clone().users(known.clone());
            let (session, cookie) = connected(&sessions).await;
            // Found once, as for the request that it began with.
            assert!(session.user::<Account>().await.unwrap().is_some());
            let mut guard = session.guard().user::<Account>().unwrap();
            assert!(timeout(WHOLE, guard.over()).await.is_err(), "it goes on");

            known.is(answer);
            let began = Instant::now();
            assert!(timeout(WHOLE, guard.over()).await.is_ok());
            assert!(began.elapsed() <= Duration::from_secs(5), "{:?}", began.elapsed());
            assert_eq!(
                again(&sessions, &cookie).await.principal(),
                None,
                "it is signed out"
            );
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_it_has_found_is_what_the_session_answers() {
    let known = Known::default();
    known.is(Answer::Named("Alice"));
    let sessions = Sessions::new(Memory::default()).users(known.clone());
    let (session, _) = connected(&sessions).await;
    let mut guard = session.guard().user::<Account>().unwrap();
    let name = async || session.user::<Account>().await.unwrap().map(|user| user.name);
    assert_eq!(name().await, Some("Alice"));
    known.is(Answer::Named("Alice B."));
    assert_eq!(name().await, Some("Alice"));
    assert!(timeout(Duration::from_secs(6), guard.over()).await.is_err());
    assert_eq!(name().await, Some("Alice B."));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_down_ends_no_connection() {
    let known = Known::default();
    let sessions = Sessions::new(Memory::default()).users(known.clone());
    let (session, _) = connected(&sessions).await;
    let mut guard = session.guard().user::<Account>().unwrap();
    for answer in [Answer::Unknown, Answer::Panics, Answer::GoneSlowly(WHOLE)] {
        known.is(answer);
        assert!(timeout(WHOLE, guard.over()).await.is_err(), "it goes on");
    }
    known.is(Answer::Gone);
    assert!(timeout(WHOLE, guard.over()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn messages_that_never_cease_do_not_put_off_the_answer() {
    let known = Known::default();
    let sessions = Sessions::new(Memory::default()).users(known.clone());
    let (session, _) = connected(&sessions).await;
    let mut guard = session.guard().user::<Account>().unwrap();
    known.is(Answer::GoneSlowly(Duration::from_millis(100)));
    let began = Instant::now();
    loop {
        tokio::select! {
            () = guard.over() => break,
            () = sleep(Duration::from_millis(10)) => {}
        }
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}

#[tokio::test(start_paused = true)]
async fn without_anybody_signed_in_it_is_over() {
    let sessions = Sessions::new(Memory::default()).users(Known::default());
    let session = sessions.open(std::iter::empty()).await.unwrap();
    session.set(cloakroom::Key::new("cart"), &7).unwrap();
    session.save().await.unwrap();
    assert!(
        timeout(WHOLE, session.guard().over()).await.is_err(),
        "it goes on"
    );
    ends(&mut session.guard().user::<Account>().unwrap()).await;
}

#[tokio::test]
async fn without_what_finds_users_it_names_the_missing_call() {
    let sessions = Sessions::new(Memory::default());
    let (session, _) = connected(&sessions).await;
    let error = session.guard().user::<Account>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoUsers);
    assert!(error.to_string().contains("Sessions::users"), "{error}");
}
