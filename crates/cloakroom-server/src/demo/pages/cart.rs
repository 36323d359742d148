//! The cart, and the forms that change it.

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use cloakroom::Flash;
use serde::Deserialize;

use super::{Frame, page};
use crate::demo::cart::{CART, Cart};
use crate::demo::catalogue::{self, Product};
use crate::demo::problem::Problem;
use crate::demo::visitor::Visitor;

/// Shows what is in the cart.
pub(crate) async fn show(visitor: Visitor) -> Result<impl IntoResponse, Problem> {
    page(&CartPage {
        frame: visitor.frame().await?,
        cart: visitor.cart()?,
    })
}

/// Puts one more in.
pub(crate) async fn add(visitor: Visitor, form: Form<Change>) -> Result<Redirect, Problem> {
    let product = change(&visitor, &form, Cart::add)?;
    Ok(form.from.page(product))
}

/// Takes one out.
pub(crate) async fn take(visitor: Visitor, form: Form<Change>) -> Result<Redirect, Problem> {
    let product = change(&visitor, &form, Cart::take)?;
    Ok(form.from.page(product))
}

/// Takes all of a product out, and says so on the page after: what is gone is not there to be seen.
pub(crate) async fn remove(visitor: Visitor, form: Form<Change>) -> Result<Redirect, Problem> {
    let product = change(&visitor, &form, Cart::remove)?;
    let gone = Flash::success(format!("{} is back on the rail.", product.name));
    Ok(Redirect::to(&visitor.session.flash("/cart", gone)?))
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

impl Origin {
    fn page(self, product: &Product) -> Redirect {
        match self {
            Self::Cart => Redirect::to("/cart"),
            Self::Shop => Redirect::to(&format!("/#{}", product.slug)),
        }
    }
}

/// Records the change as a change: it is applied to the cart as it is when this request ends, so that two
/// tabs that click at once both count.
fn change(
    visitor: &Visitor,
    form: &Change,
    how: fn(Cart, &Product) -> Cart,
) -> Result<&'static Product, Problem> {
    let product = catalogue::find(&form.product).ok_or(Problem::NotFound)?;
    visitor.session.update(CART, move |cart: Option<Cart>| {
        how(cart.unwrap_or_default(), product)
    })?;
    Ok(product)
}

#[derive(Template)]
#[template(path = "demo/cart.html")]
struct CartPage {
    frame: Frame,
    cart: Cart,
}
