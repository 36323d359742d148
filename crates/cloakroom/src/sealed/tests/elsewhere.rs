//! What nodes do to a session that have not heard of its ending, or whose clocks are wrong.

use cloakroom_store::{Principal, Timestamp};

use super::*;
use crate::nowhere::Nowhere;
use crate::{Happened, Heard, Lifetime};

/// A node that registers sign-ins.
fn registered(marks: Faulty, registry: &Memory) -> Node {
    Node::over(marks, |revocations| revocations.register_in(registry.clone()))
}

#[tokio::test(start_paused = true)]
async fn nobody_signs_out_others_to_escape_having_been_signed_out() {
    for how in 0..4 {
        let node = Node::new();
        let other = node.neighbour(Duration::from_secs(1));
        let stolen = node.signed_in("alice").await;
        assert_eq!(other.sees(&stolen).await, somebody("alice", 1));
        let owner = node.open(&stolen).await;
        match how {
            0 => owner.sign_out().await.unwrap(),
            1 => drop(owner.sign_out_others().await.unwrap()),
            2 => owner.rotate().unwrap(),
            _ => drop(node.sessions.end_everyone().await.unwrap()),
        }
        let owners = node.sent(&owner).await;
        // The thief is at a node that has not heard of it yet.
        let thief = other.open(&stolen).await;
        assert_eq!(thief.principal().unwrap().as_str(), "alice", "{how}");
        assert_eq!(thief.sign_out_others().await.unwrap(), 0);
        let thiefs = other.sent(&thief).await.unwrap_or(stolen);
        for node in [&node, &other, &node.neighbour(Duration::ZERO)] {
            node.wait(BOUND).await;
            assert_eq!(node.sees(&thiefs).await, NOBODY, "{how}");
            if let (1 | 2, Some(owners)) = (how, &owners) {
                assert_eq!(node.sees(owners).await, somebody("alice", 1), "{how}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_signs_out_others_to_escape_an_ending_that_is_under_way() {
    for how in ["by an operator", "by themselves", "everyone"] {
        for who_is_slow in ["the thief", "the one who ends them"] {
            let node = Node::new();
            // Its clock is ahead by as much as is allowed.
            let other = node.neighbour(BOUND);
            let (stolen, phone) = (node.signed_in("alice").await, node.signed_in("alice").await);
            let thief = other.open(&stolen).await;
            let escape = async {
                thief.sign_out_others().await.unwrap();
                other.sent(&thief).await.unwrap_or(stolen)
            };
            let ending = async {
                match how {
                    "by an operator" => {
                        let alice = Principal::new("alice").unwrap();
                        node.sessions.sign_out_everywhere(&alice).await.unwrap();
                    }
                    "by themselves" => {
                        let session = node.open(&phone).await;
                        session.sign_out_everywhere().await.unwrap();
                    }
                    _ => drop(node.sessions.end_everyone().await.unwrap()),
                }
            };
            // Each has read the marks before the other one has set any.
            let thiefs = if who_is_slow == "the thief" {
                other.marks.second(Goes::Slowly);
                tokio::join!(escape, ending).0
            } else {
                node.marks.second(Goes::Slowly);
                tokio::join!(ending, escape).1
            };
            for node in [&node, &other, &node.neighbour(Duration::ZERO)] {
                node.wait(BOUND).await;
                assert_eq!(node.sees(&thiefs).await, NOBODY, "{how}, {who_is_slow} is slow");
            }
            // And whoever signs in afterwards is signed in.
            let alice = node.signed_in("alice").await;
            assert_eq!(other.sees(&alice).await, somebody("alice", 1), "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_mark_is_so_late_that_another_ending_could_not_come_after_it() {
    // A store that may take for ever.
    let node = Node::new().with(|sessions| sessions.store_timeout(Duration::MAX));
    for how in ["by themselves", "by an operator", "everyone"] {
        let (alice, phone) = (node.signed_in("alice").await, node.signed_in("alice").await);
        assert_eq!(node.sees(&phone).await, somebody("alice", 1), "{how}");
        match how {
            "by themselves" => drop(node.open(&alice).await.sign_out_everywhere().await.unwrap()),
            "by an operator" => {
                let alice = Principal::new("alice").unwrap();
                let _ended: u64 = node.sessions.sign_out_everywhere(&alice).await.unwrap();
            }
            _ => drop(node.sessions.end_everyone().await.unwrap()),
        }
        assert_eq!(node.sees(&phone).await, NOBODY, "{how}");
    }
    let alice = node.signed_in("alice").await;
    node.sessions.end_everyone().await.unwrap();
    assert_eq!(node.sees(&alice).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_session_forged_for_the_end_of_time_makes_no_mark_that_no_ending_outdoes() {
    for everywhere in [false, true] {
        let node = Node::new();
        let session = node.open(&node.signed_in("alice").await).await;
        let forged = {
            let state = session.0.state();
            let mut claims = state.claims().unwrap().clone();
            claims.begun = Timestamp::MAX;
            let sealed = session.0.config.sealed.as_ref().unwrap();
            let nonce = [7; paseto::NONCE_LEN];
            sealed.cookie.seal(&claims, state.settled_data(), &nonce).unwrap()
        };
        let forged = node.open(&format!("__Host-session={forged}")).await;
        assert_eq!(forged.principal().unwrap().as_str(), "alice");
        match everywhere {
            true => drop(forged.sign_out_everywhere().await.unwrap()),
            false => drop(forged.sign_out_others().await.unwrap()),
        }
        for _ in 0..3 {
            let alice = node.signed_in("alice").await;
            assert_eq!(node.sees(&alice).await, somebody("alice", 1), "{everywhere}");
            let principal = Principal::new("alice").unwrap();
            node.sessions.sign_out_everywhere(&principal).await.unwrap();
            assert_eq!(node.sees(&alice).await, NOBODY, "{everywhere}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_signed_out_ends_nobodys_session_at_a_node_that_has_not_heard_of_it() {
    for one_by_one in [false, true] {
        let registry = Memory::default();
        let node = registered(Faulty::new(Memory::default()), &registry);
        let other = registered(node.marks.undisturbed(), &registry);
        let stolen = node.signed_in("alice").await;
        assert_eq!(other.sees(&stolen).await, somebody("alice", 1));
        node.open(&stolen).await.sign_out().await.unwrap();
        let alice = node.signed_in("alice").await;
        let thief = other.open(&stolen).await;
        assert_eq!(thief.principal().unwrap().as_str(), "alice");
        if one_by_one {
            let id = id_of(&node, &alice).await;
            assert!(!thief.end(id).await.unwrap());
        } else {
            assert_eq!(thief.sign_out_everywhere().await.unwrap(), 0);
        }
        for node in [&node, &other] {
            node.wait(BOUND).await;
            assert_eq!(node.sees(&alice).await, somebody("alice", 1), "{one_by_one}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_that_was_dropped_before_the_others_are_signed_out_signs_nobody_out() {
    // The rotation is carried out after it: at once, or when the clock has gone on by more than clocks may differ.
    for later in [Duration::ZERO, 2 * BOUND] {
        let node = Node::new();
        let alice = node.signed_in("alice").await;
        let session = node.open(&alice).await;
        session.rotate().unwrap();
        node.marks.second(Goes::ThroughAndHangs);
        let save = tokio::time::timeout(Duration::from_millis(10), session.save()).await;
        assert!(save.is_err());
        node.wait(later).await;
        session.sign_out_others().await.unwrap();
        let alice = node.sent(&session).await.unwrap();
        for node in [&node, &node.neighbour(Duration::ZERO)] {
            assert_eq!(node.sees(&alice).await, somebody("alice", 1), "{later:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rotations_beside_a_sign_out_of_the_others_leave_a_token_that_counts() {
    let node = Node::new();
    // It was signed in where the clock is ahead: here, moments of its tokens are told by the last one alone.
    let alice = node.neighbour(BOUND).signed_in("alice").await;
    let signing_out = node.open(&alice).await;
    node.marks.second(Goes::Slowly);
    let rotations = async {
        let mut tokens = vec![alice.clone()];
        for _ in 0..2 {
            let rotating = node.open(tokens.last().unwrap()).await;
            rotating.rotate().unwrap();
            tokens.extend(node.sent(&rotating).await);
        }
        tokens
    };
    let (ended, mut tokens) = tokio::join!(signing_out.sign_out_others(), rotations);
    assert_eq!(ended.unwrap(), 0);
    tokens.extend(node.sent(&signing_out).await);
    let token = tokens.last().unwrap();
    assert_eq!(node.sees(token).await, somebody("alice", 1));
}

#[tokio::test(start_paused = true)]
async fn who_signs_in_anew_where_their_session_got_another_token_signs_out_that_one_too() {
    let registry = Memory::default();
    let node = registered(Faulty::new(Memory::default()), &registry);
    let alice = node.signed_in("alice").await;
    let second_click = node.open(&alice).await;
    second_click.sign_in("alice").unwrap();
    let first = node
        .request(&alice, |session| session.sign_in("alice").unwrap())
        .await;
    assert_eq!(second_click.sign_out_others().await.unwrap(), 1);
    let second = node.sent(&second_click).await.unwrap();
    assert_eq!(node.sees(&first).await, NOBODY);
    let listed = node.open(&second).await.sessions().await.unwrap();
    assert!(matches!(&listed[..], [info] if info.current), "{listed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rotation_elsewhere_beside_a_sign_out_of_the_others_leaves_the_one_that_signed_them_out() {
    let node = Node::new();
    let other = node.neighbour(Duration::from_secs(1));
    let alice = node.signed_in("alice").await;
    let signing_out = node.open(&alice).await;
    node.marks.second(Goes::Slowly);
    let rotation = async { other.request(&alice, |session| session.rotate().unwrap()).await };
    let (ended, _) = tokio::join!(signing_out.sign_out_others(), rotation);
    assert_eq!(ended.unwrap(), 0);
    let alice = node.sent(&signing_out).await.unwrap();
    for node in [&node, &other] {
        node.wait(BOUND).await;
        assert_eq!(node.sees(&alice).await, somebody("alice", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_visitors_session_that_ends_beside_a_rotation_gets_no_other_token_here() {
    for sign_out_is_slow in [false, true] {
        let node = Node::new();
        let cart = node.begun().await;
        let (rotating, ending) = (node.open(&cart).await, node.open(&cart).await);
        rotating.rotate().unwrap();
        let rotation = async { rotating.save().await.unwrap() };
        let sign_out = async { ending.sign_out().await.unwrap() };
        match sign_out_is_slow {
            false => {
                node.marks.second(Goes::Slowly);
                tokio::join!(rotation, sign_out);
            }
            true => {
                node.marks.next(Goes::Slowly);
                tokio::join!(sign_out, rotation);
            }
        }
        // Whichever came first: the other one has heard of it.
        let rotated = node.sent(&rotating).await.unwrap_or_default();
        let is_there = node.sees(&rotated).await.1.is_some();
        assert_eq!(is_there, !sign_out_is_slow);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_that_sign_out_the_others_at_once_the_one_that_stays_is_listed() {
    let registry = Memory::default();
    let node = registered(Faulty::new(Memory::default()), &registry);
    let other = registered(node.marks.undisturbed(), &registry);
    let (phone, laptop) = (node.signed_in("alice").await, node.signed_in("alice").await);
    let (phone, laptop) = (node.open(&phone).await, other.open(&laptop).await);
    // Each has read the marks before the other one has set any, and the laptop's is the later one.
    other.wait(Duration::from_secs(1)).await;
    node.marks.second(Goes::Slowly);
    let (_, ended) = tokio::join!(phone.sign_out_others(), laptop.sign_out_others());
    assert_eq!(ended.unwrap(), 1);
    let phone = node.sent(&phone).await;
    assert_eq!(node.sees(&phone.unwrap_or_default()).await, NOBODY);
    let laptop = other.open(&other.sent(&laptop).await.unwrap()).await;
    let listed = laptop.sessions().await.unwrap();
    assert!(matches!(&listed[..], [info] if info.current), "{listed:?}");
}

#[tokio::test(start_paused = true)]
async fn who_signs_in_after_the_store_has_lost_an_ending_is_signed_in() {
    let node = Node::new();
    let alice = Principal::new("alice").unwrap();
    node.sessions.sign_out_everywhere(&alice).await.unwrap();
    // This node still knows of it.
    node.marks.restart();
    let alice = node
        .request("", |session| session.sign_in("alice").unwrap())
        .await;
    assert_eq!(node.sees(&alice).await.0.as_deref(), Some("alice"));
}

#[tokio::test(start_paused = true)]
async fn who_signs_in_while_all_of_theirs_end_is_listed() {
    for how in 0..3 {
        let registry = Memory::default();
        let node = registered(Faulty::new(Memory::default()), &registry);
        let other = registered(node.marks.undisturbed(), &registry);
        let before = node.signed_in("alice").await;
        let session = node.open(&before).await;
        // What has ended is marked, and still on the list.
        node.marks.second(Goes::ThroughAndIsSlow);
        let ending = async {
            match how {
                0 => session.sign_out_others().await.unwrap(),
                1 => session.sign_out_everywhere().await.unwrap(),
                _ => {
                    let alice = Principal::new("alice").unwrap();
                    node.sessions.sign_out_everywhere(&alice).await.unwrap()
                }
            }
        };
        let signing_in = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            other.signed_in("alice").await
        };
        let (ended, after) = tokio::join!(ending, signing_in);
        assert_eq!(ended, u64::from(how > 0), "{how}");
        let session = other.open(&after).await;
        assert_eq!(session.principal().unwrap().as_str(), "alice");
        let listed = session.sessions().await.unwrap();
        assert!(listed.iter().any(|info| info.current), "{how}: {listed:?}");
        assert_eq!(listed.len(), if how == 0 { 2 } else { 1 }, "{how}");
        let now = other.sessions.config.clock.now();
        assert!(listed.iter().all(|info| info.created <= now), "{listed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_token_that_was_replaced_gets_a_successor() {
    for signs_in in [false, true] {
        let node = Node::new();
        let other = node.neighbour(Duration::from_secs(1));
        let stolen = node.signed_in("alice").await;
        assert_eq!(other.sees(&stolen).await, somebody("alice", 1));
        let owners = node
            .request(&stolen, |session| match signs_in {
                true => session.sign_in("alice").unwrap(),
                false => session.rotate().unwrap(),
            })
            .await;
        // The thief is at a node that has not heard of it yet, and whose clock is ahead.
        let thief = other.open(&stolen).await;
        thief.rotate().unwrap();
        assert_eq!(other.sent(&thief).await, None);
        other.wait(BOUND).await;
        assert_eq!(other.sees(&owners).await, somebody("alice", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_visitor_gave_up_is_not_taken_along_by_a_sign_in_elsewhere() {
    let node = Node::new();
    let other = node.neighbour(Duration::ZERO);
    let cart = node.begun().await;
    let slow = other.open(&cart).await;
    node.open(&cart).await.sign_out().await.unwrap();
    slow.sign_in("alice").unwrap();
    let alice = other.sent(&slow).await.unwrap();
    assert_eq!(node.sees(&alice).await, (Some("alice".to_owned()), None));
}

#[tokio::test(start_paused = true)]
async fn what_expired_while_the_request_ran_stays_expired() {
    // Whether others are signed out, or a mark was under way when the request failed.
    for fails in [false, true] {
        let node = Node::new();
        let alice = node.signed_in("alice").await;
        let session = node.open(&alice).await;
        if fails {
            session.rotate().unwrap();
            node.marks.second(Goes::ThroughAndHangs);
            let save = tokio::time::timeout(Duration::from_millis(10), session.save()).await;
            assert!(save.is_err());
        }
        node.wait(Duration::from_secs(1800)).await;
        let outcome = if fails {
            Outcome::ServerError
        } else {
            session.sign_out_others().await.unwrap();
            Outcome::Success
        };
        let line = node.end(&session, outcome).await.set_cookie;
        let cookie = line.map_or(alice, |line| pair(&line));
        assert_eq!(node.sees(&cookie).await, NOBODY, "{fails}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_signs_nobody_out() {
    type Change = fn(&Session);
    let changes: [Change; 2] = [
        |session| session.rotate().unwrap(),
        |session| session.sign_in("alice").unwrap(),
    ];
    for goes in [Goes::ButLosesTheAnswer, Goes::Down] {
        for change in changes {
            let node = Node::new();
            let alice = node.signed_in("alice").await;
            let session = node.open(&alice).await;
            change(&session);
            // The marks are read, and then no answer comes any more.
            node.marks.after_one(goes);
            let finished = node.end(&session, Outcome::Success).await;
            assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Unavailable);
            node.marks.always(Goes::Through);
            let kept = finished.set_cookie.map_or(alice, |line| pair(&line));
            for node in [&node, &node.neighbour(Duration::ZERO)] {
                node.wait(BOUND).await;
                assert_eq!(node.sees(&kept).await, somebody("alice", 1), "{goes:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_lost_answer_fails_no_ending() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let phone = node.signed_in("alice").await;
    let session = node.open(&alice).await;
    node.marks.next(Goes::Down);
    node.marks.second(Goes::ButLosesTheAnswer);
    session.sign_out_others().await.unwrap();
    let alice = node.sent(&session).await.unwrap();
    assert_eq!(node.sees(&phone).await, NOBODY);
    assert_eq!(node.sees(&alice).await, somebody("alice", 1));
    let principal = session.principal().unwrap();
    node.marks.second(Goes::ButLosesTheAnswer);
    node.sessions.sign_out_everywhere(&principal).await.unwrap();
    assert_eq!(node.sees(&alice).await, NOBODY);
    let alice = node.signed_in("alice").await;
    node.marks.next(Goes::Down);
    node.sessions.end_everyone().await.unwrap();
    assert_eq!(node.sees(&alice).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_ends_nobodys_session_for_the_others() {
    for how in 0..3 {
        let node = Node::new();
        let alice = node.signed_in("alice").await;
        let behind = node.neighbour(Duration::ZERO);
        behind.time.fetch_sub(3_600_000, Ordering::SeqCst);
        let session = behind.open(&alice).await;
        match how {
            0 => add_one(&session),
            1 => session.rotate().unwrap(),
            _ => drop(session.sign_out_others().await.unwrap()),
        }
        let cookie = behind.sent(&session).await.unwrap();
        let n = if how == 0 { 2 } else { 1 };
        assert_eq!(node.sees(&cookie).await, somebody("alice", n), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_everyone_was_ended_is_told_though_the_list_could_not_be_cleared() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let operator = Node::over(node.marks.undisturbed(), |revocations| {
        revocations.register_in(Nowhere)
    });
    let mut events = operator.sessions.subscribe();
    operator.sessions.end_everyone().await.unwrap_err();
    match events.next().await {
        Some(Heard::Event(event)) => assert_eq!(event.what, Happened::EveryonesEnded(0)),
        other => panic!("{other:?}"),
    }
    node.wait(BOUND).await;
    assert_eq!(node.sees(&alice).await, NOBODY);
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_everyone_was_ended_can_begin_a_session() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    // Its clock is a day ahead, and so is its mark.
    let broken = node.neighbour(Duration::from_secs(86_400));
    broken.sessions.end_everyone().await.unwrap();
    node.wait(BOUND).await;
    assert_eq!(node.sees(&alice).await, NOBODY);
    let visitor = node.begun().await;
    assert_eq!(node.sees(&visitor).await, (None, Some(1)));
    let alice = node
        .request(&visitor, |session| session.sign_in("alice").unwrap())
        .await;
    assert_eq!(node.sees(&alice).await, somebody("alice", 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_suspended_asks_what_has_ended_meanwhile() {
    let node = Node::new();
    let alice = node.signed_in("alice").await;
    let other = node.neighbour(Duration::ZERO);
    assert_eq!(other.sees(&alice).await, somebody("alice", 1));
    node.open(&alice).await.sign_out().await.unwrap();
    // The clock that measures stood still: for it the copy is as young as it was.
    other.time.fetch_add(60_000, Ordering::SeqCst);
    assert_eq!(other.sees(&alice).await, NOBODY);
    // And where the store cannot be asked, nobody knows.
    let bob = node.signed_in("bob").await;
    assert_eq!(other.sees(&bob).await, somebody("bob", 1));
    other.marks.always(Goes::Down);
    other.time.fetch_add(60_000, Ordering::SeqCst);
    let error = other.try_open(&bob).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn an_ending_is_remembered_for_as_long_as_the_longest_session_could_live() {
    let month = Duration::from_secs(30 * 86_400);
    let lifetime = Lifetime::new(month, month).unwrap();
    let with_policy = |node: Node| {
        let policy = Policy::default().remembered(Some(lifetime));
        node.with(|sessions| sessions.policy(policy))
    };
    for ending in ["this", "all of hers", "all of hers by an operator", "everyone's"] {
        let node = with_policy(Node::new());
        let remembered = SignIn::new("alice").remember(true);
        let cookie = node
            .request("", |session| session.sign_in(remembered).unwrap())
            .await;
        let (session, sessions) = (node.open(&cookie).await, &node.sessions);
        match ending {
            "this" => session.sign_out().await.unwrap(),
            "all of hers" => drop(session.sign_out_everywhere().await.unwrap()),
            "all of hers by an operator" => {
                let alice = Principal::new("alice").unwrap();
                let _ended: u64 = sessions.sign_out_everywhere(&alice).await.unwrap();
            }
            _ => drop(sessions.end_everyone().await.unwrap()),
        }
        node.wait(month - Duration::from_secs(1)).await;
        node.forgets_what_is_over().await;
        let later = with_policy(node.neighbour(Duration::ZERO));
        assert_eq!(later.sees(&cookie).await, NOBODY, "{ending}");
        // Which is for its mark: where nobody has ended it, the cookie is still good.
        let elsewhere = with_policy(Node::new());
        elsewhere.wait(month - Duration::from_secs(1)).await;
        assert_eq!(elsewhere.sees(&cookie).await.0.as_deref(), Some("alice"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_with_the_token_before_a_sign_in_is_remembered_for_as_long_as_the_one_after_it() {
    let (day, month) = (Duration::from_secs(86_400), Duration::from_secs(30 * 86_400));
    let policy = Policy::default().remembered(Some(Lifetime::new(month, month).unwrap()));
    let with_policy = |node: Node| node.with(|sessions| sessions.policy(policy.clone()));
    let node = with_policy(Node::new());
    let other = with_policy(node.neighbour(Duration::ZERO));
    let before = node.signed_in("alice").await;
    // It has not heard of the sign-in that follows.
    let late = other.open(&before).await;
    let remembered = SignIn::new("alice").remember(true);
    let after = node
        .request(&before, |session| session.sign_in(remembered).unwrap())
        .await;
    late.sign_out().await.unwrap();
    // Nobody could show the one before any more.
    node.wait(day + Duration::from_secs(60)).await;
    node.forgets_what_is_over().await;
    let later = with_policy(node.neighbour(Duration::ZERO));
    assert_eq!(later.sees(&after).await, NOBODY);
}
