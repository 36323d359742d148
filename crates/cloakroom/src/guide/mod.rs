//! Guides: what an application or an operator has to decide, in one place each.

#[doc = include_str!("choosing_a_store.md")]
pub mod choosing_a_store {}

#[doc = include_str!("choosing_a_strategy.md")]
pub mod choosing_a_strategy {}

#[doc = include_str!("forms.md")]
pub mod forms {}
