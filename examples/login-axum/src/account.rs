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
use crate::entrance::{REMEMBER, signs_in};
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    flash: Option<Flash>,
    account: User<Account>,
    devices: Vec<SessionInfo>,
}

impl AccountPage {
    fn minutes_since_seen(&self, device: &SessionInfo) -> u64 {
        let seen = SystemTime::from(device.last_seen);
        seen.elapsed().unwrap_or_default().as_secs() / 60
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
    let ended = match form.id.parse() {
        Ok(id) => session.end(id).await?,
        Err(_) => false,
    };
    let said = if ended {
        "That device is signed out."
    } else {
        "That device was not signed in."
    };
    back(&session, Flash::info(said))
}

pub async fn end_others(_: User<Account>, session: Session) -> Result<Redirect, Problem> {
    session.sign_out_others().await?;
    back(&session, Flash::success("You are signed out everywhere else."))
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
        return back(&session, Flash::error("A password has at least 8 characters."));
    }
    // Whoever found the browser open may guess as often as anybody.
    let attempt = attempts.begin(&account.name, from.ip()).await?;
    if accounts.check(&account.name, &form.present).await?.is_none() {
        return back(&session, Flash::error("That is not your present password."));
    }
    attempt.succeeded().await;
    let Some(account) = accounts.change_password(account.id, &form.new).await? else {
        return Ok(Redirect::to("/"));
    };
    // At once: what was signed in with the hash from before is over, and this session is to go on.
    let remember = session.get(REMEMBER)?.unwrap_or_default();
    session.sign_in(signs_in(&account).remember(remember))?;
    session.save().await?;
    // The others end when they next ask for their user. This takes them off the list of devices now.
    session.sign_out_others().await?;
    back(
        &session,
        Flash::success("You have a new password, and are signed out everywhere else."),
    )
}

/// Whoever has not signed in for five minutes is sent to sign in again, since this cannot be undone.
pub async fn delete(
    State(accounts): State<Accounts>,
    User(account): User<Account>,
    session: Session,
) -> Result<Redirect, Problem> {
    session.require_recent(Duration::from_secs(300))?;
    accounts.delete(account.id)?;
    session.sign_out_everywhere().await?;
    // An anonymous session begins, and keeps what is said.
    Ok(Redirect::to(
        &session.flash("/sign-in", Flash::info("Your account is gone."))?,
    ))
}

fn back(session: &Session, flash: Flash) -> Result<Redirect, Problem> {
    Ok(Redirect::to(&session.flash("/", flash)?))
}
