//! How to rotate, one and many, and with whom.

use std::fs;

use e2e::{HEROKU, POSTMARK, Result, SERVER, members};

use super::{OTHER_PROGRAMS, Page, WITH_PEOPLE, begun, stage};

#[test]
fn how_to_rotate_heroku() -> Result<()> {
    let stage = stage()?;
    let mut page = Page::of(&stage, "how-to-rotate-heroku")?;
    let _plan = page.runs("rollover plan", 0)?;
    // Nobody is at a terminal to begin it.
    let _asks = page.runs("rollover rotate prod/HEROKU_API_KEY", 10)?;
    let done = page.runs("rollover rotate prod/HEROKU_API_KEY --no-input --confirm", 0)?;
    assert!(done.stdout.contains("proven dead"), "{done}");
    page.means("r-7k2q9d", begun(&stage, HEROKU.name)?);
    let _back = page.runs("rollover run rollback r-7k2q9d", 11)?;
    page.leaves("heroku authorizations:create", OTHER_PROGRAMS)?;
    let _asks = page.runs("rollover rotate prod/HEROKU_API_KEY", 10)?;
    // The steps by hand are those of the runbook, whose test walks them.
    while page.upcoming().is_some() {
        page.leaves("", OTHER_PROGRAMS)?;
    }
    page.end()
}

#[test]
fn how_to_rotate_postmark() -> Result<()> {
    let stage = stage()?;
    let mut page = Page::of(&stage, "how-to-rotate-postmark")?;
    let _plan = page.runs("rollover plan", 0)?;
    let _asks = page.runs("rollover rotate", 10)?;
    let run = begun(&stage, POSTMARK.name)?;
    page.means("r-7k2q9d", run.as_str());
    let waits = page.runs("rollover task ls", 0)?;
    assert!(waits.stdout.contains(&format!("{run}.create")), "{waits}");
    let token = stage.lab().add_postmark_token(SERVER).ok_or("the server is full")?;
    let _noted = page.reads("rollover task done", &format!("{token}\n"), 0)?;
    let _waits = stage.rollover(&["run", "resume", &run, "--no-wait"]).run()?.is(10)?;
    let back = page.runs("rollover run rollback", 10)?;
    assert!(back.stdout.contains("delete") || back.stderr.contains("delete"), "{back}");
    while page.upcoming().is_some() {
        page.leaves("", OTHER_PROGRAMS)?;
    }
    page.end()
}

#[test]
fn how_to_rotate_many() -> Result<()> {
    let stage = stage()?;
    let mut page = Page::of(&stage, "how-to-rotate-many")?;
    let due = page.runs("rollover plan --due", 0)?;
    assert!(due.stdout.contains("nothing is due"), "{due}");
    let _plan = page.runs("rollover plan --issuer heroku-acme", 0)?;
    let _plan = page.runs("rollover plan --consumer heroku:acme-api-prod", 0)?;
    let both = page.runs("rollover plan prod/HEROKU_API_KEY prod/POSTMARK_SERVER_TOKEN", 0)?;
    assert!(both.stdout.contains("infisical"), "{both}");
    page.end()
}

#[test]
fn how_to_schedule() -> Result<()> {
    let stage = stage()?;
    let mut page = Page::of(&stage, "how-to-schedule")?;
    let _list = page.runs("rollover schedule ls", 0)?;
    let _calendar = page.runs("rollover schedule calendar", 0)?;
    let _file = page.runs("rollover schedule calendar --ics > rotations.ics", 0)?;
    let ics = fs::read_to_string(stage.directory().join("rotations.ics"));
    assert!(ics.is_ok_and(|text| text.starts_with("BEGIN:VCALENDAR")));
    let _due = page.runs("rollover rotate --due --yes --no-wait", 0)?;
    page.end()
}

#[test]
fn how_to_work_together() -> Result<()> {
    let stage = stage()?;
    members::work_as(&stage, "ops-2")?;
    let mut page = Page::of(&stage, WITH_PEOPLE)?;
    let _asks = page.runs("rollover rotate prod/POSTMARK_SERVER_TOKEN", 10)?;
    let run = begun(&stage, POSTMARK.name)?;
    page.means("r-7k2q9d", run.as_str());
    members::work_as(&stage, "admin-1")?;
    let _list = page.runs("rollover task ls", 0)?;
    // It is not there yet that anybody could agree: the new token comes first.
    let early = page.runs("rollover task done r-7k2q9d.approve --confirm", 2)?;
    assert!(early.stderr.contains("approve"), "{early}");
    members::work_as(&stage, "ops-1")?;
    let _mine = page.runs("rollover task claim r-7k2q9d.create", 0)?;
    let _noted = page.runs("rollover task done r-7k2q9d.create", 0)?;
    let _over = page.runs("rollover task release r-7k2q9d.create --to ops-2", 0)?;
    members::work_as(&stage, "ops-2")?;
    let _cannot = page.runs("rollover task fail r-7k2q9d.create --why", 0)?;
    stage.edit("secrets/heroku-api-key.toml", |text| {
        let own = "kind = \"workstation\"\nmember = \"admin-1\"\npath = \"own.env\"\n";
        format!("{text}\n[[consumers]]\n{own}")
    })?;
    members::work_as(&stage, "admin-1")?;
    let _waits = begun(&stage, HEROKU.name)?;
    let fetched = page.runs("rollover env pull", 0)?;
    assert!(fetched.stdout.contains("read back"), "{fetched}");
    page.leaves("rollover env run", OTHER_PROGRAMS)?;
    page.end()
}

#[test]
fn how_to_decommission() -> Result<()> {
    let stage = stage()?;
    let mut page = Page::of(&stage, "how-to-decommission")?;
    let plan = page.runs("rollover secret decommission prod/POSTMARK_SERVER_TOKEN --plan", 0)?;
    assert!(plan.stdout.contains("revoke") || plan.stderr.contains("revoke"), "{plan}");
    // Nobody is at a terminal to begin it; then it waits for days.
    let _asks = page.runs("rollover secret decommission", 10)?;
    let args = ["secret", "decommission", POSTMARK.name, "--reason", "not used", "--watch", "7d"];
    let begin = stage.rollover(&[&args[..], &["--yes", "--no-wait"]].concat());
    let _soaks = begin.run()?.is(10)?;
    page.means("ID", super::first(&stage, &["run", "ls"], "rotation")?);
    let _used = page.runs("rollover usage", 0)?;
    page.leaves("heroku logs", OTHER_PROGRAMS)?;
    let _back = page.runs("rollover run rollback", 11)?;
    page.end()
}

#[test]
fn how_to_import() -> Result<()> {
    let stage = stage()?;
    let mut page = Page::of(&stage, "how-to-import")?;
    // What is there is not written over.
    let _there = page.runs("rollover init --ask", 2)?;
    let _proposed = page.runs("rollover secret import", 0)?;
    let _written = page.runs("rollover secret import --repo acme/api --yes", 0)?;
    let unknown = page.runs("rollover secret adopt", 1)?;
    assert!(!unknown.stderr.is_empty(), "{unknown}");
    let unknown =
        page.runs("rollover secret remove prod/POSTMARK_SERVER_TOKEN 3f9a12c7 --plan", 1)?;
    assert!(unknown.stderr.contains("lists no live token"), "{unknown}");
    let unknown = page.runs("rollover secret remove", 1)?;
    assert!(unknown.stderr.contains("lists no live token"), "{unknown}");
    page.end()
}
