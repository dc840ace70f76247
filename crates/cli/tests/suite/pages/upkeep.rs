//! What is looked at, kept and told between rotations.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use e2e::{HEROKU, Result};

use super::{ASKS, Page, STAYS, repository, stage};

/// A file that only its owner reads.
fn private(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
        .map_err(|error| error.to_string())
}

#[test]
fn the_audit_log() -> Result<()> {
    let stage = stage()?;
    let _done = stage.rotate(&HEROKU).run()?.is(0)?;
    let mut page = Page::of(&stage, "audit")?;
    let worm = stage.home().join("worm.checkpoints");
    page.means("/mnt/worm/rollover", stage.home().join("worm").to_string_lossy());
    let _file = page.runs("rollover audit anchor --file", 0)?;
    assert!(worm.exists());
    let anchors = repository(&stage, "anchors")?;
    let _committed = page.runs("rollover audit anchor --git ~/anchors", 0)?;
    assert!(fs::read_dir(anchors).is_ok_and(|entries| entries.count() > 1));
    page.leaves("rollover audit anchor --mail", "it wants the machine's own sendmail")?;
    page.leaves("rollover audit anchor | ssh", "it wants another machine")?;
    let _goes_on = page.runs("rollover audit verify --anchor", 0)?;
    let _proof = page.runs("rollover audit prove 12 --output record-12.tlog-proof", 0)?;
    let key = page.runs("rollover audit key", 0)?;
    let key = key.stdout.lines().last().unwrap_or_default().trim().to_owned();
    page.leaves("rollover audit prove --check", "the key in it is cut; with the whole one:")?;
    let proof = stage.directory().join("record-12.tlog-proof").display().to_string();
    let _checked =
        stage.rollover(&["audit", "prove", "--check", &proof, "--key", &key]).run()?.is(0)?;
    page.end()
}

#[test]
fn how_to_find_drift() -> Result<()> {
    let stage = stage()?;
    let mut page = Page::of(&stage, "how-to-find-drift")?;
    let _all = page.runs("rollover drift", 0)?;
    let _one = page.runs("rollover drift prod/HEROKU_API_KEY", 0)?;
    let _none = page.runs("rollover drift --check", 0)?;
    page.leaves("rollover drift --watch --every 15m", STAYS)?;
    let _all = page.runs("rollover secret sync prod/POSTMARK_SERVER_TOKEN", 0)?;
    let one = page.runs("rollover secret sync prod/POSTMARK_SERVER_TOKEN heroku:", 0)?;
    assert!(one.stdout.contains("nothing to write"), "{one}");
    page.end()
}

#[test]
fn how_to_read_a_runbook() -> Result<()> {
    let stage = stage()?;
    let mut page = Page::of(&stage, "how-to-read-a-runbook")?;
    let _list = page.runs("rollover runbook ls", 0)?;
    let _page = page.runs("rollover runbook show prod/POSTMARK_SERVER_TOKEN", 0)?;
    let _pages = page.runs("rollover runbook render --format html --output runbooks/", 0)?;
    assert!(fs::read_dir(stage.directory().join("runbooks")).is_ok_and(|all| all.count() == 2));
    let right = page.runs("rollover runbook validate prod/POSTMARK_SERVER_TOKEN", 0)?;
    assert!(right.stdout.contains("is right"), "{right}");
    page.end()
}

#[test]
fn how_to_get_notified() -> Result<()> {
    let stage = stage()?;
    let lab = stage.lab();
    private(&stage.directory().join("credentials/hook"), &lab.receiver_secret())?;
    let url = lab.receiver_url();
    stage.edit("rollover.toml", |text| {
        let channel = format!(
            "\n[notify.team]\nkind = \"webhook\"\nurl = \"{url}\"\nauth = {{ file = \"credentials/hook\" }}\n"
        );
        text + &channel
    })?;
    let mut page = Page::of(&stage, "how-to-get-notified")?;
    let _said = page.runs("rollover notify test team", 0)?;
    assert_eq!(lab.received().len(), 1);
    let _list = page.runs("rollover notify ls", 0)?;
    let _flushed = page.runs("rollover notify flush", 0)?;
    page.end()
}

#[test]
fn how_to_keep_and_restore() -> Result<()> {
    let stage = stage()?;
    let fail = |error: std::io::Error| error.to_string();
    let mut page = Page::of(&stage, "how-to-keep-and-restore")?;
    let _status = stage.rotate(&HEROKU).run()?.is(0)?;
    let _rekeyed = page.runs("rollover rekey", 0)?;
    let _rekeyed = page.runs("rollover rekey --from file:rollover.key", 0)?;
    page.leaves("rollover backup ../rollover-2026-11-21.age", ASKS)?;
    let passphrase = stage.home().join("passphrase");
    private(&passphrase, "correct horse battery staple\n")?;
    let (backup, new) = (stage.home().join("backup.age"), stage.home().join("new"));
    page.means("FILE", backup.to_string_lossy());
    page.means("PATH", passphrase.to_string_lossy());
    let _kept = page.runs("rollover backup FILE --passphrase-file", 0)?;
    page.leaves("rollover backup FILE --recipient age1...", "`age1...` stands for somebody's key")?;
    fs::create_dir(&new).map_err(fail)?;
    page.means("NEW-DIRECTORY", new.to_string_lossy());
    let _there = page.runs("cd NEW-DIRECTORY", 0)?;
    page.at(&new);
    page.leaves("rollover restore FILE", ASKS)?;
    let (file, secret) = (backup.display().to_string(), passphrase.display().to_string());
    let restore = ["restore", &file, "--passphrase-file", &secret];
    let home = stage.home();
    let _restored = e2e::Rollover::new(stage.binary(), &new, &home).args(&restore).run()?.is(0)?;
    // Login files are put back by whoever has them.
    let from = stage.directory().join("credentials");
    fs::create_dir_all(new.join("credentials")).map_err(fail)?;
    for entry in fs::read_dir(from).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let _bytes = fs::copy(entry.path(), new.join("credentials").join(entry.file_name()))
            .map_err(fail)?;
    }
    let _looked = page.runs("rollover reconcile", 0)?;
    let _again = page.runs("rollover reconcile", 0)?;
    page.end()
}
