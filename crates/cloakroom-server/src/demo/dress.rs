//! Pages for errors, put on in one place, whoever answered: a handler, a layer or the router.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// Gives an error that has no page of its own a page in the look of the shop. Its headers stay.
pub(crate) async fn dress(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let bare = (status.is_client_error() || status.is_server_error()) && !is_page(&response);
    if bare { put_on(response) } else { response }
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn put_on(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    let page = ErrorPage::of(parts.status);
    let Ok(text) = page.render() else {
        return Response::from_parts(parts, Body::empty());
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Response::from_parts(parts, Body::from(Bytes::from(text)))
}

#[derive(Template)]
#[template(path = "demo/error.html")]
struct ErrorPage {
    code: u16,
    title: &'static str,
    words: &'static str,
}

impl ErrorPage {
    fn of(status: StatusCode) -> Self {
        let (title, words) = match status {
            StatusCode::UNAUTHORIZED => (
                "Your ticket, please",
                "This is for somebody who is signed in. Sign in first, and come back.",
            ),
            StatusCode::NOT_FOUND => (
                "Nothing hangs on this peg",
                "There is no such page. Perhaps it has been collected already.",
            ),
            // The only thing that answers 403 is the check against forms from elsewhere.
            StatusCode::FORBIDDEN => (
                "This was not sent from here",
                "The form came from another site, so nothing was done. If you meant it, do it again from the shop.",
            ),
            StatusCode::CONFLICT => (
                "Too many tickets",
                "You are signed in on as many devices as we allow. Sign out on one of them first.",
            ),
            StatusCode::TOO_MANY_REQUESTS => (
                "The counter is closed for a while",
                "There were too many tries, from your address or at this name. Please come back in a quarter of an hour. \
                 Whoever is signed in stays so.",
            ),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
                "Your pockets are full",
                "Your browser carries more cookies than we can look through. Please clear those of this site.",
            ),
            StatusCode::SERVICE_UNAVAILABLE => (
                "A short queue at the counter",
                "We cannot reach the rail right now. Your ticket is still good: nobody has been signed out. \
                 Please try again in a moment.",
            ),
            status if status.is_client_error() => (
                "We could not read that",
                "The form was not one of ours, or it was torn on the way. Nothing was done.",
            ),
            _ => (
                "Something came off its hanger",
                "That is our fault. Nothing of what you just did was kept.",
            ),
        };
        Self {
            code: status.as_u16(),
            title,
            words,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::header::RETRY_AFTER;
    use axum::response::IntoResponse as _;

    use super::*;

    #[tokio::test]
    async fn a_bare_error_gets_a_page_and_keeps_its_headers() {
        let bare = (
            StatusCode::SERVICE_UNAVAILABLE,
            [(RETRY_AFTER, "5")],
            "sessions are not available",
        );
        let dressed = put_on(bare.into_response());
        assert_eq!(dressed.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(dressed.headers()[RETRY_AFTER], "5");
        assert!(is_page(&dressed));
        assert_eq!(
            dressed.headers().get(CONTENT_LENGTH),
            None,
            "that of the old body"
        );
        let page = to_bytes(dressed.into_body(), usize::MAX).await.unwrap();
        let page = String::from_utf8(page.into()).unwrap();
        assert!(page.contains("nobody has been signed out"), "{page}");
        assert!(!page.contains("Your ticket:"), "an error page knows no session");
    }

    #[test]
    fn what_a_client_did_wrong_is_not_called_our_fault() {
        for (code, expected) in [
            (400, "Nothing was done"),
            (422, "Nothing was done"),
            (500, "our fault"),
            (501, "our fault"),
        ] {
            let words = ErrorPage::of(StatusCode::from_u16(code).unwrap()).words;
            assert!(words.contains(expected), "{code}: {words}");
        }
    }
}
