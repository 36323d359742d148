//! What the papers at the root name exists: paths, links, headings, commands and modules.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test a panic is the answer"
)]

use std::fs;
use std::path::{Path, PathBuf};

const PAPERS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
];

#[test]
fn every_path_the_map_names_exists() {
    let broken = broken_paths(&read("ARCHITECTURE.md"), &root());
    assert!(
        broken.is_empty(),
        "ARCHITECTURE.md names what does not exist:\n  {}",
        broken.join("\n  ")
    );
}

#[test]
fn the_map_names_every_module_of_the_library() {
    let map = read("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("crates/cloakroom/src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // A folder beside a file of its name holds parts of that file.
        let name = match entry.path().is_dir() {
            true if entry.path().with_extension("rs").exists() => format!("{name}.rs"),
            true => format!("{name}/"),
            false => name,
        };
        assert!(
            map.contains(&format!("`{name}`")),
            "ARCHITECTURE.md does not name crates/cloakroom/src/{name}"
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    for paper in PAPERS {
        let broken = broken_links(&read(paper), paper, &root());
        assert!(
            broken.is_empty(),
            "{paper} links to what does not exist:\n  {}",
            broken.join("\n  ")
        );
    }
}

#[test]
fn the_readme_names_every_feature_of_the_library() {
    let readme = read("README.md");
    for feature in features(&read("crates/cloakroom/Cargo.toml")) {
        assert!(
            readme.contains(&format!("| `{feature}`")),
            "README.md has no row for the feature {feature}"
        );
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("could not read {path}: {error}"))
}

/// The paths in backticks that are not there. A path is taken from the root, or from the directory that the
/// heading above names.
fn broken_paths(paper: &str, root: &Path) -> Vec<String> {
    let mut base = root.to_owned();
    let mut broken = Vec::new();
    for (number, line) in prose(paper) {
        let spans: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        if line.starts_with('#') {
            base = root.to_owned();
            if let Some(directory) = spans.iter().find(|span| span.ends_with('/')) {
                base = root.join(directory);
            }
        }
        for span in spans.into_iter().filter(|span| is_path(span)) {
            let there = [root, &base].iter().any(|from| {
                let path = from.join(span);
                path.exists() && (!span.ends_with('/') || path.is_dir())
            });
            if !there {
                broken.push(format!("line {number}: {span}"));
            }
        }
    }
    broken
}

/// A file or a directory, as against code, a route, a type or a command.
fn is_path(span: &str) -> bool {
    let named = [".rs", ".md", ".toml", "/"].iter().any(|end| span.ends_with(end))
        || span.starts_with("crates/")
        || span.starts_with('.');
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "._-/".contains(sign);
    named && span.len() > 1 && !span.starts_with('/') && span.chars().all(plain)
}

fn broken_links(paper: &str, file: &str, root: &Path) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, line) in prose(paper) {
        for target in links(line).filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = root.join(if path.is_empty() { file } else { path });
            let there = path.exists()
                && (anchor.is_empty()
                    || fs::read_to_string(&path)
                        .is_ok_and(|text| headings(&text).contains(&anchor.to_owned())));
            if !there {
                broken.push(format!("line {number}: {target}"));
            }
        }
    }
    broken
}

/// The lines outside code blocks, with their numbers.
fn prose(paper: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    paper.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then_some((at + 1, line))
    })
}

/// The targets of `[text](target)` and of `[text]: target`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let inline = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let reference = line
        .starts_with('[')
        .then(|| line.split_once("]: ").map(|(_, target)| target.trim()));
    inline.chain(reference.flatten())
}

/// The anchors a page has, made from its headings as the code hosts do.
fn headings(paper: &str) -> Vec<String> {
    prose(paper)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            let text = line
                .trim_start_matches('#')
                .trim()
                .to_lowercase()
                .replace(' ', "-");
            text.chars()
                .filter(|sign| sign.is_alphanumeric() || *sign == '-' || *sign == '_')
                .collect()
        })
        .collect()
}

/// The names in `[features]`.
fn features(manifest: &str) -> Vec<&str> {
    manifest
        .lines()
        .skip_while(|line| *line != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| *name != "default" && !name.starts_with('#'))
        .collect()
}

/// The reader itself.
mod reader {
    use super::*;

    #[test]
    fn a_path_that_is_gone_is_found() {
        let paper = "# Map\n`xtask/src/gone.rs` and `xtask/src/main.rs`\n";
        assert_eq!(broken_paths(paper, &root()), ["line 2: xtask/src/gone.rs"]);
    }

    #[test]
    fn a_heading_says_where_short_paths_begin() {
        let paper = "## `xtask/src/`\n`main.rs` `gone.rs`\n## Else\n`main.rs`\n";
        assert_eq!(
            broken_paths(paper, &root()),
            ["line 2: gone.rs", "line 4: main.rs"]
        );
    }

    #[test]
    fn code_routes_and_types_are_no_paths() {
        for span in [
            "Session",
            "/read",
            "cargo xtask test",
            "stores::memory",
            "AnyStore",
            "a / b/",
            "/",
        ] {
            assert!(!is_path(span), "{span}");
        }
        for span in ["settle.rs", "stores/", "crates/cloakroom", ".ci/run"] {
            assert!(is_path(span), "{span}");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let paper =
            "# One Two\n[a](#one-two) [b](#three) [c](xtask/) [d](GONE.md) [e](https://example.org)\n";
        fs::write(std::env::temp_dir().join("paper-links.md"), paper).unwrap();
        let broken = broken_links(paper, "paper-links.md", &std::env::temp_dir());
        assert_eq!(broken, ["line 2: #three", "line 2: xtask/", "line 2: GONE.md"]);
    }

    #[test]
    fn code_blocks_are_not_read() {
        assert_eq!(
            broken_paths("```text\n`gone.rs`\n```\n", &root()),
            Vec::<String>::new()
        );
    }
}
