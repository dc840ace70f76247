//! What no compiler checks: the house rules, the layers between crates, and that the documents
//! say what the product does. `cargo xtask tidy` says it, and a test of this crate insists.

mod commands;
mod documents;
mod inventory;
mod layers;
mod markdown;
mod sources;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One thing that is not as it should be.
#[derive(Debug)]
pub(crate) struct Problem {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Why the check itself could not be made.
#[derive(Debug)]
pub(crate) struct CheckError(String);

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks the whole repository.
pub(crate) fn check(root: &Path) -> Result<Vec<Problem>, CheckError> {
    let tree = Tree::read(root)?;
    let mut problems = Vec::new();
    sources::check(&tree, &mut problems);
    layers::check(root, &tree, &mut problems)?;
    documents::check(&tree, &mut problems);
    commands::check(&tree, &mut problems);
    inventory::check(&tree, &mut problems);
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Ok(problems)
}

/// Every text file of the repository.
struct Tree {
    root: PathBuf,
    files: Vec<TextFile>,
}

/// One text file.
struct TextFile {
    /// Its path from the root, with `/`.
    path: String,
    text: String,
}

/// Endings of files that people write.
const TEXT: [&str; 8] = ["rs", "md", "toml", "json", "txt", "sh", "yml", "svg"];
/// Directories that hold nothing that people write.
const SKIPPED: [&str; 2] = ["target", ".git"];

impl Tree {
    fn read(root: &Path) -> Result<Self, CheckError> {
        let mut paths = Vec::new();
        walk(root, &mut paths)
            .map_err(|error| CheckError(format!("{}: {error}", root.display())))?;
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let is_text =
                path.extension().is_some_and(|ending| TEXT.iter().any(|known| ending == *known))
                    || name == ".ci/run";
            if is_text {
                let text = fs::read_to_string(&path)
                    .map_err(|error| CheckError(format!("{name}: {error}")))?;
                files.push(TextFile { path: name, text });
            }
        }
        let root = root.to_owned();
        Ok(Self { root, files })
    }

    fn ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a TextFile> {
        self.files.iter().filter(move |file| file.path.ends_with(ending))
    }

    fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The text of a file that must be there.
    fn needed<'a>(&'a self, path: &str, problems: &mut Vec<Problem>) -> &'a str {
        match self.file(path) {
            Some(file) => &file.text,
            None => {
                problems.push(problem(path, 1, "is missing"));
                ""
            }
        }
    }

    fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}

fn walk(directory: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let skipped = SKIPPED.iter().any(|name| entry.file_name() == *name);
        if skipped {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

fn problem(file: &str, line: usize, what: impl Into<String>) -> Problem {
    let (file, what) = (file.to_owned(), what.into());
    Problem { file, line, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the repository is tidy whenever its tests pass. Method: the command's own check.
    #[test]
    fn the_repository_is_tidy() {
        let problems = check(&crate::root()).unwrap();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said.is_empty(), "\n{}", said.join("\n"));
    }
}
