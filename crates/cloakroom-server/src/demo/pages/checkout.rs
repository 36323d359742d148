//! Buying what is in the cart, and the page that says thank you.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};

use super::{Frame, page};
use crate::demo::cart::{BOUGHT, CART, Cart};
use crate::demo::problem::Problem;
use crate::demo::visitor::Visitor;

/// Buys what is in the cart, for somebody who is signed in. Nothing is charged: this is a demo.
pub(crate) async fn buy(visitor: Visitor) -> Result<Redirect, Problem> {
    if visitor.name.is_none() {
        return Ok(Redirect::to("/sign-in?next=cart"));
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
pub(crate) async fn thank(visitor: Visitor) -> Result<Response, Problem> {
    match (visitor.name.as_ref(), visitor.session.get(BOUGHT)?) {
        (Some(name), Some(bought)) => {
            let frame = visitor.frame().await?;
            Ok(page(&ThankYouPage { frame, name, bought })?.into_response())
        }
        _ => Ok(Redirect::to("/").into_response()),
    }
}

#[derive(Template)]
#[template(path = "demo/thank_you.html")]
struct ThankYouPage<'a> {
    frame: Frame,
    name: &'a str,
    bought: Cart,
}
