//! Goal: a value comes to a person's own machine without being sent, is fetched once, and a second
//! try is seen by everybody. Method: a rotation with such a consumer, as this member and as that.

use std::fs;
use std::path::Path;

use e2e::crashes::open_rotation;
use e2e::members::work_as;
use e2e::{Before, Ended, HEROKU, Restarts, Result, Stage};
use serde_json::Value;

const FILE: &str = "laptop.env";

fn stage() -> Result<Stage> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    stage.edit("secrets/heroku-api-key.toml", |text| {
        format!(
            "{text}\n[[consumers]]\nkind = \"workstation\"\nmember = \"admin-1\"\n\
             path = \"{FILE}\"\nkeys = [\"HEROKU_API_KEY\"]\n"
        )
    })?;
    work_as(&stage, "admin-1")?;
    Ok(stage)
}

fn run(stage: &Stage, args: &[&str], code: i32) -> Result<Ended> {
    stage.rollover(args).run()?.is(code)
}

fn says(ended: &Ended, words: &str) -> Result<()> {
    match ended.stdout.contains(words) || ended.stderr.contains(words) {
        true => Ok(()),
        false => Err(format!("it does not say {words:?}: {ended}")),
    }
}

fn held(stage: &Stage) -> Option<String> {
    let text = fs::read_to_string(stage.directory().join(FILE)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("HEROKU_API_KEY=").map(str::to_owned))
}

/// What everybody else holds: the store's value.
fn stored(stage: &Stage) -> Option<String> {
    stage.lab().inspect().infisical_value("prod", "HEROKU_API_KEY")
}

fn rotate(stage: &Stage, code: i32) -> Result<Ended> {
    run(stage, &["rotate", HEROKU.name, "--confirm", HEROKU.name, "--no-wait"], code)
}

fn tasks(stage: &Stage) -> Result<Value> {
    run(stage, &["task", "ls", "--json"], 0)?.json()
}

#[test]
fn it_waits_for_the_owner_who_fetches_it_once() -> Result<()> {
    let stage = stage()?;
    let before = Before::of(&stage, &HEROKU)?;
    says(&rotate(&stage, 10)?, "rollover env pull prod/HEROKU_API_KEY")?;
    let waits = tasks(&stage)?;
    assert_eq!(waits[0]["task"]["only"], "admin-1", "{waits}");
    assert_eq!(waits[0]["task"]["takes"]["what"], "fetch");
    let id = waits[0]["task"]["id"].as_str().unwrap_or_default().to_owned();
    assert!(id.ends_with(".fetch.admin-1"), "{id}");
    // The word that it is done is no answer, and nobody else's machine is meant.
    says(&run(&stage, &["task", "done", &id], 2)?, "rollover env pull")?;
    work_as(&stage, "admin-2")?;
    says(&run(&stage, &["env", "pull", HEROKU.name], 2)?, "no workstation of admin-2")?;
    work_as(&stage, "ops-1")?;
    says(&run(&stage, &["env", "pull", HEROKU.name], 5)?, "superadmin")?;
    assert_eq!(held(&stage), None);

    work_as(&stage, "admin-1")?;
    let pulled = run(&stage, &["env", "pull", HEROKU.name], 0)?;
    says(&pulled, "read back")?;
    let value = stored(&stage).ok_or("the store holds nothing")?;
    assert_eq!(held(&stage), Some(value.clone()));
    assert!(!pulled.stdout.contains(&value) && !pulled.stderr.contains(&value));

    let again = run(&stage, &["env", "pull", HEROKU.name], 5)?;
    says(&again, "it was fetched already")?;
    says(&again, "rollover leak respond")?;
    let log = run(&stage, &["audit", "ls"], 0)?;
    says(&log, "secret.pull.again")?;

    let _ = rotate(&stage, 0)?;
    before.completed(&stage, &HEROKU, Restarts::Once)?;
    let _ = run(&stage, &["drift", HEROKU.name, "--check"], 0)?;
    // What was lost there is offered again, and then it is good for one more fetch.
    fs::remove_file(stage.directory().join(FILE)).map_err(|error| error.to_string())?;
    let _ = run(&stage, &["env", "offer", HEROKU.name], 0)?;
    let _ = run(&stage, &["env", "pull", HEROKU.name], 0)?;
    assert_eq!(held(&stage), stored(&stage));
    let _ = run(&stage, &["env", "pull", HEROKU.name], 5)?;
    let _ = run(&stage, &["audit", "verify"], 0)?;
    Ok(())
}

#[test]
fn on_the_way_back_what_was_not_fetched_is_taken_back() -> Result<()> {
    let stage = stage()?;
    let before = Before::of(&stage, &HEROKU)?;
    let _ = rotate(&stage, 10)?;
    let id = open_rotation(&stage)?;
    // It holds nothing that is known, so the old value waits for it then.
    let _ = run(&stage, &["run", "rollback", &id, "--no-wait"], 10)?;
    let _ = run(&stage, &["env", "pull", HEROKU.name], 0)?;
    assert_eq!(held(&stage).as_deref(), Some(before.old.as_str()));
    let _ = run(&stage, &["run", "rollback", &id, "--no-wait"], 11)?;
    before.rolled_back(&stage, &HEROKU)?;

    // Now it is known to hold the old one: a second rotation that is turned back asks nothing.
    let _ = rotate(&stage, 10)?;
    let id = open_rotation(&stage)?;
    let _ = run(&stage, &["run", "rollback", &id, "--no-wait"], 11)?;
    let _ = run(&stage, &["env", "pull", HEROKU.name], 5)?;
    assert_eq!(held(&stage).as_deref(), Some(before.old.as_str()));
    Ok(())
}

#[test]
fn a_program_gets_the_value_and_nothing_else_does() -> Result<()> {
    let stage = stage()?;
    let value = stored(&stage).ok_or("the store holds nothing")?;
    let script = r#"test "$HEROKU_API_KEY" = "$(cat)" && exit 7"#;
    let args = ["env", "run", HEROKU.name, "--", "sh", "-c", script];
    let ended = stage.rollover(&args).input(&value).run()?.is(7)?;
    assert!(!ended.stdout.contains(&value) && !ended.stderr.contains(&value));
    let renamed = r#"test -z "$HEROKU_API_KEY" && test "$KEY" = "$(cat)""#;
    let args = ["env", "run", HEROKU.name, "--as", "KEY", "--", "sh", "-c", renamed];
    let _ = stage.rollover(&args).input(&value).run()?.is(0)?;
    says(&run(&stage, &["audit", "ls"], 0)?, "secret.env.run")?;
    let missing = run(&stage, &["env", "run", HEROKU.name, "--", "no-such-program"], 1)?;
    says(&missing, "failed to run no-such-program")?;
    work_as(&stage, "ops-1")?;
    let _ = run(&stage, &["env", "run", HEROKU.name, "--", "true"], 5)?;
    Ok(())
}
