//! Who may use whom. ARCHITECTURE.md draws this table; both are checked against the manifests.

use std::path::Path;

use cargo_metadata::{MetadataCommand, Package};

use super::{CheckError, Problem, Tree, problem};

/// Each crate of ours, and those of ours that it may use.
const OURS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("seal", &["domain"]),
    ("connectors", &["domain", "seal"]),
    ("journal", &["domain", "seal"]),
    ("engine", &["domain", "seal", "connectors", "journal"]),
    ("scan", &["domain"]),
    ("lab", &[]),
    ("rollover", &["domain", "seal", "connectors", "journal", "engine", "scan", "lab", "e2e"]),
    ("e2e", &["domain", "seal", "connectors", "journal", "scan", "lab"]),
    ("fuzzed", &["domain", "seal", "connectors", "scan"]),
    ("xtask", &["domain", "seal", "connectors", "journal", "scan", "lab", "e2e", "fuzzed"]),
];

/// Crates of others that only some of ours may use.
const OTHERS: [(&str, &[&str]); 12] = [
    ("reqwest", &["connectors"]),
    // The harness puts TLS before the lab; it is not built in.
    ("rustls", &["connectors", "e2e"]),
    ("rusqlite", &["journal"]),
    ("ed25519-dalek", &["journal"]),
    ("chacha20poly1305", &["seal"]),
    ("clap", &["rollover"]),
    ("indicatif", &["rollover"]),
    ("rpassword", &["rollover"]),
    ("hyper", &["lab"]),
    // The figures measure the bare reading of packs beside the scan.
    ("gix-pack", &["scan", "xtask"]),
    ("gix-odb", &["scan"]),
    ("ignore", &["scan"]),
];

pub(super) fn check(
    root: &Path,
    tree: &Tree,
    problems: &mut Vec<Problem>,
) -> Result<(), CheckError> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .map_err(|error| CheckError(format!("cargo metadata: {error}")))?;
    for package in &metadata.packages {
        uses(package, problems);
    }
    drawn(tree, problems);
    Ok(())
}

fn uses(package: &Package, problems: &mut Vec<Problem>) {
    let name = package.name.as_str();
    let manifest = format!("the manifest of `{name}`");
    let Some((_, allowed)) = OURS.iter().find(|(ours, _)| *ours == name) else {
        let what = "is not in the table of layers (xtask/src/tidy/layers.rs)";
        problems.push(problem(&manifest, 1, what));
        return;
    };
    for dependency in &package.dependencies {
        let used = dependency.name.as_str();
        let ours = OURS.iter().any(|(ours, _)| *ours == used);
        if ours && !allowed.contains(&used) {
            problems.push(problem(&manifest, 1, format!("`{name}` may not use `{used}`")));
        }
        let others = OTHERS.iter().find(|(other, _)| *other == used);
        if let Some((_, users)) = others
            && !users.contains(&name)
        {
            let what = format!("only {} may use `{used}`", users.join(", "));
            problems.push(problem(&manifest, 1, what));
        }
    }
}

/// ARCHITECTURE.md has one row for each of our crates, with what it may use.
fn drawn(tree: &Tree, problems: &mut Vec<Problem>) {
    let text = tree.needed("ARCHITECTURE.md", problems);
    for (name, allowed) in OURS {
        let uses = match allowed {
            [] => "none of ours".to_owned(),
            some => some.iter().map(|used| format!("`{used}`")).collect::<Vec<_>>().join(", "),
        };
        let row = format!("| `{name}` | {uses} |");
        if !text.lines().any(|line| line.starts_with(&row)) {
            let what = format!("the table of layers lacks the row `{row}`");
            problems.push(problem("ARCHITECTURE.md", 1, what));
        }
    }
}
