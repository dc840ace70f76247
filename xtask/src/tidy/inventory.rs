//! The inventory's format against its documents: every kind has a page, every key and exit code
//! stands in the reference, and the examples are right.

use std::collections::BTreeSet;

use domain::inventory::{SourceFile, load};

use super::{Problem, Tree, problem};

const RAW: &str = "crates/domain/src/inventory/raw.rs";
const EXIT: &str = "crates/cli/src/exit.rs";
const REFUSAL: &str = "crates/domain/src/refusal.rs";
const REFERENCE: &str = "docs/reference.md";

/// An inventory that is wrong at each place where a kind stands, so that the refusals list them.
const MAIN: &str = r#"
schema = 1
org = "x"
[state]
database = "x"
key = { file = "x" }
[connections.x]
kind = "?"
[issuers.x]
kind = "?"
via = "x"
[stores.x]
kind = "?"
"#;
const SECRET: &str = r#"
name = "X"
environment = "x"
issuer = "x"
store = { in = "x" }
[[consumers]]
kind = "?"
[[verify]]
kind = "?"
url = "https://localhost"
"#;

pub(super) fn check(tree: &Tree, problems: &mut Vec<Problem>) {
    pages(tree, problems);
    let reference = tree.needed(REFERENCE, problems);
    let mut told = |words: BTreeSet<String>, what: &str| {
        if words.is_empty() {
            problems.push(problem(REFERENCE, 1, format!("no {what} found in the source")));
        }
        for word in words {
            if !reference.contains(&format!("`{word}`")) {
                problems.push(problem(REFERENCE, 1, format!("does not tell of {what} `{word}`")));
            }
        }
    };
    let text = |path: &str| tree.file(path).map_or("", |file| file.text.as_str());
    told(keys(text(RAW)), "key");
    told(exits(text(EXIT)), "exit code");
    told(refusals(text(REFUSAL)), "refusal");
    told(lab::FaultKind::NAMES.map(str::to_owned).into(), "fault");
    examples(tree, problems);
}

/// Each kind that the inventory knows, as the product itself lists it.
fn kinds() -> Vec<(String, bool)> {
    let file = |text: &str| SourceFile { path: "x".into(), text: text.into() };
    let wrong = load(&file(MAIN), &[file(SECRET)]).err().unwrap_or_default();
    wrong
        .iter()
        .filter(|one| !one.message.contains("probe"))
        .filter_map(|one| {
            let list = one.hint.as_deref()?.strip_prefix("known: ")?;
            Some((list, one.message.contains("connection")))
        })
        .flat_map(|(list, wire)| list.split(", ").map(move |kind| (kind.to_owned(), wire)))
        .collect()
}

fn pages(tree: &Tree, problems: &mut Vec<Problem>) {
    let kinds = kinds();
    if kinds.len() < 10 {
        problems.push(problem(RAW, 1, format!("the product lists only {kinds:?}")));
    }
    for (kind, wire) in kinds {
        let vendor = kind.split('-').next().unwrap_or_default();
        let page = format!("docs/connectors/{vendor}.md");
        match tree.file(&page) {
            Some(file) if file.text.contains(&format!("`{kind}`")) => {}
            _ => problems.push(problem(&page, 1, format!("does not tell of the kind `{kind}`"))),
        }
        let fixtures = format!("fixtures/{vendor}");
        if wire && !tree.exists(&fixtures) {
            problems.push(problem(&fixtures, 1, format!("kind `{kind}` has no fixtures")));
        }
    }
}

/// The names of the fields, as the files write them.
fn keys(raw: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut renamed = None;
    for line in raw.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[serde(rename = \"") {
            renamed = rest.split('"').next().map(str::to_owned);
        } else if let Some((field, _)) =
            line.strip_prefix("pub(super) ").and_then(|rest| rest.split_once(": "))
        {
            keys.insert(renamed.take().unwrap_or_else(|| field.to_owned()));
        }
    }
    keys
}

fn exits(source: &str) -> BTreeSet<String> {
    source
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
        .filter(|(_, number)| number.chars().all(|c| c.is_ascii_digit()))
        .map(|(_, number)| number.to_owned())
        .collect()
}

fn refusals(source: &str) -> BTreeSet<String> {
    source
        .lines()
        .filter_map(|line| line.trim().split_once("=> \""))
        .filter_map(|(_, rest)| rest.strip_suffix("\","))
        .map(str::to_owned)
        .collect()
}

/// Every inventory under examples/ is one that the product takes.
fn examples(tree: &Tree, problems: &mut Vec<Problem>) {
    let source =
        |file: &super::TextFile| SourceFile { path: file.path.clone(), text: file.text.clone() };
    let mains: Vec<_> =
        tree.ending("/rollover.toml").filter(|file| file.path.starts_with("examples/")).collect();
    if mains.is_empty() {
        problems.push(problem("examples", 1, "holds no inventory"));
    }
    for main in mains {
        let place = main.path.replace("rollover.toml", "secrets/");
        let secrets: Vec<_> =
            tree.ending(".toml").filter(|file| file.path.starts_with(&place)).map(source).collect();
        if secrets.is_empty() {
            problems.push(problem(&place, 1, "holds no secret"));
        }
        for wrong in load(&source(main), &secrets).err().unwrap_or_default() {
            problems.push(problem(&wrong.file, wrong.line, wrong.message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the lists come from the product. Method: look for one word of each.
    #[test]
    fn the_product_lists_its_own_words() {
        let kinds = kinds();
        for kind in ["postmark", "postmark-server", "sealed", "dotenv"] {
            assert!(kinds.iter().any(|(one, _)| one == kind), "{kind}: {kinds:?}");
        }
        assert!(kinds.iter().filter(|(_, wire)| *wire).count() >= 4);
        let text = "pub(super) a_b: X,\n#[serde(rename = \"in\")]\npub(super) store: Text,\n";
        assert_eq!(keys(text), ["a_b", "in"].map(str::to_owned).into());
        assert_eq!(exits("    Ok = 0,\n    Now = 75,\n"), ["0", "75"].map(str::to_owned).into());
        let refusal = "Self::A(_) => \"a-b\",\n";
        assert_eq!(refusals(refusal), ["a-b"].map(str::to_owned).into());
    }
}
