//! What the documents name is there: tests, requirements and events.

use std::fs;
use std::path::{Path, PathBuf};

use crate::package::rust_files;

/// Documents that name tests, as `` `file.rs`: `a_test`, `another` ``, beside the guides.
const DOCUMENTS: &[&str] = &["docs/asvs.md"];
const GUIDES: &str = "crates/cloakroom/src/guide";

/// The requirements of OWASP ASVS 5.0 on cookies (V3.3), sessions (V7), tokens (V9) and logging (V16): all of them have a row.
const REQUIREMENTS: &[&str] = &[
    "3.3.1", "3.3.2", "3.3.3", "3.3.4", "3.3.5", "7.1.1", "7.1.2", "7.1.3", "7.2.1", "7.2.2", "7.2.3",
    "7.2.4", "7.3.1", "7.3.2", "7.4.1", "7.4.2", "7.4.3", "7.4.4", "7.4.5", "7.5.1", "7.5.2", "7.5.3",
    "7.6.1", "7.6.2", "9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.2.2", "9.2.3", "9.2.4", "16.1.1", "16.2.1",
    "16.2.2", "16.2.3", "16.2.4", "16.2.5", "16.3.1", "16.3.2", "16.3.3", "16.3.4", "16.4.1", "16.4.2",
    "16.4.3", "16.5.1", "16.5.2", "16.5.3", "16.5.4",
];

#[test]
fn every_test_that_a_document_names_exists() {
    let sources = sources();
    let mut missing = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for named in text.lines().flat_map(named_tests) {
            count += 1;
            if let Err(why) = named.find(&sources) {
                missing.push(format!("{}: {why}", document.display()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "tests that are not there:\n  {}\n",
        missing.join("\n  ")
    );
    assert!(
        count > 100,
        "{count} tests are named: are they still spelled like this?"
    );
}

#[test]
fn every_requirement_has_a_row_that_says_where_it_is_met() {
    let text = fs::read_to_string(root().join("docs/asvs.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| is_requirement(line)).collect();
    let neighbours = text.lines().zip(text.lines().skip(1));
    for (before, row) in neighbours.filter(|(_, line)| is_requirement(line)) {
        assert!(before.starts_with('|'), "a row outside of a table: {row}");
    }
    for number in REQUIREMENTS {
        let begins = format!("| {number} |");
        let found = rows.iter().filter(|row| row.starts_with(&begins)).count();
        assert_eq!(found, 1, "rows of {number}");
    }
    for row in rows {
        let says = !named_tests(row).is_empty() || row.contains("the application") || row.contains("not yet");
        assert!(says, "no test, not the application, and not \"not yet\": {row}");
    }
}

#[test]
fn every_event_is_in_the_guide_to_operating() {
    let events = fs::read_to_string(root().join("crates/cloakroom/src/events.rs")).unwrap();
    let guide = fs::read_to_string(root().join(GUIDES).join("operating.md")).unwrap();
    let events = events.split("#[cfg(test)]").next().unwrap();
    let events: Vec<(&str, &str)> = events.split("tracing::").skip(1).filter_map(event).collect();
    assert!(events.len() > 20, "{events:?}");
    let missing: Vec<_> = events
        .iter()
        .filter(|(level, text)| {
            let (begins, spelled) = (format!("| {level} |"), format!("`{text}`"));
            !guide
                .lines()
                .any(|line| line.starts_with(&begins) && line.contains(&spelled))
        })
        .collect();
    assert!(
        missing.is_empty(),
        "events without a row in {GUIDES}/operating.md: {missing:?}"
    );
}

#[test]
fn named_tests_are_read_from_a_row() {
    let row = "| a `b.rs` | `x/a.rs`: `one`, `two`; `b.rs`: `three` and `four` | `c` |";
    let named: Vec<_> = named_tests(row)
        .iter()
        .map(|named| (named.file.to_owned(), named.test.to_owned()))
        .collect();
    let expected = [("x/a.rs", "one"), ("x/a.rs", "two"), ("b.rs", "three")];
    assert_eq!(
        named,
        expected.map(|(file, test)| (file.to_owned(), test.to_owned()))
    );
}

/// A test as a document names it: by the end of its file's path, and its name.
struct Named<'a> {
    file: &'a str,
    test: &'a str,
}

impl Named<'_> {
    fn find(&self, sources: &[(String, String)]) -> Result<(), String> {
        let Self { file, test } = self;
        let end = format!("/{file}");
        let files: Vec<_> = sources.iter().filter(|(path, _)| path.ends_with(&end)).collect();
        let [(_, text)] = files[..] else {
            return Err(format!("{} files end with {file}", files.len()));
        };
        let lines: Vec<&str> = text.lines().collect();
        let begins = format!("fn {test}(");
        let is_test = |at: usize| {
            lines[at.saturating_sub(4)..at]
                .iter()
                .any(|line| is_attribute(line))
        };
        let found = (0..lines.len()).any(|at| lines[at].contains(&begins) && is_test(at));
        found.then_some(()).ok_or(format!("no test {test} in {file}"))
    }
}

/// `#[test]`, or one of a runtime.
fn is_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[") && (line.contains("test]") || line.contains("::test("))
}

/// The tests that a line names.
fn named_tests(line: &str) -> Vec<Named<'_>> {
    let pieces: Vec<&str> = line.split('`').collect();
    let mut named = Vec::new();
    let mut file = None;
    for at in (1..pieces.len().saturating_sub(1)).step_by(2) {
        let (span, after) = (pieces[at], pieces[at + 1]);
        if span.ends_with(".rs") {
            file = (after == ": ").then_some(span);
        } else if let Some(known) = file {
            named.push(Named {
                file: known,
                test: span,
            });
            file = (after == ", ").then_some(known);
        }
    }
    named
}

fn is_requirement(line: &str) -> bool {
    line.strip_prefix("| ")
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Level and text of an event, from what follows `tracing::`.
fn event(source: &str) -> Option<(&str, &str)> {
    let (level, call) = source.split_once("!(")?;
    let call = call.split(");").next()?;
    let text = call.split('"').skip(1).step_by(2).last()?;
    Some((level, text))
}

fn documents() -> Vec<PathBuf> {
    let guides = fs::read_dir(root().join(GUIDES)).unwrap();
    let guides = guides.map(|entry| entry.unwrap().path());
    let guides = guides.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    guides
        .chain(DOCUMENTS.iter().map(|document| root().join(document)))
        .collect()
}

/// Path and text of every Rust source of ours.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        (file.to_string_lossy().replace('\\', "/"), text)
    };
    files.into_iter().map(read).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
