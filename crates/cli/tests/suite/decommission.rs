//! Goal: a secret that nobody uses any more is nowhere, and its token is dead; somebody who was
//! forgotten shows while there is a way back. Method: both kinds of issuers against the lab. The
//! kills at every instant are the matrix's.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use e2e::crashes::open_rotation;
use e2e::{Before, Ended, HEROKU, Operator, POSTMARK, Stage};
use lab::SecretScope;

const REASON: &str = "the console is switched off";

/// A lab in which rollover logs in at Heroku with a token of its own: what it uses itself is in
/// use.
fn stage() -> Stage {
    let stage = with_its_token();
    let login = stage.directory().join("credentials/heroku");
    let token = stage.lab().credentials().heroku_management_token;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&login)
        .and_then(|mut file| std::io::Write::write_all(&mut file, token.as_bytes()))
        .expect("written");
    let own = "auth = { file = \"credentials/heroku\" }";
    let shared = "auth = { secret = \"prod/HEROKU_API_KEY\" }";
    stage.edit("rollover.toml", |text| text.replace(shared, own)).expect("edited");
    stage
}

fn with_its_token() -> Stage {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage")
}

fn run(stage: &Stage, args: &[&str], code: i32) -> Ended {
    stage.rollover(args).run().and_then(|ended| ended.is(code)).expect("the expected end")
}

fn begin(stage: &Stage, name: &str) -> String {
    let begin = ["secret", "decommission", name, "--reason", REASON, "--yes", "--no-wait"];
    let _waits_for_the_agreement = run(stage, &begin, 10);
    open_rotation(stage).expect("it is open")
}

#[test]
fn a_token_of_an_api_goes_out_of_use_and_nobody_gets_it_back_unseen() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let name = HEROKU.name;
    let plan = run(&stage, &["secret", "decommission", name, "--plan"], 0);
    for words in ["remove", "heroku:acme-console-prod", "clear", "revoke", "point of no return"] {
        assert!(plan.stdout.contains(words), "{words}: {plan}");
    }
    before.nothing_created(&stage).expect("a plan changes nothing");
    let ended = run(
        &stage,
        &["secret", "decommission", name, "--reason", REASON, "--confirm", name, "--no-wait"],
        0,
    );
    before.decommissioned(&stage, &HEROKU).expect("it is nowhere");
    assert!(ended.stdout.contains("is out of use"), "{ended}");
    assert!(ended.stderr.contains("secrets/heroku-api-key.toml"), "{ended}");

    // Everybody who looks at secrets says so.
    let status = run(&stage, &["status", name, "--check"], 0);
    assert!(status.stdout.contains("decommissioned"), "{status}");
    let schedule = run(&stage, &["schedule", "ls"], 0);
    assert!(schedule.stdout.contains("decommissioned"), "{schedule}");
    let drift = run(&stage, &["drift", name, "--check"], 0);
    assert!(drift.stdout.contains("6/6"), "{drift}");
    let rotate = run(&stage, &["rotate", name, "--yes", "--no-wait"], 1);
    assert!(rotate.stderr.contains("is decommissioned since"), "{rotate}");
    let posture = run(&stage, &["posture", "--json"], 0).json().expect("JSON");
    assert!(!posture.to_string().contains("HEROKU_API_KEY is"), "{posture}");
    let audit = run(&stage, &["audit", "ls", "-n", "500", "--json"], 0);
    assert!(audit.stdout.contains("secret.decommission.completed"), "{audit}");
    assert!(audit.stdout.contains(REASON), "{audit}");

    // Somebody brings it back: by a rollback, and by hand.
    stage.lab().set_config_var("acme-api-prod", HEROKU.key, Some(&before.old));
    stage.lab().set_github_secret(&SecretScope::Repo, HEROKU.key, "anything");
    let drift = run(&stage, &["drift", name, "--check"], 3);
    assert!(drift.stdout.contains("4/6"), "{drift}");
    assert!(drift.stdout.contains("an earlier token of it (proven-dead); it is DEAD"), "{drift}");
    assert!(drift.stdout.contains("heroku config:unset HEROKU_API_KEY"), "{drift}");
    assert!(drift.stdout.contains("it is there again"), "{drift}");
}

#[test]
fn a_token_that_people_delete_is_asked_for_and_seen_dead() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let (name, operator) = (POSTMARK.name, Operator::at(&stage).expect("an operator"));
    let unknown = stage.lab().add_postmark_token(e2e::SERVER).expect("there is room");
    let args = ["secret", "decommission", name, "--reason", REASON, "--confirm", name, "--wait"];
    let ended = stage
        .rollover(&args)
        .heard_by(operator.ear())
        .run()
        .and_then(|ended| ended.is(0))
        .expect("it ends");
    assert_eq!(operator.leave().expect("the operator could do it"), 1, "one click");
    let held = before.decommissioned(&stage, &POSTMARK).expect_err("one token is not known");
    assert_eq!(held, "ORPHANS: 1 live token(s) too many, 0 too few");
    assert!(stage.lab().inspect().postmark_honours(&unknown), "it is listed and not touched");
    assert!(ended.stderr.contains("not known, left alone"), "{ended}");
    assert!(ended.stderr.contains("lives at the issuer; it was left alone"), "{ended}");
    let file = fs::read_to_string(stage.directory().join(POSTMARK.file)).expect("it is there");
    let expected = "# The mail worker on this machine.\nQUEUE=mail # unchanged by a rotation\n";
    assert_eq!(file, expected);
}

#[test]
fn until_the_revocation_everything_can_be_put_back() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let id = begin(&stage, HEROKU.name);
    let world = stage.lab().inspect();
    assert_eq!(world.infisical_value("prod", HEROKU.key), None);
    assert_eq!(world.github_secret(&SecretScope::Repo, HEROKU.key), None);
    assert!(world.heroku_honours(&before.old), "alive, so that somebody forgotten shows");
    let usage = run(&stage, &["usage", HEROKU.name], 0);
    assert!(!usage.stdout.contains("holds nothing"), "it can be looked at now: {usage}");
    let drift = run(&stage, &["drift", HEROKU.name, "--check"], 0);
    assert!(drift.stdout.contains("6/6"), "{drift}");
    let other = run(&stage, &["rotate", HEROKU.name, "--yes", "--no-wait"], 1);
    assert!(other.stderr.contains("it is a decommission"), "{other}");
    let _ = run(&stage, &["run", "rollback", &id, "--no-wait"], 11);
    before.rolled_back(&stage, &HEROKU).expect("everything is as before");
    let status = run(&stage, &["status", HEROKU.name], 0);
    assert!(!status.stdout.contains("decommissioned"), "{status}");
}

/// A soak of days is not watched by a process: it is left, and gone on with when it is over.
#[test]
fn a_long_soak_is_left_and_goes_on_by_the_clock() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let name = HEROKU.name;
    let args = ["secret", "decommission", name, "--reason", REASON, "--confirm", name];
    let left = stage.rollover(&args).args(&["--watch", "7d", "--no-wait"]).run();
    let left = left.and_then(|ended| ended.is(10)).expect("it is left");
    assert!(left.stderr.contains("waits: soak until "), "{left}");
    assert!(stage.lab().inspect().heroku_honours(&before.old));
    let status = run(&stage, &["status", name], 0);
    assert!(status.stdout.contains(" soak"), "{status}");
    let id = open_rotation(&stage).expect("it is open");
    let still = run(&stage, &["run", "resume", &id, "--no-wait"], 10);
    let until = |ended: &Ended| {
        let (_, after) = ended.stderr.split_once("soak until ").expect("until when");
        after.split(';').next().map(str::to_owned)
    };
    assert_eq!(until(&left), until(&still), "it does not begin anew");
    let _ = run(&stage, &["run", "rollback", &id, "--no-wait"], 11);
    before.rolled_back(&stage, &HEROKU).expect("everything is as before");
}

#[test]
fn who_has_it_again_during_the_soak_is_rid_of_it_before_it_is_revoked() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let id = begin(&stage, HEROKU.name);
    stage.lab().set_config_var("acme-api-staging", HEROKU.key, Some(&before.old));
    let agree = ["run", "resume", &id, "--confirm", HEROKU.name, "--no-wait"];
    let ended = run(&stage, &agree, 0);
    assert!(ended.stderr.contains("is on something else"), "{ended}");
    let world = stage.lab().inspect();
    assert_eq!(world.config_vars("acme-api-staging").get(HEROKU.key), None);
    assert!(!world.heroku_honours(&before.old));
}

#[test]
fn what_rollover_itself_uses_and_what_nobody_gives_a_reason_for_stays() {
    let stage = with_its_token();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let args = ["secret", "decommission", HEROKU.name, "--reason", REASON, "--yes", "--no-wait"];
    let used = run(&stage, &args, 1);
    assert!(used.stderr.contains("cannot be taken out of use now"), "{used}");
    assert!(used.stderr.contains("rollover itself logs in with this token"), "{used}");
    let bare = run(&stage, &["secret", "decommission", POSTMARK.name, "--yes"], 2);
    assert!(bare.stderr.contains("--reason"), "{bare}");
    let asked = ["secret", "decommission", POSTMARK.name, "--reason", REASON];
    let _nobody_types_its_name = run(&stage, &asked, 10);
    before.nothing_created(&stage).expect("nothing happened");
    before.nobody_out(&stage, &POSTMARK).expect("nobody lost it");
}

#[test]
fn a_consumer_with_something_else_is_said_and_a_dead_token_is_taken_away_too() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let other = "01234567-89ab-cdef-0123-456789abcdef";
    stage.edit(POSTMARK.file, |text| text.replace(&before.old, other)).expect("edited");
    assert!(stage.lab().revoke_by_hand(&before.old));
    let name = POSTMARK.name;
    let plan = run(&stage, &["secret", "decommission", name, "--plan"], 0);
    assert!(plan.stdout.contains("not this token; that value is removed"), "{plan}");
    assert!(plan.stdout.contains("dead already"), "{plan}");
    assert!(!plan.stdout.contains(other), "it shows a value: {plan}");
    let args = ["secret", "decommission", name, "--reason", REASON, "--confirm", name, "--no-wait"];
    let _ = run(&stage, &args, 0);
    let world = stage.lab().inspect();
    assert_eq!(world.config_vars("acme-api-prod").get(POSTMARK.key), None);
    let file = fs::read_to_string(stage.directory().join(POSTMARK.file)).expect("it is there");
    assert!(!file.contains(POSTMARK.key));
}
