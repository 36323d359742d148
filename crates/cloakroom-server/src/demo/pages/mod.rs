//! The pages, one file each, and what they have in common.

pub(crate) mod account;
pub(crate) mod cart;
pub(crate) mod checkout;
pub(crate) mod shop;
pub(crate) mod sign_in;
pub(crate) mod sign_up;

use std::fmt;

use askama::Template;
use axum::response::{Html, Redirect};
use cloakroom::store::Id;
use cloakroom::{Flash, LocalPath};
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

/// Where to go on after signing in: a page of the shop, since somebody else may have made up the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next(LocalPath);

impl Next {
    /// Whether they are on their way to check out.
    pub(crate) fn is_cart(&self) -> bool {
        self.0.as_str() == "/cart"
    }

    pub(crate) fn redirect(&self) -> Redirect {
        Redirect::to(self.0.as_str())
    }
}

impl Default for Next {
    fn default() -> Self {
        Self(LocalPath::parse("/account").expect("it is a path of the shop"))
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Next {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = LocalPath::parse(&String::deserialize(deserializer)?);
        Ok(path.map_or_else(Self::default, Self))
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
