//! Goal: several people work at one rotation without doing the same twice, and nobody agrees for
//! somebody else. Method: one rotation on the real binary, whose user is now this member and now
//! that one.

use std::path::Path;

use e2e::crashes::open_rotation;
use e2e::members::{denials, wait_for_denials, work_as};
use e2e::{Before, Ended, HEROKU, POSTMARK, Restarts, Result, SERVER, Stage};
use journal::{Inbox, Item};
use serde_json::{Value, json};

fn stage() -> Result<Stage> {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))
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

/// A rotation of the Postmark token that waits for its new token; answers with the task.
fn waiting(stage: &Stage) -> Result<String> {
    work_as(stage, "ops-1")?;
    let _ = run(stage, &["rotate", POSTMARK.name, "--yes", "--no-wait"], 10)?;
    Ok(format!("{}.create", open_rotation(stage)?))
}

fn needs_two(stage: &Stage) -> Result<()> {
    for file in ["secrets/postmark-server-token.toml", "secrets/heroku-api-key.toml"] {
        stage.edit(file, |text| format!("{text}\n[approve]\nsecond_person = true\n"))?;
    }
    Ok(())
}

#[test]
fn a_task_is_one_persons_and_the_second_is_told_who_has_it() -> Result<()> {
    let stage = stage()?;
    let task = waiting(&stage)?;
    says(&run(&stage, &["task", "claim", &task], 0)?, "is yours until")?;
    work_as(&stage, "ops-2")?;
    for args in [
        &["task", "claim", &task][..],
        &["task", "done", &task],
        &["task", "fail", &task, "--why", "no access"],
    ] {
        says(&run(&stage, args, 1)?, "ops-1 has this task until")?;
    }
    // A member without the right to reassign does not take it away; one with it does.
    says(&run(&stage, &["task", "release", &task], 5)?, "superadmin")?;
    let mine = run(&stage, &["task", "ls", "--mine", "--json"], 0)?.json()?;
    assert_eq!(mine, json!([]));
    work_as(&stage, "ops-1")?;
    let mine = run(&stage, &["task", "ls", "--mine", "--json"], 0)?.json()?;
    assert_eq!(mine[0]["task"]["id"], task.as_str());
    assert_eq!(mine[0]["claim"]["by"], "ops-1");

    // A hand-over names the person, who must be one that may.
    says(&run(&stage, &["task", "release", &task, "--to", "somebody"], 2)?, "somebody may not")?;
    says(&run(&stage, &["task", "release", &task, "--to", "ops-2"], 0)?, "ops-2 has")?;
    says(&run(&stage, &["task", "done", &task], 1)?, "ops-2 has this task")?;
    work_as(&stage, "admin-1")?;
    says(&run(&stage, &["task", "release", &task], 0)?, "anybody's again")?;
    let log = run(&stage, &["audit", "ls"], 0)?;
    for action in ["task.claimed", "task.handed_over", "task.released"] {
        says(&log, action)?;
    }
    let _ = run(&stage, &["audit", "verify"], 0)?;
    Ok(())
}

/// So often a deadline of less than a second is looked for; each look takes some milliseconds.
const LOOKS_MAX: u32 = 1_000;

#[test]
fn a_claim_ends_by_itself_and_a_deadline_is_told_and_audited() -> Result<()> {
    let stage = stage()?;
    stage.edit("rollover.toml", |text| {
        text.replace("[policy]\n", "[policy]\ntask_deadline = \"300ms\"\n")
    })?;
    let task = waiting(&stage)?;
    let _ = run(&stage, &["task", "claim", &task, "--for", "1ms"], 0)?;
    work_as(&stage, "ops-2")?;
    let _ = run(&stage, &["task", "claim", &task], 0)?;
    // The deadline is a moment of the real clock; the list is looked at until it has come.
    let is_told = |ended: &Ended| ended.stdout.contains("OVERDUE");
    let mut listed = run(&stage, &["task", "ls"], 0)?;
    for _ in 0..LOOKS_MAX {
        if is_told(&listed) {
            break;
        }
        listed = run(&stage, &["task", "ls"], 0)?;
    }
    says(&listed, "OVERDUE")?;
    says(&run(&stage, &["status", "--check"], 3)?, "is overdue since")?;
    let again = run(&stage, &["run", "resume", task.trim_end_matches(".create"), "--no-wait"], 10)?;
    says(&again, "is overdue (role ops)")?;
    let told = |ended: Ended| ended.stdout.matches("task.overdue").count();
    assert_eq!(told(run(&stage, &["audit", "ls"], 0)?), 1);
    // Once, however often it is picked up.
    let _ = run(&stage, &["run", "resume", task.trim_end_matches(".create"), "--no-wait"], 10)?;
    assert_eq!(told(run(&stage, &["audit", "ls"], 0)?), 1);
    Ok(())
}

#[test]
fn what_somebody_could_not_do_somebody_else_does_or_it_goes_back() -> Result<()> {
    let stage = stage()?;
    let before = Before::of(&stage, &POSTMARK)?;
    let task = waiting(&stage)?;
    let failed = run(&stage, &["task", "fail", &task, "--why", "no second factor"], 0)?;
    says(&failed, "rollover task claim")?;
    says(&failed, "rollover run rollback")?;
    says(&run(&stage, &["task", "ls"], 0)?, "ops-1 could not do it: no second factor")?;
    work_as(&stage, "ops-2")?;
    let _ = run(&stage, &["task", "claim", &task], 0)?;
    let id = task.trim_end_matches(".create");
    let _ = run(&stage, &["run", "rollback", id, "--no-wait"], 11)?;
    before.rolled_back(&stage, &POSTMARK)
}

/// What an answer has to bring stands in the task, for programs, too; so does the vendor's page of
/// that very server.
#[test]
fn a_task_says_what_an_answer_brings_and_where_it_is_done() -> Result<()> {
    let stage = stage()?;
    let task = waiting(&stage)?;
    let shown = run(&stage, &["task", "show", &task, "--json"], 0)?.json()?;
    assert_eq!(shown["task"]["takes"]["what"], "nothing");
    assert_eq!(shown["may"], json!(["admin-1", "admin-2", "ops-1", "ops-2"]));
    let page = shown["task"]["page"].as_str().unwrap_or_default();
    assert!(page.contains("/postmark/servers/"), "{shown}");
    assert!(shown["task"]["deadline"].is_string() && shown["overdue"] == false, "{shown}");
    let roles = run(&stage, &["task", "ls", "--role", "superadmin", "--json"], 0)?.json()?;
    assert_eq!(roles, json!([]));
    work_as(&stage, "admin-1")?;
    let _ = run(&stage, &["rotate", HEROKU.name, "--yes", "--no-wait"], 10)?;
    let tasks = run(&stage, &["task", "ls", "--role", "superadmin", "--json"], 0)?.json()?;
    assert_eq!(tasks[0]["task"]["takes"], json!({ "what": "secret-name", "name": HEROKU.name }));
    Ok(())
}

#[test]
fn the_second_person_agrees_at_another_terminal_and_the_first_may_not() -> Result<()> {
    let stage = stage()?;
    needs_two(&stage)?;
    let before = Before::of(&stage, &HEROKU)?;
    work_as(&stage, "admin-1")?;
    let confirm = ["rotate", HEROKU.name, "--confirm", HEROKU.name, "--no-wait"];
    says(&run(&stage, &confirm, 5)?, "ask one of these: admin-2")?;
    let mut first = stage.rollover(&["rotate", HEROKU.name, "--yes", "--wait"]).start()?;
    first.wait_for("ok   soak")?;
    let task = format!("{}.approve", open_rotation(&stage)?);
    let done = ["task", "done", task.as_str(), "--confirm", HEROKU.name];
    says(&run(&stage, &done, 5)?, "a second person must")?;
    work_as(&stage, "ops-1")?;
    says(&run(&stage, &done, 5)?, "this needs the role superadmin")?;
    wait_for_denials(&stage, 3)?;
    before.nobody_out(&stage, &HEROKU)?;
    work_as(&stage, "admin-2")?;
    let _ = run(&stage, &done, 0)?;
    let _ = first.finish()?.is(0)?;
    before.completed(&stage, &HEROKU, Restarts::Once)?;
    Ok(())
}

/// Goal: a word that comes past the command line does not count either. Method: it is left in the
/// inbox with the installation's own key, under names that may not.
#[test]
fn the_engine_believes_no_name_that_may_not() -> Result<()> {
    let stage = stage()?;
    needs_two(&stage)?;
    let before = Before::of(&stage, &HEROKU)?;
    work_as(&stage, "admin-1")?;
    let _ = run(&stage, &["rotate", HEROKU.name, "--yes", "--no-wait"], 10)?;
    let id = open_rotation(&stage)?;
    let source = domain::inventory::KeySource::File("rollover.key".into());
    let nobody = || Err(std::io::Error::other("nobody is asked"));
    let key = seal::Key::open(&source, &stage.directory(), nobody).map_err(|e| e.to_string())?;
    for actor in ["admin-1", "ops-1", "nobody"] {
        let item = Item {
            rotation: domain::RotationId(id.clone()),
            kind: "approve".into(),
            body: Value::Null,
            token: None,
            actor: actor.into(),
            at: jiff::Timestamp::now(),
        };
        let posted = Inbox::post(&stage.directory().join("rollover.db"), &key, &item);
        posted.map_err(|error| error.to_string())?;
    }
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 10)?;
    let found: Vec<String> = denials(&stage)?.into_iter().map(|(who, _)| who).collect();
    assert_eq!(found, ["admin-1", "ops-1", "nobody"]);
    assert!(stage.lab().inspect().heroku_honours(&before.old));
    before.nobody_out(&stage, &HEROKU)
}

/// The page is where a person really creates the token, in the lab as at the vendor.
#[test]
fn after_the_click_the_probe_proves_it_whoever_clicked() -> Result<()> {
    let stage = stage()?;
    let task = waiting(&stage)?;
    work_as(&stage, "ops-2")?;
    let _ = run(&stage, &["task", "claim", &task], 0)?;
    let id = task.trim_end_matches(".create");
    // The word alone proves nothing.
    let _ = run(&stage, &["task", "done", &task], 0)?;
    let _ = run(&stage, &["run", "resume", id, "--no-wait"], 10)?;
    says(&run(&stage, &["task", "ls"], 0)?, ".create")?;
    let made = stage.runtime().block_on(stage.lab().operator().generate_token(SERVER));
    made.map_err(|error| error.to_string())?;
    let _ = run(&stage, &["run", "resume", id, "--no-wait"], 10)?;
    says(&run(&stage, &["task", "ls"], 0)?, ".approve")
}
