//! Goal: the cause is named and the fix that is printed works. Method: broken situations, staged
//! in the lab; a sample of them, or all with `ROLLOVER_FULL=1`. Nothing that is printed holds a
//! value of the lab.

use std::path::Path;

use e2e::doctor::{Situation, examine, situations};
use e2e::{POSTMARK, Result, Stage};

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rollover"))
}

#[test]
fn the_cause_is_named_and_the_fix_works() -> Result<()> {
    let all = situations();
    assert!(all.len() >= 60, "{} situations", all.len());
    let step = if e2e::full() { 1 } else { 7 };
    let sample: Vec<Situation> = all.into_iter().step_by(step).collect();
    let wrong: Vec<String> = examine(binary(), &sample, 2)?
        .into_iter()
        .filter(|one| !one.is_right() || one.fixed.is_err())
        .map(|one| format!("{}: {} for {}; {:?}", one.name, one.named, one.expected, one.fixed))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), sample.len(), wrong.join("\n\n"));
    Ok(())
}

#[test]
fn what_is_well_is_called_well_and_nothing_shows_a_value() -> Result<()> {
    let stage = Stage::new(binary())?;
    let token = stage.lab().credentials().postmark_server_token;
    let well = stage.rollover(&["doctor", POSTMARK.name]).run()?.is(0)?;
    assert!(well.stdout.contains("Nothing is wrong with it here."), "{well}");
    assert!(well.stdout.contains("answers 200 as acme-prod"), "{well}");
    let staging = stage.lab().credentials().postmark_tokens["acme-staging"][0].clone();
    stage.lab().set_config_var("acme-api-prod", POSTMARK.key, Some(&staging));
    let wrong = stage.rollover(&["doctor", "heroku:acme-api-prod"]).run()?.is(21)?;
    assert!(wrong.stdout.contains("answers 200 as acme-staging, expected acme-prod"), "{wrong}");
    assert!(wrong.stdout.contains("YES  wrong environment"), "{wrong}");
    assert!(wrong.stdout.contains("docs/doctor/wrong-environment.md"), "{wrong}");
    for ended in [&well, &wrong] {
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!all.contains(&token) && !all.contains(&staging), "{all}");
    }
    let page = stage.rollover(&["doctor", "--explain", "wrong-environment"]).run()?.is(0)?;
    assert!(page.stdout.contains("## What to do"), "{page}");
    let refused = stage
        .rollover(&["--no-input", "doctor", POSTMARK.name, "--from", "a@b.c", "--send-to", "d@e.f"])
        .run()?
        .is(10)?;
    assert!(refused.stderr.contains("only when somebody agrees"), "{refused}");
    assert!(stage.lab().inspect().mails().is_empty());
    Ok(())
}
