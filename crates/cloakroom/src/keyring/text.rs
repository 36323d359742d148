//! Keys as text: what the key file holds, and `CLOAKROOM_KEYS` on one line.
//!
//! ```text
//! cloakroom-keys 1
//! a5323e914325b541 active 2026-11-25T18:40:00Z 2026-11-25T18:40:00Z nkwXo9gFa_Ixx4pd4JIvdLYZzYNI-mALlT7RrHck71g
//! 4039ab27c2e9fd08 compromised 2026-08-01T09:00:00Z 2026-11-25T18:40:00Z -
//! end
//! ```
//!
//! The first line is name and version. Each other one is a key: its id, its state, when it was drawn, since when it has
//! been in this state, and its 32 bytes in base64url. The last line tells a whole file from one that was cut off. A
//! semicolon does for the end of a line. A key's id is derived from its bytes, so that a damaged one is noticed. What is
//! wrong is said by line and never quoted: it may be half a key.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::keys::Entry;
use super::{KeyDate, KeyId, KeyInfo, KeyState, Keys, ServerKey};
use crate::{Error, ErrorKind, base64url};

/// What the first line begins with.
const NAME: &str = "cloakroom-keys";
const VERSION: u32 = 1;

/// The last line.
const END: &str = "end";

/// Stands for the bytes of a key that has none any more.
const FORGOTTEN: &str = "-";

/// How many characters a key's bytes take.
const KEY_LEN: usize = base64url::encoded_len(ServerKey::LEN);

/// Longer than any line there is: the longest state, two dates, an id and a key.
const LINE_LEN: usize = 128;

impl Keys {
    /// Longer than any text of keys.
    pub(crate) const MAX_TEXT: usize = (Self::MAX + 2) * LINE_LEN;

    /// Reads keys from a text as [`to_text`](Self::to_text) writes it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when the text is of a newer version, is damaged, holds a weak key, or not exactly one
    /// that is active. It names the line, and quotes nothing.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines: Vec<(usize, &str)> = text
            .split(['\n', ';'])
            .map(str::trim_ascii)
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .collect();
        let mut lines = lines.into_iter();
        let first = lines.next().map_or("", |(_, line)| line);
        match first
            .split_once(' ')
            .map(|(name, version)| (name, version.parse()))
        {
            Some((NAME, Ok(VERSION))) => {}
            Some((NAME, Ok(newer @ 2..))) => {
                return Err(invalid(format!(
                    "the keys are of version {newer}, newer than this program's {VERSION}: bring it up to date"
                )));
            }
            _ => {
                return Err(invalid(format!(
                    "these are no keys: the first line has to be `{NAME} {VERSION}`, as `cloakroom keys generate` \
                     writes it"
                )));
            }
        }
        if lines.next_back().is_none_or(|(_, line)| line != END) {
            return Err(invalid(format!(
                "the keys are cut off: the last line has to be `{END}`"
            )));
        }
        let mut keys = Self { entries: Vec::new() };
        for (at, line) in lines {
            let entry = entry(line).map_err(|what| invalid(format!("line {} of the keys {what}", at + 1)))?;
            let id = entry.info.id;
            if keys.iter().any(|key| key.id == id) {
                return Err(invalid(format!("key {id} stands among the keys twice")));
            }
            if keys.entries.len() == Self::MAX {
                return Err(invalid(format!("there are more than {} keys", Self::MAX)));
            }
            keys.entries.push(entry);
        }
        match keys.iter().filter(|key| key.state == KeyState::Active).count() {
            1 => Ok(keys),
            count => Err(invalid(format!(
                "{count} of the keys are active, and it has to be one: the keys are damaged, or were edited by hand"
            ))),
        }
    }

    /// The keys as text, wiped when dropped. Whoever reads it has them.
    pub fn to_text(&self) -> Zeroizing<String> {
        // All of its room at once: a text that grows leaves copies behind that nobody wipes.
        let room = (self.entries.len() + 2) * LINE_LEN;
        let mut text = Zeroizing::new(String::with_capacity(room));
        const INVARIANT: &str = "a string takes whatever is written to it";
        writeln!(text, "{NAME} {VERSION}").expect(INVARIANT);
        for Entry { info, key } in &self.entries {
            let KeyInfo {
                id,
                state,
                created,
                since,
            } = info;
            let mut spelled = Zeroizing::new([0; KEY_LEN]);
            let key = match key {
                None => FORGOTTEN,
                Some(key) => {
                    base64url::encode(key.as_bytes(), &mut spelled[..]);
                    std::str::from_utf8(&spelled[..]).expect("base64url is ASCII")
                }
            };
            writeln!(text, "{id} {state} {created} {since} {key}").expect(INVARIANT);
        }
        writeln!(text, "{END}").expect(INVARIANT);
        debug_assert!(text.len() <= room, "no line is longer than it can be");
        text
    }
}

fn entry(line: &str) -> Result<Entry, String> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [id, state, created, since, key] = fields[..] else {
        return Err("is not five fields: id, state, two dates and a key".to_owned());
    };
    let id: KeyId = id.parse().map_err(|_| "does not begin with the id of a key")?;
    let state = state_of(state).ok_or("names no state there is")?;
    let date = |text| KeyDate::parse(text).ok_or("has no date such as 2026-11-25T18:40:00Z");
    let (created, since) = (date(created)?, date(since)?);
    let key = match (state, key) {
        (KeyState::Compromised, FORGOTTEN) => None,
        (KeyState::Compromised, _) => return Err("still has the bytes of a compromised key".to_owned()),
        (_, key) => {
            let mut bytes = Zeroizing::new([0; ServerKey::LEN]);
            base64url::decode(key.as_bytes(), &mut bytes[..])
                .ok_or("does not end with a key, which is 32 bytes in base64url")?;
            let key = ServerKey::from_bytes(*bytes).map_err(|error| format!("has a weak key: {error}"))?;
            if key.id() != id {
                return Err("is damaged: its id is not that of its key".to_owned());
            }
            Some(key)
        }
    };
    let info = KeyInfo {
        id,
        state,
        created,
        since,
    };
    Ok(Entry { info, key })
}

fn state_of(name: &str) -> Option<KeyState> {
    use KeyState::{Active, Compromised, Pending, Retired, Retiring};
    let all = [Pending, Active, Retiring, Retired, Compromised];
    all.into_iter().find(|state| state.to_string() == name)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests;
