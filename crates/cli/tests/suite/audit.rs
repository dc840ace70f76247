//! Goal: whoever keeps a checkpoint elsewhere finds a database that was set back, whoever has a
//! key can check one record without the database, and an audit log that cannot be written stops
//! every change and no look. Method: the real binary, on the database that a rotation left.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Before, Ended, HEROKU, Rollover, Stage};

const BINARY: &str = env!("CARGO_BIN_EXE_rollover");

fn stage() -> Stage {
    Stage::new(Path::new(BINARY)).expect("a stage")
}

#[track_caller]
fn ends(run: Rollover, code: i32) -> Ended {
    run.run().and_then(|ended| ended.is(code)).expect("it ends so")
}

fn rotated(stage: &Stage) {
    let _ = ends(stage.rotate(&HEROKU), 0);
}

fn database(stage: &Stage) -> PathBuf {
    stage.directory().join("rollover.db")
}

/// The database with what belongs to it, its mark too: whoever sets back everything.
fn copy(from: &Path, to: &Path) {
    for end in ["", "-wal", "-shm", ".mark"] {
        let name = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        let _ = fs::remove_file(name(to));
        if name(from).exists() {
            fs::copy(name(from), name(to)).expect("a copy");
        }
    }
}

#[test]
fn a_database_that_was_set_back_is_found_by_an_anchor() {
    let stage = stage();
    let (home, database) = (stage.home(), database(&stage));
    let anchor = home.join("kept.checkpoints").display().to_string();
    let older = home.join("older.db");
    rotated(&stage);
    let first = ends(stage.rollover(&["audit", "anchor", "--file", &anchor, "--json"]), 0);
    assert_eq!(first.json().expect("JSON")["new"], true);
    let again = ends(stage.rollover(&["audit", "anchor", "--file", &anchor]), 0);
    assert!(again.stdout.contains("already"), "{again}");
    copy(&database, &older);
    rotated(&stage);
    let _ = ends(stage.rollover(&["audit", "anchor", "--file", &anchor]), 0);
    let right = ends(stage.rollover(&["audit", "verify", "--anchor", &anchor, "--json"]), 0);
    assert_eq!(right.json().expect("JSON")["anchors"], 2);

    copy(&older, &database);
    let elsewhere = home.join(".local");
    fs::remove_dir_all(&elsewhere).expect("the other mark");
    let _ = ends(stage.rollover(&["audit", "verify"]), 0);
    let kept = fs::read_to_string(&anchor).expect("the anchor");
    let wrong = ends(stage.rollover(&["audit", "verify", "--anchor", &anchor]), 30);
    assert!(wrong.stderr.contains("it was set back"), "{wrong}");
    // It gets no new anchor beside the old ones.
    let refused = ends(stage.rollover(&["audit", "anchor", "--file", &anchor]), 30);
    assert!(refused.stderr.contains("hint:"), "{refused}");
    assert_eq!(fs::read_to_string(&anchor).expect("the anchor"), kept);

    // Gone altogether.
    for end in ["", "-wal", "-shm", ".mark"] {
        let _ = fs::remove_file(format!("{}{end}", database.display()));
    }
    let _ = fs::remove_dir_all(&elsewhere);
    let _ = ends(stage.rollover(&["audit", "verify", "--anchor", &anchor]), 30);
    let _ = ends(stage.rollover(&["audit", "verify"]), 0);
    let other = ends(stage.rollover(&["audit", "verify", "--anchor", &anchor]), 30);
    assert!(other.stderr.contains("the database was replaced"), "{other}");
}

#[test]
fn anchors_that_cannot_be_used_are_refused_with_the_next_move() {
    let stage = stage();
    rotated(&stage);
    let file = |name: &str, text: &str| {
        let path = stage.home().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let printed = ends(stage.rollover(&["audit", "anchor"]), 0).stdout;
    let right = file("right", &printed);
    let _ = ends(stage.rollover(&["audit", "verify", "--anchor", &right]), 0);
    for (name, text, code) in [
        ("empty", String::new(), 2),
        ("nonsense", "what is this\n".into(), 30),
        ("cut", printed[..printed.len() - 9].to_owned(), 30),
        ("size", printed.replacen('\n', "\n1", 1), 30),
        ("unsigned", printed.replacen(" ", " x", 1), 30),
    ] {
        let path = file(name, &text);
        let refused = ends(stage.rollover(&["audit", "verify", "--anchor", &path]), code);
        assert!(refused.stderr.contains("hint:"), "{name}: {refused}");
    }
    let missing = stage.home().join("missing").display().to_string();
    let _ = ends(stage.rollover(&["audit", "verify", "--anchor", &missing]), 2);
    let _ = ends(stage.rollover(&["audit", "anchor", "--file", "/nowhere/at/all"]), 1);
    let _ = ends(stage.rollover(&["audit", "anchor", "--mail", "a@b\nBcc: c@d"]), 2);
}

#[test]
fn a_record_is_proven_without_the_database() {
    let stage = stage();
    rotated(&stage);
    let proof = stage.home().join("3.tlog-proof").display().to_string();
    let _ = ends(stage.rollover(&["audit", "prove", "3", "--output", &proof]), 0);
    let key = ends(stage.rollover(&["audit", "key"]), 0).stdout.trim().to_owned();
    let listed = ends(stage.rollover(&["audit", "ls", "--json", "-n", "1000"]), 0);
    let listed = listed.json().expect("JSON")[2]["record"].clone();
    // No inventory, no database, another machine.
    let nowhere = stage.home().join("nowhere");
    fs::create_dir(&nowhere).expect("a directory");
    let check = |file: &str, key: &str| {
        let args = ["audit", "prove", "--check", file, "--key", key, "--json"];
        Rollover::new(Path::new(BINARY), &nowhere, &stage.home()).args(&args)
    };
    let proven = ends(check(&proof, &key), 0).json().expect("JSON");
    assert_eq!((&proven["number"], &proven["record"]), (&3.into(), &listed));
    let text = fs::read_to_string(&proof).expect("the proof");
    for (from, to) in [("index 2", "index 3"), ("extra e", "extra f"), ("tlog-proof@v1", "x@v1")] {
        fs::write(&proof, text.replacen(from, to, 1)).expect("a file");
        let _ = ends(check(&proof, &key), 30);
    }
    fs::write(&proof, &text).expect("a file");
    let other = key.replacen("rollover/", "other/", 1);
    let _ = ends(check(&proof, &other), 2);
}

/// Method: a git repository whose hook would leave a trace, and a `sendmail` that keeps what it
/// is given.
#[test]
fn git_and_mail_get_the_checkpoint_and_nothing_else() {
    let stage = stage();
    rotated(&stage);
    let (home, directory) = (stage.home(), stage.directory());
    let script = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("a script");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    };
    let kept = home.display();
    script(&home.join("bin/sendmail"), &format!("env > {kept}/env; cat > {kept}/mail"));
    let path = format!("{kept}/bin:{}", std::env::var("PATH").unwrap_or_default());
    let checkpoint = ends(stage.rollover(&["audit", "anchor"]), 0).stdout;
    let mail = stage.rollover(&["audit", "anchor", "--mail", "audit@example.com"]);
    let _ = ends(mail.env("PATH", &path).env("HEROKU_LOGIN", "not for others"), 0);
    let mail = fs::read_to_string(home.join("mail")).expect("a mail");
    let (head, body) = mail.split_once("\n\n").expect("a head and a body");
    assert!(head.contains("To: audit@example.com\nDate: "), "{head}");
    assert_eq!(body, checkpoint);
    let environment = fs::read_to_string(home.join("env")).expect("an environment");
    assert!(!environment.contains("HEROKU_LOGIN"), "{environment}");
    let none = stage.rollover(&["audit", "anchor", "--mail", "audit@example.com"]);
    let none = ends(none.env("PATH", "/nowhere"), 1);
    assert!(none.stderr.contains("no such program on the PATH"), "{none}");

    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no git on the PATH, so no anchor in git was tried");
        return;
    }
    let repository = home.join("anchors");
    let git = |args: &[&str]| {
        let out = Command::new("git").arg("-C").arg(&repository).args(args).output();
        let out = out.expect("git runs");
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    fs::create_dir(&repository).expect("a directory");
    git(&["init", "--quiet"]);
    script(&repository.join(".git/hooks/pre-commit"), &format!("touch {kept}/HOOK; exit 1"));
    let to = repository.display().to_string();
    let anchor = |directory: &str| {
        let mut run = stage.rollover(&["audit", "anchor", "--git", directory]).env("PATH", &path);
        for who in ["AUTHOR", "COMMITTER"] {
            run = run
                .env(&format!("GIT_{who}_NAME"), "ops-1")
                .env(&format!("GIT_{who}_EMAIL"), "ops@example.com");
        }
        run
    };
    let _ = ends(anchor(&to), 0);
    let _ = ends(anchor(&to), 0);
    assert!(!home.join("HOOK").exists(), "a hook of the repository was run");
    assert_eq!(git(&["log", "--format=%an %s"]).lines().count(), 1);
    let name = git(&["ls-files"]).trim().to_owned();
    assert_eq!(git(&["show", &format!("HEAD:{name}")]), checkpoint);
    rotated(&stage);
    let _ = ends(anchor(&to), 0);
    assert_eq!(git(&["log", "--format=%s"]).lines().count(), 2);
    let kept = repository.join(name).display().to_string();
    let _ = ends(stage.rollover(&["audit", "verify", "--anchor", &kept]), 0);
    let refused = ends(anchor(&directory.display().to_string()), 1);
    assert!(refused.stderr.contains("hint:"), "{refused}");
}

/// Method: the process may not make any file longer than 32 KiB, so its database takes no
/// transaction of a rotation.
#[test]
fn an_audit_that_cannot_be_written_stops_the_rotation_and_no_look() {
    let stage = stage();
    rotated(&stage);
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let records = ends(stage.rollover(&["audit", "verify", "--json"]), 0).json().expect("JSON");
    let limited = stage.home().join("limited");
    // Without the trap the signal would end the process before the write fails.
    let text = format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f 64\nexec {BINARY} \"$@\"\n");
    fs::write(&limited, text).expect("a script");
    fs::set_permissions(&limited, fs::Permissions::from_mode(0o755)).expect("a mode");
    let limited =
        |args: &[&str]| Rollover::new(&limited, &stage.directory(), &stage.home()).args(args);
    let stopped = ends(limited(&["rotate", HEROKU.name, "--confirm", HEROKU.name, "--no-wait"]), 1);
    assert!(stopped.stderr.contains("hint:"), "{stopped}");
    before.nothing_created(&stage).expect("nothing was done");
    for look in [&["status"][..], &["run", "ls"], &["audit", "ls"], &["audit", "anchor"]] {
        let _ = ends(limited(look), 0);
    }
    let after = ends(limited(&["audit", "verify", "--json"]), 0).json().expect("JSON");
    assert_eq!(after["root"], records["root"]);
    let _ = ends(stage.rotate(&HEROKU), 0);
}
