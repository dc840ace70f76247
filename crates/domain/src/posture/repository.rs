//! Checks of the repository: what is in it, what is kept out, who looks before a commit.

use super::{Evidence, Facts, Judged, Looked, Spot, TreeFacts, Verdict};
use crate::template::{Form, Gap, Held, gaps, of_json, worry};

/// Names of files that hold values.
pub(super) const WITH_VALUES: [&str; 4] =
    [".env", ".env.local", ".env.production", "config/secrets.json"];

/// Words by which a hook is seen to look for tokens.
const SCANNERS: [&str; 9] = [
    "rollover",
    "gitleaks",
    "betterleaks",
    "trufflehog",
    "git-secrets",
    "git secrets",
    "detect-secrets",
    "kingfisher",
    "ggshield",
];

fn tree(facts: &Facts) -> Result<&TreeFacts, Judged> {
    match &facts.tree {
        Looked::Seen(tree) => Ok(tree),
        Looked::Not(why) => Err(Judged::unknown(why.clone())),
    }
}

pub(super) fn tokens_in_code(facts: &Facts) -> Judged {
    spots(&facts.in_tree, "no token in the working tree")
}

pub(super) fn tokens_in_history(facts: &Facts) -> Judged {
    spots(&facts.in_history, "no token in the history")
}

pub(super) fn spots(looked: &Looked<Vec<Spot>>, otherwise: &str) -> Judged {
    match looked {
        Looked::Not(why) => Judged::unknown(why.clone()),
        Looked::Seen(found) => {
            let each = found.iter().map(|one| Evidence::at(one.what.clone(), &one.file, one.line));
            Judged::unless(each.collect(), otherwise)
        }
    }
}

pub(super) fn env_ignored(facts: &Facts) -> Judged {
    let tree = match tree(facts) {
        Ok(tree) => tree,
        Err(judged) => return judged,
    };
    let rules = tree.files.get(".gitignore").map_or("", String::as_str);
    let open = WITH_VALUES.iter().filter(|name| !ignored(rules, name));
    let found = open.map(|name| Evidence::at(format!("`{name}` is not ignored"), ".gitignore", 0));
    Judged::unless(found.collect(), "files with values are ignored")
}

/// Whether a `.gitignore` keeps a path out: the last rule that fits says so.
pub(super) fn ignored(rules: &str, path: &str) -> bool {
    let mut is_ignored = false;
    for rule in
        rules.lines().map(str::trim).filter(|rule| !rule.is_empty() && !rule.starts_with('#'))
    {
        let (keeps, rule) = match rule.strip_prefix('!') {
            Some(rule) => (false, rule),
            None => (true, rule),
        };
        let rule = rule.trim_start_matches("**/");
        let anchored = rule.trim_end_matches('/').contains('/');
        let rule = rule.trim_start_matches('/').trim_end_matches('/');
        let name = path.rsplit('/').next().unwrap_or(path);
        let folder = path.split_once('/').map(|(folder, _)| folder);
        let target = if anchored { path } else { name };
        let fits = glob(rule.as_bytes(), target.as_bytes())
            || (!anchored && folder.is_some_and(|folder| glob(rule.as_bytes(), folder.as_bytes())));
        if fits {
            is_ignored = keeps;
        }
    }
    is_ignored
}

/// `*` for anything but a slash, `?` for one character.
fn glob(rule: &[u8], text: &[u8]) -> bool {
    match (rule.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            glob(rest, text)
                || text.split_first().is_some_and(|(c, more)| *c != b'/' && glob(rule, more))
        }
        (Some((b'?', rest)), Some((c, more))) if *c != b'/' => glob(rest, more),
        (Some((a, rest)), Some((b, more))) if a == b => glob(rest, more),
        _ => false,
    }
}

pub(super) fn env_tracked(facts: &Facts) -> Judged {
    let tree = match tree(facts) {
        Ok(tree) => tree,
        Err(judged) => return judged,
    };
    let tracked = match &tree.tracked {
        Looked::Seen(tracked) => tracked,
        Looked::Not(why) => return Judged::unknown(why.clone()),
    };
    let holds_values = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let example =
            ["example", "sample", "template", "dist"].iter().any(|word| name.contains(word));
        !example
            && (name == ".env" || name.starts_with(".env.") || WITH_VALUES.contains(&path.as_str()))
    };
    let found = tracked.iter().filter(holds_values);
    let found = found.map(|path| Evidence::at("it is under version control", path, 0)).collect();
    Judged::unless(found, "no such file is under version control")
}

/// Files by whose names they are examples.
fn examples(tree: &TreeFacts) -> Vec<(&String, Vec<Held>)> {
    let is_example = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        ["example", "sample", "template"].iter().any(|word| name.contains(word))
            && (name.starts_with(".env") || name.ends_with(".json"))
            || *path == "app.json"
    };
    let read = |path: &String, text: &String| match Form::of_file(path) {
        Some(form @ (Form::Json | Form::HerokuAppJson)) => of_json(form, text).unwrap_or_default(),
        _ => assignments(text),
    };
    let files = tree.files.iter().filter(|(path, _)| is_example(path));
    files.map(|(path, text)| (path, read(path, text))).collect()
}

/// `KEY=value`, one a line.
fn assignments(text: &str) -> Vec<Held> {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("export "));
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| Held { key: key.trim().to_owned(), worry: worry(value) })
        .collect()
}

pub(super) fn example_file(facts: &Facts) -> Judged {
    let tree = match tree(facts) {
        Ok(tree) => tree,
        Err(judged) => return judged,
    };
    if tree.needed.is_empty() {
        return Judged::not_applicable("the inventory needs no names");
    }
    let examples = examples(tree);
    if examples.is_empty() {
        let evidence = vec![Evidence::of("there is no example file")];
        return Judged { verdict: Verdict::Fail, evidence };
    }
    let held: Vec<Held> = examples.into_iter().flat_map(|(_, held)| held).collect();
    let found = gaps(&tree.needed, &held, false).into_iter().filter_map(|gap| match gap {
        Gap::Missing(key) => Some(Evidence::of(format!("no example names `{key}`"))),
        _ => None,
    });
    Judged::unless(found.collect(), "every name is in an example")
}

pub(super) fn example_values(facts: &Facts) -> Judged {
    let tree = match tree(facts) {
        Ok(tree) => tree,
        Err(judged) => return judged,
    };
    let examples = examples(tree);
    if examples.is_empty() {
        return Judged::not_applicable("there is no example file");
    }
    let found = examples.into_iter().flat_map(|(path, held)| {
        let values = held.into_iter().filter_map(|one| Some((one.worry?, one.key)));
        values
            .map(|(why, key)| Evidence::at(format!("`{key}`: {why}"), path, 0))
            .collect::<Vec<_>>()
    });
    Judged::unless(found.collect(), "examples hold no values")
}

pub(super) fn hooks(facts: &Facts) -> Judged {
    let tree = match tree(facts) {
        Ok(tree) => tree,
        Err(judged) => return judged,
    };
    let looks = |text: &String| SCANNERS.iter().any(|word| text.to_lowercase().contains(word));
    let config = tree.files.get(".pre-commit-config.yaml").filter(|text| looks(text));
    let hook = tree.hooks.iter().find(|(_, text)| looks(text)).map(|(name, _)| name);
    match (hook, config) {
        (Some(name), _) => Judged::pass(format!("the hook `{name}` looks for tokens")),
        // A configuration alone runs nothing until somebody installs it.
        (None, Some(_)) if tree.hooks.contains_key("pre-commit") => {
            Judged::pass("pre-commit is installed, with a scanner")
        }
        (None, Some(_)) => {
            let what = "a scanner is configured for pre-commit, which is not installed here";
            let evidence = vec![Evidence::at(what, ".pre-commit-config.yaml", 0)];
            Judged { verdict: Verdict::Fail, evidence }
        }
        (None, None) => {
            let evidence = vec![Evidence::of("no hook looks for tokens")];
            Judged { verdict: Verdict::Fail, evidence }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_fits_says_what_is_ignored() {
        for (rules, path, kept_out) in [
            ("", ".env", false),
            (".env", ".env", true),
            ("/.env", ".env", true),
            (".env*", ".env.local", true),
            (".env*\n!.env.example", ".env.example", false),
            ("*.json", "config/secrets.json", true),
            ("config/secrets.json", "config/secrets.json", true),
            ("config/", "config/secrets.json", true),
            ("**/.env", ".env", true),
            ("# .env", ".env", false),
            ("env", ".env", false),
        ] {
            assert_eq!(ignored(rules, path), kept_out, "{rules:?} {path}");
        }
    }
}
