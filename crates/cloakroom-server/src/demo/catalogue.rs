//! What the shop sells.

use std::fmt;

/// Everything, in the order it hangs on the rail.
pub(crate) const PRODUCTS: &[Product] = &[
    Product {
        slug: "late-arrival",
        name: "The Late Arrival",
        kind: "Overcoat, camel wool",
        words: "Double-breasted and deep-pocketed. Warm enough to miss the overture in.",
        price: Price::euros(289),
        art: include_str!("../../templates/demo/art/late-arrival.svg"),
    },
    Product {
        slug: "critic",
        name: "The Critic",
        kind: "Bowler, fur felt",
        words: "A firm crown, a wine-red ribbon and one feather. Keeps its opinions dry.",
        price: Price::euros(84),
        art: include_str!("../../templates/demo/art/critic.svg"),
    },
    Product {
        slug: "standing-ovation",
        name: "The Standing Ovation",
        kind: "Umbrella, eight ribs",
        words: "Goes up all at once and stays up. Nobody behind you sees a thing.",
        price: Price::euros(58),
        art: include_str!("../../templates/demo/art/standing-ovation.svg"),
    },
    Product {
        slug: "long-goodbye",
        name: "The Long Goodbye",
        kind: "Scarf, striped lambswool",
        words: "Two metres twenty. Begin winding before the last train, not after it.",
        price: Price::euros(46),
        art: include_str!("../../templates/demo/art/long-goodbye.svg"),
    },
    Product {
        slug: "understudy",
        name: "The Understudy",
        kind: "Raincoat, waxed cotton",
        words: "Waits in the wings all summer. The evening it pours, it knows every line.",
        price: Price::euros(164),
        art: include_str!("../../templates/demo/art/understudy.svg"),
    },
    Product {
        slug: "encore",
        name: "The Encore",
        kind: "Bobble hat, merino",
        words: "Comes back every winter, because people keep asking for it.",
        price: Price::cents(3250),
        art: include_str!("../../templates/demo/art/encore.svg"),
    },
    Product {
        slug: "quiet-exit",
        name: "The Quiet Exit",
        kind: "Umbrella, chestnut crook",
        words: "Slim as a programme. You were never here, and you never got wet.",
        price: Price::euros(72),
        art: include_str!("../../templates/demo/art/quiet-exit.svg"),
    },
    Product {
        slug: "prompter",
        name: "The Prompter",
        kind: "Scarf, dotted silk",
        words: "A hand-rolled square that whispers where others would shout.",
        price: Price::cents(3950),
        art: include_str!("../../templates/demo/art/prompter.svg"),
    },
];

/// The product of this slug, when there is one.
pub(crate) fn find(slug: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.slug == slug)
}

/// One thing the shop sells.
#[derive(Debug)]
pub(crate) struct Product {
    /// Names it in forms, in carts and in the address of its place on the page.
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) words: &'static str,
    pub(crate) price: Price,
    /// Its picture: an SVG element of our own.
    pub(crate) art: &'static str,
}

/// An amount of money in whole cents, so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price(u64);

impl Price {
    pub(crate) const fn cents(cents: u64) -> Self {
        Self(cents)
    }

    pub(crate) const fn euros(euros: u64) -> Self {
        Self(euros * 100)
    }

    pub(crate) fn times(self, quantity: u32) -> Self {
        Self(self.0 * u64::from(quantity))
    }
}

impl std::iter::Sum for Price {
    fn sum<I: Iterator<Item = Self>>(prices: I) -> Self {
        Self(prices.map(|price| price.0).sum())
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "€{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        let total: Price = [Price::cents(3250).times(3), Price::euros(2), Price::cents(5)]
            .into_iter()
            .sum();
        assert_eq!(total.to_string(), "€99.55");
        assert_eq!(Price::cents(7).to_string(), "€0.07");
    }

    #[test]
    fn every_product_is_found_by_its_own_slug() {
        for product in PRODUCTS {
            assert_eq!(find(product.slug).map(|found| found.name), Some(product.name));
        }
        assert!(find("invisible-cloak").is_none());
    }
}
