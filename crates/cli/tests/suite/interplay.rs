//! Goal: what people and vendors do while a rotation waits for an agreement ends in no outage,
//! no wedge and no wrong token. Method: a rotation without an agreement waits, something is done
//! behind its back, and it is picked up again. Each of these was once a finding of a review.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::path::Path;

use e2e::crashes::open_rotation;
use e2e::{Before, HEROKU, POSTMARK, Restarts, Stage};
use lab::{FaultKind, FaultRule, Vendor};

fn stage() -> Stage {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage")
}

/// A rotation of the Heroku token that waits for the agreement, and its id.
fn waiting(stage: &Stage) -> String {
    let rotate = ["rotate", "prod/HEROKU_API_KEY", "--yes", "--no-wait"];
    let _ = stage.rollover(&rotate).run().and_then(|ended| ended.is(10)).expect("it waits");
    open_rotation(stage).expect("a rotation is open")
}

#[test]
fn an_agreement_and_a_change_of_mind_do_not_wedge_a_rotation() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let id = waiting(&stage);
    let task = format!("{id}.approve");
    let agree = ["task", "done", &task, "--confirm", "prod/HEROKU_API_KEY"];
    let _ = stage.rollover(&agree).run().and_then(|ended| ended.is(0)).expect("noted");
    let back = ["run", "rollback", &id];
    let _ = stage.rollover(&back).run().and_then(|ended| ended.is(11)).expect("it goes back");
    before.rolled_back(&stage, &HEROKU).expect("everybody is on the old token");
}

#[test]
fn a_consumer_that_goes_back_while_it_waits_is_brought_in_step_before_the_revocation() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let traffic = stage.traffic();
    let id = waiting(&stage);
    stage.lab().set_config_var("acme-console-prod", "HEROKU_API_KEY", Some(&before.old));
    let resume = ["run", "resume", &id, "--confirm", "prod/HEROKU_API_KEY", "--wait"];
    let ended = stage.rollover(&resume).run().and_then(|ended| ended.is(0)).expect("it completes");
    assert!(ended.stderr.contains("is on something else"), "{ended}");
    before.completed(&stage, &HEROKU, Restarts::Any).expect("everything is right");
    assert_eq!(stage.end_traffic(traffic).total().refused, 0);
}

#[test]
fn a_token_that_was_there_before_is_never_taken_for_the_new_one() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    // One of the two looks at the server fails once, so its list of tokens is not seen.
    let fault = FaultRule::new(Vendor::Postmark, FaultKind::Error5xxBefore { status: 503 });
    stage.lab().fault(fault.on("GET", "/server").times(1));
    let rotate = ["rotate", "prod/POSTMARK_SERVER_TOKEN", "--yes", "--no-wait"];
    let ended = stage.rollover(&rotate).run().and_then(|ended| ended.is(75)).expect("refused");
    assert!(ended.stderr.contains("could not be looked at"), "{ended}");
    before.nothing_created(&stage).expect("nothing was created");
}

#[test]
fn a_store_is_not_written_beside_a_rotation() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let id = waiting(&stage);
    let import = ["secret", "import", "prod/HEROKU_API_KEY", "--token-stdin"];
    let refused = stage.rollover(&import).input(&before.old).run().and_then(|ended| ended.is(1));
    assert!(refused.expect("refused").stderr.contains(&id));
}
