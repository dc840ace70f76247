//! Goal: each check fails for what it is about, and for nothing else; and what is looked at in a
//! real directory and in the lab is what the checks are told. Method: samples of facts, then one
//! world that is bad and is made good.

use std::fs;
use std::path::Path;
use std::process::Command;

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
    assert_eq!(seen["tokens-in-history"], "unknown", "this is no repository yet");
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
        asked.stdout.contains(".bash_history:1: prod/HEROKU_API_KEY, LIVE: the current one"),
        "{asked}"
    );
    assert!(!asked.stdout.contains(&token) && !plain.stdout.contains(&token));
    let page = stage.rollover(&["posture", "--explain", "tokens-in-code"]).run()?.is(0)?;
    assert!(page.stdout.contains("## What to do"), "{page}");
    Ok(())
}

/// Goal: an account token beside the token of a program is found by what it is, and what only sounds
/// like one is not. Method: one file, with a value that is no token, with the account's own token
/// under another name, and with one that nobody knows; then it is no text.
#[test]
fn an_account_token_is_found_by_its_value() -> Result<()> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let here = stage.directory();
    let fail = |error: std::io::Error| error.to_string();
    let token = stage.lab().credentials().postmark_account_token;
    let issuer = "\n[issuers.account]\nkind = \"postmark-account\"\nvia = \"postmark\"\n\
                  server = \"acme-prod\"\n\n[stores.local]\nkind = \"sealed\"\n\
                  file = \"local.sealed\"\n";
    stage.edit("rollover.toml", |text| format!("{text}{issuer}"))?;
    let secret = "name = \"POSTMARK_ACCOUNT_TOKEN\"\nenvironment = \"prod\"\nissuer = \"account\"\n\
                  store = { in = \"local\" }\nrole = \"superadmin\"\n\n[[consumers]]\n\
                  kind = \"dotenv\"\npath = \"admin.env\"\n";
    fs::write(here.join("secrets/account.toml"), secret).map_err(fail)?;
    fs::write(here.join("admin.env"), format!("POSTMARK_ACCOUNT_TOKEN={token}\n")).map_err(fail)?;
    let import = ["secret", "import", "prod/POSTMARK_ACCOUNT_TOKEN", "--token-stdin"];
    let _stored = stage.rollover(&import).input(&token).run()?.is(0)?;
    let before = fs::read_to_string(here.join("worker.env")).map_err(fail)?;
    let with = |line: &[u8]| -> Result<(String, String)> {
        fs::write(here.join("worker.env"), [before.as_bytes(), line, b"\n"].concat())
            .map_err(fail)?;
        let report = stage.rollover(&["posture", "--json"]).run()?.is(0)?;
        assert!(!report.stdout.contains(&token), "it shows a value");
        let json = report.json()?;
        let all = json["judgements"].as_array().ok_or("no list")?;
        let one = all.iter().find(|one| one["check"] == "account-tokens").ok_or("not judged")?;
        Ok((one["verdict"].as_str().unwrap_or_default().to_owned(), one["evidence"].to_string()))
    };
    let url = b"POSTMARK_ACCOUNT_URL=https://account.postmarkapp.com";
    assert_eq!(with(url)?.0, "pass", "a name alone is no token");
    let (verdict, why) = with(format!("MAIL_KEY={token}").as_bytes())?;
    assert_eq!(verdict, "fail", "{why}");
    for words in ["`MAIL_KEY` in worker.env", "prod/POSTMARK_ACCOUNT_TOKEN", "prod/POSTMARK_SERVER"]
    {
        assert!(why.contains(words), "{words}: {why}");
    }
    let other = e2e::corpus::Random::new(7).uuid();
    let (verdict, why) = with(format!("POSTMARK_ACCOUNT_KEY={other}").as_bytes())?;
    assert_eq!(verdict, "fail", "{why}");
    assert!(why.contains("named like an account token") && !why.contains(&other), "{why}");
    let (verdict, why) = with(b"\xff")?;
    assert_eq!(verdict, "unknown", "what cannot be read may hold one: {why}");
    assert!(why.contains("worker.env cannot be read"), "{why}");
    Ok(())
}

/// A repository where the inventory lies, with what is there committed.
fn committed(stage: &Stage, message: &str) -> Result<()> {
    for args in [
        vec!["init", "--quiet", "--initial-branch=main"],
        vec!["add", "--all"],
        vec!["commit", "--quiet", "--no-verify", "--message", message],
    ] {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=ops-1", "-c", "user.email=ops@example.com", "-C"]);
        git.arg(stage.directory()).args(&args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let ended = git.output().map_err(|error| error.to_string())?;
        if !ended.status.success() {
            return Err(String::from_utf8_lossy(&ended.stderr).into_owned());
        }
    }
    Ok(())
}

#[test]
fn a_history_is_looked_into_and_hooks_are_installed() -> Result<()> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let fail = |error: std::io::Error| error.to_string();
    let here = stage.directory();
    let _done = stage.rotate(&e2e::HEROKU).run()?.is(0)?;
    let _done = stage.rollover(&["scan", "--learn", "--stdin"]).input("x\n").run()?.is(0)?;
    let ignored = "*.env\n.env*\ncredentials/\nrollover.*\nsecrets.json\n";
    fs::write(here.join(".gitignore"), ignored).map_err(fail)?;
    committed(&stage, "begin")?;
    let posture = |more: &[&str]| -> Result<Value> {
        let args = [&["posture", "--offline", "--json"], more].concat();
        stage.rollover(&args).run()?.is(0)?.json()
    };
    let seen = verdicts(&posture(&[])?);
    assert_eq!(
        (seen["tokens-in-code"].as_str(), seen["tokens-in-history"].as_str()),
        ("pass", "pass")
    );
    // A token that was committed and taken out again.
    let token = stage.lab().inspect().infisical_value("prod", "HEROKU_API_KEY").unwrap_or_default();
    fs::write(here.join("deploy.sh"), format!("TOKEN={token}\n")).map_err(fail)?;
    committed(&stage, "deploy")?;
    fs::remove_file(here.join("deploy.sh")).map_err(fail)?;
    committed(&stage, "take it out")?;
    let report = posture(&["--history"])?;
    let seen = verdicts(&report);
    assert_eq!(
        (seen["tokens-in-code"].as_str(), seen["tokens-in-history"].as_str()),
        ("pass", "fail")
    );
    let told = report.to_string();
    assert!(told.contains("committed file deploy.sh:1") && !told.contains(&token), "{report:#}");
    // A hook that is there runs first, and is shown to stay.
    let hooks = here.join(".git/hooks");
    fs::create_dir_all(&hooks).map_err(fail)?;
    fs::write(hooks.join("pre-commit"), "#!/bin/sh\nexec prettier\n").map_err(fail)?;
    let shown = stage.rollover(&["--no-input", "posture", "--fix", "--offline"]).run()?.is(10)?;
    assert!(
        shown.stderr.contains("runs first, as") && shown.stderr.contains("+ #!/bin/sh"),
        "{shown}"
    );
    assert!(!hooks.join("pre-push").exists());
    let fixed = posture(&["--fix", "--yes"])?;
    assert_eq!(verdicts(&fixed)["hooks"], "pass", "{fixed:#}");
    assert!(hooks.join("pre-push").exists() && hooks.join("pre-commit.before-rollover").exists());
    let _there = stage.rollover(&["hook", "status", &here.to_string_lossy()]).run()?.is(0)?;
    let audit = stage.rollover(&["audit", "ls"]).run()?.is(0)?;
    assert!(audit.stdout.contains("posture.fix.outcome"), "{audit}");
    Ok(())
}
