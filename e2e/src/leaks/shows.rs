//! Every command that shows something, and every way to be refused.

use std::fs;

use super::{JSON, Life, MISTAKEN, TEXT};
use crate::canary::Sink;
use crate::{HEROKU, POSTMARK, Result};

/// What only reads, with where it prints.
pub(super) const READS: [(&str, Sink); 13] = [
    ("status", Sink::Output),
    ("plan", Sink::Output),
    ("plan --repair", Sink::Output),
    ("config check", Sink::Output),
    ("run ls", Sink::Output),
    ("task ls", Sink::Tasks),
    ("audit ls -n 1000", Sink::Audit),
    ("audit verify", Sink::Output),
    ("help-exit-codes", Sink::Help),
    ("--help", Sink::Help),
    ("rotate --help", Sink::Help),
    ("completion bash", Sink::Help),
    ("completion zsh", Sink::Help),
];

/// Every command that shows something, for people and for machines.
pub(super) fn all(life: &mut Life<'_>) -> Result<()> {
    for (line, sink) in READS {
        let args: Vec<&str> = line.split(' ').collect();
        let _shown = life.run((sink, Sink::Errors), line, life.stage.rollover(&args))?;
        if sink != Sink::Help {
            let args = [&args[..], &["--json"]].concat();
            let sink = if sink == Sink::Output { Sink::Json } else { sink };
            let _shown = life.run((sink, Sink::Errors), line, life.stage.rollover(&args))?;
        }
    }
    for id in rotations(life) {
        let _shown = life.command(&["run", "show", &id])?;
        let run = life.stage.rollover(&["run", "show", &id, "--json"]);
        let _shown = life.run(JSON, "run show", run)?;
    }
    for hashed in [false, true] {
        life.files += 1;
        let file = life.stage.home().join(format!("support-{}.json", life.files));
        let path = file.display().to_string();
        let mut args = vec!["support", &path];
        args.extend(hashed.then_some("--hash-names"));
        let _ = life.run(TEXT, "support", life.stage.rollover(&args))?.is(0)?;
        life.catch.file(Sink::Support, &file)?;
        fs::remove_file(&file).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(())
}

fn rotations(life: &Life<'_>) -> Vec<String> {
    match life.stage.rollover(&["run", "ls", "--json"]).run().and_then(|ended| ended.json()) {
        Ok(all) => all
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["rotation"].as_str().map(str::to_owned))
            .collect(),
        Err(_) => Vec::new(),
    }
}

/// Everything that is refused, with a value near at hand.
pub(super) fn refusals(life: &mut Life<'_>) -> Result<()> {
    let stage = life.stage;
    for args in [
        ["rotate", POSTMARK.name, "--confirm", "prod/SOMETHING_ELSE"].as_slice(),
        &["rotate", "prod/NOT_THERE"],
        &["run", "show", "r-not-there"],
        &["task", "done", "r-not-there.create", "--token-stdin"],
        &["secret", "import", "prod/NOT_THERE", "--token-stdin"],
        &["secret", "import", HEROKU.name, "--token-stdin", "--token-file", "x"],
        &["rotate", HEROKU.name, "--repair", "--no-wait"],
        &["nonsense"],
    ] {
        let _refused = life.run(TEXT, &args.join(" "), stage.rollover(args).input(MISTAKEN))?;
        let args = [args, &["--json"]].concat();
        let _refused = life.run(JSON, &args.join(" "), stage.rollover(&args).input(MISTAKEN))?;
    }
    let asked = stage.rollover(&["fingerprint"]).input(MISTAKEN);
    let _ = life.run(TEXT, "fingerprint", asked)?.is(0)?;
    // A value in the inventory, as a setting, as a comment and in a file that is no TOML.
    let main = stage.directory().join("rollover.toml");
    let right = fs::read_to_string(&main).map_err(|error| format!("rollover.toml: {error}"))?;
    let heroku = stage.lab().credentials().heroku_api_key;
    for wrong in [
        format!("{right}\n[connections.more]\nkind = \"heroku\"\nauth = \"{heroku}\"\n"),
        format!("{right}\n# {MISTAKEN}\n"),
        format!("{right}\nnonsense {heroku}\n"),
        format!("{right}\n[policy\nkey = \"{MISTAKEN}\""),
    ] {
        fs::write(&main, wrong).map_err(|error| format!("rollover.toml: {error}"))?;
        for args in [&["config", "check"][..], &["config", "check", "--json"], &["status"]] {
            let _said = life.run(TEXT, "a value in the inventory", stage.rollover(args))?;
        }
        life.files += 1;
        let file = stage.home().join(format!("support-{}.json", life.files));
        let path = file.display().to_string();
        let run = stage.rollover(&["support", &path]);
        let _ = life.run(TEXT, "support, broken inventory", run)?.is(0)?;
        life.catch.file(Sink::Support, &file)?;
        fs::remove_file(&file).map_err(|error| format!("{path}: {error}"))?;
    }
    fs::write(&main, &right).map_err(|error| format!("rollover.toml: {error}"))?;
    // A login of nobody, and a login of somebody else.
    let login = stage.directory().join("credentials/github");
    let own = fs::read(&login).map_err(|error| format!("credentials/github: {error}"))?;
    for other in [MISTAKEN.as_bytes(), heroku.as_bytes(), b"\xff\xfe"] {
        fs::write(&login, other).map_err(|error| format!("credentials/github: {error}"))?;
        let _refused = life.command(&["plan"])?;
        let _refused = life.command(&["rotate", HEROKU.name, "--yes", "--no-wait"])?;
    }
    fs::write(&login, own).map_err(|error| format!("credentials/github: {error}"))
}
