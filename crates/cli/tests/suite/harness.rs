//! Goal: the comparison that the other tests rest on sees what is wrong. Method: a rotation that
//! went well, and then one thing after another is spoilt behind its back.

use std::path::Path;

use e2e::{Before, HEROKU, Restarts, Stage};

#[test]
fn what_is_wrong_is_seen() {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let wrong = |words: &str| {
        let why = before.completed(&stage, &HEROKU, Restarts::Once).expect_err(words);
        assert!(why.contains(words), "{words}: {why}");
    };
    wrong("FALSE DONE");
    wrong("the store holds the old token");
    before.nothing_created(&stage).expect("nothing was created yet");
    let _ = stage.rotate(&HEROKU).run().and_then(|ended| ended.is(0)).expect("it completes");
    before.completed(&stage, &HEROKU, Restarts::Once).expect("everything is right");
    assert!(before.rolled_back(&stage, &HEROKU).is_err());
    assert!(before.nothing_created(&stage).is_err());

    stage.lab().set_config_var("acme-console-prod", "LOG_LEVEL", Some("debug"));
    wrong("something was changed that does not belong to this secret");
    wrong("acme-console-prod was restarted 2 times");
    let on = stage.runtime();
    on.block_on(stage.lab().operator().generate_token(e2e::SERVER)).expect("a token");
    wrong("ORPHANS: 1 live token(s) too many, 0 too few");
    let old = Some(before.old.as_str());
    stage.lab().set_config_var("acme-api-prod", HEROKU.key, old);
    wrong("config of acme-api-prod is on something else");
    let why = before.nobody_out(&stage, &HEROKU).expect_err("it holds a dead token");
    assert!(why.contains("out of service"), "{why}");
}
