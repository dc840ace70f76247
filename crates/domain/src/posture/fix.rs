//! What is safe to put right without a person's thought: files that are only added to, and hooks,
//! before which those run that are there.

use super::repository::{WITH_VALUES, hooks, ignored};
use super::{Facts, Looked, Verdict};
use crate::template::{Entry, Form, render};

/// One change of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The check that it puts right.
    pub check: &'static str,
    /// The file, from the repository's root.
    pub file: String,
    /// What is added to its end; a file that is not there is made of it.
    pub added: String,
}

/// Whether no hook looks for tokens in a repository that is git's.
#[must_use]
pub fn lacks_hooks(facts: &Facts) -> bool {
    let Looked::Seen(tree) = &facts.tree else { return false };
    matches!(tree.tracked, Looked::Seen(_)) && hooks(facts).verdict == Verdict::Fail
}

/// The changes that put right what can be.
#[must_use]
pub fn changes(facts: &Facts) -> Vec<Change> {
    let Looked::Seen(tree) = &facts.tree else { return Vec::new() };
    let mut all = Vec::new();
    let rules = tree.files.get(".gitignore").map_or("", String::as_str);
    let open: Vec<&str> =
        WITH_VALUES.iter().copied().filter(|name| !ignored(rules, name)).collect();
    if !open.is_empty() {
        let before = if rules.is_empty() || rules.ends_with('\n') { "" } else { "\n" };
        let added = format!("{before}# values of secrets\n{}\n", open.join("\n"));
        all.push(Change { check: "env-ignored", file: ".gitignore".into(), added });
    }
    let has_example =
        tree.files.keys().any(|path| path.starts_with(".env") && path.contains("example"));
    if !has_example && !tree.needed.is_empty() {
        let entries: Vec<Entry> = tree
            .needed
            .iter()
            .map(|key| Entry { key: key.clone(), about: String::new() })
            .collect();
        let added = render(Form::Env, &entries);
        all.push(Change { check: "example-file", file: ".env.example".into(), added });
    }
    all
}
