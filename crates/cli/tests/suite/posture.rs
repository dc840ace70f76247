//! Goal: each check fails for what it is about, and for nothing else; and what is looked at in a
//! real directory and in the lab is what the checks are told. Method: samples of facts, then one
//! world that is bad and is made good.

use std::fs;
use std::path::Path;

use e2e::{Result, Stage};
use lab::Listing;
use serde_json::{Value, json};

fn verdicts(report: &Value) -> std::collections::BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["judgements"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|one| (text(&one["check"]), text(&one["verdict"]))).collect()
}

#[test]
fn every_check_fails_for_its_own_sample_alone() -> Result<()> {
    let (samples, wrong) = e2e::posture::tried()?;
    assert!(samples > 40, "{samples}");
    assert!(wrong.missed.is_empty() && wrong.false_alarms.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn a_bad_world_is_seen_and_made_good() -> Result<()> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let here = stage.directory();
    let fail = |error: std::io::Error| error.to_string();
    let write = |name: &str, text: &str| {
        let path = here.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&here)).map_err(fail)?;
        fs::write(path, text).map_err(fail)
    };
    fs::create_dir_all(here.join(".git/hooks")).map_err(fail)?;
    write("package.json", "{ \"dependencies\": { \"postmark-mcp\": \"1.0.16\" } }\n")?;
    write("src/a.js", "const agent = { rejectUnauthorized: false };\nconsole.log(process.env);\n")?;
    write(".github/workflows/a.yml", "steps:\n  - uses: actions/checkout@v4\n  - run: printenv\n")?;
    let lab = stage.lab();
    lab.add_postmark_webhook("acme-prod", json!({ "Url": "http://hooks.example/postmark" }));
    lab.knobs(|knobs| {
        knobs.github.secret_scanning = false;
        knobs.github.public = true;
        knobs.postmark.listing = Listing::Full;
    });
    let _second = lab.add_postmark_token("acme-prod").ok_or("the server is full")?;
    let report = stage.rollover(&["posture", "--json"]).run()?.is(0)?;
    let seen = verdicts(&report.json()?);
    for check in [
        "official-packages",
        "tls-verified",
        "errors-logged",
        "actions-pinned",
        "ci-prints-secrets",
        "env-ignored",
        "example-file",
        "hooks",
        "webhooks-https",
        "webhooks-authenticated",
        "secret-scanning",
        "environment-protected",
        "readers",
        "scope-wide",
        "unknown-tokens",
        "separate-servers",
        "one-token-one-place",
    ] {
        assert_eq!(seen.get(check).map(String::as_str), Some("fail"), "{check}: {report}");
    }
    assert_eq!(seen["token-age"], "unknown", "nothing was rotated yet");
    assert_eq!(seen["tokens-in-history"], "unknown");
    let refused = stage.rollover(&["--no-input", "posture", "--fix"]).run()?.is(10)?;
    assert!(refused.stderr.contains("+ .env"), "{refused}");
    assert!(!here.join(".gitignore").exists());
    let fixed = stage.rollover(&["posture", "--fix", "--yes", "--check", "--json"]).run()?.is(3)?;
    let seen = verdicts(&fixed.json()?);
    for check in ["env-ignored", "example-file", "example-values"] {
        assert_eq!(seen.get(check).map(String::as_str), Some("pass"), "{check}: {fixed}");
    }
    let audit = stage.rollover(&["audit", "ls"]).run()?.is(0)?;
    assert!(audit.stdout.contains("posture.fix.intent"), "{audit}");
    let sarif = stage.rollover(&["posture", "--format", "sarif", "--offline"]).run()?.is(0)?;
    let sarif: Value = serde_json::from_str(&sarif.stdout).map_err(|error| error.to_string())?;
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].to_string();
    assert!(results.contains("src/a.js") && results.contains("\"startLine\":2"), "{results}");
    let page = stage.rollover(&["posture", "--format", "html", "--offline"]).run()?.is(0)?;
    assert!(page.stdout.starts_with("<!doctype html>") && !page.stdout.contains("<script"));
    assert!(page.stdout.contains("Before: "), "{page}");
    Ok(())
}

#[test]
fn tokens_of_ours_are_found_where_they_should_not_be_and_never_shown() -> Result<()> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let fail = |error: std::io::Error| error.to_string();
    let _ = stage.rotate(&e2e::HEROKU).run()?.is(0)?;
    let token = stage.lab().inspect().infisical_value("prod", "HEROKU_API_KEY").unwrap_or_default();
    fs::write(stage.directory().join("deploy.sh"), format!("TOKEN={token}\n")).map_err(fail)?;
    fs::write(stage.home().join(".bash_history"), format!("export K={token}\n")).map_err(fail)?;
    let plain = stage.rollover(&["posture", "--json", "--offline"]).run()?.is(0)?;
    let seen = verdicts(&plain.json()?);
    assert_eq!(
        (seen["tokens-in-code"].as_str(), seen["shell-history"].as_str()),
        ("fail", "unknown")
    );
    let asked = stage.rollover(&["posture", "--shell-history", "--offline"]).run()?.is(0)?;
    assert!(
        asked.stdout.contains(".bash_history:1: a token of prod/HEROKU_API_KEY, active"),
        "{asked}"
    );
    assert!(!asked.stdout.contains(&token) && !plain.stdout.contains(&token));
    let page = stage.rollover(&["posture", "--explain", "tokens-in-code"]).run()?.is(0)?;
    assert!(page.stdout.contains("## What to do"), "{page}");
    Ok(())
}
