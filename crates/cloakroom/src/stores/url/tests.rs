//! What a URL says is read, what makes no sense is named, and no message has a password.

use super::*;

fn parsed(text: &str) -> StoreUrl {
    StoreUrl::parse(text, &["redis", "rediss"]).expect("the URL makes sense")
}

fn refused(text: &str) -> String {
    let error = StoreUrl::parse(text, &["redis", "rediss"]).expect_err("the URL makes no sense");
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    error.to_string()
}

#[test]
fn every_part_is_read() {
    let mut url = parsed("redis://bob:p%40ss/word@one:1,[::1]:2,three/4?timeout=2s&prefix=a%20b");
    assert_eq!(url.user.as_deref(), Some("bob"));
    assert_eq!(url.password.as_deref(), Some("p@ss/word"));
    assert_eq!(url.to_string(), "redis://bob@one:1,[::1]:2,three/4");
    assert_eq!(url.hosts[2].port_or(6379), 6379);
    assert_eq!(url.path, "4");
    assert_eq!(
        url.duration("timeout").expect("a duration"),
        Some(Duration::from_secs(2))
    );
    assert_eq!(url.option("prefix").as_deref(), Some("a b"));
    assert!(url.nothing_left().is_ok());
}

#[test]
fn a_password_needs_no_user() {
    let url = parsed("redis://:secret@host");
    assert_eq!((url.user, url.password.as_deref()), (None, Some("secret")));
}

#[test]
fn what_makes_no_sense_is_named_with_what_does() {
    assert!(refused("http://host").contains("redis://, rediss://"));
    assert!(refused("redis:host").contains("://"));
    assert!(refused("redis://host:port").contains("65535"));
    assert!(refused("redis://host:0").contains("65535"));
    let mut url = parsed("redis://host?timeuot=2s");
    assert_eq!(url.option("timeout"), None);
    let unknown = url.nothing_left().expect_err("it is not known").to_string();
    assert!(
        unknown.contains("timeuot") && unknown.contains("accepted are timeout"),
        "{unknown}"
    );
    let wrong = parsed("redis://host?timeout=2")
        .duration("timeout")
        .expect_err("no unit");
    assert!(wrong.to_string().contains("500ms"), "{wrong}");
}

#[test]
fn what_another_engine_calls_an_option_is_told_its_name_here() {
    for other in ["ssl_mode", "ssl-mode", "sslMode"] {
        let mut url = parsed(&format!("redis://host?{other}=require"));
        assert_eq!(url.option("sslmode"), None);
        let unknown = url
            .nothing_left()
            .expect_err("it is written otherwise")
            .to_string();
        assert!(unknown.ends_with("here it is `sslmode`"), "{unknown}");
    }
}

#[test]
fn no_message_has_the_password() {
    let mut url = parsed("redis://bob:hunter2@host?a=1");
    let texts = [
        url.to_string(),
        format!("{url:?}"),
        url.nothing_left().expect_err("unknown").to_string(),
        url.duration("a").expect_err("no duration").to_string(),
        refused("redis://bob:hunter2@host:99999"),
        refused("http://bob:hunter2@host"),
        // Nobody has encoded the question mark in it.
        refused("redis://bob:123?hunter2@host"),
        refused("redis://bob:1@2?hunter2@host"),
        refused("redis://bob:123?a=hunter2@host"),
    ];
    for text in texts {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn lengths_of_time_have_a_unit() {
    assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
    assert_eq!(duration("10m"), Some(Duration::from_secs(600)));
    for wrong in [
        "",
        "5",
        "s",
        "-1s",
        "1.5s",
        "5h",
        "99999999999999999999s",
        "999999999999999999m",
    ] {
        assert_eq!(duration(wrong), None, "{wrong:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_url_or_an_error(text in ".*") {
        for text in [text.clone(), format!("redis://{text}"), format!("redis://a:hunter2@{text}")] {
            match StoreUrl::parse(&text, &["redis"]) {
                Ok(mut url) => {
                    let said = [url.option("a").map(drop).is_some().to_string(), url.to_string(), format!("{url:?}")];
                    // What was typed in front of the last @ is the password, and may hold anything.
                    proptest::prop_assert!(!said.concat().contains("hunter2"), "{said:?}");
                }
                Err(error) => proptest::prop_assert!(!error.to_string().contains("hunter2"), "{error}"),
            }
        }
    }
}
