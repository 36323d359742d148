//! Invariant 8: a stolen store is not a stolen session.

use std::time::Duration;

use cloakroom::store::{AnyStore, List, Principal, Query, Record, Store as _, Timestamp};
use cloakroom::stores::Memory;
use cloakroom::{KeyRing, Sessions};
use cloakroom_probe::Pause;
use serde_json::json;

use crate::browser::{Browser, State};
use crate::encodings::{first_of, forms_of, holds, id_of};
use crate::stage::{Stage, on_every_sealed_store, server_key};

const CANARY: &str = "canary-7f3a9c-in-the-cart";

#[test]
fn a_dump_holds_no_token_and_no_data() {
    on_every_sealed_store(async |stage| {
        let node = stage.node().await;
        let users: Vec<_> = (0..200)
            .map(|n| tokio::spawn(tokens_of_a_visit(node.browser(), n)))
            .collect();
        let mut tokens = Vec::new();
        for user in users {
            tokens.extend(user.await.unwrap());
        }
        let dump = dump(stage).await;
        assert!(
            holds(&dump, b"user-199"),
            "the dump is one: it holds what is in clear"
        );
        let forms = tokens.iter().flat_map(|token| forms_of(token));
        let found = first_of(&dump, forms.chain([CANARY.as_bytes().to_vec()]));
        assert_eq!(found.as_deref().map(String::from_utf8_lossy), None);
    });
}

/// Fills a cart, signs in, and answers all tokens there were.
async fn tokens_of_a_visit(browser: Browser, n: usize) -> Vec<String> {
    let mut tokens = Vec::new();
    for request in [
        format!("POST /set?key=cart&value={CANARY}-{n}"),
        format!("POST /sign-in?principal=user-{n}"),
        "POST /rotate".to_owned(),
    ] {
        browser.ok(&request).await;
        tokens.push(browser.token());
    }
    tokens
}

#[test]
fn a_record_under_another_id_opens_for_nobody() {
    on_every_sealed_store(async |stage| {
        let node = stage.node().await;
        let (alice, mallory) = (
            with_a_cart(&node.browser()).await,
            node.signed_in("mallory").await,
        );
        let (of_alice, of_mallory) = (id_of(&alice.token()), id_of(&mallory.token()));
        let (hers, his) = (record(stage, &of_alice).await, record(stage, &of_mallory).await);

        stage.put(&of_mallory, hers.clone()).await;
        assert_eq!(
            stage.state_in_the_store(&mallory).await,
            State::default(),
            "her record under his id"
        );
        stage.put(&of_alice, his).await;
        assert_eq!(
            stage.state_in_the_store(&alice).await,
            State::default(),
            "his record under her id"
        );
        stage.put(&of_alice, hers).await;
        assert_eq!(
            stage.state_in_the_store(&alice).await.principal.as_deref(),
            Some("alice")
        );
    });
}

#[test]
fn what_is_in_clear_is_believed_only_as_it_was_sealed() {
    on_every_sealed_store(async |stage| {
        let node = stage.node().await;
        let browser = with_a_cart(&node.browser()).await;
        let id = id_of(&browser.token());
        let genuine = record(stage, &id).await;
        // As long as the true one: no length gives it away.
        let mallory = Principal::new("alicf").unwrap();
        let later = |moment: Timestamp| moment.saturating_add(Duration::from_secs(1));
        let forgeries: [(&str, Record); 4] = [
            ("somebody else", genuine.clone().with_principal(Some(mallory))),
            ("nobody", genuine.clone().with_principal(None)),
            ("created later", {
                let mut record = genuine.clone();
                record.created = later(record.created);
                record
            }),
            ("ends later", {
                let mut record = genuine.clone();
                let mut body = record.body.to_vec();
                let ends = u64::from_le_bytes(body[10..18].try_into().unwrap());
                body[10..18].copy_from_slice(&(ends + 1000).to_le_bytes());
                record.body = body.into();
                record
            }),
        ];
        for (what, forgery) in forgeries {
            stage.put(&id, forgery).await;
            assert_eq!(
                stage.state_in_the_store(&browser).await,
                State::default(),
                "{what}"
            );
        }
        stage.put(&id, genuine).await;
        let expected = State::of(Some("alice"), json!({"cart": CANARY}));
        assert_eq!(stage.state_in_the_store(&browser).await, expected);
    });
}

#[test]
fn sealed_data_of_one_session_does_not_open_in_another_of_the_same_user() {
    on_every_sealed_store(async |stage| {
        let node = stage.node().await;
        let (one, two) = (with_a_cart(&node.browser()).await, node.signed_in("alice").await);
        let id = id_of(&two.token());
        let (rich, poor) = (
            record(stage, &id_of(&one.token())).await,
            record(stage, &id).await,
        );
        // The verifier stays the second session's own, so that its token is accepted; all else is the first's.
        let mut swapped = rich.clone();
        let mut body = rich.body.to_vec();
        body[18..50].copy_from_slice(&poor.body[18..50]);
        swapped.body = body.into();
        stage.put(&id, swapped).await;
        assert_eq!(stage.state_in_the_store(&two).await, State::default());
    });
}

#[test]
fn a_record_in_the_clear_is_refused_where_records_are_sealed() {
    on_every_sealed_store(async |stage| {
        // The attacker runs this very program over a store that seals nothing, and plants the result.
        let attackers = AnyStore::new(Memory::default());
        let forger = stage.over(attackers.clone());
        let token = sign_in_at(&forger, "alice").await;
        plant(stage, &attackers, &token).await;
        stage
            .node()
            .await
            .assert_dead(&token, "a record in the clear")
            .await;
    });
}

#[test]
fn with_a_key_ring_a_record_without_its_key_is_refused() {
    on_every_sealed_store(async |stage| {
        if !stage.has_keys() {
            return;
        }
        let node = stage.node().await;
        let token = sign_in_at(&stage.sessions_without_keys(), "alice").await;
        node.assert_dead(&token, "a record that names no key").await;
        let keys = KeyRing::new(server_key(7));
        let token = sign_in_at(&stage.sessions_without_keys().keys(keys), "alice").await;
        let forged = node.browser().with_token(&token);
        forged
            .send("GET /read")
            .await
            .assert_outage("a key of the attacker's own");
    });
}

#[test]
fn a_retiring_key_opens_and_the_next_write_takes_up_the_new_one() {
    on_every_sealed_store(async |stage| {
        if !stage.has_keys() {
            return;
        }
        let browser = with_a_cart(&stage.node().await.browser()).await;
        let keyed = |keys| stage.sessions_without_keys().keys(keys);
        let both = stage
            .serve(&keyed(KeyRing::new(server_key(2)).retiring(server_key(1))))
            .await;
        let new = stage.serve(&keyed(KeyRing::new(server_key(2)))).await;
        let (at_both, at_new) = (browser.at(both.address), browser.at(new.address));
        assert_eq!(at_both.state().await.data["cart"], CANARY);
        at_new
            .send("GET /read")
            .await
            .assert_outage("nothing is taken up on a read");
        at_both.ok("POST /set?key=k&value=v").await;
        assert_eq!(at_new.state().await.data["cart"], CANARY);
        // Asked where nobody has kept what it was.
        let old = browser.without_snapshot().at(stage.node().await.address);
        old.send("GET /read")
            .await
            .assert_outage("the old ring lacks the new key");
    });
}

async fn with_a_cart(browser: &Browser) -> Browser {
    browser.ok("POST /sign-in?principal=alice").await;
    browser.ok(&format!("POST /set?key=cart&value={CANARY}")).await;
    browser.clone()
}

async fn record(stage: &Stage, id: &str) -> Record {
    stage.record(id).await.unwrap()
}

/// Signs in at sessions of somebody's own, and answers the token.
async fn sign_in_at(sessions: &Sessions, principal: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = cloakroom_probe::app(sessions, Pause::default());
    let server = axum::serve(listener, app);
    tokio::spawn(async move { server.await.unwrap() });
    let browser = Browser::new(address);
    browser.ok(&format!("POST /sign-in?principal={principal}")).await;
    browser.ok("GET /read").await;
    browser.token()
}

/// Copies a session's record from the attacker's store.
async fn plant(stage: &Stage, from: &AnyStore, token: &str) {
    let namespace = stage.namespace();
    let load = cloakroom::store::Load::new(namespace, id_of(token).parse().unwrap());
    let stored = from.load(load).await.unwrap().unwrap();
    stage.put(&id_of(token), stored.record).await;
}

/// All there is in the store, as whoever stole it sees it.
async fn dump(stage: &Stage) -> Vec<u8> {
    let mut dump = stage.kept();
    for id in stage.written() {
        let record = record(stage, &id.to_string()).await;
        dump.extend_from_slice(format!("{id:?} {record:?}").as_bytes());
        dump.extend_from_slice(&record.body);
    }
    if !stage.card().lists {
        return dump;
    }
    let namespace = stage.namespace();
    let limit = std::num::NonZeroUsize::new(1000).unwrap();
    let list = List::new(namespace, Query::default(), limit);
    let mut after = None;
    loop {
        let page = stage.store.list(list.clone().after(after)).await.unwrap();
        dump.extend_from_slice(format!("{:?}", page.entries).as_bytes());
        match page.next {
            Some(cursor) => after = Some(cursor),
            None => return dump,
        }
    }
}
