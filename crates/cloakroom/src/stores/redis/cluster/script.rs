//! The scripts that are for a cluster only: each works on one key.

use std::sync::LazyLock;

use super::super::script::Script;

/// The conditional write of one session.
pub(super) static WRITE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../lua/record.lua"),
        include_str!("lua/write.lua")
    ))
});

/// Files a session under its principal.
pub(super) static FILE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/filing.lua"),
        include_str!("lua/file.lua")
    ))
});

/// Reads a principal's filings.
pub(super) static LOOK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/filing.lua"),
        include_str!("lua/look.lua")
    ))
});

/// Files a session under a cap that refuses.
pub(super) static RESERVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/filing.lua"),
        include_str!("lua/reserve.lua")
    ))
});

/// Gives a session its place under a cap.
pub(super) static JOIN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/filing.lua"),
        include_str!("lua/join.lua")
    ))
});
