//! Guides: what an application or an operator has to decide, in one place each.

// The programs in them are tests where what they use is there.

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

#[cfg_attr(not(doctest), doc = include_str!("security_model.md"))]
#[cfg_attr(all(doctest, feature = "memory"), doc = include_str!("security_model.md"))]
pub mod security_model {}

#[cfg_attr(not(doctest), doc = include_str!("rotating_keys.md"))]
#[cfg_attr(all(doctest, feature = "memory"), doc = include_str!("rotating_keys.md"))]
pub mod rotating_keys {}

#[cfg_attr(not(doctest), doc = include_str!("operating.md"))]
#[cfg_attr(all(doctest, feature = "memory"), doc = include_str!("operating.md"))]
pub mod operating {}

#[cfg_attr(not(doctest), doc = include_str!("moving_from_tower_sessions.md"))]
#[cfg_attr(all(doctest, feature = "axum", feature = "memory"), doc = include_str!("moving_from_tower_sessions.md"))]
pub mod moving_from_tower_sessions {}

#[cfg_attr(not(doctest), doc = include_str!("moving_from_axum_login.md"))]
#[cfg_attr(all(doctest, feature = "axum", feature = "memory"), doc = include_str!("moving_from_axum_login.md"))]
pub mod moving_from_axum_login {}

#[cfg_attr(not(doctest), doc = include_str!("moving_from_actix_session.md"))]
#[cfg_attr(all(doctest, feature = "actix", feature = "memory"), doc = include_str!("moving_from_actix_session.md"))]
pub mod moving_from_actix_session {}
