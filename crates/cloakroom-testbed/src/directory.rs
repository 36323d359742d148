//! Directories that are gone when the process is.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A new directory below this process's own, for a server of this name.
pub(crate) fn new(name: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = root().join(format!("{name}-{number}"));
    fs::create_dir(&path).unwrap_or_else(|error| panic!("could not make {}: {error}", path.display()));
    path
}

/// The directory of this process. A shell removes it when the process has ended, which it learns from the end of its
/// standard input: the servers of a `static` are never dropped, and a killed process drops nothing.
fn root() -> &'static Path {
    struct Root {
        path: PathBuf,
        /// Held for its standard input.
        _janitor: Child,
    }
    static ROOT: OnceLock<Root> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let path = tempfile::Builder::new()
            .prefix("cloakroom-")
            .tempdir()
            .expect("the system has a directory for temporary files")
            .keep();
        // Servers that run as another user come through here.
        open_to_all(&path);
        let mut janitor = Command::new("sh")
            .args(["-c", "cat >/dev/null; sleep 1; rm -rf -- \"$1\"", "janitor"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        if let Some(input) = janitor.stdin.as_mut() {
            // Nothing to say: it waits for the end.
            input.flush().expect("a pipe can be flushed");
        }
        Root {
            path,
            _janitor: janitor,
        }
    });
    &root.path
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o711))
        .expect("a directory of ours has our permissions");
}
