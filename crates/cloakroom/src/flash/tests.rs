//! What happens to the messages that were not read yet, and to the location that names one.

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

fn name(number: u8) -> Name {
    Name::new(&[number; Name::LEN])
}

fn texts(unread: &Unread) -> Vec<&str> {
    unread.0.iter().map(|message| message.flash.text()).collect()
}

#[test]
fn a_message_is_taken_once() {
    let unread =
        Unread::default()
            .with(name(1), Flash::success("one"), NOW)
            .with(name(2), Flash::error("two"), NOW);
    let (flash, unread) = unread.take(&name(1), NOW);
    assert_eq!(flash, Some(Flash::success("one")));
    assert_eq!(texts(&unread), ["two"]);
    let (flash, unread) = unread.take(&name(1), NOW);
    assert_eq!((flash, texts(&unread)), (None, vec!["two"]));
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let unread = (0..40).fold(Unread::default(), |unread, number| {
        unread.with(name(number), Flash::info(number.to_string()), NOW)
    });
    let kept: Vec<String> = (24..40).map(|number| number.to_string()).collect();
    assert_eq!(texts(&unread), kept);
}

#[test]
fn the_oldest_go_when_they_are_too_long() {
    let long = || Flash::info("x".repeat(Flash::MAX_LEN));
    let unread = Unread::default()
        .with(name(1), long(), NOW)
        .with(name(2), long(), NOW);
    assert_eq!(unread.0.len(), 2, "as many as there is room for");
    let unread = unread.with(name(3), Flash::info("short"), NOW);
    assert_eq!(texts(&unread).len(), 2);
    assert_eq!(unread.take(&name(3), NOW).0, Some(Flash::info("short")));
}

#[test]
fn what_takes_more_room_as_json_takes_more_room() {
    let quotes = || Flash::info("\"".repeat(300));
    let unread = Unread::default()
        .with(name(1), quotes(), NOW)
        .with(name(2), quotes(), NOW);
    assert_eq!(unread.0.len(), 1, "each is 600 bytes");
    assert!(unread.take(&name(2), NOW).0.is_some());
}

#[test]
fn nobody_waits_for_ever() {
    let later = |seconds: u64| NOW.saturating_add(Duration::from_secs(seconds));
    let unread = Unread::default().with(name(1), Flash::info("one"), NOW);
    let (flash, _) = unread.clone().take(&name(1), later(299));
    assert!(flash.is_some());
    let (flash, left) = unread.clone().take(&name(1), later(300));
    assert_eq!((flash, left), (None, Unread::default()));
    assert_eq!(
        texts(&unread.with(name(2), Flash::info("two"), later(300))),
        ["two"]
    );
}

#[test]
fn a_long_text_is_cut_between_letters() {
    assert_eq!(Flash::info("x".repeat(512)).text().len(), 512);
    let cut = Flash::info("é".repeat(300));
    assert!(
        cut.text().ends_with("é…") && cut.text().len() <= Flash::MAX_LEN,
        "{cut:?}"
    );
}

#[test]
fn none_is_too_large_for_a_sealed_session() {
    for text in ["\0", "\"", "\u{7f}", "é", "x"] {
        let flash = Flash::info(text.repeat(2000));
        assert!(json_len(flash.text()) <= Unread::ROOM, "{text:?}");
        assert!(flash.text().starts_with(text) && flash.text().ends_with('…'));
    }
}

#[test]
fn it_is_kept_in_few_bytes() {
    let unread = Unread::default().with(name(1), Flash::success("Added."), NOW);
    let json = serde_json::to_string(&unread).unwrap();
    assert_eq!(
        json,
        r#"[{"n":"AQEBAQEBAQEB","l":"success","t":"Added.","u":1800000300000}]"#
    );
    assert_eq!(serde_json::from_str::<Unread>(&json).unwrap(), unread);
}

#[test]
fn the_name_is_put_into_the_query() {
    let check = |location: &str, expected: &str| {
        let put = name(1).put_into(location);
        assert_eq!(put, expected.replace('@', "flash=AQEBAQEBAQEB"));
        let query = put.split_once('?').unwrap().1.split('#').next().unwrap();
        assert_eq!(Name::in_query(query), Some(name(1)), "{put}");
    };
    check("/cart", "/cart?@");
    check("/", "/?@");
    check("", "?@");
    check("/cart?", "/cart?@");
    check("/cart?page=2", "/cart?page=2&@");
    check("/cart?page=2&", "/cart?page=2&@");
    check("/#hat", "/?@#hat");
    check("/cart?page=2#hat?flash=no", "/cart?page=2&@#hat?flash=no");
    check("/cart?flash=BBBBBBBBBBBB&page=2", "/cart?page=2&@");
    check("https://shop.example/cart", "https://shop.example/cart?@");
}

#[test]
fn what_is_no_name_is_none() {
    let check = |query: &str| assert_eq!(Name::in_query(query), None, "{query}");
    check("");
    check("flash");
    check("flash=");
    check("flash=AQEBAQEBAQE");
    check("flash=AQEBAQEBAQEBA");
    check("flash=AQEBAQEBAQE%42");
    check("Flash=AQEBAQEBAQEB");
    check("hotflash=AQEBAQEBAQEB");
}

proptest! {
    #[test]
    fn no_location_makes_it_panic(location in "\\PC{0,20}", query in "\\PC{0,20}") {
        prop_assert!(name(1).put_into(&location).contains("flash=AQEBAQEBAQEB"));
        let _ = Name::in_query(&query);
    }
}
