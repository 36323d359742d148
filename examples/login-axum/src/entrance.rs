//! Signing up, in and out.

use std::net::SocketAddr;

use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, Form, Query, RawQuery, State};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use cloakroom::{Attempts, Flash, Key, LocalPath, Session, User};
use serde::Deserialize;

use crate::accounts::{Account, Accounts};
use crate::problem::Problem;

/// Whether this browser is remembered: said again when its user signs in with a new password.
pub const REMEMBER: Key<bool> = Key::new("remember");

/// The page to sign in at, and what its form sends.
#[derive(Template, Deserialize, Default)]
#[template(path = "sign_in.html")]
#[serde(default)]
pub struct SignInForm {
    name: String,
    password: String,
    /// The button for a new account.
    new: Option<String>,
    remember: Option<String>,
    next: String,
    #[serde(skip)]
    refused: bool,
    #[serde(skip)]
    flash: Option<Flash>,
}

pub async fn sign_in_page(
    user: Option<User<Account>>,
    session: Session,
    RawQuery(query): RawQuery,
    Query(mut form): Query<SignInForm>,
) -> Result<Html<String>, Problem> {
    form.flash = session.take_flash(query.as_deref()).await?;
    form.name = user.map_or(String::new(), |account| account.name.clone());
    Ok(Html(form.render()?))
}

pub async fn sign_in(
    State(accounts): State<Accounts>,
    Extension(attempts): Extension<Attempts>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    session: Session,
    headers: HeaderMap,
    Form(mut form): Form<SignInForm>,
) -> Result<Response, Problem> {
    // Before the password is looked at: of a hundred guesses at once each counts. Too many are a 429.
    let attempt = attempts.begin(&form.name, from.ip()).await?;
    let account = match &form.new {
        None => accounts.check(&form.name, &form.password).await?,
        Some(_) if form.name.trim().is_empty() || form.password.chars().count() < 8 => None,
        Some(_) => accounts.add(&form.name, &form.password).await?,
    };
    let Some(account) = account else {
        form.refused = true;
        let page = Html(form.render()?);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    attempt.succeeded().await;
    let device = headers.get(USER_AGENT);
    let device = device.and_then(|agent| agent.to_str().ok());
    let remember = form.remember.is_some();
    let sign_in = account.sign_in().remember(remember);
    session.sign_in(sign_in.label(device.unwrap_or("an unknown device")))?;
    session.set(REMEMBER, &remember)?;
    // Somebody else may have made up the link: only a path of this application is followed.
    let next = LocalPath::parse(&form.next).unwrap_or_default();
    let welcome = Flash::success(format!("Welcome, {}.", account.name));
    let next = session.flash(next.as_str(), welcome)?;
    Ok(Redirect::to(&next).into_response())
}

pub async fn sign_out(session: Session) -> Result<Redirect, Problem> {
    session.sign_out().await?;
    Ok(Redirect::to("/sign-in"))
}
