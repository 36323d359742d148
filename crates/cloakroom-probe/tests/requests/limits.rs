//! A limit of sessions per principal: exact, however many sign in at once.

use std::num::NonZeroU32;

use cloakroom::Policy;
use cloakroom::store::Cap;

use crate::browser::Browser;
use crate::stage::{Node, Stage, on_every_store, on_sealed_sessions};

/// How many sign in at once.
const SIGN_INS: usize = 100;

/// How many may stay.
const PLACES: NonZeroU32 = NonZeroU32::new(5).unwrap();

#[test]
fn a_hundred_sign_ins_at_once_leave_as_many_sessions_as_a_refusing_limit_allows() {
    on_every_store(async |stage| {
        let node = limited(stage, Cap::Refuse(PLACES)).await;
        let answered = sign_in_all(&node).await;
        if !stage.card().revokes_by_principal {
            return assert_unsupported(answered);
        }
        let status = |(_, status): &(Browser, u16)| *status;
        let refused = answered.iter().filter(|answer| status(answer) == 409).count();
        assert_eq!(
            refused,
            SIGN_INS - 5,
            "{:?}",
            answered.iter().map(status).collect::<Vec<_>>()
        );
        let signed_in: Vec<&Browser> = of_status(&answered, 204).collect();
        assert_eq!(signed_in.len(), 5);
        assert_eq!(live(&answered).await, 5);
        // One goes, and another one may come.
        signed_in[0].ok("POST /sign-out").await;
        node.signed_in("alice").await;
        let late = node.browser();
        assert_eq!(late.send("POST /sign-in?principal=alice").await.status, 409);
        // The same user again in one of theirs takes no other place, and somebody else has places of their own.
        signed_in[1].ok("POST /sign-in?principal=alice").await;
        late.ok("POST /sign-in?principal=bob").await;
    });
}

#[test]
fn a_hundred_sign_ins_at_once_leave_as_many_sessions_as_ending_the_oldest_allows() {
    on_every_store(async |stage| {
        let node = limited(stage, Cap::EndOldest(PLACES)).await;
        let answered = sign_in_all(&node).await;
        if !stage.card().revokes_by_principal {
            return assert_unsupported(answered);
        }
        assert_eq!(of_status(&answered, 204).count(), SIGN_INS);
        assert_eq!(live(&answered).await, 5);
        let latest = node.signed_in("alice").await;
        assert_eq!(live(&answered).await, 4);
        assert_eq!(latest.state().await.principal.as_deref(), Some("alice"));
    });
}

#[test]
fn nobody_counts_sealed_sessions_so_a_limit_is_refused() {
    on_sealed_sessions(async |stage| {
        let node = limited(stage, Cap::Refuse(PLACES)).await;
        for request in ["GET /read", "POST /sign-in?principal=alice"] {
            let answer = node.browser().send(request).await;
            assert_eq!(answer.status, 500, "{request}: {answer:?}");
            answer.assert_cookie_left_alone(request);
        }
    });
}

async fn limited(stage: &Stage, cap: Cap) -> Node {
    let sessions = stage.sessions().policy(Policy::default().cap(cap));
    stage.serve(&sessions).await
}

/// Signs in as alice from many browsers at once, of which every other has a session already.
async fn sign_in_all(node: &Node) -> Vec<(Browser, u16)> {
    let mut browsers = Vec::new();
    for n in 0..SIGN_INS {
        let browser = node.browser();
        if n % 2 == 0 {
            browser.ok("POST /set?key=k&value=v").await;
        }
        browsers.push(browser);
    }
    let begun: Vec<_> = browsers
        .iter()
        .map(|browser| browser.begin("POST /sign-in?principal=alice"))
        .collect();
    let mut answered = Vec::new();
    for (browser, answer) in browsers.into_iter().zip(begun) {
        answered.push((browser, answer.await.unwrap().status));
    }
    answered
}

fn of_status(answered: &[(Browser, u16)], status: u16) -> impl Iterator<Item = &Browser> {
    let of_it = answered.iter().filter(move |(_, answer)| *answer == status);
    of_it.map(|(browser, _)| browser)
}

/// How many of them are signed in.
async fn live(answered: &[(Browser, u16)]) -> usize {
    let mut live = 0;
    for (browser, _) in answered {
        if !browser.has_no_cookie() && browser.state().await.principal.is_some() {
            live += 1;
        }
    }
    live
}

/// A store that cannot keep a limit lets nobody in past it.
fn assert_unsupported(answered: Vec<(Browser, u16)>) {
    assert_eq!(of_status(&answered, 500).count(), SIGN_INS);
}
