use std::collections::BTreeSet;

use cloakroom_store::{Id, Label, Principal, Revision};
use zeroize::Zeroizing;

use super::*;
use crate::held::{Previous, SessionKey, Wrapped};
use crate::keyring::ServerKey;
use crate::policy::Lifetime;
use crate::recent::Recent;
use crate::seal::Verifier;
use crate::token::Secret;

fn moment(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

fn token(n: u8) -> Token {
    Token {
        id: Id::from_bytes([n; 16]),
        secret: Secret::from_bytes(&[n; 32]),
    }
}

fn snapshots(seed: u8) -> Snapshots {
    let keys = KeyRing::new(ServerKey::numbered(seed));
    Snapshots::new(keys, Duration::from_secs(10), "app", &Cookie::default())
}

/// A session of the first token, sealed in its store under a key of this name; 0 where the store is this process.
fn held(server_key: u8) -> Held {
    let wrapped = Wrapped {
        server_key: KeyId::from_bytes([server_key; 8]),
        sealed: [1; 32],
    };
    let is_sealed = server_key != 0;
    Held {
        token: token(1),
        revision: Some(Revision::new(u64::MAX)),
        principal: Some(Principal::new("alice").unwrap()),
        created: moment(1),
        last_seen: moment(2),
        expires: moment(3),
        label: None,
        lifetime: Lifetime::new(Duration::from_secs(60), Duration::from_secs(3600)).unwrap(),
        remembered: true,
        ends: moment(u64::MAX >> 1),
        rotated: moment(4),
        verifier: None,
        standing: Standing::Newest,
        previous: None,
        recent: Recent::new([7; 8], &[8; 2 * Recent::ENTRY]),
        key: is_sealed.then(|| SessionKey {
            key: Zeroizing::new([9; 32]),
            wrapped: Some(wrapped),
        }),
    }
}

/// Sessions with everything and with nothing that there may be.
fn all() -> Vec<Held> {
    let mut all = Vec::new();
    for server_key in [0, 6] {
        for text in ["", "phone", &"x".repeat(255)] {
            for newest_seen in [None, Some(moment(5))] {
                let plain = held(server_key);
                let wrapped = plain.key.as_ref().and_then(|key| key.wrapped);
                let previous = Previous {
                    verifier: Verifier([3; 32]),
                    newest_seen,
                    wrapped,
                };
                all.push(Held {
                    principal: Principal::new(text).ok(),
                    label: (text != "phone").then(|| Label::new(text)),
                    previous: (!text.is_empty()).then(|| Box::new(previous)),
                    ..plain
                });
            }
        }
    }
    all
}

fn data(length: usize) -> Data {
    let mut data = Data::default();
    data.set("key", &vec![b'1'; length]);
    data
}

/// What is told of a session: all but what is derived from its token.
fn told(held: &Held) -> String {
    let mut held = held.clone();
    let previous = held
        .previous
        .as_ref()
        .map(|previous| (previous.verifier.0, previous.wrapped));
    let key = held.key.take().map(|key| key.key);
    held.verifier = None;
    format!("{held:?} {previous:?} {key:?}")
}

#[test]
fn it_opens_as_it_was_sealed_for_its_token_and_nobody_else() {
    for held in all() {
        let text = snapshots(1).seal(moment(6), &held, &data(100), &[5; 16]).unwrap();
        let opened = snapshots(1).open(text.as_bytes(), &token(1)).unwrap();
        assert_eq!(opened.taken, moment(6));
        assert_eq!(told(&opened.held), told(&held));
        assert_eq!(opened.data.as_bytes(), data(100).as_bytes());
        let named = held.key.map_or(KeyId::NONE, |_| KeyId::from_bytes([6; 8]));
        assert_eq!(opened.server_key, named);
        let same_id = Token {
            secret: Secret::from_bytes(&[2; 32]),
            ..token(1)
        };
        for (snapshots, token) in [
            (snapshots(1), token(2)),
            (snapshots(1), same_id),
            (snapshots(2), token(1)),
            (snapshots(1).of("other", &Cookie::default()), token(1)),
        ] {
            assert!(snapshots.open(text.as_bytes(), &token).is_none());
        }
    }
}

#[test]
fn no_bit_of_it_can_be_another() {
    let text = snapshots(1)
        .seal(moment(6), &held(6), &data(9), &[5; 16])
        .unwrap();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut text = text.clone().into_bytes();
            text[at] ^= 1 << bit;
            assert!(snapshots(1).open(&text, &token(1)).is_none(), "{at} {bit}");
        }
        assert!(
            snapshots(1).open(&text.as_bytes()[..at], &token(1)).is_none(),
            "{at}"
        );
    }
}

#[test]
fn each_is_sealed_under_a_key_of_its_own() {
    let key = |server, token: Token, nonce| {
        let root = seal::snapshot_root(&ServerKey::numbered(server));
        *seal::snapshot_key(&root, token.id, &token.secret, &[nonce; 16])
    };
    let same_id = Token {
        secret: Secret::from_bytes(&[2; 32]),
        ..token(1)
    };
    let same_secret = Token {
        secret: Secret::from_bytes(&[1; 32]),
        ..token(2)
    };
    let keys = BTreeSet::from([
        key(7, token(1), 1),
        key(7, token(1), 2),
        key(7, same_id, 1),
        key(7, same_secret, 1),
        key(9, token(1), 1),
    ]);
    assert_eq!(keys.len(), 5);
}

#[test]
fn the_session_key_is_wiped_from_what_was_opened() {
    let mut bytes = Vec::new();
    layout::write(&mut bytes, moment(6), &held(6), &data(100)).unwrap();
    let has_key = |bytes: &[u8]| bytes.windows(32).any(|window| window == [9; 32]);
    assert!(has_key(&bytes));
    layout::wipe(&mut bytes);
    assert!(!has_key(&bytes));
}

#[test]
fn what_has_no_room_is_not_sealed() {
    let fits = |length| {
        let text = snapshots(1).seal(moment(6), &held(6), &data(length), &[5; 16]);
        text.map(|text| text.len() + snapshots(1).cookie.name().len())
    };
    let longest = (1..4096).rev().find_map(fits);
    assert!(longest.is_some_and(|length| (4090..=4096).contains(&length)));
    assert_eq!(fits(4000), None);
}

#[test]
fn who_comes_with_the_secret_before_gets_none() {
    let held = Held {
        standing: Standing::Previous,
        ..held(6)
    };
    assert!(snapshots(1).seal(moment(6), &held, &data(1), &[5; 16]).is_none());
}

#[test]
fn it_is_good_for_a_twentieth_of_the_idle_timeout_at_most() {
    let fresh_for = |idle| snapshots(1).fresh_for(Duration::from_secs(idle));
    assert_eq!(fresh_for(1800), Duration::from_secs(10));
    assert_eq!(fresh_for(60), Duration::from_secs(3));
}

#[test]
fn cut_bytes_are_no_snapshot() {
    for held in all() {
        let mut whole = Vec::new();
        layout::write(&mut whole, moment(6), &held, &Data::default()).unwrap();
        assert!(layout::read(&whole, &token(1)).is_some());
        for length in 0..whole.len() {
            assert!(layout::read(&whole[..length], &token(1)).is_none(), "{length}");
        }
    }
}
