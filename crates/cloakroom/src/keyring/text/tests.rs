//! What is written reads back, and what is damaged is said and not quoted.

use cloakroom_store::Timestamp;
use proptest::prelude::*;

use super::*;

/// Keys to which so many steps have been done, whatever they are.
fn keys(steps: &[(u8, u8, u32)]) -> Keys {
    let mut keys = Keys::new(ServerKey::numbered(0), Timestamp::default());
    for (step, number, seconds) in steps {
        let now = Timestamp::from_unix_millis(u64::from(*seconds) * 1000);
        let id = ServerKey::numbered(*number).id();
        // Steps that are refused change nothing.
        let _ = match step % 5 {
            0 => keys.add(ServerKey::numbered(*number), now).map(drop),
            1 => keys.activate(id, now),
            2 => keys.retire(id, now),
            3 => keys.reopen(id, now),
            _ => keys
                .compromise(id, ServerKey::numbered(number.wrapping_add(1)), now)
                .map(drop),
        };
    }
    keys
}

proptest! {
    #[test]
    fn what_is_written_reads_back(steps in prop::collection::vec((any::<u8>(), 0..8_u8, any::<u32>()), 0..40)) {
        let keys = keys(&steps);
        let text = keys.to_text();
        prop_assert_eq!(&Keys::parse(&text).unwrap(), &keys);
        let line = text.trim_ascii().replace('\n', ";");
        prop_assert_eq!(&Keys::parse(&line).unwrap(), &keys);
        prop_assert!(text.len() <= Keys::MAX_TEXT);
    }

    #[test]
    fn what_reads_is_written_the_same(at in 0..300_usize, with in "[ -~]") {
        // Of a text with one character exchanged, most do not read; those that do are spelled as they were.
        let mut text = keys(&[(0, 1, 7), (0, 2, 8), (4, 2, 9)]).to_text().to_string();
        let at = at % text.len();
        text.replace_range(at..=at, &with);
        if let Ok(keys) = Keys::parse(&text) {
            let fields = |text: &str| text.split([' ', '\n', ';']).map(str::to_owned).collect::<Vec<_>>().concat();
            prop_assert_eq!(fields(&keys.to_text()), fields(&text));
        }
    }

    #[test]
    fn nothing_makes_it_panic(text in "(cloakroom-keys [0-9]{1,3})?[ -~\n;]{0,200}", any: String) {
        let _ = (Keys::parse(&text), Keys::parse(&any));
    }
}

#[test]
fn what_is_wrong_is_named_and_not_quoted() {
    let good = keys(&[(0, 1, 7), (0, 2, 8), (4, 2, 9)]).to_text().to_string();
    let secret = good
        .lines()
        .nth(1)
        .and_then(|line| line.rsplit(' ').next())
        .unwrap()
        .to_owned();
    let check = |text: String, says: &str| {
        let error = Keys::parse(&text).expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.to_string().contains(&secret[..8]), "{error}");
    };
    let with = |from: &str, to: &str| good.replacen(from, to, 1);
    check(String::new(), "the first line has to be `cloakroom-keys 1`");
    check(secret.clone(), "the first line");
    check(with("keys 1", "keys 0"), "the first line");
    check(with("keys 1", "keys 2"), "version 2, newer");
    check(with("keys 1", "keys1"), "the first line");
    check(with(" active", ""), "line 2 of the keys is not five fields");
    check(with("active", "idle"), "line 2 of the keys names no state");
    check(with("active", "pending"), "0 of the keys are active");
    check(with("pending", "active"), "2 of the keys are active");
    check(with("active", "compromised"), "still has the bytes");
    check(
        with("compromised", "retired"),
        "line 4 of the keys does not end with a key",
    );
    check(with("1970", "197O"), "line 2 of the keys has no date");
    check(with(&secret, &secret[1..]), "32 bytes");
    check(with(&secret, &format!("{secret}=")), "32 bytes");
    check(with(&secret, &format!("x{}", &secret[1..])), "damaged");
    check(with(&secret, &"A".repeat(KEY_LEN)), "weak key");
    check(
        with("\nend", &format!("\n{}\nend", good.lines().nth(2).unwrap())),
        "twice",
    );
    check(format!("{good}more"), "the last line has to be `end`");
    for end in 0..good.len() - 1 {
        check(good[..end].to_owned(), "the ");
    }
}

// As the first release wrote it. Never change it; another format is another version. Where a number stands in braces that key
// is put, so that none is in here for somebody to take.
const FIXTURE: &str = "\
    cloakroom-keys 1\n\
    d4ff08319e07f30a retired 2026-11-25T18:40:00Z 2026-11-25T18:40:30Z {1}\n\
    c448a2c63b1056ac retiring 2026-11-25T18:40:02Z 2026-11-25T18:40:20Z {2}\n\
    7609dfc1c2ad231c active 2026-11-25T18:40:03Z 2026-11-25T18:40:20Z {3}\n\
    fe2f3000d4c22e19 pending 2026-11-25T18:40:04Z 2026-11-25T18:40:04Z {4}\n\
    cfc68f51f027a5af compromised 2026-11-25T18:40:05Z 2026-11-25T18:40:40Z -\n\
    end\n";

#[test]
fn a_file_of_version_1_still_reads() {
    let mut text = FIXTURE.to_owned();
    for number in 1..=4 {
        let key = base64url::text(ServerKey::numbered(number).as_bytes());
        text = text.replace(&format!("{{{number}}}"), &key);
    }
    let keys = Keys::parse(&text).unwrap();
    assert_eq!(keys.to_text().as_str(), text);
    assert_eq!(keys.active().id, ServerKey::numbered(3).id());
    assert_eq!(keys.entries[3].key, Some(ServerKey::numbered(4)));
    assert_eq!(
        Keys::parse(&text.replace('\n', "\r\n")).unwrap(),
        keys,
        "as Windows ends lines"
    );
}

#[test]
fn the_key_of_the_manual_is_nobodys() {
    // The example at the top of this file.
    let example = "cloakroom-keys 1;a5323e914325b541 active 2026-11-25T18:40:00Z 2026-11-25T18:40:00Z \
        nkwXo9gFa_Ixx4pd4JIvdLYZzYNI-mALlT7RrHck71g;end";
    let error = Keys::parse(example).unwrap_err();
    assert!(error.to_string().contains("stand in a manual"), "{error}");
}
