//! The user of a session: found once, signed out where they may not be signed in, and nobody's fault when nobody can say.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use cloakroom::store::Principal;
use cloakroom::stores::Memory;
use cloakroom::{Cookie, Error, ErrorKind, LocalPath, Session, Sessions, SignIn, User, Users};

use tokio::sync::Semaphore;

use crate::browser::Browser;
use crate::frameworks::{App, Framework, everywhere};
#[cfg(feature = "actix")]
use crate::on_actix;
use crate::strategies::on_every_strategy;

/// A user as the application knows them. Not to be cloned: nobody has to be able to.
struct Account {
    name: &'static str,
    hash: &'static str,
}

/// The application's users, as its database has them.
#[derive(Clone, Default)]
struct Database {
    hashes: Arc<Mutex<HashMap<&'static str, &'static str>>>,
    asked: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Up,
    Down,
    Hangs,
}

impl Database {
    fn of_alice() -> Self {
        let database = Self::default();
        database.set("alice", "old");
        database
    }

    fn set(&self, name: &'static str, hash: &'static str) {
        self.hashes.lock().unwrap().insert(name, hash);
    }

    fn disable(&self, name: &str) {
        self.hashes.lock().unwrap().remove(name);
    }

    fn hash_of(&self, name: &str) -> Option<(&'static str, &'static str)> {
        let hashes = self.hashes.lock().unwrap();
        hashes.get_key_value(name).map(|(name, hash)| (*name, *hash))
    }

    fn is(&self, state: State) {
        *self.state.lock().unwrap() = state;
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

impl Users for Database {
    type User = Account;
    type Error = io::Error;

    async fn find(&self, principal: &Principal) -> Result<Option<Account>, io::Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let state = *self.state.lock().unwrap();
        match state {
            State::Up => {}
            State::Down => return Err(io::Error::other("the database is down")),
            State::Hangs => std::future::pending().await,
        }
        let found = self.hash_of(principal.as_str());
        Ok(found.map(|(name, hash)| Account { name, hash }))
    }

    fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
        Some(account.hash.as_bytes())
    }
}

async fn app(framework: Framework, sessions: &Sessions, database: &Database) -> App {
    let sessions = sessions
        .clone()
        .users(database.clone())
        .store_timeout(Duration::from_millis(200));
    match framework {
        Framework::Axum => App::Axum(app_on_axum(&sessions, database)),
        #[cfg(feature = "actix")]
        Framework::Actix => App::Actix(app_on_actix(&sessions, database).await),
    }
}

fn app_on_axum(sessions: &Sessions, database: &Database) -> Router {
    let (in_sign_in, in_change) = (database.clone(), database.clone());
    Router::new()
        .route(
            "/sign-in",
            post(async move |session: Session| sign_in(&session, &in_sign_in)),
        )
        .route(
            "/change-password",
            post(async move |user: User<Account>, session: Session| change(&user, &session, &in_change)),
        )
        .route("/nothing", get(async || "nothing"))
        .route("/session", get(async |_: Session| "a session"))
        .route("/account", get(account))
        .route("/twice", get(twice))
        .route("/perhaps", get(perhaps))
        .layer(sessions.layer())
}

#[cfg(feature = "actix")]
async fn app_on_actix(sessions: &Sessions, database: &Database) -> on_actix::App {
    use actix_web::web::{Data, get, post};
    on_actix::App::new(sessions, |app| {
        app.app_data(Data::new(database.clone()))
            .route(
                "/sign-in",
                post().to(async |session: Session, database: Data<Database>| sign_in(&session, &database)),
            )
            .route(
                "/change-password",
                post().to(
                    async |user: User<Account>, session: Session, database: Data<Database>| {
                        change(&user, &session, &database)
                    },
                ),
            )
            .route("/nothing", get().to(async || "nothing"))
            .route("/session", get().to(async |_: Session| "a session"))
            .route("/account", get().to(account))
            .route("/twice", get().to(twice))
            .route("/perhaps", get().to(perhaps));
    })
    .await
}

fn sign_in(session: &Session, database: &Database) -> Result<&'static str, Error> {
    let (name, hash) = database.hash_of("alice").unwrap();
    session.sign_in(SignIn::new(name).credentials(hash))?;
    Ok("signed in")
}

fn change(account: &Account, session: &Session, database: &Database) -> Result<&'static str, Error> {
    assert_eq!(account.hash, "old");
    database.set(account.name, "new");
    session.sign_in(SignIn::new(account.name).credentials("new"))?;
    Ok("changed")
}

async fn account(User(account): User<Account>) -> &'static str {
    account.name
}

async fn twice(first: User<Account>, second: Option<User<Account>>, session: Session) -> String {
    let third = session.user::<Account>().await.unwrap().unwrap();
    assert!(std::ptr::eq(&*first, &*third));
    format!("{} {}", first.name, second.unwrap().name)
}

async fn perhaps(user: Option<User<Account>>) -> &'static str {
    user.map_or("nobody", |account| account.name)
}

#[tokio::test]
async fn the_user_is_found_once_per_request_and_only_when_a_handler_asks() {
    everywhere(async |framework, sessions, _| {
        let database = Database::of_alice();
        let mut browser = Browser::new(&app(framework, &sessions, &database).await);
        browser.post("/sign-in").await;
        for (path, body, asked) in [
            ("/nothing", "nothing", 0),
            ("/session", "a session", 0),
            ("/account", "alice", 1),
            ("/perhaps", "alice", 1),
            ("/twice", "alice alice", 1),
        ] {
            assert_eq!(browser.get(path).await.body, body);
            assert_eq!(database.asked(), asked, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_is_a_401_and_costs_the_database_nothing() {
    everywhere(async |framework, sessions, _| {
        let database = Database::of_alice();
        let mut browser = Browser::new(&app(framework, &sessions, &database).await);
        let refused = browser.get("/account").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.header("www-authenticate"), "Session");
        assert!(!refused.touches_cookie());
        assert_eq!(browser.get("/perhaps").await.body, "nobody");
        assert_eq!(database.asked(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_user_who_is_gone_is_signed_out() {
    everywhere(async |framework, sessions, _| {
        for (path, status) in [
            ("/account", StatusCode::UNAUTHORIZED),
            ("/perhaps", StatusCode::OK),
        ] {
            let database = Database::of_alice();
            let mut browser = Browser::new(&app(framework, &sessions, &database).await);
            browser.post("/sign-in").await;
            let copied = browser.clone();
            database.disable("alice");
            let answer = browser.get(path).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(database.asked(), 1, "{path}");
            assert!(!browser.has_session(), "{path}: {answer:?}");
            // The session is over, not only its cookie gone: the user comes back, and the session does not.
            database.set("alice", "old");
            assert_eq!(copied.clone().get("/perhaps").await.body, "nobody", "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_of_the_password_ends_the_other_sessions_and_not_this_one() {
    everywhere(async |framework, sessions, _| {
        let database = Database::of_alice();
        let app = app(framework, &sessions, &database).await;
        let (mut phone, mut laptop) = (Browser::new(&app), Browser::new(&app));
        phone.post("/sign-in").await;
        laptop.post("/sign-in").await;
        let before = laptop.clone();
        assert_eq!(laptop.post("/change-password").await.status, StatusCode::OK);
        assert_eq!(laptop.get("/account").await.body, "alice");
        assert_eq!(phone.get("/perhaps").await.body, "nobody");
        assert!(!phone.has_session());
        assert_eq!(before.clone().get("/perhaps").await.body, "nobody");
        // With the new password the phone is back.
        phone.post("/sign-in").await;
        assert_eq!(phone.get("/account").await.body, "alice");
        assert_eq!(laptop.get("/account").await.body, "alice");
    })
    .await;
}

#[tokio::test]
async fn a_request_that_was_late_for_a_change_of_the_password_does_not_undo_the_new_login() {
    on_every_strategy(async |sessions, _| {
        let database = Database::of_alice();
        let sessions = sessions.users(database.clone());
        let mut browser = Browser::new(&app_on_axum(&sessions, &database));
        browser.post("/sign-in").await;
        let line = browser.cookie();
        let lines = || std::iter::once(line.as_bytes());
        let late = sessions.open(lines()).await.unwrap();
        browser.post("/change-password").await;
        assert!(late.user::<Account>().await.unwrap().is_none());
        let finished = sessions.finish(&late, cloakroom::Outcome::Success).await;
        assert_eq!(finished.set_cookie, None, "its cookie would replace the new one");
        assert_eq!(browser.get("/account").await.body, "alice");
    })
    .await;
}

/// The application's users, in a database that answers when it is told to.
struct Slow(Database, Arc<Semaphore>);

impl Users for Slow {
    type User = Account;
    type Error = io::Error;

    async fn find(&self, principal: &Principal) -> Result<Option<Account>, io::Error> {
        self.1.acquire().await.unwrap().forget();
        self.0.find(principal).await
    }

    fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
        self.0.credentials(account)
    }
}

#[tokio::test]
async fn a_look_up_does_not_undo_a_sign_in_that_came_meanwhile() {
    on_every_strategy(async |sessions, _| {
        for (who, hash) in [("bob", "bob's"), ("alice", "new")] {
            let database = Database::of_alice();
            let answers = Arc::new(Semaphore::new(0));
            let slow = Slow(database.clone(), Arc::clone(&answers));
            let sessions = sessions.clone().users(slow);
            let session = sessions.open(std::iter::empty()).await.unwrap();
            session.sign_in(SignIn::new("alice").credentials("old")).unwrap();
            session.save().await.unwrap();
            let clone = session.clone();
            let (found, ()) = tokio::join!(session.user::<Account>(), async {
                database.set(who, hash);
                clone.sign_in(SignIn::new(who).credentials(hash)).unwrap();
                answers.add_permits(3);
            });
            // Who it was when it was asked, or who it is by now.
            assert_eq!(found.unwrap().unwrap().name, "alice");
            let found = session.user::<Account>().await.unwrap().unwrap();
            assert_eq!((found.name, found.hash), (who, hash));
            let finished = sessions.finish(&session, cloakroom::Outcome::Success).await;
            finished.result.unwrap();
            assert_eq!(session.principal().unwrap().as_str(), who);
            assert!(session.signed_in_with(hash.as_bytes()));
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_was_signed_in_without_credentials_ends_where_its_user_has_some() {
    on_every_strategy(async |sessions, _| {
        let database = Database::of_alice();
        let sessions = sessions.users(database.clone());
        let app = app_on_axum(&sessions, &database).merge(
            Router::new()
                .route("/plain", post(async |session: Session| session.sign_in("alice")))
                .layer(sessions.layer()),
        );
        let mut browser = Browser::new(&app);
        browser.post("/plain").await;
        assert_eq!(browser.get("/perhaps").await.body, "nobody");
        assert!(!browser.has_session());
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_down_signs_nobody_out() {
    everywhere(async |framework, sessions, _| {
        let database = Database::of_alice();
        let mut browser = Browser::new(&app(framework, &sessions, &database).await);
        browser.post("/sign-in").await;
        for state in [State::Down, State::Hangs] {
            database.is(state);
            for path in ["/account", "/perhaps"] {
                let answer = browser.get(path).await;
                assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
                assert_eq!(answer.header("retry-after"), "5");
                assert!(!answer.touches_cookie(), "{path}");
                assert!(!answer.body.contains("database"), "{path}: {}", answer.body);
            }
            database.is(State::Up);
            assert_eq!(browser.get("/account").await.body, "alice");
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_value_that_finds_them_it_is_a_500_that_names_the_call() {
    let sessions = Sessions::new(Memory::default());
    let session = sessions.open(std::iter::empty()).await.unwrap();
    let error = session.user::<Account>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoUsers);
    let told = error.to_string();
    assert!(
        told.contains("Sessions::users") && told.contains("Account"),
        "{told}"
    );
    everywhere(async |framework, sessions, _| {
        let app = match framework {
            Framework::Axum => App::Axum(app_on_axum(&sessions, &Database::default())),
            #[cfg(feature = "actix")]
            Framework::Actix => App::Actix(app_on_actix(&sessions, &Database::default()).await),
        };
        for path in ["/account", "/perhaps"] {
            let answer = Browser::new(&app).get(path).await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_type_of_user_is_found_by_its_own() {
    struct Staff;
    struct Directory;
    impl Users for Directory {
        type User = Staff;
        type Error = String;
        async fn find(&self, principal: &Principal) -> Result<Option<Staff>, String> {
            Ok((principal.as_str() == "root").then_some(Staff))
        }
    }
    let sessions = Sessions::new(Memory::default())
        .users(Database::of_alice())
        .users(Directory);
    let session = sessions.open(std::iter::empty()).await.unwrap();
    session.sign_in("root").unwrap();
    assert!(session.user::<Staff>().await.unwrap().is_some());
    session.sign_in(SignIn::new("alice").credentials("old")).unwrap();
    let alice = session.user::<Account>().await.unwrap();
    assert_eq!(alice.map(|alice| alice.name), Some("alice"));
    // Who signs in within a request is who is asked for from then on: and is signed out by whoever does not find them.
    session.save().await.unwrap();
    assert!(session.user::<Staff>().await.unwrap().is_none());
    assert!(session.principal().is_none());
}

/// Pages below `/shop`, and where one signs in.
async fn pages(framework: Framework, sessions: &Sessions, database: &Database) -> App {
    let sessions = sessions.clone().users(database.clone());
    let sessions = sessions.sign_in_page("/sign-in?shop").unwrap();
    match framework {
        Framework::Axum => App::Axum(pages_on_axum(&sessions, database)),
        #[cfg(feature = "actix")]
        Framework::Actix => App::Actix(pages_on_actix(&sessions, database).await),
    }
}

fn pages_on_axum(sessions: &Sessions, database: &Database) -> Router {
    let database = database.clone();
    let shop = Router::new()
        .route("/account", get(account).post(account))
        .route("/recent", get(recent));
    Router::new()
        .nest("/shop", shop)
        .route("/account", get(account))
        .route(
            "/sign-in",
            get(account).post(async move |session: Session| sign_in(&session, &database)),
        )
        .layer(sessions.layer())
}

#[cfg(feature = "actix")]
async fn pages_on_actix(sessions: &Sessions, database: &Database) -> on_actix::App {
    use actix_web::web::{Data, get, post, scope};
    on_actix::App::new(sessions, |app| {
        let shop = scope("/shop")
            .route("/account", get().to(account))
            .route("/account", post().to(account))
            .route("/recent", get().to(recent));
        app.app_data(Data::new(database.clone()))
            .service(shop)
            .route("/account", get().to(account))
            .route("/sign-in", get().to(account))
            .route(
                "/sign-in",
                post().to(async |session: Session, database: Data<Database>| sign_in(&session, &database)),
            );
    })
    .await
}

async fn recent(session: Session) -> Result<&'static str, Error> {
    session.require_recent(Duration::from_secs(300))?;
    Ok("recent")
}

#[tokio::test]
async fn a_browser_is_sent_to_sign_in_and_from_there_back() {
    everywhere(async |framework, sessions, clock| {
        let database = Database::of_alice();
        let mut browser = Browser::new(&pages(framework, &sessions, &database).await);
        let answer = browser.get("/account?tab=orders&page=2").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(
            answer.header("location"),
            "/sign-in?shop&next=/account%3Ftab%3Dorders%26page%3D2"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.body, "");
        // What is no GET cannot be done again.
        let answer = browser.post("/shop/account").await;
        assert_eq!(answer.header("location"), "/sign-in?shop");
        // A script hears what is the matter.
        let answer = browser.fetch("/account").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("www-authenticate"), "Session");
        // The page to sign in at does not send to itself.
        assert_eq!(browser.get("/sign-in").await.status, StatusCode::UNAUTHORIZED);

        // Whoever has to show again who they are, too; and whoever may not be signed in any more.
        browser.post("/sign-in").await;
        assert_eq!(browser.get("/account").await.body, "alice");
        clock.advance(Duration::from_secs(301));
        let answer = browser.get("/shop/recent").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("location"), "/sign-in?shop&next=/shop/recent");
        database.disable("alice");
        let answer = browser.get("/account").await;
        assert_eq!(answer.header("location"), "/sign-in?shop&next=/account");
        assert!(!browser.has_session());
    })
    .await;
}

#[tokio::test]
async fn whoever_is_sent_back_is_sent_to_where_they_were() {
    everywhere(async |framework, sessions, _| {
        let database = Database::of_alice();
        let mut browser = Browser::new(&pages(framework, &sessions, &database).await);
        // Routers take `/shop` off before the handler sees it.
        let answer = browser.get("/shop/account").await;
        assert_eq!(answer.header("location"), "/sign-in?shop&next=/shop/account");
        // A path that a browser would take for another host is not gone back to.
        let answer = browser.get("//evil.example/account").await;
        assert_ne!(answer.status, StatusCode::SEE_OTHER);
    })
    .await;
    assert!(
        Sessions::new(Memory::default())
            .sign_in_page("/sign-in#form")
            .is_err()
    );
    assert!(
        Sessions::new(Memory::default())
            .sign_in_page("//evil.example")
            .is_err()
    );
    assert!(LocalPath::parse("/sign-in?shop").is_some());
}

/// An application for customers, who are sent to `/sign-in`, within one for staff, who are sent to `/staff`. It has cookies
/// of its own besides.
async fn within_another(framework: Framework, customers: &Sessions, staff: &Sessions) -> App {
    match framework {
        Framework::Axum => App::Axum({
            let with_cookie = async |response: Response| ([("set-cookie", "seen=yes; Path=/")], response);
            let inner = Router::new()
                .route("/account", get(account))
                .layer(axum::middleware::map_response(with_cookie))
                .layer(customers.layer());
            Router::new()
                .route("/tools", get(recent))
                .merge(inner)
                .layer(staff.layer())
        }),
        #[cfg(feature = "actix")]
        Framework::Actix => App::Actix({
            use actix_web::middleware::DefaultHeaders;
            use actix_web::web::{get, resource};
            let customers = customers.middleware();
            on_actix::App::new(staff, |app| {
                let account = resource("/account").route(get().to(account));
                let with_cookie = DefaultHeaders::new().add(("set-cookie", "seen=yes; Path=/"));
                app.service(account.wrap(with_cookie).wrap(customers))
                    .route("/tools", get().to(recent));
            })
            .await
        }),
    }
}

#[tokio::test]
async fn who_signs_in_to_one_application_is_not_sent_to_another_around_it() {
    everywhere(async |framework, sessions, _| {
        let cookie = Cookie::builder("staff").build().unwrap();
        let staff = Sessions::new(Memory::default()).cookie(cookie);
        let staff = staff.sign_in_page("/staff").unwrap();
        let customers = sessions.users(Database::of_alice());
        let with_page = customers.clone().sign_in_page("/sign-in").unwrap();
        for (customers, location) in [(customers, ""), (with_page, "/sign-in?next=/account")] {
            let app = within_another(framework, &customers, &staff).await;
            let answer = Browser::new(&app).get("/account").await;
            let status = match location {
                "" => StatusCode::UNAUTHORIZED,
                _ => StatusCode::SEE_OTHER,
            };
            assert_eq!((answer.status, answer.header("location")), (status, location));
            // What is not about who signs in is theirs, and stays.
            assert_eq!(answer.header("set-cookie"), "seen=yes; Path=/");
            let answer = Browser::new(&app).get("/tools").await;
            assert_eq!(answer.header("location"), "/staff?next=/tools");
        }
    })
    .await;
}
