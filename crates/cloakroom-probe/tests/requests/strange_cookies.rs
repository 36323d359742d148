//! Invariant 6, in volume: a hundred thousand cookies that no server has issued.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{Request, Response, header};
use cloakroom::{Session, Sessions};
use cloakroom_probe::Framework;
use cloakroom_probe::doubles::Verb;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::browser::NAME;
use crate::stage::on_every_store;

/// In all, in memory.
const COOKIES: usize = 100_000;

/// On every other store and framework. What to make of a cookie is the library's affair, and it has seen them all in memory:
/// here they are to reach it, and a server is to know none of them.
const ELSEWHERE: usize = COOKIES / 10;

#[test]
fn a_hundred_thousand_strange_cookies_are_never_adopted_and_cost_what_they_may() {
    on_every_store(async |stage| {
        let sessions = stage.sessions();
        let mut random = Random(0x5eed_0000_c10a_4001);
        let mut loads = 0;
        let cookies = match stage.framework {
            Framework::Axum if stage.is_in_memory() && stage.is_always_asked() => COOKIES,
            Framework::Axum | Framework::Actix => ELSEWHERE,
        };
        for n in 0..cookies {
            let (value, may_be_looked_up) = random.cookie(n);
            let cookie = [NAME.as_bytes(), b"=", &value].concat();
            let seen = match stage.framework {
                Framework::Axum => through_the_layer(&sessions, cookie).await,
                Framework::Actix => through_the_middleware(&sessions, &cookie).await,
            };
            assert!(!seen.sets_a_cookie && !seen.adopted, "{value:?}");
            loads += usize::from(may_be_looked_up);
        }
        let requests = stage.recording.take();
        assert!(requests.iter().all(|verb| *verb == Verb::Load));
        assert_eq!(
            requests.len(),
            loads,
            "one for each that is well formed, none for the others"
        );
        assert_eq!(stage.count().await, 0);
    });
}

struct Seen {
    adopted: bool,
    sets_a_cookie: bool,
}

#[derive(Debug, Clone, Copy)]
struct Adopted(bool);

// Only the adapter and a handler that asks: routing a hundred thousand requests would test the router.

async fn through_the_layer(sessions: &Sessions, cookie: Vec<u8>) -> Seen {
    async fn handle(request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let (parts, _) = request.into_parts();
        let session = cloakroom::tower::session(&parts).await;
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(use_it(&session.unwrap()));
        Ok(response)
    }
    let service = sessions.layer().layer(service_fn(handle));
    let mut request = Request::new(Body::empty());
    request
        .headers_mut()
        .insert(header::COOKIE, cookie.try_into().unwrap());
    let response = service.oneshot(request).await.unwrap();
    Seen {
        adopted: response.extensions().get::<Adopted>().unwrap().0,
        sets_a_cookie: response.headers().contains_key(header::SET_COOKIE),
    }
}

async fn through_the_middleware(sessions: &Sessions, cookie: &[u8]) -> Seen {
    use actix_web::HttpResponse;
    use actix_web::dev::{Service as _, ServiceRequest, ServiceResponse, Transform as _, fn_service};
    use actix_web::http::header;

    async fn handle(request: ServiceRequest) -> Result<ServiceResponse, actix_web::Error> {
        let session = cloakroom::actix::session(request.request()).await;
        let mut response = HttpResponse::new(actix_web::http::StatusCode::OK);
        response.extensions_mut().insert(use_it(&session.unwrap()));
        Ok(request.into_response(response))
    }
    let service = sessions.middleware().new_transform(fn_service(handle));
    let request = actix_web::test::TestRequest::default().insert_header((header::COOKIE, cookie));
    let response = service.await.unwrap().call(request.to_srv_request());
    let response = response.await.unwrap();
    let adopted = response.response().extensions().get::<Adopted>().unwrap().0;
    Seen {
        adopted,
        sets_a_cookie: response.headers().contains_key(header::SET_COOKIE),
    }
}

/// Does what begins no session for a stranger.
fn use_it(session: &Session) -> Adopted {
    session.rotate().unwrap();
    session.clear().unwrap();
    Adopted(session.id().is_some() || session.principal().is_some())
}

/// xorshift64*: the same cookies in each run.
struct Random(u64);

impl Random {
    /// A strange cookie value, and whether it is well formed and so may be looked up.
    fn cookie(&mut self, n: usize) -> (Vec<u8>, bool) {
        match n % 4 {
            0 => (self.token(), true),
            1 => (self.malformed(), false),
            2 => {
                let length = 66 + self.below(200);
                (self.printable(length), false)
            }
            // Oversized ones are slow to make and to carry: one in forty is enough.
            _ if n % 40 == 3 => {
                let length = 4096 + self.below(4096);
                (self.printable(length), false)
            }
            _ => {
                let length = self.below(65);
                (self.printable(length), false)
            }
        }
    }

    fn token(&mut self) -> Vec<u8> {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut token = vec![b'1'];
        token.extend((0..64).map(|_| ALPHABET[self.below(64)]));
        token
    }

    /// A token with one character that cannot stand there.
    fn malformed(&mut self) -> Vec<u8> {
        let mut token = self.token();
        let strangers = b"+/=%. \"~!,\\\xff\xc3\x80";
        let at = self.below(token.len());
        token[at] = strangers[self.below(strangers.len())];
        token
    }

    /// Any bytes that a header can carry, but the one that ends a cookie.
    fn printable(&mut self, length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| match 0x20 + self.below(0xe0) as u8 {
                b';' | 0x7f => b'!',
                byte => byte,
            })
            .collect()
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}
