//! Signing in.

use askama::Template;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Credentials, Frame, Next, Onward, page};
use crate::demo::Shop;
use crate::demo::door::Caller;
use crate::demo::problem::Problem;
use crate::demo::visitor::Visitor;

/// Shows the form.
pub(crate) async fn show(visitor: Visitor, Query(onward): Query<Onward>) -> Result<Response, Problem> {
    if visitor.user.is_some() {
        return Ok(onward.next.redirect().into_response());
    }
    let empty = SignInPage {
        frame: visitor.frame().await?,
        next: onward.next,
        name: "",
        remember: false,
        refused: false,
    };
    Ok(page(&empty)?.into_response())
}

/// Signs in; the cart comes along. Refuses a wrong name and a wrong password in the same words, and both when it was tried
/// too often.
pub(crate) async fn submit(
    State(shop): State<Shop>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    visitor: Visitor,
    Form(form): Form<Credentials>,
) -> Result<Response, Problem> {
    let attempt = shop.door.signing_in.begin(&form.name, caller.address()).await?;
    match shop.accounts.identify(&form.name, form.password).await? {
        Some(account) => {
            attempt.succeeded().await;
            let sign_in = account.sign_in().remember(form.remember);
            visitor.session.sign_in(sign_in.label(&visitor.device))?;
            Ok(form.next.redirect().into_response())
        }
        None => {
            let again = SignInPage {
                frame: visitor.frame().await?,
                next: form.next,
                name: &form.name,
                remember: form.remember,
                refused: true,
            };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&again)?).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "demo/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    next: Next,
    name: &'a str,
    remember: bool,
    refused: bool,
}
