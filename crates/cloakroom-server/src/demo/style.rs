//! The style sheet, under an address that changes with it.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

const CSS: &str = include_str!("../../templates/demo/style.css");

/// Where the style sheet of this build is: browsers may keep it for ever.
pub(crate) fn path() -> String {
    format!("/style-{:016x}.css", fingerprint(CSS.as_bytes()))
}

/// Answers the style sheet.
pub(crate) async fn serve() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, CSS)
}

/// FNV-1a: it only has to differ when the style sheet does, and costs no dependency.
const fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}
