//! What is said reads back, is as long as it was said to be, and nothing else is taken for it.

use proptest::collection::vec;
use proptest::{option, prelude::*};
use serde_json::{Value, json};

use super::*;

fn moment() -> impl Strategy<Value = Timestamp> {
    // As many digits as moments have between the years 2001 and 2286.
    (1_000_000_000_000..9_999_999_999_999u64).prop_map(Timestamp::from_unix_millis)
}

fn claims() -> impl Strategy<Value = Claims> {
    let who = (any::<[u8; 16]>(), option::of(".{1,40}"), option::of(".{0,40}"));
    let when = (moment(), moment(), moment(), moment());
    (who, when, 1..=34_560_000u64, any::<bool>()).prop_map(
        |((id, principal, label), (begun, rotated, seen, ends), idle, remembered)| Claims {
            id: Id::from_bytes(id),
            principal: principal.map(|text| Principal::new(text).expect("it has a letter")),
            begun,
            rotated,
            seen,
            ends,
            idle: Duration::from_secs(idle),
            remembered,
            label: label.map(|text| Label::new(&text)),
        },
    )
}

fn data() -> impl Strategy<Value = Data> {
    vec((".{1,20}", any::<i64>()), 0..6).prop_map(|entries| {
        let mut data = Data::default();
        for (key, value) in entries {
            data.set(&key, json!([value, "\u{1}\"é"]).to_string().as_bytes());
        }
        data
    })
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[\"\\\\a}\\]]{0,3}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_said_reads_back(claims in claims(), data in data()) {
        let message = claims.to_json(&data);
        let (read, values) = Claims::from_json(&message).expect("it reads");
        prop_assert_eq!(&read, &claims);
        prop_assert_eq!(values.as_bytes(), data.as_bytes());
    }

    #[test]
    fn both_readers_agree_on_what_is_said(claims in claims(), data in data()) {
        let message = claims.to_json(&data);
        let (read, values) = any_json::read(&message).expect("it reads");
        prop_assert_eq!(&read, &claims);
        prop_assert_eq!(values.as_bytes(), data.as_bytes());
        // Of text that is escaped only one of them knows.
        let plain = |text: &str| !text.contains(|c: char| c < ' ' || c == '"' || c == '\\');
        let texts = [claims.principal.as_ref().map(Principal::as_str), claims.label.as_ref().map(Label::as_str)];
        if texts.into_iter().flatten().chain(data.iter().map(|(key, _)| key)).all(plain) {
            let (read, values) = own_spelling::read(&message).expect("it is its own spelling");
            prop_assert_eq!(&read, &claims);
            prop_assert_eq!(values.as_bytes(), data.as_bytes());
        }
    }

    #[test]
    fn what_only_nearly_is_our_spelling_reads_the_same_or_not_at_all(
        claims in claims(),
        data in data(),
        at in any::<proptest::sample::Index>(),
        byte in option::of(proptest::sample::select(b"\"\\,:{}[]0 ax\n\xff".to_vec())),
    ) {
        let mut message = claims.to_json(&data);
        let at = at.index(message.len());
        match byte {
            Some(byte) => message[at] = byte,
            None => drop(message.remove(at)),
        }
        if let (Some((read, values)), Ok((expected, data))) = (own_spelling::read(&message), any_json::read(&message)) {
            prop_assert_eq!(read, expected);
            prop_assert_eq!(values.as_bytes(), data.as_bytes());
        }
    }

    #[test]
    fn values_of_all_kinds_are_found(values in vec(json_value(), 0..5)) {
        let mut data = Data::default();
        for (n, value) in values.iter().enumerate() {
            data.set(&n.to_string(), value.to_string().as_bytes());
        }
        let claims = Claims::from_json(plain().to_string().as_bytes()).expect("it reads").0;
        let (_, read) = own_spelling::read(&claims.to_json(&data)).expect("it is its own spelling");
        prop_assert_eq!(read.as_bytes(), data.as_bytes());
    }

    #[test]
    fn it_is_json_that_anybody_reads(claims in claims(), data in data()) {
        let message: Value = serde_json::from_slice(&claims.to_json(&data)).expect("it is JSON");
        prop_assert_eq!(&message["jti"], &json!(claims.id.to_string()));
        prop_assert_eq!(&message["sub"], &json!(claims.principal.as_ref().map(|principal| principal.as_str())));
        let moment = |name: &str| rfc3339::read(message[name].as_str().unwrap().as_bytes());
        prop_assert_eq!(moment("iat"), Some(claims.seen));
        prop_assert_eq!(moment("exp"), Some(claims.expires()));
        for (key, value) in data.iter() {
            let said = message["data"][key].to_string();
            prop_assert_eq!(said.as_bytes(), value);
        }
    }

    #[test]
    fn it_is_never_longer_than_was_said(claims in claims(), data in data()) {
        let said = len(claims.principal.as_ref(), claims.label.as_ref(), &data);
        let spared = [
            (claims.rotated == claims.begun, r#","rotated":1800000000000"#.len()),
            (!claims.remembered, r#","remembered":true"#.len()),
            (true, 8 - claims.idle.as_secs().to_string().len()),
            // The comma before the first entry.
            (data.iter().next().is_some(), 1),
        ];
        let spared: usize = spared.iter().filter(|(spared, _)| *spared).map(|(_, length)| length).sum();
        prop_assert_eq!(claims.to_json(&data).len() + spared, said);
    }

    #[test]
    fn no_message_makes_it_panic(message in "[{}\"a-z0-9:,.\\\\-]{0,60}") {
        prop_assert!(Claims::from_json(message.as_bytes()).is_err());
    }
}

/// Claims of nobody, as another program may write them.
fn plain() -> Value {
    json!({
        "v": 1,
        "jti": "00".repeat(16),
        "iat": "2026-11-25T18:40:00.000Z",
        "exp": "2026-11-25T19:10:00.000Z",
        "begun": 1_795_632_000_000_u64,
        "ends": 1_795_718_400_000_u64,
        "idle": 1800,
        "data": {},
    })
}

fn with(name: &str, value: Value) -> Result<Claims, Unreadable> {
    let mut claims = plain();
    claims[name] = value;
    Claims::from_json(claims.to_string().as_bytes()).map(|(claims, _)| claims)
}

#[test]
fn another_programs_spelling_is_read() {
    let spaced = serde_json::to_string_pretty(&plain()).unwrap();
    let (claims, _) = Claims::from_json(spaced.as_bytes()).expect("space between means nothing");
    assert_eq!(claims.rotated, claims.begun);
    assert_eq!((claims.principal, claims.label), (None, None));
    let signed_in = with("sub", json!("al\"ice")).unwrap();
    assert_eq!(signed_in.principal.unwrap().as_str(), "al\"ice");
    assert!(with("nonsense", json!([1, 2, {"three": null}])).is_ok());
    assert_eq!(with("sub", json!("")).unwrap().principal, None);
}

#[test]
fn a_newer_version_says_so_whatever_else_it_says() {
    assert_eq!(with("v", json!(2)), Err(Unreadable::Newer(2)));
    let unlike = json!({"v": 3, "jti": 7});
    let read = Claims::from_json(unlike.to_string().as_bytes()).map(drop);
    assert_eq!(read, Err(Unreadable::Newer(3)));
}

#[test]
fn what_is_not_as_we_say_it_is_invalid() {
    let check = |name: &str, value: Value| {
        assert_eq!(
            with(name, value.clone()),
            Err(Unreadable::Invalid),
            "{name}: {value}"
        );
    };
    check("v", json!(0));
    check("v", json!("1"));
    check("v", Value::Null);
    check("jti", json!("00".repeat(15)));
    check("jti", json!("0A".repeat(16)));
    check("sub", json!("a".repeat(256)));
    check("sub", json!(7));
    check("iat", json!("2026-11-25T18:40:00Z"));
    check("iat", json!(1_795_632_000));
    check("begun", json!(-1));
    check("ends", json!(1.5));
    check("idle", json!(u64::MAX));
    check("remembered", json!("true"));
    check("data", json!([]));
    check("data", json!({"k".repeat(256): 1}));
    for message in ["", "null", "[]", "{}", "{\"v\":1}"] {
        assert_eq!(
            Claims::from_json(message.as_bytes()).map(drop),
            Err(Unreadable::Invalid),
            "{message}"
        );
    }
}

#[test]
fn the_message_is_as_published() {
    let mut data = Data::default();
    data.set("cart", br#"["coat"]"#);
    let at = Timestamp::from_unix_millis;
    let claims = Claims {
        id: Id::from_bytes([0xab; 16]),
        principal: Some(Principal::new("alice").unwrap()),
        begun: at(1_800_000_000_000),
        rotated: at(1_800_000_060_000),
        seen: at(1_800_000_120_000),
        ends: at(1_800_086_400_000),
        idle: Duration::from_secs(1800),
        remembered: true,
        label: Some(Label::new("Firefox")),
    };
    assert_eq!(
        String::from_utf8(claims.to_json(&data)).unwrap(),
        concat!(
            r#"{"v":1,"jti":"abababababababababababababababab","sub":"alice","#,
            r#""iat":"2027-01-15T08:02:00.000Z","exp":"2027-01-15T08:32:00.000Z","#,
            r#""begun":1800000000000,"rotated":1800000060000,"ends":1800086400000,"idle":1800,"#,
            r#""remembered":true,"label":"Firefox","data":{"cart":["coat"]}}"#
        )
    );
}
