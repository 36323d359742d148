//! Buying what is in the cart, and the page that says thank you.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::User;

use super::{Frame, page};
use crate::demo::accounts::Account;
use crate::demo::cart::{BOUGHT, CART, Cart};
use crate::demo::problem::Problem;
use crate::demo::visitor::Visitor;

/// Buys what is in the cart, for somebody who is signed in. Nothing is charged: this is a demo.
pub(crate) async fn buy(visitor: Visitor) -> Result<Redirect, Problem> {
    if visitor.user.is_none() {
        // This is no page to come back to, and the cart is.
        return Ok(Redirect::to("/sign-in?next=/cart"));
    }
    let bought = visitor.cart()?;
    if bought.count() == 0 {
        return Ok(Redirect::to("/cart"));
    }
    visitor.session.set(BOUGHT, &bought)?;
    visitor.session.update(CART, move |cart: Option<Cart>| {
        cart.unwrap_or_default().without(&bought)
    })?;
    Ok(Redirect::to("/thank-you"))
}

/// Shows what was bought last.
pub(crate) async fn thank(User(account): User<Account>, visitor: Visitor) -> Result<Response, Problem> {
    let Some(bought) = visitor.session.get(BOUGHT)? else {
        return Ok(Redirect::to("/").into_response());
    };
    let thank_you = ThankYouPage {
        frame: visitor.frame().await?,
        name: &account.name,
        bought,
    };
    Ok(page(&thank_you)?.into_response())
}

#[derive(Template)]
#[template(path = "demo/thank_you.html")]
struct ThankYouPage<'a> {
    frame: Frame,
    name: &'a str,
    bought: Cart,
}
