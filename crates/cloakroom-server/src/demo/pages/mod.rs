//! The pages, one file each, and what they have in common.

pub(crate) mod account;
pub(crate) mod cart;
pub(crate) mod checkout;
pub(crate) mod shop;
pub(crate) mod sign_in;
pub(crate) mod sign_up;

use std::fmt;

use askama::Template;
use axum::response::Html;
use cloakroom::Flash;
use cloakroom::store::Id;
use serde::{Deserialize, Deserializer};

use super::problem::Problem;

/// What the head and the foot of every page show.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// What the request before has to say.
    pub(crate) flash: Option<Flash>,
    /// The name of who is signed in.
    pub(crate) name: Option<String>,
    /// How many things are in the cart.
    pub(crate) cart: u32,
    /// The session, when there is one.
    pub(crate) ticket: Option<Ticket>,
}

impl Frame {
    /// The cart in words: "2 things".
    pub(crate) fn things(&self) -> String {
        match self.cart {
            0 => "nothing yet".to_owned(),
            1 => "1 thing".to_owned(),
            things => format!("{things} things"),
        }
    }
}

/// A session as a ticket: the first half of its id, which is no secret, in groups a person can read out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(Id);

impl Ticket {
    pub(crate) fn new(id: Id) -> Self {
        Self(id)
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.to_string();
        write!(f, "{} {}", &number[..4], &number[4..8])
    }
}

/// Where to go after signing in: a choice, and not an address that somebody else could have made up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Next {
    Cart,
    #[default]
    #[serde(other)]
    Account,
}

impl Next {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Account => "/account",
            Self::Cart => "/cart",
        }
    }

    /// What the forms and links of the sign-in pages pass on.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Cart => "cart",
        }
    }
}

/// The query of the pages that lead to signing in.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Onward {
    #[serde(default)]
    pub(crate) next: Next,
}

/// What the forms for signing in and up send. A field that is missing is an empty one.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) password: String,
    #[serde(default, deserialize_with = "ticked")]
    pub(crate) remember: bool,
    #[serde(default)]
    pub(crate) next: Next,
}

/// A checkbox sends something when it is ticked, and nothing otherwise.
fn ticked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    String::deserialize(deserializer).map(|_| true)
}

/// The page, rendered.
pub(crate) fn page(template: &impl Template) -> Result<Html<String>, Problem> {
    Ok(Html(template.render()?))
}
