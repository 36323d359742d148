//! Invariant 9: revocation reaches every node.

use std::time::Duration;

use cloakroom_probe::doubles::{Moment, Verb};

use crate::browser::{Browser, State};
use crate::encodings::id_of;
use crate::stage::{
    Node, on_every_store, on_every_store_itself, on_every_store_that_lists,
    on_every_store_without_near_caches,
};

/// Whatever makes a token nobody's.
pub(crate) const ENDS_A_TOKEN: [&str; 6] = [
    "POST /sign-out",
    "POST /sign-out-everywhere",
    "POST /end?id=OWN",
    "POST /rotate",
    "POST /sign-in?principal=alice",
    "POST /sign-in?principal=bob",
];

#[test]
fn an_ending_at_one_node_counts_for_the_next_request_at_another() {
    on_every_store_without_near_caches(async |stage| {
        for ending in ENDS_A_TOKEN.into_iter().filter(|ending| stage.can(ending)) {
            let (here, there) = (stage.node().await, stage.node().await);
            let browser = here.signed_in("alice").await;
            let token = browser.token();
            assert_eq!(there.state(&token).await.principal.as_deref(), Some("alice"));
            browser.ok(&ending.replace("OWN", &id_of(&token))).await;
            there.assert_dead(&token, ending).await;
        }
    });
}

#[test]
fn sessions_are_ended_from_another_device_at_another_node() {
    on_every_store_itself(async |stage| {
        if !stage.card().lists || !stage.card().revokes_by_principal {
            return;
        }
        let (here, there) = (stage.node().await, stage.node().await);
        let [phone, laptop, kiosk] = [
            here.signed_in("alice").await,
            there.signed_in("alice").await,
            here.signed_in("alice").await,
        ];
        let bob = there.signed_in("bob").await;

        laptop
            .ok(&format!("POST /end?id={}", id_of(&kiosk.token())))
            .await;
        assert_eq!(kiosk.state().await, State::default());
        assert_eq!(ids(&laptop).await, sorted([&laptop, &phone]));

        laptop.ok("POST /sign-out-others").await;
        assert_eq!(phone.state().await, State::default());
        assert_eq!(ids(&laptop).await, sorted([&laptop]));

        laptop.ok("POST /sign-out-everywhere").await;
        assert!(laptop.has_no_cookie());
        assert_eq!(bob.state().await.principal.as_deref(), Some("bob"));
    });
}

#[test]
fn nobody_ends_a_session_of_somebody_else() {
    on_every_store(async |stage| {
        let node = stage.node().await;
        let alice = node.signed_in("alice").await;
        let visitor = node.browser();
        visitor.ok("POST /set?key=k&value=v").await;
        let id = id_of(&alice.token());
        for attacker in [&node.signed_in("bob").await, &visitor, &node.browser()] {
            attacker.ok(&format!("POST /end?id={id}")).await;
            attacker.send("POST /sign-out-others").await;
            attacker.send("POST /sign-out-everywhere").await;
            assert_eq!(alice.state().await.principal.as_deref(), Some("alice"));
        }
        // Nor does one signed-in user end an anonymous session.
        let visitor = node.browser();
        visitor.ok("POST /set?key=k&value=v").await;
        alice
            .ok(&format!("POST /end?id={}", id_of(&visitor.token())))
            .await;
        assert_eq!(visitor.state().await.data["k"], "v");
    });
}

#[test]
fn everyones_sessions_end_at_every_node() {
    on_every_store_without_near_caches(async |stage| {
        if !stage.card().revokes_by_principal {
            return;
        }
        let sessions = stage.sessions();
        let (here, there) = (stage.serve(&sessions).await, stage.node().await);
        let visitor = there.browser();
        visitor.ok("POST /set?key=k&value=v").await;
        let devices = [
            here.signed_in("alice").await,
            there.signed_in("bob").await,
            visitor,
        ];
        assert_eq!(sessions.end_everyone().await.unwrap(), 3);
        for device in &devices {
            for node in [&here, &there] {
                node.assert_dead(&device.token(), "everyone's sessions were ended")
                    .await;
            }
        }
        stage.clock.advance(Duration::from_millis(1));
        let again = here.signed_in("alice").await;
        assert_eq!(
            again.state().await.principal.as_deref(),
            Some("alice"),
            "and then life goes on"
        );
    });
}

#[test]
fn a_sign_in_that_reaches_the_store_after_signing_out_everywhere_is_listed() {
    on_every_store_that_lists(async |stage| {
        let node = stage.node().await;
        let (old, new) = (node.signed_in("alice").await, node.browser());
        stage.gate.hold(Verb::Write, Moment::Before, 1);
        let signing_in = new.begin("POST /sign-in?principal=alice");
        stage.gate.held(1).await;
        old.ok("POST /sign-out-everywhere").await;
        stage.gate.release();
        signing_in.await.unwrap();
        assert_eq!(ids(&new).await, sorted([&new]));
    });
}

#[test]
fn a_sign_in_that_reached_the_store_before_signing_out_everywhere_is_ended() {
    on_every_store_that_lists(async |stage| {
        let node = stage.node().await;
        let (old, new) = (node.signed_in("alice").await, node.browser());
        stage.gate.hold(Verb::Write, Moment::After, 1);
        let signing_in = new.begin("POST /sign-in?principal=alice");
        stage.gate.held(1).await;
        old.ok("POST /sign-out-everywhere").await;
        stage.gate.release();
        signing_in.await.unwrap();
        node.assert_dead(&new.token(), "it had begun before").await;
        assert_eq!(stage.count().await, 0);
    });
}

#[test]
fn a_sign_in_between_the_steps_of_signing_out_everywhere_is_listed() {
    on_every_store_that_lists(async |stage| {
        let node = stage.node().await;
        let (old, new) = (node.signed_in("alice").await, node.browser());
        stage.gate.hold(Verb::Revoke, Moment::After, 1);
        let everywhere = old.begin("POST /sign-out-everywhere");
        stage.gate.held(1).await;
        new.ok("POST /sign-in?principal=alice").await;
        stage.gate.release();
        everywhere.await.unwrap();
        assert_eq!(ids(&new).await, sorted([&new]));
    });
}

#[test]
fn signing_out_everywhere_ends_what_a_neighbour_began_in_place_of_this_session() {
    on_every_store_that_lists(async |stage| {
        let node = stage.node().await;
        let old = node.signed_in("alice").await;
        let tab = old.with_token(old.token());
        stage.gate.hold(Verb::Delete, Moment::Before, 1);
        let everywhere = old.begin("POST /sign-out-everywhere");
        stage.gate.held(1).await;
        tab.ok("POST /sign-in?principal=bob").await;
        tab.ok("POST /sign-in?principal=alice").await;
        stage.gate.release();
        everywhere.await.unwrap();
        node.assert_dead(&tab.token(), "it took the place of one that was to end")
            .await;
    });
}

#[test]
fn of_many_sign_ins_that_race_a_revocation_each_is_ended_or_listed() {
    on_every_store_that_lists(async |stage| {
        let (here, there) = (stage.node().await, stage.node().await);
        for round in 0..5 {
            let principal = format!("user{round}");
            let revoker = here.signed_in(&principal).await;
            let everywhere = revoker.begin(&format!("POST /sign-out-everywhere?delay_ms={round}"));
            stage.barriers.reached(round, 1).await;
            let devices: Vec<Browser> = (0..20).map(|n| [&here, &there][n % 2].browser()).collect();
            let signing_in: Vec<_> = devices
                .iter()
                .map(|device| device.begin(&format!("POST /sign-in?principal={principal}&delay_ms={round}")))
                .collect();
            stage.barriers.reached(round, 21).await;
            stage.barriers.open(round);
            everywhere.await.unwrap();
            for one in signing_in {
                assert_eq!(one.await.unwrap().status, 204);
            }
            let observer = here.signed_in(&principal).await;
            let listed = ids(&observer).await;
            let mut alive = vec![id_of(&observer.token())];
            for device in &devices {
                if stage.state_in_the_store(device).await != State::default() {
                    alive.push(id_of(&device.token()));
                }
            }
            alive.sort();
            assert_eq!(listed, alive);
        }
    });
}

#[test]
fn the_list_shows_each_device_once_and_which_is_this_one() {
    on_every_store_that_lists(async |stage| {
        let node = stage.node().await;
        let one = node.signed_in("alice").await;
        stage.clock.advance(Duration::from_secs(5));
        let two = node.signed_in("alice").await;
        node.signed_in("bob").await;
        let devices = one.devices().await;
        let [this, other] = &devices[..] else {
            panic!("{devices:?}")
        };
        assert_eq!((this.id.clone(), this.current), (id_of(&one.token()), true));
        assert_eq!((other.id.clone(), other.current), (id_of(&two.token()), false));
        assert_eq!(other.created, this.created + 5000);
        assert_eq!((this.last_seen, &this.label), (Some(this.created), &None));
    });
}

#[test]
fn more_devices_than_a_page_has_are_all_listed() {
    on_every_store_that_lists(async |stage| {
        let node: Node = stage.node().await;
        let signing_in: Vec<_> = (0..249)
            .map(|_| node.browser().begin("POST /sign-in?principal=alice"))
            .collect();
        for one in signing_in {
            assert_eq!(one.await.unwrap().status, 204);
        }
        let last = node.signed_in("alice").await;
        assert_eq!(last.devices().await.len(), 250);
        last.ok("POST /sign-out-others").await;
        assert_eq!(ids(&last).await, sorted([&last]));
    });
}

async fn ids(browser: &Browser) -> Vec<String> {
    let mut ids: Vec<String> = (browser.devices().await.into_iter())
        .map(|device| device.id)
        .collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(browsers: [&Browser; N]) -> Vec<String> {
    let mut ids = browsers.map(|browser| id_of(&browser.token())).to_vec();
    ids.sort();
    ids
}
