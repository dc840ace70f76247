//! The command line as `args.rs` has it, against what the documents say of it.
//!
//! The program is a binary, so its command line cannot be asked from here; its source is read
//! instead, as far as the house style of that one file needs it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, Tree, markdown, problem};

const ARGS: &str = "crates/cli/src/args.rs";
const COMMANDS: &str = "crates/cli/src/commands/";
const REFERENCE: &str = "docs/reference.md";

/// The commands under one command, each with the enum of its own commands, if it has any.
type Enums = BTreeMap<String, Vec<(String, Option<String>)>>;

pub(super) fn check(tree: &Tree, problems: &mut Vec<Problem>) {
    let source = command_line(tree, problems);
    let (enums, flags) = (enums(&source), flags(&source));
    if enums.get("Command").is_none_or(Vec::is_empty) {
        problems.push(problem(ARGS, 1, "no commands found; has its form changed?"));
        return;
    }
    for file in tree.ending(".md") {
        for code in markdown::code(&file.text) {
            for command in invocations(&code.text) {
                if let Some(what) = wrong(&enums, &flags, &command) {
                    problems.push(problem(&file.path, code.line, what));
                }
            }
        }
    }
    let reference = tree.needed(REFERENCE, problems);
    for path in paths(&enums, "Command", "rollover") {
        if !reference.contains(&format!("`{path}")) {
            problems.push(problem(REFERENCE, 1, format!("does not tell of `{path}`")));
        }
    }
}

/// The file of the command line and those of its commands, whose arguments stand at their heads.
fn command_line(tree: &Tree, problems: &mut Vec<Problem>) -> String {
    let mut source = tree.needed(ARGS, problems).to_owned();
    for file in tree.ending(".rs").filter(|file| file.path.starts_with(COMMANDS)) {
        source.push_str(&file.text);
    }
    source
}

/// The enums that derive `Subcommand`.
fn enums(source: &str) -> Enums {
    let mut enums = Enums::new();
    let (mut current, mut derived, mut nested, mut alias) = (None, false, false, None);
    for line in source.lines() {
        if line.starts_with("#[derive(") {
            derived = line.contains("Subcommand");
        } else if let Some(rest) = line.strip_prefix("pub(crate) enum ") {
            current = derived.then(|| rest.trim_end_matches(" {").to_owned());
        } else if line == "}" {
            current = None;
        } else if let (Some(name), Some(rest)) = (&current, line.strip_prefix("    ")) {
            if rest.starts_with("#[command(") {
                nested |= rest.contains("subcommand");
                alias = rest.split("alias = \"").nth(1).and_then(|rest| rest.split('"').next());
            } else if rest.starts_with(|c: char| c.is_ascii_uppercase()) {
                let variant: String =
                    rest.chars().take_while(char::is_ascii_alphanumeric).collect();
                let inner = rest
                    .split_once('(')
                    .filter(|_| nested)
                    .map(|(_, inner)| inner.trim_end_matches("),"))
                    .map(|inner| inner.rsplit("::").next().unwrap_or(inner).to_owned());
                let commands = enums.entry(name.clone()).or_default();
                commands.extend(alias.take().map(|alias| (alias.to_owned(), inner.clone())));
                commands.push((kebab(&variant), inner));
                nested = false;
            }
        }
    }
    enums
}

/// Every long option, of whichever command.
fn flags(source: &str) -> BTreeSet<String> {
    let mut flags: BTreeSet<String> = ["help", "version"].map(str::to_owned).into();
    let mut long: Option<Option<String>> = None;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[arg(") && line.contains("long") {
            let named = line.split("long = \"").nth(1).and_then(|rest| rest.split('"').next());
            long = Some(named.map(str::to_owned));
        } else if let Some(named) = long.take_if(|_| !line.starts_with(['#', '/'])) {
            let field =
                line.trim_start_matches("pub(crate) ").split(':').next().unwrap_or_default();
            flags.insert(named.unwrap_or_else(|| field.replace('_', "-")));
        }
    }
    flags
}

fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for c in variant.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// What a piece of code runs of ours: the words after `rollover`, or after cargo's `--`.
fn invocations(code: &str) -> Vec<Vec<String>> {
    let parts = code.split(['|', ';', '&', '(', ')', '#']);
    parts
        .filter_map(|part| {
            let words: Vec<&str> = part.split_whitespace().collect();
            let at = match words.as_slice() {
                ["cargo", "run", ..] => words.iter().position(|word| *word == "--")?,
                ["rollover", ..] => 0,
                [variable, "rollover", ..] if variable.contains('=') => 1,
                _ => return None,
            };
            Some(words[at + 1..].iter().map(|word| (*word).to_owned()).collect())
        })
        .collect()
}

fn wrong(enums: &Enums, flags: &BTreeSet<String>, words: &[String]) -> Option<String> {
    let said = format!("rollover {}", words.join(" "));
    let (mut level, mut skip) = (Some("Command".to_owned()), false);
    for word in words {
        if skip {
            skip = false;
        } else if let Some(flag) = word.strip_prefix("--") {
            let name = flag.split('=').next().unwrap_or_default();
            if !name.is_empty() && !flags.contains(name) {
                return Some(format!("`{said}`: there is no option `--{name}`"));
            }
        } else if word == "-C" {
            skip = true;
        } else if word.starts_with(['-', '<', '>', '…', '.', '[']) {
            // Short options, redirections and ellipses.
        } else if let Some(name) = level.take() {
            if word.starts_with(|c: char| c.is_ascii_uppercase()) {
                return None;
            }
            match enums.get(&name).and_then(|all| all.iter().find(|(one, _)| one == word)) {
                Some((_, inner)) => level.clone_from(inner),
                None => return Some(format!("`{said}`: there is no command `{word}`")),
            }
        }
    }
    None
}

/// Every command, in full.
fn paths(enums: &Enums, of: &str, before: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (name, inner) in enums.get(of).into_iter().flatten() {
        let path = format!("{before} {name}");
        match inner {
            Some(inner) => all.extend(paths(enums, inner, &path)),
            None => all.push(path),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Go
    #[command(subcommand)]
    Run(Run),
    HelpExitCodes,
    Plan(Plan),
}
#[derive(Args)]
pub(crate) struct Plan {
    /// Deep
    #[arg(short = 'C', long = \"directory\")]
    pub(crate) place: String,
    #[arg(long)]
    /// Said
    pub(crate) detailed_exitcode: bool,
}
#[derive(Subcommand)]
pub(crate) enum Run {
    Ls,
    #[command(visible_alias = \"abort\")]
    Rollback {
        id: String,
    },
}
";

    /// Goal: a document cannot name what is not there. Method: a small command line.
    #[test]
    fn commands_and_options_that_are_not_there_are_found() {
        let (enums, flags) = (enums(SOURCE), flags(SOURCE));
        assert_eq!(
            paths(&enums, "Command", "rollover"),
            [
                "rollover run ls",
                "rollover run abort",
                "rollover run rollback",
                "rollover help-exit-codes",
                "rollover plan"
            ]
        );
        let wrong = |code: &str| {
            let all = invocations(code);
            assert!(!all.is_empty(), "{code}");
            all.iter().find_map(|words| super::wrong(&enums, &flags, words))
        };
        for right in [
            "rollover",
            "rollover run",
            "rollover plan prod/X --detailed-exitcode",
            "rollover -C DIR run ls",
            "rollover run abort r-1",
            "cargo run --release -- plan",
            "A=1 rollover plan | less",
        ] {
            assert_eq!(wrong(right), None, "{right}");
        }
        for code in [
            "rollover doctor",
            "rollover run watch",
            "cargo run -- scan",
            "true; rollover plan --fast",
        ] {
            assert!(wrong(code).is_some(), "{code}");
        }
    }
}
