//! Session management.
