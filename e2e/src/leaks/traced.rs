//! Every command under strace: what is started, with which arguments and in which environment.

use std::path::Path;

use super::shows::READS;
use super::{MISTAKEN, seeded};
use crate::canary::catch::{Catch, strace_works};
use crate::canary::{Canary, Search};
use crate::{Before, HEROKU, Operator, POSTMARK, Pace, Restarts, Result, Secret, Stage, full};

/// What was seen of programs being started.
pub struct Traced {
    /// How many commands were run.
    pub commands: usize,
    /// How many programs were started by them, themselves included.
    pub calls: usize,
    /// How many of these the commands themselves are.
    pub own: usize,
    /// What was looked through, and found.
    pub search: Search,
}

/// Runs every command that a user has under strace. `None` where there is none, or where it may
/// not trace.
///
/// # Errors
/// A command does not go as it should.
pub fn trace(binary: &Path) -> Result<Option<Traced>> {
    if !strace_works() {
        return Ok(None);
    }
    let stage = Stage::at_pace(binary, Pace { timeout: "5s".into(), ..Pace::default() })?;
    let mut values = seeded(&stage);
    let (mut catch, mut commands, mut calls) = (Catch::default(), 0, 0);
    let home = stage.home();
    let mut traced = |name: &str, run| -> Result<Option<i32>> {
        let (ended, seen) = catch.traced(name, run, &home)?.ok_or("strace stopped to work")?;
        if seen == 0 {
            return Err(format!("{name}: strace has seen nothing: {ended}"));
        }
        commands += 1;
        calls += seen;
        Ok(ended.code)
    };
    for secret in [&HEROKU, &POSTMARK] {
        let before = Before::of(&stage, secret)?;
        let operator = secret.by_operator.then(|| Operator::at(&stage)).transpose()?;
        let mut rotate = stage.rotate(secret);
        if let Some(operator) = &operator {
            rotate = rotate.heard_by(operator.ear());
        }
        if traced("rotate", rotate)? != Some(0) {
            return Err(format!("the rotation of {} under strace did not complete", secret.name));
        }
        if let Some(operator) = operator {
            let _clicks = operator.leave()?;
        }
        values.push((format!("new {}", secret.key), new_token(&stage, &before, secret)?));
    }
    let begin = ["rotate", POSTMARK.name, "--yes", "--no-wait"];
    let _waits = traced("rotate, to be turned back", stage.rollover(&begin))?;
    let id = crate::crashes::open_rotation(&stage)?;
    let task = format!("{id}.create");
    let enter = stage.rollover(&["task", "done", &task, "--token-stdin"]).input(MISTAKEN);
    let _told = traced("task done", enter)?;
    let _waits = traced("run resume", stage.rollover(&["run", "resume", &id, "--no-wait"]))?;
    let _shown = traced("run show", stage.rollover(&["run", "show", &id]))?;
    let back = ["run", "rollback", &id, "--no-wait"];
    let _back = traced("run rollback", stage.rollover(&back))?;
    for (line, _) in READS {
        let args: Vec<&str> = line.split(' ').collect();
        let _code = traced(line, stage.rollover(&args))?;
    }
    if full() {
        let demo = stage.rollover(&["demo", "--requests", "500"]);
        if traced("demo", demo)? != Some(0) {
            return Err("the demo under strace did not complete".into());
        }
    }
    let old = stage.lab().credentials().heroku_api_key;
    let _code = traced("fingerprint", stage.rollover(&["fingerprint"]).input(&old))?;
    let support = home.join("support.json").display().to_string();
    let _code = traced("support", stage.rollover(&["support", &support]))?;
    let current = stage.lab().inspect().infisical_value("prod", HEROKU.key);
    let import = ["secret", "import", HEROKU.name, "--token-stdin"];
    let import = stage.rollover(&import).input(&current.ok_or("the store holds nothing")?);
    let _code = traced("secret import", import)?;
    // A login in the environment is there because its operator put it there; what is looked at is
    // that nobody else gets it.
    let login = stage.lab().credentials().github_token;
    stage.edit("rollover.toml", |text| {
        text.replace("{ file = \"credentials/github\" }", "{ env = \"GITHUB_LOGIN\" }")
    })?;
    let mut others = Catch::default();
    let run = stage.rollover(&["plan"]).env("GITHUB_LOGIN", &login);
    let (_, seen) = others.traced("plan", run, &home)?.ok_or("strace stopped to work")?;
    if seen != 1 {
        return Err(format!("with a login in the environment {seen} programs were started, not 1"));
    }
    let canaries = values.iter().map(|(name, value)| Canary::new(name, value)).collect();
    let search = catch.search(canaries);
    Ok(Some(Traced { commands: commands + 1, calls: calls + 1, own: commands + 1, search }))
}

fn new_token(stage: &Stage, before: &Before, secret: &Secret) -> Result<String> {
    before.completed(stage, secret, Restarts::Any)
}
