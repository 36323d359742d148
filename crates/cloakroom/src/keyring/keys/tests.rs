//! Each step, from each state.

use super::*;

const THEN: Timestamp = Timestamp::from_unix_millis(1_795_632_000_000);
const NOW: Timestamp = Timestamp::from_unix_millis(1_795_700_000_000);

/// Keys 1 to 5 in the states there are, in their order.
fn one_of_each() -> Keys {
    let mut keys = Keys::new(ServerKey::numbered(4), THEN);
    for number in [3, 2, 5, 1] {
        keys.add(ServerKey::numbered(number), THEN).unwrap();
    }
    keys.activate(ServerKey::numbered(3).id(), THEN).unwrap();
    keys.activate(ServerKey::numbered(2).id(), THEN).unwrap();
    keys.retire(ServerKey::numbered(4).id(), THEN).unwrap();
    keys.compromise(ServerKey::numbered(5).id(), ServerKey::numbered(9), THEN)
        .unwrap();
    assert_eq!(states(&keys), "pending active retiring retired compromised");
    keys
}

/// The states of keys 1 to 5, and of key 9 if it is there.
fn states(keys: &Keys) -> String {
    let states = [1, 2, 3, 4, 5, 9].map(|number| keys.state(ServerKey::numbered(number).id()).ok());
    let states: Vec<String> = states.iter().flatten().map(KeyState::to_string).collect();
    states.join(" ")
}

#[test]
fn each_step_leads_from_each_state_where_the_table_says() {
    type Step = fn(&mut Keys, KeyId) -> Result<(), Error>;
    let check = |step: Step, number: u8, becomes: Result<&str, &str>| {
        let mut keys = one_of_each();
        let result = step(&mut keys, ServerKey::numbered(number).id());
        match (result, becomes) {
            (Ok(()), Ok(expected)) => assert_eq!(states(&keys), expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
                assert_eq!(keys, one_of_each(), "a step that is refused changes nothing");
            }
            (result, _) => panic!("{number}: {result:?}"),
        }
        let active = keys.iter().filter(|key| key.state == KeyState::Active);
        assert_eq!(active.count(), 1);
    };
    let activate: Step = |keys, id| keys.activate(id, NOW);
    check(activate, 1, Ok("active retiring retiring retired compromised"));
    check(activate, 2, Ok("pending active retiring retired compromised"));
    check(activate, 3, Ok("pending retiring active retired compromised"));
    check(activate, 4, Err("add a new key"));
    check(activate, 5, Err("add a new key"));
    check(activate, 6, Err("no key"));
    let retire: Step = |keys, id| keys.retire(id, NOW);
    check(retire, 1, Ok("retired active retiring retired compromised"));
    check(retire, 2, Err("activate another key first"));
    check(retire, 3, Ok("pending active retired retired compromised"));
    check(retire, 4, Ok("pending active retiring retired compromised"));
    check(retire, 5, Err("refused already"));
    check(retire, 6, Err("no key"));
    let reopen: Step = |keys, id| keys.reopen(id, NOW);
    check(reopen, 1, Err("only a retired key"));
    check(reopen, 2, Err("only a retired key"));
    check(reopen, 3, Err("only a retired key"));
    check(reopen, 4, Ok("pending active retiring retiring compromised"));
    check(reopen, 5, Err("only a retired key"));
    check(reopen, 6, Err("no key"));
    let compromise: Step = |keys, id| keys.compromise(id, ServerKey::numbered(9), NOW).map(drop);
    check(
        compromise,
        1,
        Ok("compromised active retiring retired compromised"),
    );
    check(
        compromise,
        2,
        Ok("active compromised retiring retired compromised"),
    );
    check(
        compromise,
        3,
        Ok("pending active compromised retired compromised"),
    );
    check(
        compromise,
        4,
        Ok("pending active retiring compromised compromised"),
    );
    check(compromise, 5, Ok("pending active retiring retired compromised"));
    check(compromise, 6, Err("no key"));
    let add: Step = |keys, id| {
        let again = (1..=6).map(ServerKey::numbered).find(|key| key.id() == id);
        keys.add(again.expect("it is one of them"), NOW).map(drop)
    };
    for number in 1..=5 {
        check(add, number, Err("there already"));
    }
    check(add, 6, Ok("pending active retiring retired compromised"));
}

#[test]
fn an_active_key_that_is_compromised_has_a_successor() {
    let mut keys = one_of_each();
    let successor = keys
        .compromise(ServerKey::numbered(2).id(), ServerKey::numbered(9), NOW)
        .unwrap();
    assert_eq!(successor, Successor::Pending(ServerKey::numbered(1).id()));
    let successor = keys
        .compromise(ServerKey::numbered(1).id(), ServerKey::numbered(9), NOW)
        .unwrap();
    assert_eq!(successor, Successor::New(ServerKey::numbered(9).id()));
    assert_eq!(
        states(&keys),
        "compromised compromised retiring retired compromised active"
    );
    let kept = keys.entries.iter().filter(|entry| entry.key.is_some());
    assert_eq!(kept.count(), 3, "the bytes of the others are gone");
}

#[test]
fn a_step_leaves_its_date() {
    let mut keys = one_of_each();
    keys.activate(ServerKey::numbered(1).id(), NOW).unwrap();
    let dates = |number: u8| {
        let info = keys
            .iter()
            .find(|info| info.id == ServerKey::numbered(number).id())
            .unwrap();
        (info.created, info.since)
    };
    assert_eq!(dates(1), (THEN.into(), NOW.into()));
    assert_eq!(dates(2), (THEN.into(), NOW.into()));
    assert_eq!(dates(3), (THEN.into(), THEN.into()));
}

#[test]
fn there_are_only_so_many() {
    let mut keys = Keys::new(ServerKey::numbered(0), THEN);
    for number in 1..Keys::MAX as u8 - 1 {
        keys.add(ServerKey::numbered(number), THEN).unwrap();
    }
    let more = ServerKey::numbered(101);
    let error = keys.add(more.clone(), NOW).unwrap_err();
    assert!(error.to_string().contains("no room for another"), "{error}");
    for number in 1..Keys::MAX as u8 - 1 {
        keys.retire(ServerKey::numbered(number).id(), NOW).unwrap();
    }
    let successor = keys
        .compromise(ServerKey::numbered(0).id(), more.clone(), NOW)
        .unwrap();
    assert_eq!(successor, Successor::New(more.id()));
    assert_eq!(Keys::parse(&keys.to_text()).unwrap(), keys);

    // Nobody could read a file of one more: what was there stays, and says what to do.
    let spare = ServerKey::numbered(102);
    let before = keys.clone();
    let error = keys.compromise(more.id(), spare, NOW).unwrap_err();
    assert!(error.to_string().contains("no room for another"), "{error}");
    assert_eq!(keys, before);
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", one_of_each());
    assert!(
        shown.contains("ServerKey(..)") && !shown.contains("bytes"),
        "{shown}"
    );
}
