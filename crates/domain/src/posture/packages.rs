//! Packages for the vendors: their own, somebody else's, and one that was known to steal mail.

use super::{Evidence, Facts, Judged, Looked};

/// Files that name packages.
const LOCKS: [&str; 14] = [
    "package.json",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "requirements.txt",
    "poetry.lock",
    "Pipfile.lock",
    "pyproject.toml",
    "Gemfile",
    "Gemfile.lock",
    "composer.json",
    "composer.lock",
    "go.mod",
    "Cargo.toml",
];

/// Postmark's own packages, as its pages name them.
const OFFICIAL: [&str; 9] = [
    "postmark",
    "postmark-cli",
    "postmark.js",
    "postmark-rails",
    "postmark-python",
    "postmark-dotnet",
    "wildbit/postmark-php",
    "wildbit/swiftmailer-postmark",
    "com.postmarkapp",
];

/// One that sent a copy of every mail elsewhere (npm, September 2025).
const KNOWN_BAD: [&str; 1] = ["postmark-mcp"];

pub(super) fn official(facts: &Facts) -> Judged {
    let tree = match &facts.tree {
        Looked::Seen(tree) => tree,
        Looked::Not(why) => return Judged::unknown(why.clone()),
    };
    let is_lock = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        LOCKS.contains(&name)
    };
    let locks: Vec<_> = tree.files.keys().filter(is_lock).collect();
    if locks.is_empty() {
        return Judged::not_applicable("no file names packages");
    }
    let mut found: Vec<Evidence> = Vec::new();
    for path in locks {
        for (i, line) in tree.files.get(path).into_iter().flat_map(|text| text.lines()).enumerate()
        {
            for name in names(line) {
                let told = match KNOWN_BAD.contains(&name.as_str()) {
                    true => format!("`{name}` sent copies of every mail to somebody"),
                    false if OFFICIAL.contains(&name.as_str()) => continue,
                    false => format!("`{name}` is none of Postmark's own packages"),
                };
                if !found.iter().any(|one| one.what == told) {
                    found.push(Evidence::at(told, path, i + 1));
                }
            }
        }
    }
    Judged::unless(found, "packages for Postmark are its own, or there are none")
}

/// Names of packages in a line that are about Postmark.
fn names(line: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "@/_.-".contains(c);
    let words =
        line.split(|c: char| !is_part(c)).filter(|word| word.to_lowercase().contains("postmark"));
    words
        .filter_map(|word| {
            let word = word.to_lowercase();
            let word = word.rsplit_once("node_modules/").map_or(word.as_str(), |(_, rest)| rest);
            // `name@1.2` of a lock file, but not the `@` of a scope.
            let word = match word.rfind('@').filter(|at| *at > 0) {
                Some(at) => &word[..at],
                None => word,
            };
            let is_address = word.contains("//")
                || word.contains("postmarkapp.com")
                || word.ends_with(".tgz")
                || word.starts_with("registry.");
            (!is_address).then(|| word.trim_matches(['.', '/', '-']).to_owned())
        })
        .collect()
}
