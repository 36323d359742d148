//! The same app four times: without sessions, with a layer that does nothing, and with two session libraries.

mod bare;
mod cloakroom;
mod idle;
mod tower_sessions;

use axum::Router;

/// Which app.
#[derive(Clone, Copy)]
pub(crate) enum App {
    Bare,
    Idle,
    Cloakroom,
    TowerSessions,
}

impl App {
    pub(crate) const NAMES: [&str; 4] = ["bare", "idle", "cloakroom", "tower-sessions"];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let apps = [Self::Bare, Self::Idle, Self::Cloakroom, Self::TowerSessions];
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Some(apps[at])
    }

    /// The app, with so many sessions of others in its store.
    pub(crate) async fn build(self, others: usize) -> Router {
        match self {
            Self::Bare => bare::app(),
            Self::Idle => idle::app(),
            Self::Cloakroom => cloakroom::app(others).await,
            Self::TowerSessions => tower_sessions::app(others).await,
        }
    }
}
