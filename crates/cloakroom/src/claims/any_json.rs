//! Reads claims in any JSON that says them, as another program may have sealed it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use cloakroom_store::{Label, Principal, Timestamp};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Claims, Unreadable, VERSION};
use crate::data::Data;
use crate::rfc3339;

/// The claims and the data of a message.
pub(super) fn read(json: &[u8]) -> Result<(Claims, Data), Unreadable> {
    let Ok(said) = serde_json::from_slice::<Said<'_>>(json) else {
        return Err(match serde_json::from_slice::<Versioned>(json) {
            Ok(Versioned { v }) if v > VERSION => Unreadable::Newer(v),
            _ => Unreadable::Invalid,
        });
    };
    match said.v {
        VERSION => from_said(said).ok_or(Unreadable::Invalid),
        newer if newer > VERSION => Err(Unreadable::Newer(newer)),
        _ => Err(Unreadable::Invalid),
    }
}

fn from_said(said: Said<'_>) -> Option<(Claims, Data)> {
    let Text(sub) = said.sub;
    // No principal is empty, and so this is what is not there.
    let principal = (!sub.is_empty())
        .then(|| Principal::new(&*sub))
        .transpose()
        .ok()?;
    let begun = Timestamp::from_unix_millis(said.begun);
    let claims = Claims {
        id: said.jti.parse().ok()?,
        principal,
        begun,
        rotated: said.rotated.map_or(begun, Timestamp::from_unix_millis),
        seen: rfc3339::read(said.iat.as_bytes())?,
        ends: Timestamp::from_unix_millis(said.ends),
        idle: Duration::from_secs(u64::from(said.idle)),
        remembered: said.remembered,
        label: said.label.map(|label| Label::new(&label)),
    };
    Some((claims, said.data.0))
}

/// What is read of the message. What else there is, another program may have said to a third.
#[derive(Deserialize)]
struct Said<'a> {
    v: u64,
    jti: &'a str,
    #[serde(borrow, default)]
    sub: Text<'a>,
    iat: &'a str,
    begun: u64,
    rotated: Option<u64>,
    ends: u64,
    idle: u32,
    #[serde(default)]
    remembered: bool,
    label: Option<String>,
    data: Values,
}

/// What says of which version the rest is.
#[derive(Deserialize)]
struct Versioned {
    v: u64,
}

/// A text, borrowed where it can be.
#[derive(Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// The session's data: each value's JSON as it stands there, looked through once.
struct Values(Data);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a session's data")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut bytes = Vec::new();
                while let Some(Text(key)) = map.next_key()? {
                    let value: &RawValue = map.next_value()?;
                    Data::push(&mut bytes, &key, value.get().as_bytes())
                        .ok_or_else(|| A::Error::custom("a key is at most 255 bytes long"))?;
                }
                Ok(Values(Data::from_pushed(bytes)))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
