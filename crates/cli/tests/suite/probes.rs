//! Goal: every kind of probe shows what it should before anything is revoked; one that shows
//! something else turns the rotation back; a lost answer is settled by looking; and a mail that
//! nobody has seen counts as none. Method: each kind in turn, on the real binary, at the lab.

use std::path::Path;

use e2e::crashes::open_rotation;
use e2e::probes::ProbeAt;
use e2e::{Before, Ended, Operator, Restarts, Result, Stage};
use lab::{FaultKind, FaultRule, Sending, Vendor};

fn stage() -> Result<Stage> {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))
}

/// Rotates the probe's secret, with somebody at the dashboard.
fn rotate(stage: &Stage, probe: &ProbeAt, code: i32) -> Result<Ended> {
    let operator = Operator::at(stage)?;
    let ended = stage.rotate(probe.secret).heard_by(operator.ear()).run()?.is(code);
    let _clicks = operator.leave()?;
    ended
}

/// What the journal has of the probe, as `run show` tells it.
fn told(stage: &Stage) -> Result<String> {
    Ok(stage.rollover(&["audit", "ls", "--json"]).run()?.is(0)?.stdout)
}

#[test]
fn every_kind_shows_what_it_should_before_anything_is_revoked() -> Result<()> {
    for probe in ProbeAt::all()? {
        let stage = stage()?;
        probe.put(&stage, "")?;
        let before = Before::of(&stage, probe.secret)?;
        let planned = stage.rollover(&["plan", probe.secret.name]).run()?.is(0)?.stdout;
        assert!(
            planned.contains("probe") && planned.contains("it: "),
            "{}: {planned}",
            probe.kind()
        );
        let ended = rotate(&stage, probe, 0)?;
        before.completed(&stage, probe.secret, Restarts::Once)?;
        let log = told(&stage)?;
        let shown = log.find(probe.shows).ok_or_else(|| format!("{}: {ended}", probe.kind()))?;
        let revoked = log.rfind("\"revoke\"").ok_or("nothing was revoked")?;
        assert!(shown < revoked, "{}: it was revoked first", probe.kind());
        assert!(!log.contains(&before.old), "{}: a token is in the audit log", probe.kind());
    }
    Ok(())
}

#[test]
fn what_is_refused_turns_back_and_says_whether_it_is_the_token() -> Result<()> {
    /// A kind, more lines of its probe, what is said, and what spoils it.
    type Row = (&'static str, &'static str, &'static str, fn(&Stage));
    let rows: [Row; 3] = [
        ("test-mail", "", "the token is right", |stage| {
            stage.lab().knobs(|knobs| knobs.postmark.sending = Sending::NoCredits);
        }),
        ("app-mail", "expect = { status = 202 }\n", "200 instead of 202", |_| {}),
        ("workflow", "", "'workflow_dispatch' trigger", |stage| {
            let edited = stage.edit("secrets/heroku-api-key.toml", |text| {
                text.replace("deploy-staging.yml", "ci.yml")
            });
            assert_eq!(edited, Ok(()));
        }),
    ];
    for (kind, more, why, spoil) in rows {
        let (stage, probe) = (stage()?, ProbeAt::of(kind)?);
        probe.put(&stage, more)?;
        spoil(&stage);
        let before = Before::of(&stage, probe.secret)?;
        let ended = rotate(&stage, probe, 11)?;
        assert!(ended.stderr.contains(why), "{kind}: {ended}");
        before.nobody_out(&stage, probe.secret)?;
    }
    Ok(())
}

#[test]
fn a_run_that_fails_turns_back() -> Result<()> {
    let (stage, probe) = (stage()?, ProbeAt::of("workflow")?);
    probe.put(&stage, "")?;
    // It uses a secret that the repository does not have, so its job fails.
    stage.edit("secrets/heroku-api-key.toml", |text| {
        text.replace("deploy-staging.yml", "deploy-missing.yml")
    })?;
    let before = Before::of(&stage, probe.secret)?;
    let ended = rotate(&stage, probe, 11)?;
    assert!(ended.stderr.contains("ended with failure"), "{ended}");
    before.nobody_out(&stage, probe.secret)
}

/// A mail and a run whose answer was lost are found, and not sent a second time; an application's
/// mail can be found by nobody and is asked for once more.
#[test]
fn a_lost_answer_is_settled_by_looking() -> Result<()> {
    for (kind, vendor, path, count) in [
        ("test-mail", Vendor::Postmark, "/email", 1),
        ("workflow", Vendor::Github, "dispatches", 1),
        ("app-mail", Vendor::Dashboard, "test-email", 2),
    ] {
        let (stage, probe) = (stage()?, ProbeAt::of(kind)?);
        probe.put(&stage, "")?;
        let before = Before::of(&stage, probe.secret)?;
        let rule = FaultRule::new(vendor, FaultKind::ResetInBody).on("POST", path).times(1);
        let _rule = stage.lab().fault(rule);
        let ended = rotate(&stage, probe, 0)?;
        before.completed(&stage, probe.secret, Restarts::Once)?;
        let world = stage.lab().inspect();
        let sent = match kind {
            "workflow" => world.github_runs().len(),
            _ => world.mails().len(),
        };
        assert_eq!(sent, count, "{kind}: {ended}");
    }
    Ok(())
}

#[test]
fn a_mail_counts_once_a_person_has_seen_it() -> Result<()> {
    for (answer, code) in [(&[][..], 0), (&["--no"][..], 11)] {
        let (stage, probe) = (stage()?, ProbeAt::of("test-mail")?);
        probe.put(&stage, "confirm_receipt = true\n")?;
        let before = Before::of(&stage, probe.secret)?;
        let name = probe.secret.name;
        let begin = ["rotate", name, "--confirm", name, "--no-wait"];
        let _ = stage.rollover(&begin).run()?.is(10)?;
        let id = open_rotation(&stage)?;
        let on = stage.runtime();
        let made = on.block_on(stage.lab().operator().generate_token(e2e::SERVER));
        let _ = made.map_err(|error| error.to_string())?;
        let resume = ["run", "resume", &id, "--no-wait"];
        let waits = stage.rollover(&resume).run()?.is(10)?;
        assert!(waits.stderr.contains("MessageID "), "{waits}");
        let task = format!("{id}.receipt-1");
        let listed = stage.rollover(&["task", "ls"]).run()?.is(0)?;
        assert!(listed.stdout.contains(&task), "{listed}");
        // Only a receipt can be denied, and nobody else's word will do for it.
        let odd = ["task", "done", &format!("{id}.create"), "--no"].map(str::to_owned);
        let odd: Vec<&str> = odd.iter().map(String::as_str).collect();
        let _ = stage.rollover(&odd).run()?.is(2)?;
        let done: Vec<&str> =
            ["task", "done", &task].into_iter().chain(answer.iter().copied()).collect();
        let _ = stage.rollover(&done).run()?.is(0)?;
        let operator = Operator::at(&stage)?;
        let go_on = ["run", "resume", &id, "--wait"];
        let ended = stage.rollover(&go_on).heard_by(operator.ear()).run()?.is(code)?;
        if code == 0 {
            before.completed(&stage, probe.secret, Restarts::Once)?;
        } else {
            assert!(ended.stdout.contains("it did not arrive"), "{ended}");
            before.nobody_out(&stage, probe.secret)?;
        }
        let _clicks = operator.leave()?;
    }
    Ok(())
}
