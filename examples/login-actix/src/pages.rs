//! What the pages show, and what their forms do.

use std::time::Duration;

use actix_web::error::ErrorInternalServerError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, LOCATION, USER_AGENT};
use actix_web::web::{self, Data, Form, Query};
use actix_web::{HttpRequest, HttpResponse, Result};
use askama::Template;
use cloakroom::{Attempts, Flash, LocalPath, Session, SessionInfo, User};
use serde::Deserialize;

use crate::accounts::{Account, Accounts};

type Answer = Result<HttpResponse>;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    account: User<Account>,
    flash: Option<Flash>,
    devices: Vec<SessionInfo>,
}

/// Who is signed in, and where else.
pub async fn home(account: User<Account>, session: Session, request: HttpRequest) -> Answer {
    let home = Home {
        account,
        flash: session.take_flash(Some(request.query_string())).await?,
        devices: session.sessions().await?,
    };
    show(StatusCode::OK, &home)
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    next: String,
    flash: Option<Flash>,
}

#[derive(Deserialize)]
pub struct Onward {
    #[serde(default)]
    next: String,
}

pub async fn sign_in_page(session: Session, request: HttpRequest, onward: Query<Onward>) -> Answer {
    let flash = session.take_flash(Some(request.query_string())).await?;
    let next = onward.into_inner().next;
    show(StatusCode::OK, &SignInPage { next, flash })
}

#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
    next: String,
    remember: Option<String>,
}

pub async fn sign_in(
    accounts: Data<Accounts>,
    attempts: Data<Attempts>,
    session: Session,
    request: HttpRequest,
    Form(form): Form<Credentials>,
) -> Answer {
    let next = form.next;
    // The address of whoever asks. Behind a proxy that is the proxy's: then take what the proxy says.
    let from = request
        .peer_addr()
        .ok_or(ErrorInternalServerError("no connection"))?;
    // Before the password is looked at: of a hundred guesses at once each counts. Too many are a 429.
    let attempt = attempts.begin(&form.name, from.ip()).await?;
    // Hashing would hold up the worker.
    let account = web::block(move || accounts.check(&form.name, &form.password));
    let Some(account) = account.await? else {
        let flash = Some(Flash::error(
            "That name and that password do not belong together.",
        ));
        return show(StatusCode::UNPROCESSABLE_ENTITY, &SignInPage { next, flash });
    };
    attempt.succeeded().await;
    let device = request.headers().get(USER_AGENT);
    let device = device.and_then(|agent| agent.to_str().ok());
    let sign_in = account.sign_in().remember(form.remember.is_some());
    session.sign_in(sign_in.label(device.unwrap_or("unknown")))?;
    // Somebody else may have made up the link that led here.
    let next = LocalPath::parse(&next).unwrap_or_default();
    let welcome = Flash::success(format!("Welcome, {}.", account.name));
    say(&session, next.as_str(), welcome)
}

pub async fn sign_out(session: Session) -> Answer {
    session.sign_out().await?;
    say(&session, "/sign-in", Flash::info("You are signed out."))
}

/// Signs one device out, which is one of theirs.
pub async fn end(_: User<Account>, session: Session, id: web::Path<String>) -> Answer {
    let flash = match id.parse() {
        Ok(id) if session.end(id).await? => Flash::success("It is signed out."),
        _ => Flash::warning("It was not signed in any more."),
    };
    say(&session, "/", flash)
}

pub async fn end_all(_: User<Account>, session: Session) -> Answer {
    session.sign_out_everywhere().await?;
    say(
        &session,
        "/sign-in",
        Flash::info("You are signed out everywhere."),
    )
}

/// Deletes the account, if it is not somebody who found the browser open.
pub async fn delete(user: User<Account>, session: Session, accounts: Data<Accounts>) -> Answer {
    session.require_recent(Duration::from_secs(300))?;
    // First the account: without it no session is anybody's, whatever becomes of the rest.
    accounts.delete(&user);
    session.sign_out_everywhere().await?;
    say(&session, "/sign-in", Flash::info("Your account is deleted."))
}

/// Redirects, and says something on the page there.
fn say(session: &Session, location: &str, flash: Flash) -> Answer {
    let location = session.flash(location, flash)?;
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .finish())
}

fn show(status: StatusCode, page: &impl Template) -> Answer {
    let html = page.render().map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::build(status)
        .content_type(ContentType::html())
        .body(html))
}
