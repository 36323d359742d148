//! cancelled
