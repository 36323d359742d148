//! One crate as the checker sees it: its files, what its root re-exports, and where a path leads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::reader::{Named, Read};

/// One crate: its sources, what its root re-exports, and what it depends on.
pub(crate) struct Package {
    pub(crate) sources: Vec<Source>,
    exports: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: BTreeMap<String, String>,
}

pub(crate) struct Source {
    /// For messages: the path below `src`.
    pub(crate) file: String,
    /// The module the file is, from the root: empty for `lib.rs` and `main.rs`.
    pub(crate) module: Vec<String>,
    pub(crate) text: String,
}

/// What a path leads to.
pub(crate) enum Target {
    Module(String),
    Crate(String),
    /// An item of the root that no `pub use` names.
    Unplaced(String),
}

impl Package {
    pub(crate) fn read(name: &str) -> Package {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let mut files = Vec::new();
        rust_files(&root.join("src"), &mut files);
        let sources = files.iter().map(|file| {
            let below = file.strip_prefix(root.join("src")).unwrap();
            (
                below.to_string_lossy().into_owned(),
                fs::read_to_string(file).unwrap(),
            )
        });
        Package::new(&manifest, sources.collect())
    }

    pub(crate) fn new(manifest: &str, files: Vec<(String, String)>) -> Package {
        let sources: Vec<Source> = files
            .into_iter()
            .map(|(file, text)| Source {
                module: module_path(&file),
                file,
                text,
            })
            .filter(|source| source.module.iter().all(|part| part != "tests"))
            .collect();
        let root = sources.iter().find(|source| source.file == "lib.rs");
        let exports = root.map(|root| exports(&root.text)).unwrap_or_default();
        Package {
            sources,
            exports,
            dependencies: dependencies(manifest),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        let path: Vec<&str> = name.split("::").collect();
        self.sources
            .iter()
            .any(|source| source.module.len() >= path.len() && source.module[..path.len()] == path)
    }

    /// The row a module path belongs to: its first segment, and below `stores` the first two.
    pub(crate) fn module_of(&self, path: &[String]) -> Option<String> {
        let first = path.first()?;
        if first == "stores" && path.len() > 1 {
            let store = format!("stores::{}", path[1]);
            if self.has(&store) {
                return Some(store);
            }
        }
        Some(first.clone())
    }

    pub(crate) fn target(&self, source: &Source, path: &Named) -> Option<Target> {
        let segments = &path.segments;
        let first = segments.first()?.as_str();
        if segments.len() == 1 && !path.imported {
            return None;
        }
        let absolute = match first {
            "crate" => segments[1..].to_vec(),
            "self" => [&source.module, &segments[1..]].concat(),
            "super" => {
                let up = segments.iter().take_while(|segment| *segment == "super").count();
                let base = source.module.len().saturating_sub(up);
                [&source.module[..base], &segments[up..]].concat()
            }
            name if self.dependencies.contains_key(name) => return Some(Target::Crate(name.to_owned())),
            _ => return None,
        };
        self.place(&absolute)
    }

    fn place(&self, absolute: &[String]) -> Option<Target> {
        let first = absolute.first()?;
        if self.has(first) {
            return self.module_of(absolute).map(Target::Module);
        }
        match self.exports.get(first) {
            Some(origin) if self.has(&origin[0]) => self.module_of(origin).map(Target::Module),
            Some(origin) => Some(Target::Crate(origin[0].clone())),
            None => Some(Target::Unplaced(first.clone())),
        }
    }
}

pub(crate) fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

fn module_path(file: &str) -> Vec<String> {
    let mut path: Vec<String> = file
        .trim_end_matches(".rs")
        .split(['/', '\\'])
        .map(str::to_owned)
        .collect();
    if path
        .last()
        .is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str()))
    {
        path.pop();
    }
    path
}

/// The dependencies of a manifest under the names code calls them by, each with its line.
fn dependencies(manifest: &str) -> BTreeMap<String, String> {
    let section = manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('=').map(|(name, _)| (name, line)))
        .map(|(name, line)| {
            (
                name.trim().trim_end_matches(".workspace").replace('-', "_"),
                line.trim().to_owned(),
            )
        })
        .collect()
}

/// The names the root re-exports, and where each comes from.
fn exports(root: &str) -> BTreeMap<String, Vec<String>> {
    let paths = Read::new(root)
        .paths
        .into_iter()
        .filter(|path| path.imported && path.segments.len() > 1);
    let renamed = Read::new(root)
        .paths
        .into_iter()
        .filter(|path| path.imported && path.alias.is_some());
    paths
        .chain(renamed)
        .filter_map(|path| {
            let name = path.alias.clone().or_else(|| path.segments.last().cloned())?;
            let origin = path
                .segments
                .into_iter()
                .skip_while(|segment| segment == "crate" || segment == "self");
            Some((name, origin.collect()))
        })
        .collect()
}
