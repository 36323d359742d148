//! The cart, and the forms that change it.

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use super::{Frame, page};
use crate::demo::cart::{CART, Cart};
use crate::demo::catalogue::{self, Product};
use crate::demo::problem::Problem;
use crate::demo::visitor::Visitor;

/// Shows what is in the cart.
pub(crate) async fn show(visitor: Visitor) -> Result<impl IntoResponse, Problem> {
    page(&CartPage {
        frame: visitor.frame()?,
        cart: visitor.cart()?,
    })
}

/// Puts one more in.
pub(crate) async fn add(visitor: Visitor, form: Form<Change>) -> Result<Redirect, Problem> {
    change(&visitor, &form, Cart::add)
}

/// Takes one out.
pub(crate) async fn take(visitor: Visitor, form: Form<Change>) -> Result<Redirect, Problem> {
    change(&visitor, &form, Cart::take)
}

/// Takes all of a product out.
pub(crate) async fn remove(visitor: Visitor, form: Form<Change>) -> Result<Redirect, Problem> {
    change(&visitor, &form, Cart::remove)
}

/// What the forms of the cart send.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    product: String,
    #[serde(default)]
    from: Origin,
}

/// The page a form was on, to go back to.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Origin {
    #[default]
    Cart,
    Shop,
}

/// Records the change as a change: it is applied to the cart as it is when this request ends, so that two
/// tabs that click at once both count.
fn change(visitor: &Visitor, form: &Change, how: fn(Cart, &Product) -> Cart) -> Result<Redirect, Problem> {
    let product = catalogue::find(&form.product).ok_or(Problem::NotFound)?;
    visitor.session.update(CART, move |cart: Option<Cart>| {
        how(cart.unwrap_or_default(), product)
    })?;
    Ok(match form.from {
        Origin::Cart => Redirect::to("/cart"),
        Origin::Shop => Redirect::to(&format!("/#{}", product.slug)),
    })
}

#[derive(Template)]
#[template(path = "demo/cart.html")]
struct CartPage {
    frame: Frame,
    cart: Cart,
}
