//! Invariant 6, in volume: a hundred thousand cookies that no server has issued.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{Request, Response, header};
use cloakroom::Session;
use cloakroom_probe::doubles::Verb;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::browser::NAME;
use crate::stage::on_every_store;

/// In all, for each store.
const COOKIES: usize = 100_000;

#[test]
fn a_hundred_thousand_strange_cookies_are_never_adopted_and_cost_what_they_may() {
    on_every_store(async |stage| {
        let sessions = stage.sessions();
        // Only the layer and a handler that asks: routing a hundred thousand requests would test the router.
        let service = sessions.layer().layer(service_fn(handle));
        let mut random = Random(0x5eed_0000_c10a_4001);
        let mut loads = 0;
        for n in 0..COOKIES {
            let (value, may_be_looked_up) = random.cookie(n);
            let mut request = Request::new(Body::empty());
            let cookie = [NAME.as_bytes(), b"=", &value].concat();
            request
                .headers_mut()
                .insert(header::COOKIE, cookie.try_into().unwrap());
            let response = service.clone().oneshot(request).await.unwrap();
            assert!(!response.headers().contains_key(header::SET_COOKIE), "{value:?}");
            assert!(!response.extensions().get::<Adopted>().unwrap().0, "{value:?}");
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

#[derive(Debug, Clone, Copy)]
struct Adopted(bool);

async fn handle(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let (parts, _) = request.into_parts();
    let session: Session = cloakroom::tower::session(&parts)
        .await
        .expect("no error, only strangers");
    // Nothing of this begins a session for a stranger.
    session.rotate().unwrap();
    session.clear().unwrap();
    let mut response = Response::new(Body::empty());
    let adopted = session.id().is_some() || session.principal().is_some();
    response.extensions_mut().insert(Adopted(adopted));
    Ok(response)
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
