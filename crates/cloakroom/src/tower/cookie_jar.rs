//! A browser's cookies, taken from a response.

use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::testing::CookieJar;

impl CookieJar {
    /// Does as a browser does with a response's headers.
    pub fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            if let Ok(line) = line.to_str() {
                self.set(line);
            }
        }
    }
}
