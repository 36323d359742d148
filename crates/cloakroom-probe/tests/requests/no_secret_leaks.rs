//! no_secret_leaks
