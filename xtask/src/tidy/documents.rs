//! The documents among themselves: links resolve, and everything that has a page has one.

use std::path::{Component, Path, PathBuf};

use super::{Problem, TextFile, Tree, markdown, problem};

/// What a repository of ours must hold.
const NEEDED: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "STYLE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/README.md",
    "docs/glossary.md",
    "docs/reference.md",
];

pub(super) fn check(tree: &Tree, problems: &mut Vec<Problem>) {
    for path in NEEDED {
        tree.needed(path, problems);
    }
    for file in tree.ending(".md") {
        for link in markdown::links(&file.text) {
            if let Some(what) = broken(tree, file, &link.text) {
                problems.push(problem(&file.path, link.line, what));
            }
        }
    }
    listed(tree, problems);
    named(tree, problems);
}

fn broken(tree: &Tree, file: &TextFile, link: &str) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        file.path.clone()
    } else {
        let directory = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        plain(&directory.join(path)).display().to_string()
    };
    if !tree.exists(&target) {
        return Some(format!("the link `{link}` leads nowhere"));
    }
    let known = tree.file(&target).is_none_or(|target| {
        anchor.is_empty() || markdown::anchors(&target.text).iter().any(|one| one == anchor)
    });
    (!known).then(|| format!("`{target}` has no heading `#{anchor}`"))
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Every page under docs/ is reached from the index there, or from the index of its own folder.
fn listed(tree: &Tree, problems: &mut Vec<Problem>) {
    let pages = tree.ending(".md").filter_map(|file| file.path.strip_prefix("docs/"));
    for page in pages.filter(|page| *page != "README.md") {
        let (folder, name) = page.rsplit_once('/').unwrap_or(("", page));
        let own = format!("docs/{folder}/README.md");
        let (index, name) = match name != "README.md" && tree.file(&own).is_some() {
            true => (own.as_str(), name),
            false => ("docs/README.md", page),
        };
        let links = markdown::links(tree.needed(index, problems));
        if !links.iter().any(|link| link.text == name) {
            problems.push(problem(index, 1, format!("does not list `{name}`")));
        }
    }
}

/// What ARCHITECTURE.md names is there: source files by their path's end, functions and types by
/// their last word.
fn named(tree: &Tree, problems: &mut Vec<Problem>) {
    let page = "ARCHITECTURE.md";
    let sources = || tree.ending(".rs").filter(|file| file.path.starts_with("crates/"));
    for code in markdown::code(tree.needed(page, problems)) {
        let name = code.text.as_str();
        let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.');
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let found = if name.ends_with(".rs") && name.chars().all(is_path) {
            sources().any(|file| file.path.ends_with(&format!("/{name}")))
        } else if (name.contains("::") || name.contains('_')) && name.chars().all(is_name) {
            let last = name.rsplit("::").next().unwrap_or(name);
            sources().any(|file| words(&file.text).any(|word| word == last))
        } else {
            true
        };
        if !found {
            problems.push(problem(page, code.line, format!("there is no `{name}`")));
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}
