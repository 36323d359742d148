//! What is written reads back, and nothing else is believed.

use std::time::Duration;

use cloakroom_store::{Label, Namespace, Revision};
use zeroize::Zeroizing;

use super::*;
use crate::held::Previous;
use crate::keyring::{KeyUse, Keys, Successor};
use crate::policy::Lifetime;
use crate::recent::Recent;
use crate::seal::Verifier;
use crate::token::Secret;

const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);
const LIFETIME: Lifetime = Lifetime::of_seconds(1800, 86_400);

/// Occurs in the data and nowhere else.
const CANARY: &[u8] = b"\"the canary sings at dawn\"";

// A body of version 1, as the first release wrote it. The format is frozen: what is stored under it must open in
// every later release. Never change these; a new format is a new version, with a fixture of its own.
const FIXTURE_SEALED: &str = "\
    0107080700008051010080917c1da3010000783c5c18a30100009b3f3fe611a68793795ebdd50ee5858cdabd000ca2ff\
    35479358804741f1b93d070707070707070701080808080808080800000000f06795ba9a666f98cbd2299dd46c641668\
    51ed4106ac45473037dd144fbff9d60000000000000000b5d79146c8c543555cf8bb1fa54530139acebd9f624b40cb18\
    0e6c6eb2d8bc441f4fc4cc6d777d0c5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5ab5d79146c8c54355bc5e725a9116db695e\
    2d86641ccb707140e9fd4f1d2b2e796a3ba474d9fd6a6dce7a36c75cc2374f23e476ed66a376e7b6ac405d4be7c00524\
    e621dc38f70c9bbe9c93db75c88a47954ff906453e254e72f07bba2e83656a416411ec";
const FIXTURE_PLAIN: &str = "\
    0105080700008051010080917c1da3010000783c5c18a30100009b3f3fe611a68793795ebdd50ee5858cdabd000ca2ff\
    35479358804741f1b93d070707070707070701080808080808080800000000f06795ba9a666f98cbd2299dd46c641668\
    51ed4106ac45473037dd144fbff9d60000000000000000061a00000063616e617279227468652063616e617279207369\
    6e6773206174206461776e2201010000006e31";

#[test]
fn bodies_of_version_1_still_open() {
    let check = |envelope: &Envelope, body: &str| {
        let record = with_body(&write(envelope, &mut full(envelope)), bytes(body));
        for token in [newest(), earlier()] {
            let (held, data) = live(envelope, &record, &token);
            assert_eq!(data.get("canary"), Some(CANARY));
            assert_eq!((held.lifetime, held.remembered), (LIFETIME, true));
            assert_eq!((held.ends, after(held.rotated, 5)), (after(NOW, 86_000), NOW));
            assert!(held.recent.contains([7; 8]) && held.recent.contains([8; 8]));
        }
    };
    // The key of those days, which is refused by now.
    let key = ServerKey::unchecked(std::array::from_fn(|n| {
        (n as u8).wrapping_mul(37).wrapping_add(1)
    }));
    check(&with_ring(KeyRing::new(key)), FIXTURE_SEALED);
    check(&in_process(), FIXTURE_PLAIN);
}

#[test]
fn what_is_written_reads_back() {
    for envelope in [in_process(), without_keys(), with_keys(&[1]), with_keys(&[1, 2])] {
        for mut held in [simple(&envelope), full(&envelope)] {
            let record = write(&envelope, &mut held);
            let (read, data) = live(&envelope, &record, &newest());
            assert_eq!(data.get("canary"), Some(CANARY));
            assert_eq!(format!("{read:?}"), format!("{held:?}"), "nothing is lost");
            let again = write(&envelope, &mut read.clone());
            assert_eq!(again, record, "and nothing is added");
        }
    }
}

#[test]
fn the_secret_before_the_newest_opens_the_same_session() {
    for envelope in [in_process(), without_keys(), with_keys(&[1])] {
        let record = write(&envelope, &mut full(&envelope));
        let (mut held, data) = live(&envelope, &record, &earlier());
        assert_eq!(held.standing, Standing::Previous);
        assert_eq!(data.get("canary"), Some(CANARY));
        // What it writes opens with both.
        let record = write(&envelope, &mut held);
        for token in [newest(), earlier()] {
            let (_, data) = live(&envelope, &record, &token);
            assert_eq!(data.get("canary"), Some(CANARY));
        }
    }
}

#[test]
fn the_secret_before_the_newest_is_theft_once_its_grace_is_over() {
    let envelope = with_keys(&[1]);
    let mut held = full(&envelope);
    if let Some(previous) = &mut held.previous {
        previous.newest_seen = Some(NOW);
    }
    let record = write(&envelope, &mut held);
    let open_at = |now| open(&envelope, &record, &earlier(), now);
    assert!(matches!(open_at(after(NOW, 9)), Ok(Opened::Live(..))));
    let whose = |record: &Record| match open(&envelope, record, &earlier(), after(NOW, 10)) {
        Ok(Opened::Reused(principal)) => principal,
        other => panic!("expected theft: {other:?}"),
    };
    assert_eq!(whose(&record), held.principal);
    // Who is named beside what is sealed is not believed.
    let mallory = Principal::new("mallory").unwrap();
    assert_eq!(whose(&record.with_principal(Some(mallory))), None);
}

#[test]
fn another_secret_is_not_believed() {
    for envelope in [in_process(), without_keys(), with_keys(&[1])] {
        let record = write(&envelope, &mut full(&envelope));
        let stranger = token(1, 99);
        assert!(matches!(
            open(&envelope, &record, &stranger, NOW),
            Ok(Opened::Superseded)
        ));
    }
}

#[test]
fn no_flipped_bit_is_believed() {
    for envelope in [without_keys(), with_keys(&[1])] {
        for held in [simple(&envelope), full(&envelope)] {
            let record = write(&envelope, &mut held.clone());
            for bit in 0..record.body.len() * 8 {
                let mut body = record.body.to_vec();
                body[bit / 8] ^= 1 << (bit % 8);
                not_believed(&envelope, &record, body, &format!("bit {bit}"));
            }
        }
    }
}

#[test]
fn no_part_of_a_body_is_believed() {
    for envelope in [without_keys(), with_keys(&[1])] {
        for held in [simple(&envelope), full(&envelope)] {
            let record = write(&envelope, &mut held.clone());
            for length in 0..record.body.len() {
                let body = record.body[..length].to_vec();
                not_believed(&envelope, &record, body, &format!("{length} bytes"));
            }
            let longer = [&record.body, &b"\0"[..]].concat();
            not_believed(&envelope, &record, longer, "a byte more");
        }
    }
}

#[test]
fn no_part_of_a_plain_body_makes_it_panic() {
    let envelope = in_process();
    let record = write(&envelope, &mut full(&envelope));
    for length in 0..record.body.len() {
        let body = record.body[..length].to_vec();
        let _ = open(&envelope, &with_body(&record, body), &newest(), NOW);
    }
    for bit in 0..record.body.len() * 8 {
        let mut body = record.body.to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        let _ = open(&envelope, &with_body(&record, body), &newest(), NOW);
    }
}

#[test]
fn a_record_is_believed_for_its_own_session_only() {
    for envelope in [without_keys(), with_keys(&[1])] {
        let record = write(&envelope, &mut full(&envelope));
        // Put under another id, of which the same secret is known.
        let elsewhere = Token {
            id: Id::from_bytes([9; 16]),
            ..newest()
        };
        let opened = open(&envelope, &record, &elsewhere, NOW);
        assert!(matches!(opened, Ok(Opened::Unverifiable)), "{opened:?}");
        // Put under another application.
        let other = Envelope {
            derivation: Derivation::new(&Namespace::new("other").unwrap()),
            ..envelope.clone()
        };
        let opened = open(&other, &record, &newest(), NOW);
        assert!(matches!(opened, Ok(Opened::Superseded)), "{opened:?}");
    }
}

#[test]
fn a_record_says_truly_whose_it_is_and_when_it_began() {
    let envelope = with_keys(&[1]);
    let record = write(&envelope, &mut full(&envelope));
    let check = |record: Record| {
        let opened = open(&envelope, &record, &newest(), NOW);
        assert!(matches!(opened, Ok(Opened::Unverifiable)), "{opened:?}");
    };
    check(record.clone().with_principal(None));
    check(
        record
            .clone()
            .with_principal(Some(Principal::new("bob").unwrap())),
    );
    check(
        record
            .clone()
            .with_principal(Some(Principal::new("alic").unwrap())),
    );
    let mut later = record.clone();
    later.created = after(record.created, 1);
    check(later);
    let mut nobodys = write(
        &envelope,
        &mut Held {
            principal: None,
            ..simple(&envelope)
        },
    );
    nobodys.principal = Some(Principal::new("alice").unwrap());
    check(nobodys);
}

#[test]
fn a_header_of_another_write_of_the_session_is_not_believed() {
    // Whoever can write the store and has the secret before the newest one, but no server key, puts the part of
    // an older record that still trusts it into the newest one.
    let envelope = with_keys(&[1]);
    let before = write(&envelope, &mut full(&envelope));
    let (mut held, _) = live(&envelope, &before, &newest());
    held.previous.as_mut().expect("it has been rotated").newest_seen = Some(NOW);
    let after_use = write(&envelope, &mut held);
    let late = after(NOW, 60);
    assert!(matches!(
        open(&envelope, &after_use, &earlier(), late),
        Ok(Opened::Reused(_))
    ));
    // The moment in which the newest secret was first seen stands at the same place in both.
    let at = (0..before.body.len())
        .find(|at| after_use.body[*at..].starts_with(&NOW.as_unix_millis().to_le_bytes()));
    let at = at.expect("it is in the body");
    let mut body = after_use.body.to_vec();
    body[at..at + 8].fill(0);
    let record = with_body(&after_use, body);
    assert!(matches!(
        open(&envelope, &record, &earlier(), late),
        Ok(Opened::Unverifiable)
    ));
}

#[test]
fn in_the_clear_nothing_is_believed_where_it_must_be_sealed() {
    let record = write(&in_process(), &mut full(&in_process()));
    for envelope in [without_keys(), with_keys(&[1])] {
        assert!(matches!(
            open(&envelope, &record, &newest(), NOW),
            Ok(Opened::Unverifiable)
        ));
    }
    let sealed = write(&without_keys(), &mut full(&without_keys()));
    assert!(matches!(
        open(&in_process(), &sealed, &newest(), NOW),
        Ok(Opened::Unverifiable)
    ));
}

#[test]
fn with_a_key_ring_a_record_without_key_is_refused() {
    let record = write(&without_keys(), &mut simple(&without_keys()));
    let opened = open(&with_keys(&[1]), &record, &newest(), NOW);
    assert!(matches!(opened, Ok(Opened::Unverifiable)), "{opened:?}");
}

#[test]
fn a_record_this_node_cannot_read_yet_is_an_outage() {
    let check = |envelope: &Envelope, record: &Record| {
        let error = open(envelope, record, &newest(), NOW).expect_err("it cannot be read here");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    };
    let record = write(&with_keys(&[1]), &mut simple(&with_keys(&[1])));
    check(&with_keys(&[2]), &record);
    check(&without_keys(), &record);
    for version in VERSION + 1..=u8::MAX {
        let body = vec![version];
        check(&with_keys(&[1]), &with_body(&record, body));
    }
    let older = with_body(&record, vec![0]);
    assert!(matches!(
        open(&with_keys(&[1]), &older, &newest(), NOW),
        Ok(Opened::Unverifiable)
    ));
}

#[test]
fn a_new_server_key_is_taken_up_at_the_next_write() {
    let record = write(&with_keys(&[1]), &mut simple(&with_keys(&[1])));
    let both = with_keys(&[2, 1]);
    let (mut held, data) = live(&both, &record, &newest());
    assert_eq!(data.get("canary"), Some(CANARY));
    let record = write(&both, &mut held);
    let (_, data) = live(&with_keys(&[2]), &record, &newest());
    assert_eq!(data.get("canary"), Some(CANARY), "the old key is needed no more");
    assert!(open(&with_keys(&[1]), &record, &newest(), NOW).is_err());
}

#[test]
fn what_a_refused_key_sealed_is_nobodys_session() {
    let ring = with_keys(&[1]);
    let record = write(&ring, &mut simple(&ring));
    let keys = |change: &dyn Fn(&mut Keys, KeyId)| {
        let mut keys = Keys::new(ServerKey::numbered(2), NOW);
        let old = keys.add(ServerKey::numbered(1), NOW).unwrap();
        change(&mut keys, old);
        with_ring(KeyRing::from(keys))
    };
    let check = |envelope: &Envelope, state: KeyState| {
        let opened = open(envelope, &record, &newest(), NOW);
        let Ok(Opened::UnderRefusedKey(key, found)) = opened else {
            panic!("{opened:?}")
        };
        assert_eq!((key, found), (ServerKey::numbered(1).id(), state));
    };
    live(&keys(&|_, _| ()), &record, &newest());
    let retired = keys(&|keys, old| keys.retire(old, NOW).unwrap());
    check(&retired, KeyState::Retired);
    let compromised = keys(&|keys, old| {
        assert_eq!(
            keys.compromise(old, ServerKey::numbered(3), NOW).ok(),
            Some(Successor::NotNeeded)
        );
    });
    check(&compromised, KeyState::Compromised);
    // Retired too early: reopened, it is back.
    let reopened = keys(&|keys, old| {
        keys.retire(old, NOW).unwrap();
        keys.reopen(old, NOW).unwrap();
    });
    live(&reopened, &record, &newest());
    // Only who has the session hears of the key, or is counted.
    let opened = open(&retired, &record, &token(1, 99), NOW);
    assert!(matches!(opened, Ok(Opened::Superseded)), "{opened:?}");
    assert_eq!(counts(&retired), [(2, 0, 0, 0), (1, 0, 0, 1)]);
}

#[test]
fn keys_are_counted_by_what_they_are_used_for() {
    let before = with_keys(&[1]);
    let record = write(&before, &mut simple(&before));
    assert_eq!(counts(&before), [(1, 1, 0, 0)]);
    let both = with_keys(&[2, 1]);
    let (mut held, _) = live(&both, &record, &newest());
    assert_eq!(
        counts(&both),
        [(2, 0, 0, 0), (1, 0, 1, 0)],
        "a read takes nothing up"
    );
    let record = write(&both, &mut held);
    live(&both, &record, &newest());
    write(&both, &mut held);
    assert_eq!(
        counts(&both),
        [(2, 1, 1, 0), (1, 0, 1, 0)],
        "the next write does, once"
    );
}

#[test]
fn keys_are_exchanged_while_requests_run() {
    let ring = KeyRing::new(ServerKey::numbered(1));
    let envelope = with_ring(ring.clone());
    let record = write(&envelope, &mut simple(&envelope));
    let mut keys = Keys::new(ServerKey::numbered(2), NOW);
    keys.add(ServerKey::numbered(1), NOW).unwrap();
    ring.replace(keys.clone()).unwrap();
    let (mut held, _) = live(&envelope, &record, &newest());
    let taken_up = write(&envelope, &mut held);
    live(&with_keys(&[2]), &taken_up, &newest());
    keys.compromise(ServerKey::numbered(1).id(), ServerKey::numbered(3), NOW)
        .unwrap();
    ring.replace(keys).unwrap();
    let opened = open(&envelope, &record, &newest(), NOW);
    assert!(matches!(opened, Ok(Opened::UnderRefusedKey(..))), "{opened:?}");
    live(&envelope, &taken_up, &newest());
}

#[test]
fn whoever_has_only_the_secret_before_cannot_take_up_a_new_server_key() {
    let record = write(&with_keys(&[1]), &mut full(&with_keys(&[1])));
    let both = with_keys(&[2, 1]);
    let (mut held, _) = live(&both, &record, &earlier());
    let record = write(&both, &mut held);
    for token in [newest(), earlier()] {
        let (_, data) = live(&with_keys(&[1]), &record, &token);
        assert_eq!(data.get("canary"), Some(CANARY));
    }
}

#[test]
fn a_dump_and_every_server_key_reveal_nothing() {
    for envelope in [without_keys(), with_keys(&[1])] {
        let mut held = full(&envelope);
        let record = write(&envelope, &mut held);
        let key = held.key.as_ref().expect("it is sealed").key.clone();
        for hidden in [CANARY, b"canary", &key[..], newest().secret.as_bytes()] {
            let found = record.body.windows(hidden.len()).any(|bytes| bytes == hidden);
            assert!(!found, "{hidden:?}");
        }
        // Whatever stands in the dump is no secret that opens it.
        for bytes in record.body.windows(Secret::LEN) {
            let secret = Secret::from_bytes(bytes.first_chunk().unwrap());
            let opened = open(&envelope, &record, &Token { secret, ..newest() }, NOW);
            assert!(matches!(opened, Ok(Opened::Superseded)), "{opened:?}");
        }
    }
}

#[test]
fn no_nonce_or_key_seals_twice() {
    let envelope = with_keys(&[1]);
    let mut held = simple(&envelope);
    let one = envelope.seal(&mut held.clone(), &data(), [1; 16]);
    let two = envelope.seal(&mut held.clone(), &data(), [2; 16]);
    held.recent = Recent::new([3; 8], &[]);
    let three = envelope.seal(&mut held, &data(), [1; 16]);
    let tail = |record: &Record| record.body[record.body.len() - 32..].to_vec();
    assert!(tail(&one) != tail(&two) && tail(&one) != tail(&three) && tail(&two) != tail(&three));
}

#[test]
fn expiry_cannot_be_prolonged() {
    for envelope in [in_process(), without_keys(), with_keys(&[1])] {
        let record = write(&envelope, &mut full(&envelope));
        let expires = |last_seen: Timestamp, expires: Timestamp, now: Timestamp| {
            let mut record = record.clone();
            (record.last_seen, record.expires) = (last_seen, expires);
            match open(&envelope, &record, &newest(), now).unwrap() {
                Opened::Live(held, _) => Some(held.expires),
                Opened::Expired => None,
                other => panic!("{other:?}"),
            }
        };
        let (idle, ends) = (1800, after(NOW, 86_000));
        assert_eq!(expires(NOW, after(NOW, 60), NOW), Some(after(NOW, 60)));
        assert_eq!(expires(NOW, Timestamp::MAX, NOW), Some(after(NOW, idle)));
        assert_eq!(expires(NOW, Timestamp::MAX, after(NOW, idle)), None);
        // Not even whoever claims that it has just been seen gets past the end.
        let late = after(NOW, 85_999);
        assert_eq!(expires(late, Timestamp::MAX, late), Some(ends));
        assert_eq!(expires(Timestamp::MAX, Timestamp::MAX, late), Some(ends));
        assert_eq!(expires(ends, Timestamp::MAX, ends), None);
        assert_eq!(expires(Timestamp::MAX, Timestamp::MAX, Timestamp::MAX), None);
    }
}

#[test]
fn the_longest_header_fits_the_overhead() {
    for envelope in [in_process(), with_keys(&[1])] {
        let mut held = full(&envelope);
        held.recent = Recent::new([7; 8], &vec![0; Recent::MAX * Recent::ENTRY]);
        let record = envelope.seal(&mut held, &Data::default(), [0; 16]);
        assert!(record.body.len() <= MAX_OVERHEAD, "{}", record.body.len());
        live(&envelope, &record, &newest());
    }
}

// What the cases are made of.

/// Not live, whoever asks; and if it is an error, an outage.
#[track_caller]
fn not_believed(envelope: &Envelope, record: &Record, body: Vec<u8>, what: &str) {
    let record = with_body(record, body);
    for token in [newest(), earlier()] {
        match open(envelope, &record, &token, NOW) {
            Ok(Opened::Live(..)) => panic!("believed: {what}"),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}"),
        }
    }
}

fn open(envelope: &Envelope, record: &Record, token: &Token, now: Timestamp) -> Result<Opened, Error> {
    envelope.open(Stored::new(Revision::new(7), record.clone()), token, now)
}

#[track_caller]
fn live(envelope: &Envelope, record: &Record, token: &Token) -> (Held, Data) {
    match open(envelope, record, token, NOW) {
        Ok(Opened::Live(held, data)) => (*held, data),
        other => panic!("{other:?}"),
    }
}

fn write(envelope: &Envelope, held: &mut Held) -> Record {
    envelope.seal(held, &data(), [0x5a; 16])
}

fn with_body(record: &Record, body: Vec<u8>) -> Record {
    let mut record = record.clone();
    record.body = body.into();
    record
}

fn data() -> Data {
    let mut data = Data::default();
    data.set("canary", CANARY);
    data.set("n", b"1");
    data
}

/// A session that has just begun.
fn simple(envelope: &Envelope) -> Held {
    let key = SessionKey {
        key: Zeroizing::new([0xa5; 32]),
        wrapped: None,
    };
    Held {
        token: newest(),
        revision: Some(Revision::new(7)),
        principal: Some(Principal::new("alice").unwrap()),
        created: after(NOW, 0),
        last_seen: NOW,
        expires: after(NOW, 1800),
        label: Some(Label::new("Firefox on Linux")),
        lifetime: LIFETIME,
        remembered: false,
        ends: after(NOW, 86_000),
        rotated: NOW.saturating_sub(Duration::from_secs(5)),
        verifier: None,
        standing: Standing::Newest,
        previous: None,
        recent: Recent::new([7; 8], &[]),
        key: (envelope.residence == Residence::Elsewhere).then_some(key),
    }
}

/// A session with everything that a body can say.
fn full(envelope: &Envelope) -> Held {
    let mut before = Held {
        token: earlier(),
        ..simple(envelope)
    };
    write(envelope, &mut before);
    Held {
        remembered: true,
        previous: Some(Box::new(Previous {
            verifier: before.verifier.unwrap_or(Verifier([0; 32])),
            newest_seen: None,
            wrapped: before.key.and_then(|key| key.wrapped),
        })),
        recent: Recent::new([7; 8], b"\x08\x08\x08\x08\x08\x08\x08\x08\0\0\0\0"),
        ..simple(envelope)
    }
}

fn newest() -> Token {
    token(1, 1)
}

fn earlier() -> Token {
    token(1, 3)
}

fn token(id: u8, secret: u8) -> Token {
    Token {
        id: Id::from_bytes([id; 16]),
        secret: Secret::from_bytes(&[secret; 32]),
    }
}

fn in_process() -> Envelope {
    Envelope {
        residence: Residence::Process,
        ..without_keys()
    }
}

fn without_keys() -> Envelope {
    Envelope {
        derivation: Derivation::new(&Namespace::new("app").unwrap()),
        keys: None,
        residence: Residence::Elsewhere,
    }
}

/// The first one seals, the others only open.
fn with_keys(seeds: &[u8]) -> Envelope {
    let ring = KeyRing::new(ServerKey::numbered(seeds[0]));
    let others = seeds[1..].iter().copied().map(ServerKey::numbered);
    with_ring(others.fold(ring, KeyRing::retiring))
}

fn with_ring(keys: KeyRing) -> Envelope {
    Envelope {
        keys: Some(keys),
        ..without_keys()
    }
}

/// Of each key of the ring its seed, and how often it has sealed, opened, and been refused.
fn counts(envelope: &Envelope) -> Vec<(u8, u64, u64, u64)> {
    let uses = envelope.keys.as_ref().unwrap().uses();
    let seed = |id| (1..9).find(|seed| ServerKey::numbered(*seed).id() == id).unwrap();
    let count = |key: &KeyUse| (seed(key.key.id), key.sealed, key.opened, key.refused);
    uses.iter().map(count).collect()
}

fn after(moment: Timestamp, seconds: u64) -> Timestamp {
    moment.saturating_add(Duration::from_secs(seconds))
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
