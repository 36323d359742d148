//! What a store URL says: `scheme://user:password@host:port,host:port/path?option=value`.

mod host;

use std::fmt;
use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use percent_encoding::percent_decode_str;

pub(crate) use host::Host;

/// The parts of a store URL, decoded. What no part of a store has taken is an error in the end.
#[derive(Clone)]
pub(crate) struct StoreUrl {
    pub(crate) scheme: String,
    pub(crate) user: Option<String>,
    /// Not in any message: neither `Display` nor `Debug` show it.
    pub(crate) password: Option<String>,
    pub(crate) hosts: Vec<Host>,
    /// What comes after the hosts, without its first slash.
    pub(crate) path: String,
    options: Vec<(String, String)>,
    /// Which options were asked for, to name those that are known.
    known: Vec<&'static str>,
}

impl StoreUrl {
    /// Reads a URL that has one of these schemes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`], saying which part makes no sense and what is accepted. A part that may hold a
    /// password is not repeated.
    pub(crate) fn parse(text: &str, schemes: &[&str]) -> Result<Self, Error> {
        let accepted = || {
            schemes
                .iter()
                .map(|scheme| format!("{scheme}://"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            wrong(format!(
                "a store URL has `://` behind its scheme: accepted are {}",
                accepted()
            ))
        })?;
        if !schemes.contains(&scheme) {
            let scheme = scheme.escape_debug();
            return Err(wrong(format!(
                "the scheme `{scheme}://` is not one of {}",
                accepted()
            )));
        }
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        if options.contains('@') {
            // What stands in front of it may be the rest of a password.
            return Err(wrong(
                "a store URL has an `@` behind its `?`: write %3F for a `?` in a password, and %40 for an `@` in an option",
            ));
        }
        // A password may hold a slash that nobody has encoded: what is behind the last @ are the hosts.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password) = match credentials.map(|both| both.split_once(':').unwrap_or((both, ""))) {
            Some((user, password)) => (part(user, "the user")?, part(password, "the password")?),
            None => (None, None),
        };
        Ok(Self {
            scheme: scheme.to_owned(),
            user,
            password,
            hosts: hosts
                .split(',')
                .filter(|host| !host.is_empty())
                .map(Host::parse)
                .collect::<Result<_, _>>()?,
            path: part(path, "the path")?.unwrap_or_default(),
            options: options
                .split('&')
                .filter(|option| !option.is_empty())
                .map(|option| {
                    let (name, value) = option.split_once('=').unwrap_or((option, ""));
                    let value = part(value, "the value of an option")?.unwrap_or_default();
                    Ok((name.to_owned(), value))
                })
                .collect::<Result<_, Error>>()?,
            known: Vec::new(),
        })
    }

    /// Takes an option's value out, if it was given. Given twice, the last counts.
    pub(crate) fn option(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut value = None;
        self.options.retain_mut(|(given, text)| {
            let taken = given == name;
            if taken {
                value = Some(std::mem::take(text));
            }
            !taken
        });
        value
    }

    /// Takes a length of time: `500ms`, `2s`, `10m`.
    pub(crate) fn duration(&mut self, name: &'static str) -> Result<Option<Duration>, Error> {
        self.read(name, "a length of time such as 500ms, 2s or 10m", duration)
    }

    /// Takes a value that can be read from its text.
    pub(crate) fn read<T>(
        &mut self,
        name: &'static str,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(text) = self.option(name) else {
            return Ok(None);
        };
        match read(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(wrong(format!(
                "{name}={} in {self}: expected {what}",
                text.escape_debug()
            ))),
        }
    }

    /// Holds when every option was taken.
    ///
    /// # Errors
    ///
    /// Names the first that was not, and those there are.
    pub(crate) fn nothing_left(&self) -> Result<(), Error> {
        let Some((name, _)) = self.options.first() else {
            return Ok(());
        };
        let alike = |one: &&&str| plain(one) == plain(name);
        if let Some(written) = self.known.iter().find(alike) {
            return Err(wrong(format!(
                "the option `{}` in {self} is not known: here it is `{written}`",
                name.escape_debug()
            )));
        }
        let mut known = self.known.clone();
        known.sort_unstable();
        known.dedup();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        let name = name.escape_debug();
        Err(wrong(format!(
            "the option `{name}` in {self} is not known: accepted are {known}"
        )))
    }
}

/// The URL without its password and its options, for messages.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(user) = &self.user {
            write!(f, "{}@", user.escape_debug())?;
        }
        for (n, host) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}", if n == 0 { "" } else { "," })?;
        }
        if !self.path.is_empty() {
            write!(f, "/{}", self.path.escape_debug())?;
        }
        Ok(())
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// Decodes a part of a URL; an empty one is none.
fn part(text: &str, what: &str) -> Result<Option<String>, Error> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded =
        decoded.map_err(|_| wrong(format!("{what} in the store URL is not UTF-8 when it is decoded")))?;
    Ok((!decoded.is_empty()).then(|| decoded.into_owned()))
}

/// The name of an option but for how it joins its words: `sslmode` of one engine is `ssl-mode` of another.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|character| character.is_ascii_alphanumeric());
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}

#[cfg(test)]
mod tests;
