//! Under which key something is sealed: cookies and records say it in clear.

use std::num::NonZeroUsize;

use cloakroom::store::{List, Load, Namespace, Query, Record, Store as _};
use cloakroom::{KeyId, Sessions, stores};
use cloakroom_probe::Strategy;

use crate::visitor::Visitor;

/// Something sealed that a browser has kept.
pub(crate) struct Kept {
    pub(crate) what: &'static str,
    pub(crate) key: KeyId,
}

/// What a browser has kept that is sealed.
pub(crate) fn cookies(strategy: Strategy, browser: &Visitor) -> Vec<Kept> {
    let cookie = |name: &str| browser.cookies.get(name).expect("it is there");
    match strategy {
        Strategy::Sealed => {
            let (_, footer) = cookie("__Host-session").rsplit_once('.').unwrap();
            let key = id(&decoded(footer)[..8]);
            vec![Kept { what: "cookie", key }]
        }
        Strategy::Hybrid => {
            let key = id(&decoded(cookie("__Host-session-snapshot"))[1..9]);
            vec![Kept {
                what: "snapshot",
                key,
            }]
        }
        Strategy::Stored => Vec::new(),
    }
}

/// A record as the store has it.
pub(crate) struct Stored(Record);

impl Stored {
    /// Whether it names this key.
    pub(crate) fn names(&self, key: KeyId) -> bool {
        let named = |bytes: &[u8]| id(bytes) == key;
        self.0.body.windows(8).any(named)
    }
}

/// All that is in a store.
pub(crate) async fn records(url: &str) -> Vec<Stored> {
    let store = stores::open(url).await.unwrap();
    let namespace: Namespace = Sessions::new(store.clone()).namespace().clone();
    let all = NonZeroUsize::new(100).unwrap();
    let page = store
        .list(List::new(namespace.clone(), Query::default(), all))
        .await;
    let mut records = Vec::new();
    for entry in page.unwrap().entries {
        let load = Load::new(namespace.clone(), entry.id);
        records.push(Stored(store.load(load).await.unwrap().unwrap().record));
    }
    records
}

fn id(bytes: &[u8]) -> KeyId {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.parse().unwrap()
}

/// The bytes of base64url, to the last whole one.
fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = |letter| LETTERS.iter().position(|known| *known == letter).unwrap();
    let whole = |letters: &[u8]| {
        let word = letters.iter().fold(0, |word, letter| word << 6 | bits(*letter));
        (word << (6 * (4 - letters.len()))).to_be_bytes()[5..][..letters.len() * 3 / 4].to_vec()
    };
    text.as_bytes().chunks(4).flat_map(whole).collect()
}
