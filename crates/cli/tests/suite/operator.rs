//! Goal: what a person does is proven by a look, what a person gets wrong does no harm. Method: a
//! Postmark that does not show its tokens, so that the new one has to be entered.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use e2e::crashes::open_rotation;
use e2e::set_backs::{Copy, Way};
use e2e::{Before, Ended, Operator, POSTMARK, Restarts, SERVER, Stage};
use lab::{Listing, TokenPick};

fn stage() -> Stage {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage")
}

fn run(stage: &Stage, args: &[&str], code: i32) -> Ended {
    stage.rollover(args).run().and_then(|ended| ended.is(code)).expect("the expected end")
}

/// Enters a token for a task, and goes on until it waits again.
fn enter(stage: &Stage, id: &str, token: &str) -> Ended {
    let task = format!("{id}.create");
    let _ = stage
        .rollover(&["task", "done", &task, "--token-stdin"])
        .input(token)
        .run()
        .and_then(|ended| ended.is(0))
        .expect("noted");
    run(stage, &["run", "resume", id, "--no-wait"], 10)
}

#[test]
fn a_token_that_the_issuer_does_not_show_is_entered() {
    let stage = stage();
    stage.lab().knobs(|knobs| knobs.postmark.listing = Listing::Masked);
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let begin = ["rotate", POSTMARK.name, "--confirm", POSTMARK.name, "--no-wait"];
    let begun = run(&stage, &begin, 10);
    assert!(begun.stderr.contains("YOUR STEP"), "{begun}");
    let id = open_rotation(&stage).expect("a rotation is open");
    let operator = stage.lab().operator();
    let on = stage.runtime();
    let new = on.block_on(operator.generate_token(SERVER)).expect("a token");

    // Wrong ones are refused with the reason, and the run goes on waiting.
    let others = on.block_on(operator.tokens("acme-staging")).expect("the other server");
    let unissued = "01234567-89ab-cdef-0123-456789abcdef";
    for (wrong, why) in [
        (before.old.as_str(), "this is the old token"),
        (others[0].as_str(), "acme-staging"),
        ("HRKU-not-a-postmark-token-at-all", "not a Postmark"),
        (unissued, "the token is"),
    ] {
        let ended = enter(&stage, &id, wrong);
        assert!(ended.stderr.contains(why), "{why}: {ended}");
        assert!(!ended.stderr.contains(wrong), "it shows the token: {ended}");
        before.nobody_out(&stage, &POSTMARK).expect("nobody is out of service");
    }

    let ended = enter(&stage, &id, &new);
    assert!(ended.stderr.contains("entered"), "{ended}");
    let end = before.old[before.old.len() - 4..].to_owned();
    assert!(ended.stderr.contains(&format!("ends in {end}")), "{ended}");
    let pick = TokenPick::EndsIn(end);
    on.block_on(operator.delete_token(SERVER, &pick)).expect("deleted");
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 0);
    let held = before.completed(&stage, &POSTMARK, Restarts::Once).expect("everything is right");
    assert!(held == new, "another token than the entered one");
}

/// Entered before it was asked for, a token is taken up and the rotation goes on at once.
#[test]
fn a_token_that_is_entered_early_is_waited_for_by_nobody() {
    let stage = stage();
    let old = Before::of(&stage, &POSTMARK).expect("a token").old;
    assert!(stage.lab().revoke_by_hand(&old));
    let on = stage.runtime();
    let new = on.block_on(stage.lab().operator().generate_token(SERVER)).expect("a token");
    let name = POSTMARK.name;
    let repair = ["rotate", name, "--repair", "--confirm", name, "--wait", "--token-stdin"];
    let run = stage.rollover(&repair).input(&new).within(Duration::from_secs(30));
    let _ = run.run().and_then(|ended| ended.is(0)).expect("it completes");
    let held = stage.lab().inspect().infisical_value("prod", POSTMARK.key);
    assert!(held.as_deref() == Some(new.as_str()), "another token than the entered one");
}

#[test]
fn a_token_file_that_others_may_read_is_refused() {
    let stage = stage();
    stage.lab().knobs(|knobs| knobs.postmark.listing = Listing::Masked);
    let _ = run(&stage, &["rotate", POSTMARK.name, "--yes", "--no-wait"], 10);
    let id = open_rotation(&stage).expect("a rotation is open");
    let file = stage.home().join("token");
    fs::write(&file, "01234567-89ab-cdef-0123-456789abcdef\n").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
    let path = file.display().to_string();
    let ended = run(&stage, &["task", "done", &format!("{id}.create"), "--token-file", &path], 2);
    assert!(ended.stderr.contains("chmod 600"), "{ended}");
}

#[test]
fn a_click_that_was_not_made_is_not_believed() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let begin = ["rotate", POSTMARK.name, "--confirm", POSTMARK.name, "--no-wait"];
    let _ = run(&stage, &begin, 10);
    let id = open_rotation(&stage).expect("a rotation is open");
    let _ = run(&stage, &["task", "done", &format!("{id}.create")], 0);
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 10);
    let on = stage.runtime();
    let operator = stage.lab().operator();
    on.block_on(operator.generate_token(SERVER)).expect("a token");
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 10);
    let _ = run(&stage, &["task", "done", &format!("{id}.revoke")], 0);
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 10);
    before.nobody_out(&stage, &POSTMARK).expect("nobody is out of service");
    assert!(stage.lab().inspect().postmark_honours(&before.old));
    on.block_on(operator.delete_token(SERVER, &TokenPick::Is(before.old.clone())))
        .expect("deleted");
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 0);
    before.completed(&stage, &POSTMARK, Restarts::Once).expect("everything is right");
}

#[test]
fn the_agreement_is_asked_for_by_name() {
    let stage = stage();
    let before = Before::of(&stage, &e2e::HEROKU).expect("a token");
    let name = e2e::HEROKU.name;
    let _ = run(&stage, &["rotate", name, "--yes", "--no-wait"], 10);
    let id = open_rotation(&stage).expect("a rotation is open");
    let task = format!("{id}.approve");
    let bare = run(&stage, &["task", "done", &task], 2);
    assert!(bare.stderr.contains(&format!("--confirm {name}")), "{bare}");
    let _ = run(&stage, &["task", "done", &task, "--confirm", "prod/HEROKU"], 2);
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 10);
    assert!(stage.lab().inspect().heroku_honours(&before.old));
    let _ = run(&stage, &["task", "done", &task, "--confirm", name], 0);
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 0);
    before.completed(&stage, &e2e::HEROKU, Restarts::Once).expect("everything is right");
}

#[test]
fn on_the_way_back_a_person_deletes_the_new_one() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let operator = Operator::at(&stage).expect("an operator");
    let begin = ["rotate", POSTMARK.name, "--yes", "--no-wait"];
    let _ = run(&stage, &begin, 10);
    let on = stage.runtime();
    on.block_on(stage.lab().operator().generate_token(SERVER)).expect("a token");
    let id = open_rotation(&stage).expect("a rotation is open");
    let _ = run(&stage, &["run", "resume", &id, "--no-wait"], 10);
    let _ = stage
        .rollover(&["run", "rollback", &id, "--wait"])
        .heard_by(operator.ear())
        .run()
        .and_then(|ended| ended.is(11))
        .expect("it goes back");
    assert_eq!(operator.leave().expect("the operator could do it"), 1);
    before.rolled_back(&stage, &POSTMARK).expect("everything is as before");
}

/// Goal: an old journal that makes the revocation doubtful asks nobody to delete a token: the
/// agreement and the last look, of which it knows nothing, come first.
#[test]
fn a_doubted_revocation_is_asked_of_nobody_before_it_is_agreed_to() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let _ = run(&stage, &["rotate", POSTMARK.name, "--yes", "--no-wait"], 10);
    let id = open_rotation(&stage).expect("a rotation is open");
    let on = stage.runtime();
    let operator = stage.lab().operator();
    on.block_on(operator.generate_token(SERVER)).expect("a token");
    let resume = ["run", "resume", &id, "--no-wait"];
    let agree = ["run", "resume", &id, "--confirm", POSTMARK.name, "--no-wait"];
    let _ = run(&stage, &resume, 10);
    let kinds = || {
        let tasks = run(&stage, &["task", "ls", "--json"], 0).json().expect("tasks");
        let kind = |one: &serde_json::Value| one["task"]["kind"].as_str().map(str::to_owned);
        tasks.as_array().expect("a list").iter().filter_map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(), ["approve"]);
    let copy = Copy::of(&stage, Way::File).expect("a copy");
    let _ = run(&stage, &agree, 10);
    assert_eq!(kinds(), ["revoke"]);

    copy.put_back(&stage).expect("the copy is put back");
    let _ = run(&stage, &resume, 31);
    let _ = run(&stage, &["reconcile"], 0);
    assert_eq!(kinds(), [""; 0], "what is doubted is looked at first");
    let _ = run(&stage, &resume, 10);
    assert_eq!(kinds(), ["approve"]);
    let back = ["run", "rollback", &id, "--no-wait"];
    let refused = stage.rollover(&back).run().expect("it runs");
    assert_ne!(refused.code, Some(11), "it may have been revoked: {refused}");
    let _ = run(&stage, &agree, 10);
    assert_eq!(kinds(), ["revoke"]);
    on.block_on(operator.delete_token(SERVER, &TokenPick::Is(before.old.clone())))
        .expect("deleted");
    let _ = run(&stage, &resume, 0);
    before.completed(&stage, &POSTMARK, Restarts::Any).expect("everything is right");
}
