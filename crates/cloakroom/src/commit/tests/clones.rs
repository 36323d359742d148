//! What clones of a session do while another one saves.

use super::*;

#[tokio::test]
async fn what_a_clone_records_while_a_save_is_in_flight_is_not_lost() {
    type Record = fn(&Session);
    let cases: [(Record, Option<u64>); 5] = [
        (add_one, Some(3)),
        (|session| session.set(N, &9).unwrap(), Some(9)),
        (|session| session.remove(N).unwrap(), None),
        (|session| session.clear().unwrap(), None),
        (|session| session.rotate().unwrap(), Some(2)),
    ];
    for (record, expected) in cases {
        for refused in [false, true] {
            let app = App::new();
            let cookie = app.begun().await;
            let session = app.open(&cookie).await;
            add_one(&session);
            let clone = session.clone();
            if refused {
                let (neighbour, same) = (app.neighbour(), cookie.clone());
                let faster = async move {
                    neighbour
                        .request(&same, |s| s.set(NAME, &"x".to_owned()).unwrap())
                        .await;
                };
                app.store.on(Verb::Write, Act::After(Box::pin(faster)));
            }
            app.store
                .on(Verb::Write, Act::After(Box::pin(async move { record(&clone) })));
            session.save().await.unwrap();
            let new = app.done(&session, &cookie).await;
            assert_eq!(app.n(&new).await, expected, "refused: {refused}");
            let read = app.neighbour().open(&new).await;
            let name = read.get(NAME).unwrap();
            assert!(name.is_none() || refused);
        }
    }
}

#[tokio::test]
async fn a_failed_handler_drops_what_a_clone_recorded_and_keeps_what_was_saved() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    add_one(&session);
    let clone = session.clone();
    app.store.on(
        Verb::Write,
        Act::After(Box::pin(async move { clone.set(N, &9).unwrap() })),
    );
    session.save().await.unwrap();
    app.sessions
        .finish(&session, Outcome::ServerError)
        .await
        .result
        .unwrap();
    assert_eq!(session.get(N).unwrap(), Some(2));
    session.set(NAME, &"late".to_owned()).unwrap();
    session.save().await.unwrap();
    assert_eq!(app.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_sign_in_of_somebody_else_that_a_clone_records_begins_another_session() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    session.sign_in("alice").unwrap();
    let clone = session.clone();
    app.store.on(
        Verb::Write,
        Act::After(Box::pin(async move { clone.sign_in("bob").unwrap() })),
    );
    session.save().await.unwrap();
    let alices = session.id();
    assert_eq!(app.count(of("alice")).await, 1);
    let bob = app.done(&session, &cookie).await;
    assert_ne!(session.id(), alices);
    assert_eq!(app.who(&bob).await.as_deref(), Some("bob"));
    assert_eq!((app.n(&bob).await, app.count(of("alice")).await), (None, 0));
}

#[tokio::test]
async fn an_update_may_read_the_session() {
    let app = App::new();
    let cookie = app.begun().await;
    let (neighbour, same) = (app.neighbour(), cookie.clone());
    let faster = async move {
        neighbour.request(&same, add_one).await;
    };
    app.store.on(Verb::Write, Act::After(Box::pin(faster)));
    let session = app.open(&cookie).await;
    let clone = session.clone();
    let update = move |n: Option<u64>| {
        let _ = (clone.get(N), clone.principal(), clone.id(), clone.to_json());
        n.unwrap_or(0) + 1
    };
    session.update(N, update).unwrap();
    app.done(&session, &cookie).await;
    assert_eq!(app.n(&cookie).await, Some(3));
}
