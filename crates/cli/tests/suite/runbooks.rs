//! Runbooks of the real binary: whole, current, measured, and validated in a lab.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::originals::ORIGINALS;
use e2e::{HEROKU, Operator, POSTMARK, Result, Rollover, Stage};

/// A secret of the example that has no runbook of old.
const ACCOUNT: &str = "prod/POSTMARK_ACCOUNT_TOKEN";

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_rollover"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rendered(secret: &str, format: &str) -> Result<String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let args = ["runbook", "render", secret, "--format", format];
    let example = root().join("examples/acme");
    let run = Rollover::new(&binary(), &example, home.path()).args(&args).run()?.is(0)?;
    Ok(run.stdout)
}

/// Goal: nothing of the two given runbooks is lost. Method: each of their steps, notes, lines of
/// the way back and modes of failure is looked for under the heading where it belongs.
#[test]
fn the_given_runbooks_are_there_to_the_last_line() -> Result<()> {
    for original in &ORIGINALS {
        let missing = original.missing(&rendered(original.secret, "md")?);
        assert!(missing.is_empty(), "{}: {missing:#?}", original.secret);
        assert!(original.items.len() > 40, "the list of {} is short", original.secret);
    }
    Ok(())
}

/// Goal: the pages under docs/ are what the program makes of the example today. Method: both are
/// compared; `rollover -C examples/acme runbook render --output docs/runbooks` writes them anew.
#[test]
fn the_pages_in_docs_are_current() -> Result<()> {
    let originals = ORIGINALS.iter().map(|original| original.secret);
    for secret in originals.chain([ACCOUNT]) {
        let file = secret.to_lowercase().replace(['/', '_'], "-");
        let path = root().join(format!("docs/runbooks/{file}.md"));
        let kept = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        assert_eq!(kept, rendered(secret, "md")?, "{} is not current", path.display());
        let html = rendered(secret, "html")?;
        assert!(html.starts_with("<!doctype html>") && !html.contains("<script"));
    }
    Ok(())
}

/// Goal: after a rotation its runbook says when, how long and with which evidence, in every
/// format, and no value. Method: a rotation of each secret in the lab, and the lab's values.
#[test]
fn a_runbook_tells_of_the_last_rotation() -> Result<()> {
    let stage = Stage::new(&binary())?;
    let values =
        [stage.lab().credentials().postmark_server_token, stage.lab().credentials().heroku_api_key];
    for secret in [&POSTMARK, &HEROKU] {
        let operator = secret.by_operator.then(|| Operator::at(&stage)).transpose()?;
        let mut rotate = stage.rotate(secret);
        if let Some(operator) = &operator {
            rotate = rotate.heard_by(operator.ear());
        }
        let _ = rotate.run()?.is(0)?;
        if let Some(operator) = operator {
            let _clicks = operator.leave()?;
        }
        let shown = stage.rollover(&["runbook", "show", secret.name]).run()?.is(0)?;
        // The stage's vendors are on this machine, and that is no production.
        assert!(shown.stdout.contains("Validation method: lab-run"), "{}", shown.stdout);
        assert!(shown.stdout.contains("(last 1; p95 "), "{}", shown.stdout);
        assert!(shown.stdout.contains("yes, 20"), "a claim was seen true: {}", shown.stdout);
        let object =
            stage.rollover(&["runbook", "show", secret.name, "--json"]).run()?.is(0)?.json()?;
        let steps = object["steps"].as_array().ok_or("no steps")?;
        let told = |verb: &str| {
            steps.iter().any(|step| {
                step["verb"] == verb && step["last"].as_array().is_some_and(|last| !last.is_empty())
            })
        };
        for verb in
            ["create", "validate", "store", "propagate", "verify", "probe", "revoke", "prove"]
        {
            assert!(told(verb), "{verb} has no evidence: {object:#}");
        }
        let all = stage.home().join("pages");
        for format in ["text", "md", "html"] {
            let args = ["runbook", "render", "--format", format, "--output"];
            let all = all.display().to_string();
            let _ = stage.rollover(&args).args(&[&all]).run()?.is(0)?;
        }
        for page in fs::read_dir(&all).map_err(|error| error.to_string())?.flatten() {
            let text = fs::read_to_string(page.path()).map_err(|error| error.to_string())?;
            assert!(!values.iter().any(|value| text.contains(value)), "{}", page.path().display());
        }
    }
    Ok(())
}

/// Goal: `runbook validate` rotates in a lab of the same shape, notes it durably, and the runbook
/// says so until a consumer is added. Method: the example's own inventory, and one consumer more.
#[test]
fn a_validation_is_noted_and_ages_with_the_inventory() -> Result<()> {
    let stage = Stage::new(&binary())?;
    for secret in [&POSTMARK, &HEROKU] {
        let told =
            stage.rollover(&["runbook", "validate", secret.name, "--json"]).run()?.is(0)?.json()?;
        assert_eq!(told["right"], true, "{told:#}");
        assert_eq!(told["rotation"]["old_token"]["proven_dead"], true, "{told:#}");
    }
    let listed = || stage.rollover(&["runbook", "ls", "--json"]).run()?.is(0)?.json();
    let all = listed()?;
    for one in all.as_array().ok_or("no list")? {
        assert_eq!(one["method"], "lab-run", "{all:#}");
        assert_eq!(one["stale"], serde_json::json!([]), "{all:#}");
    }
    let _ = stage.rollover(&["audit", "verify"]).run()?.is(0)?;
    stage.edit("secrets/postmark-server-token.toml", |text| {
        format!("{text}\n[[consumers]]\nkind = \"dotenv\"\npath = \"more.env\"\n")
    })?;
    let shown = stage.rollover(&["runbook", "show", POSTMARK.name]).run()?.is(0)?;
    let words: Vec<&str> = shown.stdout.split_whitespace().collect();
    let told = words.join(" ").contains("since then consumer dotenv:more.env was added");
    assert!(told, "{}", shown.stdout);
    Ok(())
}

/// Goal: a replay that goes wrong says so and is not counted. Method: an inventory whose token may
/// not do what the engine needs of it.
#[test]
fn a_runbook_that_is_wrong_does_not_validate() -> Result<()> {
    let stage = Stage::new(&binary())?;
    stage
        .edit("rollover.toml", |text| text.replace("scope = [\"global\"]", "scope = [\"read\"]"))?;
    let told = stage.rollover(&["runbook", "validate", HEROKU.name]).run()?;
    assert_ne!(told.code, Some(0), "{told}");
    let all = stage.rollover(&["runbook", "ls", "--json"]).run()?.is(0)?.json()?;
    let heroku = all.as_array().and_then(|all| all.iter().find(|one| one["secret"] == HEROKU.name));
    assert_eq!(heroku.ok_or("not listed")?["method"], "read-only-docs", "{all:#}");
    Ok(())
}
