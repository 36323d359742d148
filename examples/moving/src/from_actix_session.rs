//! From actix-session.

use actix_session::SessionExt;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use cloakroom::Key;

pub const CART: Key<Vec<u64>> = Key::new("cart");

/// Takes an old session over, once: the next request brings our cookie, and not theirs.
pub async fn carry_over(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let old = request.get_session();
    // No session of theirs: our store is not asked.
    if old.entries().is_empty() {
        return next.call(request).await;
    }
    let session = cloakroom::actix::session(request.request()).await?;
    if session.principal().is_none() {
        if let Some(user) = old.get::<String>("user")? {
            session.sign_in(user)?;
        }
        if let Some(cart) = old.get("cart")? {
            session.set(CART, &cart)?;
        }
        // Ours is written before theirs ends, so a store that is down signs nobody out.
        session.save().await?;
    }
    old.purge();
    next.call(request).await
}
