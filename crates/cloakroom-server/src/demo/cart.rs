//! What somebody is about to buy. It lives in the session.

use cloakroom::Key;
use serde::{Deserialize, Serialize};

use super::catalogue::{self, Price, Product};

/// Where the session keeps the cart.
pub(crate) const CART: Key<Cart> = Key::new("cart");

/// Where the session keeps what was bought last, for the page that says thank you.
pub(crate) const BOUGHT: Key<Cart> = Key::new("bought");

/// Products and how many of each, in the order they were put in.
///
/// Every change takes a cart and gives one, so that [`Session::update`](cloakroom::Session::update) can
/// apply it to whatever the cart has become by then: a second tab's click is never lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cart {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    slug: String,
    quantity: u32,
}

impl Cart {
    /// The most of one product that one cart holds.
    pub(crate) const MOST: u32 = 20;

    /// With one more of this product, up to [`Self::MOST`].
    pub(crate) fn add(mut self, product: &Product) -> Self {
        match self.lines.iter_mut().find(|line| line.slug == product.slug) {
            Some(line) => line.quantity = Self::MOST.min(line.quantity + 1),
            None => self.lines.push(Line {
                slug: product.slug.to_owned(),
                quantity: 1,
            }),
        }
        self
    }

    /// With one less of this product.
    pub(crate) fn take(self, product: &Product) -> Self {
        self.less(product.slug, 1)
    }

    /// Without this product.
    pub(crate) fn remove(self, product: &Product) -> Self {
        self.less(product.slug, u32::MAX)
    }

    /// Without what has been bought. What another tab put in meanwhile stays.
    pub(crate) fn without(self, bought: &Self) -> Self {
        bought
            .lines
            .iter()
            .fold(self, |cart, line| cart.less(&line.slug, line.quantity))
    }

    /// How many things there are.
    pub(crate) fn count(&self) -> u32 {
        self.items().map(|item| item.quantity).sum()
    }

    /// How many of this product there are.
    pub(crate) fn quantity(&self, product: &Product) -> u32 {
        self.items()
            .find(|item| item.product.slug == product.slug)
            .map_or(0, |item| item.quantity)
    }

    /// What there is. What the shop no longer sells is passed over.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item> {
        self.lines.iter().filter_map(|line| {
            let product = catalogue::find(&line.slug)?;
            Some(Item {
                product,
                quantity: line.quantity,
            })
        })
    }

    /// What it costs.
    pub(crate) fn total(&self) -> Price {
        self.items().map(|item| item.price()).sum()
    }

    fn less(mut self, slug: &str, quantity: u32) -> Self {
        for line in &mut self.lines {
            if line.slug == slug {
                line.quantity = line.quantity.saturating_sub(quantity);
            }
        }
        self.lines.retain(|line| line.quantity > 0);
        self
    }
}

/// A product in a cart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) product: &'static Product,
    pub(crate) quantity: u32,
}

impl Item {
    /// What they cost together.
    pub(crate) fn price(&self) -> Price {
        self.product.price.times(self.quantity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_go_in_and_come_out() {
        let (hat, scarf) = (product("critic"), product("prompter"));
        let cart = Cart::default().add(hat).add(scarf).add(hat);
        assert_eq!(
            (cart.count(), cart.quantity(hat), cart.quantity(scarf)),
            (3, 2, 1)
        );
        assert_eq!(cart.total().to_string(), "€207.50");

        let cart = cart.take(hat).take(scarf);
        assert_eq!((cart.count(), cart.quantity(scarf)), (1, 0));
        assert_eq!(cart.remove(hat).take(hat), Cart::default());
    }

    #[test]
    fn one_cart_holds_only_so_many() {
        let hat = product("critic");
        let cart = (0..Cart::MOST + 5).fold(Cart::default(), |cart, _| cart.add(hat));
        assert_eq!(cart.count(), Cart::MOST);
    }

    #[test]
    fn what_came_in_during_the_checkout_stays() {
        let (hat, scarf) = (product("critic"), product("prompter"));
        let bought = Cart::default().add(hat);
        let left = bought.clone().add(scarf).add(hat).without(&bought);
        assert_eq!((left.quantity(hat), left.quantity(scarf)), (1, 1));
    }

    #[test]
    fn what_is_no_longer_sold_is_passed_over() {
        let cart: Cart =
            serde_json::from_str(r#"{"lines":[{"slug":"invisible-cloak","quantity":3}]}"#).unwrap();
        assert_eq!((cart.count(), cart.total()), (0, Price::cents(0)));
    }

    fn product(slug: &str) -> &'static Product {
        catalogue::find(slug).unwrap()
    }
}
