//! The load: `wrk`, with a script that sends the requests of many sessions in turn.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::{env, fs, process};

use super::sessions;
use crate::tools::{self, Tool};

/// The processor that the load comes from, and that the servers of stores run on.
pub(super) const PROCESSOR: &str = "1";

/// How many connections there are, each with a request under way.
pub(super) const CONNECTIONS: usize = 64;

/// How many sessions take turns: so many that none has two requests under way.
pub(super) const SESSIONS: usize = 1_024;

/// What a request does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) name: &'static str,
    method: &'static str,
    path: &'static str,
    has_cookie: bool,
}

impl Route {
    const fn new(name: &'static str, method: &'static str, path: &'static str, has_cookie: bool) -> Self {
        Self {
            name,
            method,
            path,
            has_cookie,
        }
    }
}

/// The routes, the first without a session layer.
pub(super) const ROUTES: [Route; 6] = [
    Route::new("plain", "GET", "/plain", true),
    Route::new("anonymous", "GET", "/unused", false),
    Route::new("unused", "GET", "/unused", true),
    Route::new("read", "GET", "/read", true),
    Route::new("write", "POST", "/write", true),
    Route::new("sign-in", "POST", "/sign-in", false),
];

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) requests: u64,
    pub(super) per_second: f64,
}

/// Sends as many requests to a route as are answered within a second.
///
/// # Errors
///
/// When one of them was not answered, or with an error.
pub(super) fn send(app: SocketAddr, route: Route, cookies: &[String]) -> Result<Load, String> {
    let wrk = tools::find(Tool::Wrk).ok_or("wrk is not there any more")?;
    let file = env::temp_dir().join(format!("cloakroom-bench-{}.lua", process::id()));
    fs::write(&file, script(route, cookies))
        .map_err(|error| format!("could not write {}: {error}", file.display()))?;
    let output = Command::new("taskset")
        .args(["-c", PROCESSOR])
        .arg(wrk)
        .args(["--threads", "1", "--duration", "1s", "--timeout", "5s"])
        .args(["--connections", &CONNECTIONS.to_string()])
        .arg("--script")
        .arg(&file)
        .arg(format!("http://{app}"))
        .output();
    // It is gone at the next cleaning of the temporary directory, if not now.
    let _ = fs::remove_file(&file);
    let output = output.map_err(|error| format!("could not start wrk: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    load(&text).map_err(|why| {
        format!(
            "{}: {why}\n{text}{}",
            route.name,
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// Every request is made once, before the first is sent.
fn script(route: Route, cookies: &[String]) -> String {
    let mut script = "local requests = {}\nlocal sent = 0\nlocal cookies = {\n".to_owned();
    let cookies = if route.has_cookie { cookies } else { &[] };
    for cookie in cookies {
        // A string can always be written to.
        let _ = writeln!(script, "  [=[{cookie}]=],");
    }
    let _ = write!(
        script,
        "}}\n\
         function init(arguments)\n\
         \x20 for n, cookie in ipairs(cookies) do\n\
         \x20   requests[n] = wrk.format('{method}', '{path}', {{ ['Cookie'] = cookie }})\n\
         \x20 end\n\
         \x20 if #cookies == 0 then requests[1] = wrk.format('{method}', '{path}', {{}}) end\n\
         end\n\
         function request()\n\
         \x20 sent = sent + 1\n\
         \x20 return requests[sent % #requests + 1]\n\
         end\n\
         function done(summary, latency, requests)\n\
         \x20 local errors = summary.errors\n\
         \x20 local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout\n\
         \x20 io.write(string.format('load %d %d %d\\n', summary.requests, summary.duration, failed))\n\
         end\n",
        method = route.method,
        path = route.path,
    );
    script
}

/// Reads what the script says in the end: `load REQUESTS MICROSECONDS FAILED`.
fn load(output: &str) -> Result<Load, String> {
    let line = output.lines().find_map(|line| line.strip_prefix("load "));
    let numbers: Vec<u64> = line
        .map(|line| line.split(' ').filter_map(|number| number.parse().ok()).collect())
        .unwrap_or_default();
    match numbers[..] {
        [_, _, failed @ 1..=u64::MAX] => Err(format!("{failed} requests failed")),
        // None at all is a server that does something else for a second, such as writing to a slow disk.
        [requests, microseconds @ 1..=u64::MAX, 0] => Ok(Load {
            requests,
            per_second: requests as f64 * 1e6 / microseconds as f64,
        }),
        _ => Err("wrk did not say how many requests there were".to_owned()),
    }
}

/// Begins the sessions whose requests are sent.
pub(super) fn begin(app: SocketAddr) -> Result<Vec<String>, String> {
    sessions::begin(app, SESSIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_read() {
        let load = load("Running\nload 500 1000000 0\n").expect("it makes sense");
        assert_eq!((load.requests, load.per_second), (500, 500.0));
    }

    #[test]
    fn a_failed_request_fails_the_run() {
        assert!(load("load 500 1000000 1\n").is_err());
        assert!(load("load 0 0 0\n").is_err());
        assert!(load("Running\n").is_err());
    }
}
