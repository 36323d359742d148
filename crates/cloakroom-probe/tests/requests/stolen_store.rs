//! stolen_store
