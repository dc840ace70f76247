//! Goal: a leaked token dies, its replacement is none that the leaked one could read, and whoever
//! is put out of service was named before. Method: both kinds of emergency against the lab.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::path::Path;

use e2e::crashes::open_rotation;
use e2e::{Before, Ended, HEROKU, Operator, POSTMARK, Restarts, SERVER, Stage};
use lab::TokenPick;

fn stage() -> Stage {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage")
}

fn run(stage: &Stage, args: &[&str], code: i32) -> Ended {
    stage.rollover(args).run().and_then(|ended| ended.is(code)).expect("the expected end")
}

#[test]
fn a_leaked_token_that_could_read_its_replacement_is_replaced_twice() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let traffic = stage.traffic();
    let ended = run(&stage, &["rotate", HEROKU.name, "--emergency", "--confirm", HEROKU.name], 0);
    assert!(ended.stderr.contains("once more"), "{ended}");
    before.completed_in(2, &stage, &HEROKU, Restarts::Once).expect("everything is right");
    assert_eq!(stage.end_traffic(traffic).total().refused, 0);
}

#[test]
fn an_emergency_killed_between_its_two_rotations_makes_the_second_and_no_third() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let operator = Operator::at(&stage).expect("an operator");
    let rotate = || {
        let args = ["rotate", POSTMARK.name, "--emergency", "--confirm", POSTMARK.name, "--wait"];
        stage.rollover(&args).heard_by(operator.ear())
    };
    let mut running = rotate().start().expect("it runs");
    running.wait_for("so once more").expect("the first is over");
    drop(running);
    let _ = rotate().run().and_then(|ended| ended.is(0)).expect("the second is made");
    let _ = operator.leave().expect("every click worked");
    before.completed_in(2, &stage, &POSTMARK, Restarts::Once).expect("everything is right");
}

#[test]
fn a_token_that_is_revoked_first_names_whom_it_hits_and_is_replaced() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let begin = ["rotate", POSTMARK.name, "--revoke-first", "--yes", "--no-wait"];
    let begun = run(&stage, &begin, 10);
    assert!(begun.stderr.contains("OUT OF SERVICE") && begun.stderr.contains("acme-api-prod"));
    before.nobody_out(&stage, &POSTMARK).expect("nothing happens before the agreement");
    let id = open_rotation(&stage).expect("a rotation is open");
    let agree = ["task", "done", &format!("{id}.approve"), "--confirm", POSTMARK.name];
    let _ = run(&stage, &agree, 0);
    let resume = ["run", "resume", &id, "--no-wait"];
    let asked = run(&stage, &resume, 10);
    assert!(asked.stderr.contains("delete the token"), "{asked}");
    let (on, hands) = (stage.runtime(), stage.lab().operator());
    on.block_on(hands.delete_token(SERVER, &TokenPick::Is(before.old.clone()))).expect("deleted");
    let asked = run(&stage, &resume, 10);
    assert!(asked.stderr.contains("enter the new one"), "{asked}");
    // From here on there is no way back.
    let _ = run(&stage, &["run", "rollback", &id], 1);
    let new = on.block_on(hands.generate_token(SERVER)).expect("a token");
    let done = ["task", "done", &format!("{id}.create"), "--token-stdin"];
    let _ = stage.rollover(&done).input(&new).run().and_then(|ended| ended.is(0)).expect("noted");
    let _ = run(&stage, &resume, 0);
    let held = before.completed(&stage, &POSTMARK, Restarts::Once).expect("everything is right");
    assert!(held == new, "another token than the entered one");
}

#[test]
fn the_login_itself_is_not_revoked_first() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let ended = run(&stage, &["rotate", HEROKU.name, "--revoke-first", "--yes"], 1);
    assert!(ended.stderr.contains("rollover logs in with this token"), "{ended}");
    before.nothing_created(&stage).expect("nothing was created");
}

#[test]
fn a_rotation_that_is_open_is_gone_on_with_only_as_what_it_is() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let begin = ["rotate", POSTMARK.name, "--revoke-first", "--yes", "--no-wait"];
    let _ = run(&stage, &begin, 10);
    // Whoever agrees to a scheduled rotation has not agreed to an outage.
    let plain = ["rotate", POSTMARK.name, "--confirm", POSTMARK.name, "--no-input", "--no-wait"];
    let refused = run(&stage, &plain, 1);
    assert!(refused.stderr.contains("out of service"), "{refused}");
    let id = open_rotation(&stage).expect("a rotation is open");
    let _ = run(&stage, &["run", "rollback", &id, "--no-wait"], 11);
    before.nobody_out(&stage, &POSTMARK).expect("nobody is out of service");

    // And a leak is not answered by a rotation that was planned without it.
    let _ = run(&stage, &["rotate", HEROKU.name, "--yes", "--no-wait"], 10);
    let leaked = ["rotate", HEROKU.name, "--emergency", "--confirm", HEROKU.name, "--no-wait"];
    let refused = run(&stage, &leaked, 1);
    assert!(refused.stderr.contains("a scheduled rotation"), "{refused}");
    assert!(refused.stderr.contains("run rollback"), "{refused}");
}

#[test]
fn a_token_that_was_revoked_first_leaves_an_active_one_behind() {
    let stage = stage();
    let begin =
        ["rotate", POSTMARK.name, "--revoke-first", "--confirm", POSTMARK.name, "--no-wait"];
    let _ = run(&stage, &begin, 10);
    let id = open_rotation(&stage).expect("a rotation is open");
    let old = Before::of(&stage, &POSTMARK).expect("a token").old;
    let (on, hands) = (stage.runtime(), stage.lab().operator());
    on.block_on(hands.delete_token(SERVER, &TokenPick::Is(old))).expect("deleted");
    let resume = ["run", "resume", &id, "--no-wait"];
    let _ = run(&stage, &resume, 10);
    let new = on.block_on(hands.generate_token(SERVER)).expect("a token");
    let done = ["task", "done", &format!("{id}.create"), "--token-stdin"];
    let _ = stage.rollover(&done).input(&new).run().and_then(|ended| ended.is(0)).expect("noted");
    let _ = run(&stage, &resume, 0);
    let listed = run(&stage, &["schedule", "ls", "--json"], 0).json().expect("JSON");
    let placed = listed["secrets"].as_array().expect("secrets");
    let placed = placed.iter().find(|one| one["secret"] == POSTMARK.name).expect("it is listed");
    assert!(placed["since"].is_string(), "nobody knows since when it is current: {placed}");
}
