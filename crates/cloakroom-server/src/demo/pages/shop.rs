//! The front page: everything on the rail.

use askama::Template;
use axum::response::IntoResponse;

use super::{Frame, page};
use crate::demo::catalogue::{PRODUCTS, Product};
use crate::demo::problem::Problem;
use crate::demo::visitor::Visitor;

/// Shows what there is, and how many of each are in the cart.
pub(crate) async fn show(visitor: Visitor) -> Result<impl IntoResponse, Problem> {
    let cart = visitor.cart()?;
    let hung = |product: &'static Product| Hung {
        product,
        quantity: cart.quantity(product),
    };
    page(&ShopPage {
        frame: visitor.frame().await?,
        rail: PRODUCTS.iter().map(hung).collect(),
    })
}

#[derive(Template)]
#[template(path = "demo/shop.html")]
struct ShopPage {
    frame: Frame,
    rail: Vec<Hung>,
}

/// A product on the rail.
struct Hung {
    product: &'static Product,
    /// How many are in the cart.
    quantity: u32,
}
