//! An application on actix-web, asked as one on axum is.

use std::pin::Pin;
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::body::{self, BoxBody};
use actix_web::dev::Service as _;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::ServiceConfig;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use cloakroom::Sessions;

type Answering = Pin<Box<dyn Future<Output = HttpResponse<BoxBody>>>>;

/// An application and its sessions.
#[derive(Clone)]
pub(crate) struct App(Rc<dyn Fn(TestRequest) -> Answering>);

impl App {
    pub(crate) async fn new(sessions: &Sessions, routes: impl FnOnce(&mut ServiceConfig)) -> Self {
        let app = actix_web::App::new().configure(routes);
        let app = Rc::new(init_service(app.wrap(sessions.middleware())).await);
        Self(Rc::new(move |request: TestRequest| -> Answering {
            let app = Rc::clone(&app);
            Box::pin(async move {
                match app.call(request.to_request()).await {
                    Ok(response) => response.map_into_boxed_body().into_parts().1,
                    Err(error) => error.error_response(),
                }
            })
        }))
    }

    /// Asks it, in the types of axum.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Vec<u8>> {
        let method = request.method().as_str().parse().unwrap();
        let mut asked = TestRequest::with_uri(&request.uri().to_string()).method(method);
        for (name, value) in request.headers() {
            asked = asked.append_header((name.as_str(), value.as_bytes()));
        }
        let response = (self.0)(asked).await;
        let mut answer = Response::new(Vec::new());
        *answer.status_mut() = StatusCode::from_u16(response.status().as_u16()).unwrap();
        for (name, value) in response.headers() {
            answer.headers_mut().append(
                HeaderName::try_from(name.as_str()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        *answer.body_mut() = body::to_bytes(response.into_body()).await.unwrap().to_vec();
        answer
    }
}
