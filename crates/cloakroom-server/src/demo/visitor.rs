//! Who is asking: the session and, when somebody is signed in, their account.

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use cloakroom::{Session, User};

use super::accounts::Account;
use super::cart::{CART, Cart};
use super::device;
use super::pages::{Frame, Ticket};
use super::problem::Problem;

/// What every page of the shop needs to know.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) session: Session,
    /// Who is signed in. Pages that need somebody ask for a `User` themselves.
    pub(crate) user: Option<User<Account>>,
    /// The browser and system that ask, in words.
    pub(crate) device: String,
    /// The query of the page's address, which may name a message.
    query: Option<String>,
}

impl Visitor {
    /// What is in the cart.
    pub(crate) fn cart(&self) -> Result<Cart, Problem> {
        Ok(self.session.get(CART)?.unwrap_or_default())
    }

    /// What the head and foot of a page show; a message is taken with it.
    pub(crate) async fn frame(&self) -> Result<Frame, Problem> {
        let flash = self.session.take_flash(self.query.as_deref()).await?;
        Ok(Frame {
            flash,
            name: self.user.as_ref().map(|account| account.name.clone()),
            cart: self.cart()?.count(),
            ticket: self.session.id().map(Ticket::new),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let session = Session::from_request_parts(parts, state).await?;
        let user = Option::<User<Account>>::from_request_parts(parts, state).await?;
        let user_agent = parts
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            session,
            user,
            device: device::words(user_agent),
            query: parts.uri.query().map(str::to_owned),
        })
    }
}
