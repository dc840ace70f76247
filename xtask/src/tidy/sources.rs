//! House rules that one file shows by itself.

use super::{Problem, TextFile, Tree, problem};

/// The longest that a source file may be.
const LINES_MAX: usize = 600;

/// What no source file may hold. Written in halves, so that this file does not hold it either.
const FORBIDDEN: [(&str, &str); 3] = [
    (concat!("to", "do!"), "finish it, or leave it out"),
    (concat!("#[ig", "nore"), "assert what is wrong today and say so"),
    (concat!("should", "_panic"), "assert the error instead"),
];

/// Forms of real tokens: what they begin with, and how many characters follow.
const TOKENS: [(&str, usize); 3] =
    [(concat!("HR", "KU-"), 60), (concat!("gh", "p_"), 36), (concat!("AK", "IA"), 16)];
/// What shows that something of a token's form never was a token.
const PLACEHOLDERS: [&str; 2] = ["0123456789", "EXAMPLE"];

pub(super) fn check(tree: &Tree, problems: &mut Vec<Problem>) {
    for file in &tree.files {
        if !file.path.starts_with("fixtures/") {
            tokens(file, problems);
        }
        if [".rs", ".md", ".toml", ".ci/run"].iter().any(|end| file.path.ends_with(end)) {
            blanks(file, problems);
        }
    }
    for file in tree.ending(".rs") {
        header(file, problems);
        forbidden(file, problems);
        length(file, problems);
    }
    dependencies(tree, problems);
}

fn header(file: &TextFile, problems: &mut Vec<Problem>) {
    if !file.text.starts_with("//!") {
        problems.push(problem(&file.path, 1, "opens without `//!`: say what the module is for"));
    }
}

fn blanks(file: &TextFile, problems: &mut Vec<Problem>) {
    for (number, line) in lines(file) {
        if line.ends_with([' ', '\t', '\r']) {
            problems.push(problem(&file.path, number, "a blank at the end of the line"));
        }
    }
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        let last = file.text.lines().count();
        problems.push(problem(&file.path, last, "does not end in exactly one newline"));
    }
}

fn forbidden(file: &TextFile, problems: &mut Vec<Problem>) {
    for (number, line) in lines(file) {
        for (what, instead) in FORBIDDEN {
            if line.contains(what) {
                problems.push(problem(&file.path, number, format!("`{what}`: {instead}")));
            }
        }
    }
}

fn length(file: &TextFile, problems: &mut Vec<Problem>) {
    let count = file.text.lines().count();
    if count > LINES_MAX {
        let what = format!("{count} lines, at most {LINES_MAX}: it holds more than one noun");
        problems.push(problem(&file.path, count, what));
    }
}

fn tokens(file: &TextFile, problems: &mut Vec<Problem>) {
    for (number, line) in lines(file) {
        for (prefix, length) in TOKENS {
            for (at, _) in line.match_indices(prefix) {
                let rest = line[at + prefix.len()..].chars();
                let value: String = rest
                    .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
                    .collect();
                let made_up = PLACEHOLDERS.iter().any(|word| value.contains(word));
                if value.len() >= length && !made_up {
                    let what =
                        format!("something of a token's form: `{prefix}` and {} more", value.len());
                    problems.push(problem(&file.path, number, what));
                }
            }
        }
    }
}

/// Each group of dependencies in the root manifest opens with the need that it serves.
fn dependencies(tree: &Tree, problems: &mut Vec<Problem>) {
    let manifest = tree.needed("Cargo.toml", problems);
    let (mut inside, mut explained) = (false, false);
    for (i, line) in manifest.lines().enumerate() {
        match line.chars().next() {
            Some('[') => (inside, explained) = (line == "[workspace.dependencies]", false),
            Some('#') => explained = true,
            None => explained = false,
            Some(_) if inside && !explained => {
                let what = "a group of dependencies without a comment: which need does it serve?";
                problems.push(problem("Cargo.toml", i + 1, what));
                explained = true;
            }
            Some(_) => {}
        }
    }
}

fn lines(file: &TextFile) -> impl Iterator<Item = (usize, &str)> {
    file.text.split('\n').enumerate().map(|(i, line)| (i + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Vec<String> {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        let manifest = TextFile {
            path: "Cargo.toml".to_owned(),
            text: "[workspace.dependencies]\n# A need.\na = \"1\"\n".to_owned(),
        };
        let tree = Tree { root: std::path::PathBuf::new(), files: vec![file, manifest] };
        let mut problems = Vec::new();
        check(&tree, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    /// Goal: each rule finds its breach. Method: one smallest file a rule.
    #[test]
    fn every_rule_finds_its_breach() {
        let clean: [String; 0] = [];
        assert_eq!(said("a.rs", "//! A.\n"), clean);
        for (text, found) in [
            ("fn a() {}\n", "opens without"),
            ("//! A. \n", "a blank at the end"),
            ("//! A.", "exactly one newline"),
            (concat!("//! A.\nto", "do!()\n"), "finish it"),
            (concat!("//! A.\n#[ig", "nore]\n"), "assert what is wrong"),
            (concat!("//! A.\n#[should", "_panic]\n"), "assert the error"),
        ] {
            let all = said("a.rs", text);
            assert!(all.iter().any(|one| one.contains(found)), "{found}: {all:?}");
        }
        let long = format!("//! A.\n{}", "// b\n".repeat(LINES_MAX));
        assert!(said("a.rs", &long)[0].contains("601 lines"));
        let token = format!("//! {}{}\n", TOKENS[0].0, "x".repeat(60));
        assert!(said("a.rs", &token)[0].contains("token's form"));
        assert_eq!(said("fixtures/a.rs", &token), clean);
    }
}
