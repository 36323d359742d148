//! The account: its devices, its password, its end.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, Form, RawQuery, State};
use axum::response::{Html, Redirect};
use cloakroom::{Attempts, Flash, Session, SessionInfo, User};
use serde::Deserialize;

use crate::accounts::{Account, Accounts};
use crate::entrance::REMEMBER;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    flash: Option<Flash>,
    account: User<Account>,
    devices: Vec<SessionInfo>,
}

impl AccountPage {
    fn minutes_since_seen(&self, device: &SessionInfo) -> Option<u64> {
        let seen = SystemTime::from(device.last_seen?);
        Some(seen.elapsed().unwrap_or_default().as_secs() / 60)
    }
}

pub async fn page(
    account: User<Account>,
    session: Session,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let flash = session.take_flash(query.as_deref()).await?;
    let mut devices = session.sessions().await?;
    devices.sort_by_key(|device| (!device.current, Reverse(device.last_seen)));
    let page = AccountPage {
        flash,
        account,
        devices,
    };
    Ok(Html(page.render()?))
}

#[derive(Deserialize)]
pub struct Ending {
    id: String,
}

/// Ends one of the user's sessions. One that is gone already, or is somebody else's, is not there.
pub async fn end(_: User<Account>, session: Session, Form(form): Form<Ending>) -> Result<Redirect, Problem> {
    let said = match form.id.parse() {
        Ok(id) if session.end(id).await? => "That device is signed out.",
        _ => "That device was not signed in.",
    };
    say(&session, "/", Flash::info(said))
}

pub async fn end_others(_: User<Account>, session: Session) -> Result<Redirect, Problem> {
    session.sign_out_others().await?;
    let done = Flash::success("You are signed out everywhere else.");
    say(&session, "/", done)
}

#[derive(Deserialize)]
pub struct PasswordChange {
    present: String,
    new: String,
}

pub async fn change_password(
    State(accounts): State<Accounts>,
    Extension(attempts): Extension<Attempts>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    User(account): User<Account>,
    session: Session,
    Form(form): Form<PasswordChange>,
) -> Result<Redirect, Problem> {
    if form.new.chars().count() < 8 {
        return say(
            &session,
            "/",
            Flash::error("A password has at least 8 characters."),
        );
    }
    // Whoever found the browser open may guess as often as anybody.
    let attempt = attempts.begin(&account.name, from.ip()).await?;
    if accounts.check(&account.name, &form.present).await?.is_none() {
        return say(&session, "/", Flash::error("That is not your present password."));
    }
    attempt.succeeded().await;
    let Some(account) = accounts.change_password(account.id, &form.new).await? else {
        return Ok(Redirect::to("/"));
    };
    // At once: what was signed in with the hash from before is over, and this session is to go on.
    let remember = session.get(REMEMBER)?.unwrap_or_default();
    session.sign_in(account.sign_in().remember(remember))?;
    session.save().await?;
    // The others end when they next ask for their user. This takes them off the list of devices now.
    session.sign_out_others().await?;
    let done = Flash::success("You have a new password, and are signed out everywhere else.");
    say(&session, "/", done)
}

/// Whoever has not signed in for five minutes is sent to sign in again, since this cannot be undone.
pub async fn delete(
    State(accounts): State<Accounts>,
    User(account): User<Account>,
    session: Session,
) -> Result<Redirect, Problem> {
    session.require_recent(Duration::from_secs(300))?;
    // First the account: without it no session is anybody's, whatever becomes of the rest.
    accounts.delete(account.id).await?;
    session.sign_out_everywhere().await?;
    // An anonymous session begins, and keeps what is said.
    say(&session, "/sign-in", Flash::info("Your account is gone."))
}

/// Redirects, and says something on the page there.
fn say(session: &Session, path: &str, flash: Flash) -> Result<Redirect, Problem> {
    Ok(Redirect::to(&session.flash(path, flash)?))
}
