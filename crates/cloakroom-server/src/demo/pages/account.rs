//! The account: your devices, ending their sessions, signing out.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use cloakroom::store::{Id, Timestamp};
use cloakroom::{Flash, SessionInfo, User};
use serde::Deserialize;

use super::{Frame, Ticket, page};
use crate::demo::accounts::Account;
use crate::demo::clock;
use crate::demo::device;
use crate::demo::problem::Problem;
use crate::demo::time;
use crate::demo::visitor::Visitor;

/// Shows the devices that are signed in, the one that asks first, then by when they were last seen.
pub(crate) async fn show(
    User(account): User<Account>,
    visitor: Visitor,
) -> Result<impl IntoResponse, Problem> {
    let now = clock::now();
    let mut sessions = visitor.session.sessions().await?;
    sessions.sort_by_key(|session| (!session.current, Reverse(session.last_seen)));
    page(&AccountPage {
        frame: visitor.frame().await?,
        account: &account,
        devices: sessions.iter().map(|session| Device::of(session, now)).collect(),
    })
}

/// Signs this device out.
pub(crate) async fn sign_out(visitor: Visitor) -> Result<Redirect, Problem> {
    visitor.session.sign_out().await?;
    Ok(Redirect::to("/"))
}

/// Signs one device out. One that is gone already, or is somebody else's, is not there: nothing to say.
pub(crate) async fn end(
    _: User<Account>,
    visitor: Visitor,
    Form(form): Form<Ending>,
) -> Result<Redirect, Problem> {
    let ended = match form.id.parse() {
        Ok(id) => visitor.session.end(id).await?,
        Err(_) => false,
    };
    back(&visitor, ended, "That device is signed out.")
}

/// Signs every other device out.
pub(crate) async fn end_others(_: User<Account>, visitor: Visitor) -> Result<Redirect, Problem> {
    let ended = visitor.session.sign_out_others().await?;
    back(&visitor, ended > 0, "You are signed out everywhere else.")
}

/// Back to the account, with a message where something was done. Whoever has ended this very session has none to keep it.
fn back(visitor: &Visitor, done: bool, message: &str) -> Result<Redirect, Problem> {
    if done && visitor.session.id().is_some() {
        let to = visitor.session.flash("/account", Flash::success(message))?;
        return Ok(Redirect::to(&to));
    }
    Ok(Redirect::to("/account"))
}

/// What the button beside a device sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Ending {
    id: String,
}

#[derive(Template)]
#[template(path = "demo/account.html")]
struct AccountPage<'a> {
    frame: Frame,
    account: &'a Account,
    devices: Vec<Device>,
}

impl AccountPage<'_> {
    fn this(&self) -> Option<&Device> {
        self.devices.iter().find(|device| device.current)
    }
}

/// A session as the person knows it.
struct Device {
    id: Id,
    ticket: Ticket,
    words: String,
    handheld: bool,
    began: String,
    seen: Option<String>,
    /// How long it lives on when it is not used.
    left: String,
    current: bool,
}

impl Device {
    fn of(session: &SessionInfo, now: Timestamp) -> Self {
        let words = session
            .label
            .as_ref()
            .map_or_else(|| device::words(None), ToString::to_string);
        Self {
            id: session.id,
            ticket: Ticket::new(session.id),
            handheld: device::is_handheld(&words),
            words,
            began: time::ago(now, session.created),
            seen: session.last_seen.map(|seen| time::ago(now, seen)),
            left: time::span(session.expires.since(now)),
            current: session.current,
        }
    }
}
