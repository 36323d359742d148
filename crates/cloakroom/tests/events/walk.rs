//! The walk through everything that is ever said. It keeps the ids and the secrets that it comes across.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use axum::response::IntoResponse as _;
use cloakroom::store::{Cap, Expect, Load, Principal, Store as _, Write};
use cloakroom::testing::ManualClock;
use cloakroom::{
    CrossSite, Key, KeyFile, KeyRing, Keys, Outcome, Policy, Revocations, ServerKey, Session, Sessions,
    SignIn, Users,
};
use tokio::time::{sleep, timeout};

use crate::ailing::Ailing;

const CART: Key<String> = Key::new("cart");
const CANARY: &str = "canary-51d2";
const PASSWORD: &str = "correct horse battery";
const WHOLE: Duration = Duration::from_secs(3600);

#[derive(Default)]
pub(crate) struct Walk {
    ids: HashSet<String>,
    cookies: HashSet<String>,
    keys: Vec<[u8; ServerKey::LEN]>,
}

/// Finds everybody, with a password.
struct Everybody;

impl Users for Everybody {
    type User = ();
    type Error = Infallible;

    async fn find(&self, _: &Principal) -> Result<Option<()>, Infallible> {
        Ok(Some(()))
    }

    fn credentials<'a>(&self, (): &'a ()) -> Option<&'a [u8]> {
        Some(PASSWORD.as_bytes())
    }
}

/// Finds everybody, without one.
struct Passwordless;

impl Users for Passwordless {
    type User = ();
    type Error = Infallible;

    async fn find(&self, _: &Principal) -> Result<Option<()>, Infallible> {
        Ok(Some(()))
    }
}

impl Walk {
    /// Whether this is the id of a session it came across.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// What must never be said: each part of a cookie's value, keys, values and credentials.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let parts = |value: &String| {
            let chars: Vec<char> = value.chars().collect();
            let parts = chars.chunks(12).filter(|part| part.len() == 12);
            parts.map(String::from_iter).collect::<Vec<_>>()
        };
        let mut secrets: Vec<String> = self.cookies.iter().flat_map(parts).collect();
        for bytes in &self.keys {
            secrets.push(bytes[..8].iter().map(|byte| format!("{byte:02x}")).collect());
            secrets.push(format!("{:?}", &bytes[..8]).replace(['[', ']'], ""));
        }
        secrets.extend([CANARY, PASSWORD].map(str::to_owned));
        secrets
    }

    pub(crate) async fn through_a_life(&mut self) {
        let clock = ManualClock::default();
        let policy = Policy::default()
            .rotate_every(Some(Duration::from_secs(60)))
            .unwrap();
        let sessions = stored(&Ailing::default(), &clock).policy(policy);
        let visitor = self.begun(&sessions, |session| {
            session.set(CART, &CANARY.to_owned()).unwrap();
        });
        let visitor = visitor.await;
        let alice = self
            .changed(&sessions, &visitor, |session| session.sign_in("alice").unwrap())
            .await;
        // The token from before, no token at all, and two of them.
        for cookie in [&visitor, "__Host-session=none", &format!("{visitor}; {alice}")] {
            open(&sessions, cookie).await;
        }
        let rotated = self
            .changed(&sessions, &alice, |session| session.rotate().unwrap())
            .await;
        clock.advance(Duration::from_secs(61));
        let next = self.changed(&sessions, &rotated, |_| {}).await;
        self.changed(&sessions, &next, |_| {}).await;
        clock.advance(Duration::from_secs(20));
        open(&sessions, &rotated).await;

        let bob = self.signed_in(&sessions, "bob").await;
        let late = open(&sessions, &bob).await;
        late.set(CART, &CANARY.repeat(2)).unwrap();
        open(&sessions, &bob).await.sign_out().await.unwrap();
        self.finished(&sessions, &late).await;

        let carol = open(&sessions, &self.signed_in(&sessions, "carol").await).await;
        carol.sign_out_others().await.unwrap();
        let principal = Principal::new("carol").unwrap();
        sessions.sign_out_everywhere(&principal).await.unwrap();
        sessions.end_everyone().await.unwrap();

        clock.advance(Duration::from_secs(60));
        let sessions = sessions.users(Everybody);
        let dave = open(&sessions, &self.signed_in(&sessions, "dave").await).await;
        assert!(dave.user::<()>().await.unwrap().is_none());

        let sessions = sessions.users(Passwordless);
        let frank = self.begun(&sessions, |session| {
            let sign_in = SignIn::new("frank").credentials(PASSWORD);
            session.sign_in(sign_in).unwrap();
        });
        let frank = open(&sessions, &frank.await).await;
        assert!(frank.user::<()>().await.unwrap().is_none());
        let visitor = self.begun(&sessions, |session| {
            session.set(CART, &CANARY.to_owned()).unwrap();
        });
        for cookie in [String::new(), visitor.await] {
            let unsaved = open(&sessions, &cookie).await;
            let sign_in = SignIn::new("frank").credentials(PASSWORD);
            unsaved.sign_in(sign_in).unwrap();
            assert!(unsaved.user::<()>().await.unwrap().is_none());
        }

        let capped = Policy::default().cap(Cap::Refuse(NonZeroU32::MIN));
        let sessions = sessions.policy(capped);
        let erin = open(&sessions, &self.signed_in(&sessions, "erin").await).await;
        clock.advance(Duration::from_secs(60));
        let error = erin.require_recent(Duration::from_secs(1)).unwrap_err();
        drop(error.into_response());
        let second = open(&sessions, "").await;
        second.sign_in("erin").unwrap();
        assert!(sessions.finish(&second, Outcome::Success).await.result.is_err());
    }

    pub(crate) async fn through_damage(&mut self) {
        let clock = ManualClock::default();
        let store = Ailing::default();
        let keys = self.two_keys();
        let ring = KeyRing::from(keys.clone());
        let sessions = stored(&store, &clock).keys(ring.clone());
        let sealed = Sessions::sealed(ring.clone(), Revocations::danger_in_memory(Ailing::default()));
        let cookie = self.signed_in(&sessions, "alice").await;
        let in_a_cookie = self.signed_in(&sealed, "alice").await;
        compromise(&ring, keys);
        open(&sessions, &cookie).await;
        open(&sealed, &in_a_cookie).await;

        let cookie = self.signed_in(&sessions, "alice").await;
        let id = open(&sessions, &cookie).await.id().unwrap();
        let load = Load::new(sessions.namespace().clone(), id);
        let mut stored = store.load(load).await.unwrap().unwrap();
        let mut body = stored.record.body.to_vec();
        *body.last_mut().unwrap() ^= 1;
        stored.record.body = body.into();
        let expect = Expect::Revision(stored.revision);
        let damaged = Write::new(sessions.namespace().clone(), id, expect, stored.record);
        store.write(damaged).await.unwrap();
        open(&sessions, &cookie).await;

        let mut in_a_cookie = self.signed_in(&sealed, "alice").await.into_bytes();
        let at = in_a_cookie.len() / 2;
        in_a_cookie[at] = if in_a_cookie[at] == b'A' { b'B' } else { b'A' };
        open(&sealed, std::str::from_utf8(&in_a_cookie).unwrap()).await;
    }

    pub(crate) async fn through_failures(&mut self) {
        let clock = ManualClock::default();
        let store = Ailing::default();
        let sessions = stored(&store, &clock);
        let cookie = self.signed_in(&sessions, "alice").await;
        clock.advance(Duration::from_secs(600));
        store.fails("touch");
        self.changed(&sessions, &cookie, |_| {}).await;
        store.fails("");
        let session = open(&sessions, &cookie).await;
        store.fails("write load");
        session.set(CART, &CANARY.repeat(2)).unwrap();
        assert!(sessions.finish(&session, Outcome::Success).await.result.is_err());
        store.fails("");
        let session = open(&sessions, &cookie).await;
        store.fails("delete revoke");
        assert!(session.sign_out_others().await.is_err());
        assert!(session.sign_out().await.is_err());
    }

    pub(crate) async fn through_sealed_sessions(&mut self) {
        let marks = Ailing::default();
        let revocations = || Revocations::danger_in_memory(marks.clone());
        let ring = KeyRing::from(self.two_keys());
        let sessions = Sessions::sealed(ring.clone(), revocations());
        let cookie = self.signed_in(&sessions, "alice").await;
        open(&sessions, &cookie).await.sign_out().await.unwrap();
        open(&sessions, &cookie).await;

        let believing = Sessions::sealed(ring.clone(), revocations().danger_accept_when_unknown());
        let cookie = self.signed_in(&believing, "alice").await;
        marks.fails("news");
        open(&believing, &cookie).await;
        marks.fails("");

        let registry = Ailing::default();
        let registering = Sessions::sealed(ring, revocations().register_in(registry.clone()));
        let session = open(&registering, &self.signed_in(&registering, "alice").await).await;
        registry.fails("delete");
        session.sign_out().await.unwrap();

        let refresher = sessions.revocations_refresher().start();
        marks.is_restarted();
        sleep(Duration::from_secs(10)).await;
        marks.fails("news forget");
        sleep(Duration::from_secs(120)).await;
        refresher.stop().await;
    }

    pub(crate) async fn through_connections(&mut self) {
        let store = Ailing::default();
        let sessions = Sessions::new(store.clone());
        let session = open(&sessions, &self.signed_in(&sessions, "alice").await).await;
        store.fails("load");
        let question = Duration::from_secs(6);
        assert!(timeout(question, session.guard().over()).await.is_err());

        let marks = Ailing::default();
        let sealed = Sessions::sealed(
            KeyRing::from(self.two_keys()),
            Revocations::danger_in_memory(marks.clone()),
        );
        let session = open(&sealed, &self.signed_in(&sealed, "alice").await).await;
        marks.fails("news");
        assert!(timeout(WHOLE, session.guard().over()).await.is_ok());
    }

    pub(crate) async fn through_attempts(&mut self) {
        let counters = Ailing::default();
        let sessions = Sessions::new(Ailing::default());
        let attempts = sessions
            .attempts(counters.clone())
            .per_principal(1, WHOLE)
            .unwrap();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let attempt = attempts.begin(CANARY, address).await.unwrap();
        assert!(attempts.begin(CANARY, address).await.is_err());
        counters.fails("take_back");
        attempt.succeeded().await;
        counters.fails("add");
        let unsure = attempts.clone().danger_let_in_when_unknown();
        drop(unsure.begin(CANARY, address).await.unwrap());
        counters.fails("forget");
        let sweeper = sessions.sweeper().attempts(&attempts).start();
        sleep(WHOLE).await;
        sweeper.stop().await;
    }

    pub(crate) async fn through_forms_and_other_sites(&mut self) {
        let sessions = Sessions::new(Ailing::default());
        let session = open(&sessions, &self.signed_in(&sessions, "alice").await).await;
        assert!(session.check_form_token(CANARY).is_err());
        assert!(open(&sessions, "").await.check_form_token(CANARY).is_err());
        // More cookies than are looked through.
        let many = "x".repeat(65 * 1024);
        let refused = sessions.open(std::iter::once(many.as_bytes())).await;
        drop(refused.unwrap_err().into_response());
        let headers = |name: &str| {
            let value = match name {
                "sec-fetch-site" => Some("cross-site"),
                "origin" => Some("https://evil.example"),
                _ => None,
            };
            value.map(str::as_bytes).into_iter()
        };
        assert!(CrossSite::default().check("POST", None, headers).is_err());
        let reporting = CrossSite::default().report_only();
        assert!(reporting.check("POST", None, headers).is_ok());
    }

    pub(crate) async fn through_what_runs_beside(&mut self) {
        let store = Ailing::default();
        let sessions = Sessions::new(store.clone());
        self.signed_in(&sessions, "alice").await;
        let sweeper = sessions.sweeper().start();
        sleep(Duration::from_secs(120)).await;
        store.is_held();
        sleep(Duration::from_secs(120)).await;
        store.fails("sweep");
        sleep(Duration::from_secs(120)).await;
        sweeper.stop().await;

        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("keys"));
        let keys = self.two_keys();
        file.create(&keys).unwrap();
        let ring = KeyRing::from(keys);
        let mut watcher = file.watch(&ring);
        let now = ManualClock::default().now();
        let add_and_use = |keys: &mut Keys| {
            let new = keys.add(ServerKey::generate()?, now)?;
            keys.activate(new, now)
        };
        file.change(add_and_use).unwrap();
        watcher.look().unwrap();
        fs::write(file.path(), "not a key file").unwrap();
        assert!(watcher.look().is_err());
        // It tells what the retiring key was used for.
        watcher.start().stop().await;
    }

    /// One that is active, and one that is not yet: drawn, because keys that could be computed are refused.
    fn two_keys(&mut self) -> Keys {
        let now = ManualClock::default().now();
        let [first, second] = [(); 2].map(|()| {
            let bytes = std::array::from_fn(|_| RandomState::new().hash_one(()) as u8);
            self.keys.push(bytes);
            ServerKey::from_bytes(bytes).unwrap()
        });
        let mut keys = Keys::new(first, now);
        keys.add(second, now).unwrap();
        keys
    }

    async fn signed_in(&mut self, sessions: &Sessions, who: &str) -> String {
        let sign_in = SignIn::new(who);
        self.begun(sessions, |session| {
            session.set(CART, &CANARY.to_owned()).unwrap();
            session.sign_in(sign_in).unwrap();
        })
        .await
    }

    async fn begun(&mut self, sessions: &Sessions, request: impl FnOnce(&Session)) -> String {
        self.changed(sessions, "", request).await
    }

    /// The cookie of a browser that had this one, after a request.
    async fn changed(&mut self, sessions: &Sessions, cookie: &str, request: impl FnOnce(&Session)) -> String {
        let session = open(sessions, cookie).await;
        request(&session);
        let new = self.finished(sessions, &session).await;
        new.unwrap_or(cookie.to_owned())
    }

    async fn finished(&mut self, sessions: &Sessions, session: &Session) -> Option<String> {
        let finished = sessions.finish(session, Outcome::Success).await;
        finished.result.unwrap();
        self.ids.extend(session.id().map(|id| id.to_string()));
        let pair = finished.set_cookie?.split(';').next()?.to_owned();
        let (_, value) = pair.split_once('=')?;
        self.cookies
            .insert(value.trim_start_matches("v4.local.").to_owned());
        Some(pair)
    }
}

fn stored(store: &Ailing, clock: &ManualClock) -> Sessions {
    Sessions::new(store.clone()).clock(clock)
}

async fn open(sessions: &Sessions, cookie: &str) -> Session {
    sessions.open(std::iter::once(cookie.as_bytes())).await.unwrap()
}

/// The active one gets into other hands.
fn compromise(ring: &KeyRing, mut keys: Keys) {
    let now = ManualClock::default().now();
    let spare = ServerKey::generate().unwrap();
    keys.compromise(keys.active().id, spare, now).unwrap();
    ring.replace(keys).unwrap();
}
