//! Goal: the installation's key can be replaced at any time, and no crash of it costs anything; an
//! older copy of the database is always noticed, and what was open in it comes to an end that the
//! world agrees with. Method: killed at the N-th instant, run again, and everything that was sealed
//! is opened; copied at the N-th instant, gone on with, and put back. A sample here; all of it
//! with `ROLLOVER_FULL=1`.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]
#![expect(clippy::print_stdout, reason = "what was tried is part of what a test tells")]

use std::fs;
use std::path::Path;

use e2e::{HEROKU, POSTMARK, Rollover, Secret, Stage, full, rekeys, set_backs};

#[test]
fn a_key_is_replaced_and_killed_at_any_instant() {
    let step = if full() { 1 } else { 5 };
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let sum = rekeys::sweep(binary, step).expect("the sweep runs");
    println!("{} kills, {} right, {} torn keys told", sum.tried, sum.right, sum.torn);
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert!(sum.tried > 5 && sum.torn == 8);
}

/// Goal: while a key is replaced no copy is made that would not open, and nobody is told that it
/// was replaced where it was not. Method: killed, and the key that waits removed by hand.
#[test]
fn a_key_that_waits_and_is_removed_by_hand() {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let (replaced, lost) = rekeys::removed(binary, if full() { 1 } else { 4 }).expect("it runs");
    println!("{replaced} replaced from the beginning, {lost} lost and told");
    assert!(replaced > 0 && lost > 0);
}

fn put_back(secret: &Secret, step: u64) {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let cases = set_backs::cases(secret, if full() { 1 } else { step });
    let sum = set_backs::sweep(binary, secret, &cases, 4).expect("the sweep runs");
    println!(
        "{}: {} copies, {} detected; {} went on, {} abandoned, {} without an open rotation",
        secret.name, sum.tried, sum.detected, sum.went_on, sum.abandoned, sum.closed
    );
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
}

#[test]
fn an_older_copy_is_noticed_at_every_age() {
    put_back(&HEROKU, 19);
}

#[test]
fn an_older_copy_is_noticed_where_a_person_has_a_part() {
    put_back(&POSTMARK, 41);
}

/// Goal: what a backup holds comes back where nothing is and nowhere else, whole or not at all,
/// and nothing is changed on its word before the world was looked at.
#[test]
fn a_backup_comes_back_where_nothing_is() {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let stage = Stage::new(binary).expect("a stage");
    let phrase = "one two three four";
    let begun = stage.rollover(&["rotate", HEROKU.name, "--yes", "--no-wait"]).run();
    let _waits = begun.and_then(|ended| ended.is(10)).expect("it waits for the agreement");
    let file = stage.home().join("backup.age");
    let name = file.display().to_string();
    let backup = || stage.rollover(&["backup", &name, "--passphrase-stdin"]).input(phrase).run();
    let _made = backup().and_then(|ended| ended.is(0)).expect("a backup");
    let _kept = backup().and_then(|ended| ended.is(2)).expect("nothing is overwritten");

    let elsewhere = stage.home().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    let there = |args: &[&str]| Rollover::new(binary, &elsewhere, &stage.home()).args(args);
    let restore = |file: &str, phrase: &str| {
        there(&["restore", file, "--passphrase-stdin"]).input(phrase).run().expect("it runs")
    };
    let bytes = fs::read(&file).expect("the backup");
    let torn = stage.home().join("torn.age").display().to_string();
    for length in [0, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&torn, &bytes[..length]).expect("a torn copy");
        let _refused = restore(&torn, phrase).is(2).expect("it is not whole");
    }
    let _wrong = restore(&name, "another").is(2).expect("the passphrase is wrong");
    assert_eq!(fs::read_dir(&elsewhere).expect("a directory").count(), 0, "nothing was written");
    let _restored = restore(&name, phrase).is(0).expect("it is restored");
    let _again = restore(&name, phrase).is(2).expect("nothing is overwritten");

    let run = |args: &[&str], code: i32| {
        let ended = there(args).run().and_then(|ended| ended.is(code));
        ended.unwrap_or_else(|why| panic!("{args:?}: {why}"))
    };
    let credentials = elsewhere.join("credentials");
    fs::create_dir(&credentials).expect("a directory");
    for entry in fs::read_dir(stage.directory().join("credentials")).expect("logins").flatten() {
        fs::copy(entry.path(), credentials.join(entry.file_name())).expect("a login");
    }
    fs::copy(stage.directory().join(HEROKU.file), elsewhere.join(HEROKU.file)).expect("a file");
    fs::copy(stage.directory().join(POSTMARK.file), elsewhere.join(POSTMARK.file)).expect("a file");
    let _log = run(&["audit", "verify"], 0);
    let _marked = run(&["rotate", HEROKU.name, "--yes"], 31);
    let _looked = run(&["reconcile"], 0);
    let done = run(&["rotate", HEROKU.name, "--confirm", HEROKU.name, "--no-wait"], 0);
    assert!(done.stdout.contains("is rotated"), "{done}");
    let log = run(&["audit", "ls"], 0).stdout;
    for told in ["installation.restored", "installation.reconciled", "secret.rotate.completed"] {
        assert!(log.contains(told), "{told}: {log}");
    }
}
