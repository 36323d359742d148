//! An app: its name, and how it is built.

use std::future::Future;
use std::pin::Pin;

use axum::Router;

/// An app that can be measured.
pub struct App {
    /// What it is called on the command line.
    pub name: &'static str,
    /// How it comes to be.
    pub build: fn(Given) -> Building,
}

/// What an app is told.
#[derive(Debug, Clone)]
pub struct Given {
    /// Where sessions are kept, as a URL.
    pub store: String,
    /// How many sessions of others there are in the store.
    pub others: usize,
}

/// An app that is being built.
pub type Building = Pin<Box<dyn Future<Output = Router>>>;

impl App {
    /// An app of this name, built in this way.
    pub const fn new(name: &'static str, build: fn(Given) -> Building) -> Self {
        Self { name, build }
    }
}
