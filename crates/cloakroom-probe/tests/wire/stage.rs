//! A store whose server is listened to, a node of the probe over it, and browsers that ask.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use cloakroom::testing::ManualClock;
use cloakroom::{Sessions, stores};
use cloakroom_probe::{Pause, app};
use cloakroom_testbed::{Protocol, Tap};
use tokio::net::TcpListener;

use crate::browser::Browser;
use crate::encodings::id_of;
use crate::table::{self, ROUTES, Store, Who};

/// A server, as it is listened to.
pub(crate) struct Listened {
    pub(crate) store: Store,
    pub(crate) protocol: Protocol,
    pub(crate) url: String,
    pub(crate) taps: Vec<Tap>,
    /// What is sent because time has passed, and how often at most: never because somebody asks.
    pub(crate) by_the_clock: Option<(&'static str, Duration)>,
}

pub(crate) struct Stage {
    server: Listened,
    clock: ManualClock,
    address: SocketAddr,
    /// Everything that was sent.
    heard: Vec<String>,
}

impl Stage {
    pub(crate) async fn open(server: Listened) -> Self {
        let store = stores::open(&server.url).await.expect("the store opens");
        let clock = ManualClock::at(SystemTime::now().into());
        let sessions = Sessions::new(store).clock(&clock);
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let router = app(&sessions, Pause::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut stage = Self {
            server,
            clock,
            address,
            heard: Vec::new(),
        };
        // Until every connection is made, and every statement and script is known there.
        for round in 0..16 {
            for (row, (who, request, _)) in ROUTES.iter().enumerate() {
                stage.ask(*who, request, &format!("early-{round}-{row}")).await;
            }
        }
        stage.heard.clear();
        stage
    }

    /// How often this was sent since the store was opened and warm.
    pub(crate) fn heard(&self, name: &str) -> usize {
        self.heard.iter().filter(|heard| *heard == name).count()
    }

    /// Asks every route in the table, and holds each to it.
    pub(crate) async fn ask_all(&mut self) {
        let begun = Instant::now();
        let (mut beats, mut others) = (0, Vec::new());
        for (row, (who, request, steps)) in ROUTES.iter().enumerate() {
            let mut sent = self.ask(*who, request, &format!("late-{row}")).await;
            if let Some((name, _)) = self.server.by_the_clock {
                let all = sent.len();
                sent.retain(|sent| sent != name);
                beats += all - sent.len();
            }
            sent.sort_unstable();
            let expected = table::sent(self.server.store, steps);
            if sent != expected {
                others.push(format!(
                    "{who:?}: {request} is {steps:?}: expected {expected:?}, sent {sent:?}"
                ));
            }
        }
        assert!(others.is_empty(), "{}", others.join("\n"));
        if let Some((name, every)) = self.server.by_the_clock {
            let due = 1 + begun.elapsed().as_nanos() / every.as_nanos();
            let most = due as usize * self.server.taps.len();
            assert!(beats <= most, "{beats} times {name}, and at most {most} were due");
        }
    }

    /// What this request sends, and nothing of what made its sender who they are.
    async fn ask(&mut self, who: Who, request: &str, me: &str) -> Vec<String> {
        let browser = Browser::new(self.address);
        let mut other = String::new();
        match who {
            Who::Visitor => {}
            Who::Anonymous => drop(browser.ok("POST /set?key=cart&value=full").await),
            Who::SignedIn | Who::Idle | Who::SignedOut | Who::Malformed => {
                let device = Browser::new(self.address);
                for browser in [&browser, &device] {
                    browser.ok("POST /set?key=cart&value=full").await;
                    browser.ok(&format!("POST /sign-in?principal={me}")).await;
                }
                other = id_of(&device.token());
            }
        }
        // What is written in the moment of a sign-in looks like one.
        self.clock.advance(Duration::from_secs(1));
        let browser = match who {
            Who::Visitor | Who::Anonymous | Who::SignedIn => browser,
            Who::Idle => {
                self.clock.advance(Duration::from_secs(90));
                browser
            }
            Who::SignedOut => {
                let kept = browser.with_token(browser.token());
                browser.ok("POST /sign-out").await;
                kept
            }
            Who::Malformed => browser.with_token(&browser.token()[1..]),
        };
        self.take();
        browser
            .send(&request.replace("{me}", me).replace("{other}", &other))
            .await;
        self.take()
    }

    /// All that was sent since it was asked last.
    fn take(&mut self) -> Vec<String> {
        let taps = self.server.taps.iter();
        let sent: Vec<_> = taps.flat_map(|tap| tap.take(self.server.protocol)).collect();
        self.heard.extend_from_slice(&sent);
        sent
    }
}
