//! The promise: which steps each route of the probe takes, and what each step sends to a server. Invariant 6 of the design.

use Step::{Begin, End, EndNothing, List, Load, RevokeOther, SignIn, Touch, Write};
use Who::{Anonymous, Idle, Malformed, SignedIn, SignedOut, Visitor};

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Who {
    /// Has no cookie.
    Visitor,
    /// Has a cart, and is not signed in.
    Anonymous,
    /// Has a cart, and is signed in here and on one other device.
    SignedIn,
    /// The same, not seen for a twentieth of the idle timeout.
    Idle,
    /// Still has the cookie of a session that was signed out.
    SignedOut,
    /// Has a cookie that is no token.
    Malformed,
}

/// What a request asks of the store.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// Reads the session, or that there is none.
    Load,
    /// Writes the first record of somebody who is not signed in.
    Begin,
    /// Writes a session that stays whose it was.
    Write,
    /// Writes a session that becomes a principal's.
    SignIn,
    Touch,
    /// Ends a session of who asks.
    End,
    /// Ends what is not there.
    EndNothing,
    /// Lists a principal's two sessions.
    List,
    /// Ends the other of a principal's two sessions.
    RevokeOther,
}

/// Each route, and the steps it takes. `{me}` is who asks, `{other}` the id of their other device.
pub(crate) const ROUTES: &[(Who, &str, &[Step])] = &[
    (Visitor, "GET /none", &[]),
    (Visitor, "GET /anon", &[]),
    (Visitor, "GET /read", &[]),
    (Visitor, "GET /sessions", &[]),
    (Visitor, "POST /set?key=cart&value=full", &[Begin]),
    (Visitor, "POST /add?key=n", &[Begin]),
    (Visitor, "POST /remove?key=cart", &[]),
    (Visitor, "POST /rotate", &[]),
    (Visitor, "POST /sign-in?principal={me}", &[SignIn]),
    (Visitor, "POST /sign-out", &[]),
    (Visitor, "POST /sign-out-others", &[]),
    (Visitor, "POST /sign-out-everywhere", &[]),
    (Visitor, "POST /end?id=00000000000000000000000000000000", &[]),
    (Visitor, "POST /fail?key=cart&value=full", &[]),
    (Visitor, "POST /panic?key=cart&value=full", &[]),
    (Anonymous, "GET /none", &[]),
    (Anonymous, "GET /anon", &[]),
    (Anonymous, "GET /read", &[Load]),
    (Anonymous, "GET /sessions", &[Load]),
    (Anonymous, "POST /set?key=cart&value=fuller", &[Load, Write]),
    (Anonymous, "POST /add?key=n", &[Load, Write]),
    (Anonymous, "POST /remove?key=cart", &[Load, Write]),
    (Anonymous, "POST /rotate", &[Load, Write]),
    (Anonymous, "POST /sign-in?principal={me}", &[Load, SignIn]),
    (Anonymous, "POST /sign-out", &[Load, End]),
    (Anonymous, "POST /sign-out-others", &[Load]),
    (Anonymous, "POST /sign-out-everywhere", &[Load, End]),
    (
        Anonymous,
        "POST /end?id=00000000000000000000000000000000",
        &[Load],
    ),
    (Anonymous, "POST /fail?key=cart&value=fuller", &[Load]),
    (Anonymous, "POST /panic?key=cart&value=fuller", &[Load]),
    (SignedIn, "GET /none", &[]),
    (SignedIn, "GET /anon", &[]),
    (SignedIn, "GET /read", &[Load]),
    (SignedIn, "GET /sessions", &[Load, List]),
    (SignedIn, "POST /set?key=cart&value=full", &[Load]),
    (SignedIn, "POST /set?key=cart&value=fuller", &[Load, Write]),
    (SignedIn, "POST /add?key=n", &[Load, Write]),
    (SignedIn, "POST /remove?key=cart", &[Load, Write]),
    (SignedIn, "POST /rotate", &[Load, Write]),
    (SignedIn, "POST /sign-in?principal={me}", &[Load, SignIn]),
    (SignedIn, "POST /sign-in?principal=bob", &[Load, End, SignIn]),
    (SignedIn, "POST /sign-out", &[Load, End]),
    (SignedIn, "POST /sign-out-others", &[Load, RevokeOther]),
    (SignedIn, "POST /sign-out-everywhere", &[Load, RevokeOther, End]),
    (SignedIn, "POST /end?id={other}", &[Load, End]),
    (
        SignedIn,
        "POST /end?id=00000000000000000000000000000000",
        &[Load, EndNothing],
    ),
    (SignedIn, "POST /end?id=nonsense", &[Load]),
    (SignedIn, "POST /fail?key=cart&value=fuller", &[Load]),
    (SignedIn, "POST /panic?key=cart&value=fuller", &[Load]),
    (Idle, "GET /none", &[]),
    (Idle, "GET /anon", &[]),
    (Idle, "GET /read", &[Load, Touch]),
    (Idle, "POST /add?key=n", &[Load, Write]),
    (SignedOut, "GET /anon", &[]),
    (SignedOut, "GET /read", &[Load]),
    (SignedOut, "POST /sign-out", &[Load]),
    (Malformed, "GET /read", &[]),
    (Malformed, "POST /sign-out", &[]),
];

/// The stores, as columns of the table below.
#[derive(Clone, Copy)]
pub(crate) enum Store {
    Redis,
    Cluster,
    Memcached,
    Postgres,
    Mysql,
}

/// What a step sends to the server of each store, in the order of [`Store`]. A `sync` is what PostgreSQL answers to: a round
/// trip each.
const SENT: &[(Step, [&str; 5])] = &[
    (Load, ["GET", "GET", "mg", "execute sync", "execute"]),
    (Begin, ["EVALSHA", "EVALSHA", "ms", "execute sync", "execute"]),
    (Write, ["EVALSHA", "EVALSHA", "ms", "execute sync", "execute"]),
    // In a cluster a session is filed under its principal first, in another slot.
    (
        SignIn,
        ["EVALSHA", "EVALSHA EVALSHA", "ms", "execute sync", "execute"],
    ),
    // Memcached changes no part of a value: it is read, and written at its revision.
    (Touch, ["EVALSHA", "EVALSHA", "mg ms", "execute sync", "execute"]),
    // A session ends only while it is whose it was, and Memcached has to be asked whose that is.
    (End, ["EVALSHA", "EVALSHA", "mg md", "execute sync", "execute"]),
    // MySQL says only that nothing was deleted: whether it is somebody else's is asked then.
    (
        EndNothing,
        ["EVALSHA", "EVALSHA", "mg", "execute sync", "execute execute"],
    ),
    // In a cluster the filings are under one key and each session under another. What PostgreSQL is asked for differs from
    // page to page, so its text goes along each time.
    (
        List,
        [
            "EVALSHA",
            "EVALSHA GETRANGE GETRANGE",
            REFUSED,
            "parse describe execute sync",
            "execute",
        ],
    ),
    (
        RevokeOther,
        [
            "EVALSHA",
            "EVALSHA GETRANGE GETRANGE EVALSHA ZREM",
            REFUSED,
            "execute sync",
            "execute",
        ],
    ),
];

/// Where a store cannot do it, which it knows by itself, and so does nothing that would come next.
const REFUSED: &str = "refused";

/// What a request of these steps sends to the server of a store, sorted.
pub(crate) fn sent(store: Store, steps: &[Step]) -> Vec<&'static str> {
    let of = |step: &Step| {
        let row = SENT.iter().find(|(found, _)| found == step);
        row.expect("every step has a row").1[store as usize]
    };
    let done = steps.iter().map(of).take_while(|sent| *sent != REFUSED);
    let mut sent: Vec<_> = done.flat_map(str::split_whitespace).collect();
    sent.sort_unstable();
    sent
}

#[test]
fn every_route_of_the_probe_has_a_row_for_who_has_a_session_and_who_has_none() {
    let routes = include_str!("../../src/app/routes.rs");
    let served: Vec<_> = routes
        .lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let on = line
                .strip_prefix(".on(Verb::")
                .or(line.strip_prefix(".nothing("))?;
            on.split('"').nth(1)
        })
        .collect();
    assert!(served.len() > 10, "{served:?}");
    for path in served {
        for who in [Visitor, Anonymous, SignedIn] {
            let asks = |request: &str| request.split([' ', '?']).nth(1) == Some(path);
            let is_there = ROUTES.iter().any(|(by, request, _)| *by == who && asks(request));
            assert!(is_there, "{path} has no row for {who:?}");
        }
    }
}
