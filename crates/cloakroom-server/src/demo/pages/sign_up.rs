//! Opening an account.

use askama::Template;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Credentials, Frame, Next, Onward, page};
use crate::demo::Shop;
use crate::demo::accounts::{Account, Name, Password};
use crate::demo::door::Caller;
use crate::demo::problem::Problem;
use crate::demo::visitor::Visitor;

/// Shows the form.
pub(crate) async fn show(visitor: Visitor, Query(onward): Query<Onward>) -> Result<Response, Problem> {
    if visitor.user.is_some() {
        return Ok(onward.next.redirect().into_response());
    }
    let empty = SignUpPage {
        frame: visitor.frame().await?,
        next: onward.next,
        name: "",
        remember: false,
        refusal: None,
    };
    Ok(page(&empty)?.into_response())
}

/// Opens the account and signs in; the cart comes along.
pub(crate) async fn submit(
    State(shop): State<Shop>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    visitor: Visitor,
    Form(form): Form<Credentials>,
) -> Result<Response, Problem> {
    let (name, remember, next) = (form.name.clone(), form.remember, form.next.clone());
    match open_account(&shop, form, caller).await? {
        Ok(account) => {
            let sign_in = account.sign_in().remember(remember);
            visitor.session.sign_in(sign_in.label(&visitor.device))?;
            Ok(next.redirect().into_response())
        }
        Err(refusal) => {
            let again = SignUpPage {
                frame: visitor.frame().await?,
                next,
                name: &name,
                remember,
                refusal: Some(refusal),
            };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&again)?).into_response())
        }
    }
}

/// Answers the account to sign in to, or what to tell the person.
async fn open_account(
    shop: &Shop,
    form: Credentials,
    caller: Caller,
) -> Result<Result<Account, &'static str>, Problem> {
    let parsed = Name::parse(&form.name).and_then(|name| Ok((name, Password::parse(&form.password)?)));
    let (name, password) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // It stays counted also when it succeeds.
    drop(shop.door.signing_up.begin(&form.name, caller.address()).await?);
    let opened = match shop.accounts.sign_up(name, password).await? {
        Some(account) => Some(account),
        // The second click of a double click, or somebody who forgot that they had been here.
        // A guess like any other.
        None => {
            let attempt = shop.door.signing_in.begin(&form.name, caller.address()).await?;
            let known = shop.accounts.identify(&form.name, form.password).await?;
            if known.is_some() {
                attempt.succeeded().await;
            }
            known
        }
    };
    Ok(opened.ok_or("Somebody has that name already. If it is you, sign in instead."))
}

#[derive(Template)]
#[template(path = "demo/sign_up.html")]
struct SignUpPage<'a> {
    frame: Frame,
    next: Next,
    name: &'a str,
    remember: bool,
    refusal: Option<&'static str>,
}
