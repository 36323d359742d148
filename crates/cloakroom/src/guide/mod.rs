//! Guides: what an application or an operator has to decide, in one place each.

#[cfg_attr(not(doctest), doc = include_str!("ten_minutes.md"))]
#[cfg_attr(all(doctest, feature = "axum", feature = "memory"), doc = include_str!("ten_minutes.md"))]
pub mod ten_minutes {}

#[doc = include_str!("choosing_a_store.md")]
pub mod choosing_a_store {}

#[doc = include_str!("choosing_a_strategy.md")]
pub mod choosing_a_strategy {}

#[cfg_attr(not(doctest), doc = include_str!("testing.md"))]
#[cfg_attr(
    all(doctest, feature = "axum", feature = "memory", feature = "testing"),
    doc = include_str!("testing.md")
)]
pub mod testing {}

#[doc = include_str!("frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("forms.md")]
pub mod forms {}
