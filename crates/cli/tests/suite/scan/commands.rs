//! The commands: scan, hook and leak, by the real binary on the lab's inventory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::corpus::Random;
use e2e::{HEROKU, POSTMARK, Result, Stage};
use lab::SecretLook;
use serde_json::Value;

fn stage() -> Result<Stage> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let _ = stage.rollover(&["scan", "--learn", "--stdin"]).input("nothing\n").run()?.is(0)?;
    Ok(stage)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The token of the lab's Heroku authorization, or of its Postmark server.
fn held(stage: &Stage, secret: &e2e::Secret) -> String {
    let credentials = stage.lab().credentials();
    if secret.by_operator { credentials.postmark_server_token } else { credentials.heroku_api_key }
}

fn git(directory: &Path, arguments: &[&str]) -> Result<(bool, String)> {
    let ended = Command::new("git")
        .args(["-c", "user.name=ops-1", "-c", "user.email=ops@example.com", "-C"])
        .arg(directory)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", directory)
        .output()
        .map_err(text)?;
    let said = [ended.stdout, ended.stderr].concat();
    Ok((ended.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

fn repository(stage: &Stage, name: &str) -> Result<PathBuf> {
    let root = stage.home().join(name);
    fs::create_dir_all(&root).map_err(text)?;
    let made = git(&root, &["init", "--quiet", "--initial-branch=main"])?;
    if made.0 { Ok(root) } else { Err(made.1) }
}

fn json(stage: &Stage, arguments: &[&str], code: i32) -> Result<Value> {
    stage.rollover(&[&["--json"], arguments].concat()).run()?.is(code)?.json()
}

#[test]
fn a_token_of_ours_is_named_with_its_state_and_consumers_and_never_shown() -> Result<()> {
    let stage = stage()?;
    let token = held(&stage, &POSTMARK);
    let tree = stage.home().join("tree");
    fs::create_dir_all(&tree).map_err(text)?;
    fs::write(tree.join("notes.txt"), format!("a note\nit is {token}, keep it\n")).map_err(text)?;
    let place = tree.display().to_string();
    let told = stage.rollover(&["scan", &place]).run()?.is(20)?;
    for said in [POSTMARK.name, "LIVE", "notes.txt:2:7", "rollover leak respond", "worker"] {
        assert!(told.stdout.contains(said), "{said}: {told}");
    }
    assert!(!told.stdout.contains(&token) && !told.stderr.contains(&token), "{told}");
    let found = json(&stage, &["scan", &place], 20)?;
    assert_eq!(found["findings"][0]["secrets"][0]["secret"], POSTMARK.name);
    assert_eq!(found["counted"]["ours"], 1);
    let sarif = stage.rollover(&["scan", &place, "--sarif"]).run()?.is(20)?;
    assert!(!sarif.stdout.contains(&token));
    let sarif: Value = serde_json::from_str(&sarif.stdout).map_err(text)?;
    assert_eq!(
        (&sarif["version"], &sarif["runs"][0]["results"][0]["ruleId"]),
        (&"2.1.0".into(), &"own-token".into())
    );
    // From a pipe.
    let piped =
        stage.rollover(&["scan", "--stdin"]).input(&format!("log: {token}\n")).run()?.is(20)?;
    assert!(piped.stdout.contains("standard input:1:6"), "{piped}");
    Ok(())
}

#[test]
fn what_may_stay_stays_until_its_day_and_a_stale_entry_is_told() -> Result<()> {
    let stage = stage()?;
    let tree = repository(&stage, "tree")?;
    let other = Random::new(99).uuid();
    let file = tree.join("mail.env");
    fs::write(&file, format!("POSTMARK_TOKEN={other}\n")).map_err(text)?;
    let scan = |more: &[&str], code: i32| -> Result<e2e::Ended> {
        let place = tree.display().to_string();
        stage.rollover(&[&["scan", &place], more].concat()).run()?.is(code)
    };
    let found: Value = scan(&["--json"], 20)?.json()?;
    let print = found["findings"][0]["fingerprint"].as_str().ok_or("no fingerprint")?.to_owned();
    let _ = scan(&["--allow", &print, "--reason", "of the load test"], 0)?;
    let allowed = scan(&[], 0)?;
    assert!(
        allowed.stdout.contains("may stay until") && allowed.stdout.contains("of the load test"),
        "{allowed}"
    );
    let list = fs::read_to_string(tree.join(".rollover-allow")).map_err(text)?;
    assert!(!list.contains(&other) && list.lines().count() == 2, "{list}");
    // Another token in the same place is another token.
    fs::write(&file, format!("POSTMARK_TOKEN={}\n", Random::new(98).uuid())).map_err(text)?;
    let _ = scan(&[], 20)?;
    // Its day is over.
    let over = list.replace(" 20", " 19");
    fs::write(tree.join(".rollover-allow"), over).map_err(text)?;
    fs::write(&file, format!("POSTMARK_TOKEN={other}\n")).map_err(text)?;
    let over = scan(&[], 20)?;
    assert!(over.stderr.contains("its time is over"), "{over}");
    // A baseline leaves out what was there when it was written.
    fs::remove_file(tree.join(".rollover-allow")).map_err(text)?;
    let baseline = stage.home().join("baseline").display().to_string();
    let _ = scan(&["--write-baseline", &baseline], 0)?;
    let _ = scan(&["--baseline", &baseline], 0)?;
    fs::write(tree.join("new.env"), format!("POSTMARK_TOKEN={}\n", Random::new(97).uuid()))
        .map_err(text)?;
    let _ = scan(&["--baseline", &baseline], 20)?;
    Ok(())
}

#[test]
fn a_commit_and_a_push_with_a_token_are_stopped_and_the_hook_from_before_runs_too() -> Result<()> {
    let stage = stage()?;
    let token = held(&stage, &HEROKU);
    let tree = repository(&stage, "tree")?;
    let hook = tree.join(".git/hooks/pre-commit");
    fs::write(&hook, "#!/bin/sh\ntouch \"$(git rev-parse --git-dir)/ran\"\n").map_err(text)?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).map_err(text)?;
    let place = tree.display().to_string();
    let _ = stage.rollover(&["hook", "install", &place]).run()?.is(0)?;
    let status = stage.rollover(&["hook", "status", &place]).run()?.is(0)?;
    assert!(status.stdout.contains("after the one from before"), "{status}");

    fs::write(tree.join("ok.txt"), "nothing\n").map_err(text)?;
    let _ = git(&tree, &["add", "."])?;
    let clean = git(&tree, &["commit", "--quiet", "--message", "clean"])?;
    assert!(clean.0 && tree.join(".git/ran").exists(), "{}", clean.1);
    fs::write(tree.join("leak.txt"), format!("x {token}\n")).map_err(text)?;
    let _ = git(&tree, &["add", "."])?;
    let stopped = git(&tree, &["commit", "--quiet", "--message", "leak"])?;
    assert!(!stopped.0 && stopped.1.contains("staged leak.txt:1:3"), "{}", stopped.1);
    assert!(!stopped.1.contains(&token));

    // Past the first hook; the second stops it.
    let _ = git(&tree, &["commit", "--quiet", "--no-verify", "--message", "leak"])?;
    let remote = stage.home().join("remote.git").display().to_string();
    let _ = git(&tree, &["init", "--quiet", "--bare", &remote])?;
    let _ = git(&tree, &["remote", "add", "origin", &remote])?;
    let pushed = git(&tree, &["push", "--quiet", "origin", "main"])?;
    assert!(!pushed.0 && pushed.1.contains("leak.txt"), "{}", pushed.1);
    let first = git(&tree, &["push", "--quiet", "origin", "main~1:refs/heads/main"])?;
    assert!(first.0, "{}", first.1);

    let _ = stage.rollover(&["hook", "uninstall", &place]).run()?.is(0)?;
    assert!(fs::read_to_string(&hook).map_err(text)?.contains("touch"));
    let _ = stage.rollover(&["hook", "status", &place]).run()?.is(3)?;
    // Since a commit, and in all of the history.
    let since = stage.rollover(&["scan", &place, "--since", "HEAD~1"]).run()?.is(20)?;
    assert!(since.stdout.contains("committed file leak.txt"), "{since}");
    let _ = stage.rollover(&["scan", &place, "--since", "HEAD"]).run()?.is(0)?;
    let history = stage.rollover(&["scan", &place, "--history"]).run()?.is(20)?;
    assert!(history.stdout.contains(HEROKU.name), "{history}");
    Ok(())
}

/// Goal: a receiving repository refuses a push while its objects lie apart. Method: a real push.
#[test]
fn a_push_is_refused_by_the_side_that_receives_it() -> Result<()> {
    let stage = stage()?;
    let token = held(&stage, &HEROKU);
    let tree = repository(&stage, "tree")?;
    let remote = stage.home().join("remote.git");
    let _ = git(&tree, &["init", "--quiet", "--bare", &remote.display().to_string()])?;
    let hook = remote.join("hooks/pre-receive");
    let script = format!(
        "#!/bin/sh\nexec {} -C {} --no-input scan --pre-receive .\n",
        env!("CARGO_BIN_EXE_rollover"),
        stage.directory().display()
    );
    fs::write(&hook, script).map_err(text)?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).map_err(text)?;
    let _ = git(&tree, &["remote", "add", "origin", &remote.display().to_string()])?;
    for (name, line, taken) in [("a", "nothing".to_owned(), true), ("b", token, false)] {
        fs::write(tree.join(name), line).map_err(text)?;
        let _ = git(&tree, &["add", "."])?;
        let _ = git(&tree, &["commit", "--quiet", "--message", name])?;
        let pushed = git(&tree, &["push", "--quiet", "origin", "main"])?;
        assert_eq!(pushed.0, taken, "{}", pushed.1);
    }
    Ok(())
}

#[test]
fn a_case_is_closed_by_proof_alone() -> Result<()> {
    let stage = stage()?;
    let token = held(&stage, &HEROKU);
    let tree = stage.home().join("tree");
    fs::create_dir_all(&tree).map_err(text)?;
    fs::write(tree.join("leak.txt"), format!("{token}\n")).map_err(text)?;
    let place = tree.display().to_string();
    let opened = json(&stage, &["leak", "respond", HEROKU.name, "--seen", "a chat"], 12)?;
    let id = opened["case"]["id"].as_str().ok_or("no id")?.to_owned();
    assert!(opened["letter"].as_str().is_some_and(|letter| letter.contains("a chat")));
    let again = json(&stage, &["leak", "respond", HEROKU.name], 12)?;
    assert_eq!(again["case"]["id"], opened["case"]["id"], "one case a token");
    let _ = stage.rollover(&["leak", "close", &id]).run()?.is(12)?;

    let rotate = ["leak", "respond", HEROKU.name, "--rotate", "--yes", "--confirm", HEROKU.name];
    let _ = stage.rollover(&rotate).run()?.is(0)?;
    let dirty = stage.rollover(&["leak", "close", &id, "--scan", &place]).run()?.is(12)?;
    assert!(dirty.stdout.contains("1 places"), "{dirty}");
    fs::remove_file(tree.join("leak.txt")).map_err(text)?;
    // It could read the config vars of every app.
    let open = stage.rollover(&["leak", "close", &id, "--scan", &place]).run()?.is(12)?;
    assert!(open.stdout.contains(&format!("it could read {}", POSTMARK.name)), "{open}");
    let note = ["leak", "note", &id, "it cannot send", "--justifies", POSTMARK.name];
    let _ = stage.rollover(&note).run()?.is(0)?;
    let note = ["leak", "note", &id, "everybody on call", "--told"];
    let _ = stage.rollover(&note).run()?.is(0)?;
    let closed = stage.rollover(&["leak", "close", &id, "--scan", &place]).run()?.is(0)?;
    assert!(
        closed.stdout.contains("proven dead") && closed.stdout.contains("is closed"),
        "{closed}"
    );
    let listed = stage.rollover(&["leak", "ls"]).run()?.is(0)?;
    assert!(listed.stdout.contains(&id) && listed.stdout.contains("closed 20"), "{listed}");
    let shown = stage.rollover(&["leak", "show", &id]).run()?.is(0)?;
    assert!(shown.stdout.contains("told everybody on call"), "{shown}");
    let audit = stage.rollover(&["audit", "verify"]).run()?.is(0)?;
    let records = stage.rollover(&["audit", "ls", "-n", "500"]).run()?.is(0)?;
    for action in ["secret.leak.opened", "secret.leak.noted", "secret.leak.closed"] {
        assert!(records.stdout.contains(action), "{action}: {records} {audit}");
    }
    assert!(!records.stdout.contains(&token));
    Ok(())
}

/// Goal: what a case says to do about a live token that nobody knows can be run as it stands.
/// Method: such a token at an issuer that shows no values and at one that does; each command of the
/// case is run, the removal as a plan.
#[test]
fn a_stranger_s_commands_can_be_run_as_they_are_told() -> Result<()> {
    let stage = stage()?;
    for look in [SecretLook::Absent, SecretLook::Visible] {
        stage.lab().knobs(|knobs| knobs.heroku.list_tokens = look);
        let about = format!("what the finder made, {look:?}");
        let value = stage.lab().add_heroku_authorization(&about, &["global"], None);
        // A case is of one token, and each look is a case of its own.
        let _ = stage.rotate(&HEROKU).run()?.is(0)?;
        let opened = json(&stage, &["leak", "respond", HEROKU.name], 12)?;
        let id = opened["case"]["id"].as_str().ok_or("no id")?.to_owned();
        let due = opened["due"].as_array().ok_or("no list")?;
        let words = |one: &&Value| one["what"].as_str().is_some_and(|what| what.contains(&about));
        let due = due.iter().find(words).ok_or_else(|| format!("not told: {opened}"))?;
        let next = |place: usize| due["next"][place]["command"].as_str().ok_or("no command");
        let shown = stage.rollover(&["leak", "show", &id]).run()?.is(0)?;
        for command in [next(0)?, next(1)?] {
            assert!(shown.stdout.contains(command), "{command}: {shown}");
        }
        assert!(!shown.stdout.contains(&value), "it shows a value");
        // Of a value that is not shown nobody could say who holds it, so it is removed by hand.
        let (code, said) = match look {
            SecretLook::Visible => (0, "nobody answers for it"),
            _ => (1, "does not show the value"),
        };
        let mut remove: Vec<&str> = next(1)?.split(' ').skip(1).collect();
        remove.push("--plan");
        let planned = stage.rollover(&remove).run()?.is(code)?;
        assert!(format!("{}{}", planned.stdout, planned.stderr).contains(said), "{planned}");
        let mut adopt: Vec<&str> = next(0)?.split(' ').skip(1).collect();
        adopt.push("--yes");
        let _ = stage.rollover(&adopt).run()?.is(0)?;
    }
    Ok(())
}

#[test]
fn what_others_have_found_is_held_against_the_inventory() -> Result<()> {
    let stage = stage()?;
    let token = held(&stage, &HEROKU);
    let report = stage.home().join("report.json");
    let entry = |secret: &str| {
        serde_json::json!({
            "RuleID": "generic-api-key", "Secret": secret, "File": "a.env", "StartLine": 3, "Commit": "c0ffee",
        })
    };
    let entries = serde_json::json!([entry(&token), entry("AKIDOFSOMEBODYELSE")]);
    fs::write(&report, entries.to_string()).map_err(text)?;
    let file = report.display().to_string();
    let told = stage.rollover(&["scan", "--import", "gitleaks", &file]).run()?.is(20)?;
    assert!(told.stdout.contains(HEROKU.name) && told.stdout.contains("a.env:3"), "{told}");
    assert!(told.stdout.contains("1 entries of vendors that rollover cannot rotate"), "{told}");
    let wrong = stage.rollover(&["scan", "--import", "noscan", &file]).run()?.is(2)?;
    assert!(wrong.stderr.contains("gitleaks, betterleaks"), "{wrong}");

    // GitHub's alerts are resolved when the token is proven dead, and not before.
    let name = stage.lab().credentials().github_repo;
    let number = stage.lab().open_github_alert("heroku_api_key", &token);
    let early = stage.rollover(&["scan", "--github", &name, "--resolve"]).run()?.is(20)?;
    assert!(early.stderr.contains("none was resolved"), "{early}");
    let rotate = ["rotate", HEROKU.name, "--emergency", "--yes", "--confirm", HEROKU.name];
    let _ = stage.rollover(&rotate).run()?.is(0)?;
    let late = stage.rollover(&["scan", "--github", &name, "--resolve"]).run()?.is(20)?;
    assert!(late.stderr.contains(&format!("alert {number}: resolved as revoked")), "{late}");
    let none = stage.rollover(&["scan", "--github", &name]).run()?.is(0)?;
    assert!(none.stderr.contains("0 open alerts"), "{none}");
    Ok(())
}

#[test]
fn candidates_are_asked_about_only_when_that_is_asked_for() -> Result<()> {
    let stage = stage()?;
    let tree = stage.home().join("tree");
    fs::create_dir_all(&tree).map_err(text)?;
    fs::write(tree.join("a.env"), format!("POSTMARK_TOKEN={}\n", Random::new(5).uuid()))
        .map_err(text)?;
    let place = tree.display().to_string();
    let told = stage.rollover(&["scan", &place]).run()?.is(20)?;
    assert!(told.stdout.contains("almost certainly a Postmark server token"), "{told}");
    // Nobody's: the lab answers 401 with the vendor's own code.
    let told = stage.rollover(&["scan", &place, "--verify"]).run()?.is(0)?;
    assert!(told.stdout.contains("its issuer: dead"), "{told}");
    Ok(())
}

#[test]
fn a_purge_is_planned_before_anything_is_rewritten() -> Result<()> {
    let stage = stage()?;
    let token = held(&stage, &HEROKU);
    let tree = repository(&stage, "tree")?;
    fs::write(tree.join("leak.txt"), format!("x {token}\n")).map_err(text)?;
    let _ = git(&tree, &["add", "."])?;
    let _ = git(&tree, &["commit", "--quiet", "--message", "leak"])?;
    let before = git(&tree, &["rev-parse", "HEAD"])?;
    let place = tree.display().to_string();
    let plan = stage.rollover(&["leak", "purge", &place]).run()?.is(10)?;
    assert!(plan.stdout.contains("committed file leak.txt"), "{plan}");
    assert!(plan.stdout.contains("staged") || plan.stdout.contains("in this copy"), "{plan}");
    assert_eq!(git(&tree, &["rev-parse", "HEAD"])?, before);
    // Without the program that rewrites it says how to get it, and leaves everything as it was.
    let into = stage.home().join("purged.git").display().to_string();
    let bare = stage.home().join("bin");
    fs::create_dir_all(&bare).map_err(text)?;
    std::os::unix::fs::symlink("/usr/bin/git", bare.join("git")).map_err(text)?;
    let purge = ["leak", "purge", &place, "--yes", "--into", &into];
    let refused = stage.rollover(&purge).env("PATH", &bare).run()?.is(1)?;
    assert!(refused.stderr.contains("install git-filter-repo"), "{refused}");
    assert!(!Path::new(&into).exists());
    Ok(())
}
