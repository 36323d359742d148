//! With tower-sessions and its stores on a server, as their documentation has them.

#[path = "../../../src/apps/tower_sessions/routes.rs"]
mod routes;

use axum::Router;
use harness::Given;
use tower_sessions::SessionManagerLayer;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::PostgresStore;
use tower_sessions_sqlx_store::sqlx::PgPool;

/// Six connections, as in the documentation of the store.
pub(super) async fn redis(given: Given) -> Router {
    let config = Config::from_url(&given.store).expect("a URL of Redis");
    let pool = Pool::new(config, None, None, None, 6).expect("a pool");
    pool.connect();
    pool.wait_for_connect().await.expect("a server");
    routes::app().layer(SessionManagerLayer::new(RedisStore::new(pool)))
}

/// As many connections as sqlx has by itself.
pub(super) async fn postgres(given: Given) -> Router {
    let pool = PgPool::connect(&given.store).await.expect("a server");
    let store = PostgresStore::new(pool);
    store.migrate().await.expect("a table");
    routes::app().layer(SessionManagerLayer::new(store))
}
