//! Real Chromium, headless, driven through chromedriver.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fantoccini::cookies::Cookie;
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// A chromedriver of this test's own, and the profiles of its browsers. All of it ends when this is dropped.
pub(crate) struct Chromium {
    browser: PathBuf,
    driver: Child,
    url: String,
    profiles: TempDir,
}

impl Chromium {
    pub(crate) async fn start() -> Self {
        let browser = find(
            "CHROMIUM",
            &["chromium", "chromium-browser", "google-chrome", "chrome"],
        );
        // It looks for a port that is free twice, on IPv4 and on IPv6, and ends when a neighbour takes one in between.
        let mut started = start().await;
        for _ in 0..3 {
            if started.is_none() {
                started = start().await;
            }
        }
        let (driver, port) = started.expect("chromedriver says its port");
        // Not in /tmp: a Chromium from a snap sees another one.
        let profiles = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory for profiles");
        let url = format!("http://127.0.0.1:{port}");
        Self {
            browser,
            driver,
            url,
            profiles,
        }
    }

    /// A browser with a profile of this name; one that was closed goes on with what it kept.
    pub(crate) async fn open(&self, profile: &str, kind: Kind) -> Browser {
        let profile = self.profiles.path().join(profile);
        let arguments = [
            "--headless=new".to_owned(),
            // It visits our own pages only; as root, and in many containers, it does not start with a sandbox.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-first-run".to_owned(),
            // Names with which a page is at no trustworthy address: plain HTTP, and not localhost.
            "--host-resolver-rules=MAP *.test 127.0.0.1".to_owned(),
            "--disable-features=HttpsUpgrades".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--user-data-dir={}", profile.display()),
        ];
        let mut options = json!({ "binary": self.browser, "args": arguments });
        match kind {
            Kind::Desk => {}
            Kind::Phone => {
                let screen = json!({ "width": 320, "height": 640, "pixelRatio": 1.0 });
                options["mobileEmulation"] = json!({ "deviceMetrics": screen });
            }
            Kind::WithoutJavaScript => {
                options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
            }
        }
        let Value::Object(capabilities) = json!({ "goog:chromeOptions": options }) else {
            unreachable!("it is an object")
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connecting = builder.capabilities(capabilities);
        let client = timeout(PATIENCE, connecting.connect(&self.url))
            .await
            .expect("Chromium starts in time");
        Browser(client.expect("Chromium starts"))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.driver.id() {
            let kill = std::process::Command::new("kill")
                .args(["-KILL", "--", &format!("-{group}")])
                .status();
            // A panic here would hide the one that fails the test.
            if !kill.is_ok_and(|status| status.success()) {
                eprintln!("could not end the processes of group {group}");
            }
        }
    }
}

/// What kind of browser to open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Desk,
    /// With the narrowest screen that pages are made for.
    Phone,
    WithoutJavaScript,
}

/// One open browser.
pub(crate) struct Browser(Client);

impl Browser {
    pub(crate) async fn go(&self, url: &str) {
        self.0.goto(url).await.expect("the page opens");
    }

    pub(crate) async fn path(&self) -> String {
        self.0
            .current_url()
            .await
            .expect("there is a page")
            .path()
            .to_owned()
    }

    pub(crate) async fn title(&self) -> String {
        self.0.title().await.expect("there is a page")
    }

    /// The text a person sees.
    pub(crate) async fn text(&self) -> String {
        self.find("body").await.text().await.expect("the page has a text")
    }

    #[track_caller]
    pub(crate) fn assert_shows(&self, text: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let page = self.text().await;
            assert!(
                page.contains(text),
                "{place}: {text:?} is not on the page:\n{page}"
            );
        }
    }

    /// How far the page reaches beyond the right edge of the screen, in pixels.
    pub(crate) async fn overhang(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let answer = self
            .0
            .execute(script, Vec::new())
            .await
            .expect("the page can be measured");
        answer.as_i64().expect("a width is a number")
    }

    pub(crate) async fn count(&self, css: &str) -> usize {
        self.0
            .find_all(Locator::Css(css))
            .await
            .expect("the page can be searched")
            .len()
    }

    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("it is a field");
        field.send_keys(text).await.expect("it takes text");
    }

    /// Clicks what changes something on this page.
    pub(crate) async fn tick(&self, css: &str) {
        self.find(css).await.click().await.expect("it can be clicked");
    }

    /// Clicks what leads to another page, and waits for it.
    pub(crate) async fn click(&self, css: &str) {
        let page = self.find("html").await;
        self.tick(css).await;
        // The old page is gone once the driver no longer knows its root.
        let gone = async {
            while page.tag_name().await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, gone)
            .await
            .unwrap_or_else(|_| panic!("{css} leads nowhere"));
        self.find("footer").await;
    }

    /// Runs a script of this page, and waits for what it promises.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {script} }})().then(done, (e) => done(String(e)))"
        );
        let answer = self.0.execute_async(&script, Vec::new()).await;
        answer.expect("the script ends in time")
    }

    /// The session's cookie, when there is one.
    pub(crate) async fn cookie(&self) -> Option<Cookie<'static>> {
        let cookies = self.0.get_all_cookies().await.expect("there is a jar");
        cookies
            .into_iter()
            .find(|cookie| cookie.name() == "__Host-cloakroom-demo")
    }

    /// Closes the browser as a person does: what lasts is on disk by then.
    pub(crate) async fn close(self) {
        self.0.close().await.expect("it closes");
    }

    async fn find(&self, css: &str) -> Element {
        let found = self
            .0
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(css))
            .await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("{css} is not on the page: {error}\n{:?}", self.0.source().await),
        }
    }
}

/// A chromedriver and its port, unless it ended before it had one.
async fn start() -> Option<(Child, u16)> {
    let mut command = Command::new(find("CHROMEDRIVER", &["chromedriver"]));
    command
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    // A group of its own, so that the browsers end with it whatever happens.
    #[cfg(unix)]
    command.process_group(0);
    let mut driver = command.spawn().expect("chromedriver starts");
    let stdout = driver.stdout.take().expect("its output is piped");
    let port = timeout(PATIENCE, port(BufReader::new(stdout)))
        .await
        .expect("chromedriver is ready in time")?;
    Some((driver, port))
}

const PATIENCE: Duration = Duration::from_secs(30);

/// The port, as chromedriver says it on its standard output.
async fn port(output: BufReader<impl tokio::io::AsyncRead + Unpin>) -> Option<u16> {
    let mut lines = output.lines();
    while let Some(line) = lines.next_line().await.expect("chromedriver speaks UTF-8") {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return Some(port.trim_end_matches('.').parse().expect("a port is a number"));
        }
    }
    None
}

/// A program, from the variable that `cargo xtask test` sets or from PATH.
fn find(variable: &str, names: &[&str]) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = || {
        let places: Vec<PathBuf> = env::split_paths(&path).collect();
        let candidates = names
            .iter()
            .flat_map(|name| places.iter().map(move |place| place.join(name)));
        candidates
            .into_iter()
            .find(|candidate| Path::is_file(candidate))
            .map(OsString::from)
    };
    match env::var_os(variable).or_else(on_path) {
        Some(program) => program.into(),
        None => panic!(
            "{} is not on this machine: `cargo xtask test` installs what the tests need and sets {variable}",
            names[0]
        ),
    }
}
