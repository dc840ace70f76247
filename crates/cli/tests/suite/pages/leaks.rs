//! How to find leaked tokens, and what to do then.

use std::fs;

use e2e::{HEROKU, Result};

use super::{Page, first, repository, stage};

#[test]
fn how_to_scan() -> Result<()> {
    let stage = stage()?;
    let fail = |error: std::io::Error| error.to_string();
    let root = repository(&stage, "app")?;
    let inventory = stage.directory();
    let mut page = Page::of(&stage, "how-to-scan")?;
    // The inventory is found from the repository upwards.
    fs::rename(inventory.join("rollover.toml"), root.join("rollover.toml")).map_err(fail)?;
    for name in ["secrets", "credentials", "rollover.key"] {
        fs::rename(inventory.join(name), root.join(name)).map_err(fail)?;
    }
    page.at(&root);
    page.means("PATH", root.to_string_lossy());
    fs::write(stage.home().join("app.log"), "GET / 200\n").map_err(fail)?;
    fs::rename(stage.home().join("app.log"), root.join("app.log")).map_err(fail)?;
    for look in ["", "PATH --history", "--staged", "--since main", "--stdin < app.log"] {
        let _clean = page.runs(format!("rollover scan {look}").trim_end(), 0)?;
    }
    let learnt = page.runs("rollover scan --learn", 0)?;
    assert!(learnt.stderr.contains("are known from now on"), "{learnt}");
    let _asked = page.runs("rollover scan --verify", 0)?;
    let token = stage.lab().credentials().heroku_api_key;
    fs::write(root.join("load-test.sh"), format!("export HEROKU_API_KEY={token}\n"))
        .map_err(fail)?;
    let found = e2e::Rollover::new(stage.binary(), &root, &stage.home())
        .args(&["--json", "scan", &root.to_string_lossy()])
        .run()?
        .is(20)?
        .json()?;
    let fingerprint = found["findings"][0]["fingerprint"].as_str().ok_or("no fingerprint")?;
    page.means("FINGERPRINT", fingerprint);
    let _stays = page.runs("rollover scan --allow FINGERPRINT", 0)?;
    let _hooks = page.runs("rollover hook install", 0)?;
    let _there = page.runs("rollover hook status", 0)?;
    let _gone = page.runs("rollover hook uninstall", 0)?;
    page.leaves("#!/bin/sh", "the hook of a server, whose test is that of the scan")?;
    fs::write(root.join("report.json"), "[]").map_err(fail)?;
    let _read = page.runs("rollover scan --import gitleaks report.json", 0)?;
    page.means("acme/app", "acme/api");
    let _alerts = page.runs("rollover scan --github acme/app", 0)?;
    let _resolved = page.runs("rollover scan --github acme/app --resolve", 0)?;
    page.end()
}

#[test]
fn how_to_answer_a_leak() -> Result<()> {
    let stage = stage()?;
    let root = repository(&stage, "app")?;
    // The token that leaks is one that a rotation knows.
    let _done = stage.rotate(&HEROKU).run()?.is(0)?;
    let mut page = Page::of(&stage, "how-to-answer-a-leak")?;
    // It is a page for somebody at a terminal: what is due is shown, nothing is begun.
    let _due = page.runs("rollover leak respond prod/HEROKU_API_KEY", 12)?;
    page.means("ID", first(&stage, &["leak", "ls"], "id")?);
    page.means("PATH", root.to_string_lossy());
    page.means("REPOSITORY", root.to_string_lossy());
    let _case = page.runs("rollover leak show ID", 0)?;
    let _noted = page.runs("rollover leak note ID", 0)?;
    // The leaked token lives, so the case stays open.
    let _open = page.runs("rollover leak close ID --scan PATH", 12)?;
    let _list = page.runs("rollover leak ls", 0)?;
    let clean = page.runs("rollover leak purge REPOSITORY", 0)?;
    assert!(clean.stdout.contains("nothing to purge"), "{clean}");
    for _ in 0..2 {
        page.leaves("rollover leak purge REPOSITORY --case ID --yes", "git-filter-repo is needed")?;
    }
    let _asks = page.runs("rollover rotate prod/HEROKU_API_KEY --emergency", 10)?;
    let _plan = page.runs("rollover plan --consumer heroku:acme-api-prod --emergency", 0)?;
    let _asks = page.runs("rollover rotate --compromised consumer:heroku:acme-api-prod", 10)?;
    for verb in ["show", "justify", "close"] {
        let begins = format!("rollover campaign {verb} c-7k2q9d4m");
        page.leaves(&begins, "no campaign is begun where nobody agrees; its own test goes on")?;
    }
    let _asks = page.runs("rollover rotate prod/POSTMARK_SERVER_TOKEN --revoke-first", 10)?;
    page.end()
}
