//! The table of settle.
