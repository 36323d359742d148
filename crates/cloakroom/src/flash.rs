//! Flash messages: what is said once, on the page after a redirect.

use std::time::Duration;

use cloakroom_store::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base64url;
use crate::key::Key;

/// A message that is shown once, on the page after a redirect: [`Session::flash`](crate::Session::flash) keeps it,
/// [`Session::take_flash`](crate::Session::take_flash) takes it.
///
/// Its text is text. Put it into a page as any other that came from outside: escaped, as every template engine does.
///
/// ```
/// use cloakroom::{Flash, FlashLevel};
///
/// let flash = Flash::success("Added to your cart.");
/// assert_eq!(flash.level(), FlashLevel::Success);
/// assert_eq!(flash.text(), "Added to your cart.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    #[serde(rename = "l")]
    level: FlashLevel,
    #[serde(rename = "t")]
    text: String,
}

impl Flash {
    /// The longest text, in bytes. What is longer is cut, and ends with `…`; so is what takes more than twice as much as JSON,
    /// which only control characters do.
    pub const MAX_LEN: usize = 512;

    /// How many messages that were not read yet one session keeps. One more drops the oldest.
    pub const MOST: usize = 16;

    /// How long a message waits to be read. A redirect takes a second.
    pub const WAITS_FOR: Duration = Duration::from_secs(5 * 60);

    /// A message of this level.
    pub fn new(level: FlashLevel, text: impl Into<String>) -> Self {
        Self {
            level,
            text: cut(text.into()),
        }
    }

    /// Something to know.
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(FlashLevel::Info, text)
    }

    /// It worked.
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(FlashLevel::Success, text)
    }

    /// It worked, with something to mind.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(FlashLevel::Warning, text)
    }

    /// It did not work.
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(FlashLevel::Error, text)
    }

    /// What kind of message it is.
    pub fn level(&self) -> FlashLevel {
        self.level
    }

    /// What it says: text, not HTML.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What kind of message a [`Flash`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FlashLevel {
    /// It did not work.
    Error,
    /// Something to know.
    Info,
    /// It worked.
    Success,
    /// It worked, with something to mind.
    Warning,
}

impl FlashLevel {
    /// Its name in lower case, for a class in a style sheet.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
        }
    }
}

/// Where a session keeps the messages that were not read yet.
pub(crate) const UNREAD: Key<Unread> = Key::reserved("cloakroom.flash");

/// The messages of a session that were not read yet, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unread(Vec<Message>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Message {
    #[serde(rename = "n")]
    name: Name,
    #[serde(flatten)]
    flash: Flash,
    /// Until when it waits, in Unix milliseconds.
    #[serde(rename = "u")]
    until: u64,
}

impl Unread {
    /// How many bytes the texts have together at most as JSON, which writes two for a quotation mark, so that a sealed
    /// session's cookie has room for other things. The newest one stays in any case.
    const ROOM: usize = 1024;

    /// These and one more.
    pub(crate) fn with(mut self, name: Name, flash: Flash, now: Timestamp) -> Self {
        let until = now.saturating_add(Flash::WAITS_FOR).as_unix_millis();
        self.forget_expired(now);
        self.0.push(Message { name, flash, until });
        let mut room = Self::ROOM;
        let fits = |message: &&Message| {
            let left = room.checked_sub(json_len(&message.flash.text));
            room = left.unwrap_or(0);
            left.is_some()
        };
        let kept = self.0.iter().rev().take_while(fits).count().clamp(1, Flash::MOST);
        self.0.drain(..self.0.len() - kept);
        self
    }

    /// The one of this name, and these without it.
    pub(crate) fn take(mut self, name: &Name, now: Timestamp) -> (Option<Flash>, Self) {
        self.forget_expired(now);
        let at = self.0.iter().position(|message| message.name == *name);
        let flash = at.map(|at| self.0.remove(at).flash);
        (flash, self)
    }

    fn forget_expired(&mut self, now: Timestamp) {
        self.0.retain(|message| now.as_unix_millis() < message.until);
    }
}

/// What tells the messages of a session apart: 72 random bits. Of no use to anybody who has not the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Name(String);

impl Name {
    /// How many random bytes it is made of.
    pub(crate) const LEN: usize = 9;

    pub(crate) fn new(random: &[u8; Self::LEN]) -> Self {
        let mut text = vec![0; base64url::encoded_len(Self::LEN)];
        base64url::encode(random, &mut text);
        Self(String::from_utf8(text).expect("base64url is ASCII"))
    }

    /// The name that the query of a request's target has, if there is one.
    pub(crate) fn in_query(query: &str) -> Option<Self> {
        let name = query.split('&').find_map(|pair| pair.strip_prefix(PARAMETER))?;
        base64url::decode(name.as_bytes(), &mut [0; Self::LEN])?;
        Some(Self(name.to_owned()))
    }

    /// A location with this name in its query, and no other.
    pub(crate) fn put_into(&self, location: &str) -> String {
        let (location, fragment) = location.split_at(location.find('#').unwrap_or(location.len()));
        let (path, query) = location.split_once('?').unwrap_or((location, ""));
        let mut whole = format!("{path}?");
        for pair in query.split('&') {
            if !pair.is_empty() && !pair.starts_with(PARAMETER) {
                whole.push_str(pair);
                whole.push('&');
            }
        }
        whole + PARAMETER + &self.0 + fragment
    }
}

/// How many bytes a text is in JSON, without the quotation marks around it.
fn json_len(text: &str) -> usize {
    let json = serde_json::to_string(text).expect("a text is JSON");
    json.len() - "\"\"".len()
}

/// Where a query has the name.
const PARAMETER: &str = "flash=";

fn cut(mut text: String) -> String {
    const MORE: &str = "…";
    let fits = |text: &str, room: usize| {
        text.len() + room <= Flash::MAX_LEN && json_len(text) + room <= Unread::ROOM
    };
    if !fits(&text, 0) {
        text.truncate(text.floor_char_boundary(Flash::MAX_LEN - MORE.len()));
        while !fits(&text, MORE.len()) {
            text.pop();
        }
        text.push_str(MORE);
    }
    text
}

#[cfg(test)]
mod tests;
