//! Goal: `kill -9` is safe at every instant. Method: the process kills itself at the N-th instant
//! at which a crash could matter, the same command is run again, and the world is compared with
//! that after an undisturbed run. A sample here; all of it with `ROLLOVER_FULL=1`.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]
#![expect(clippy::print_stdout, reason = "what was tried is part of what a test tells")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use e2e::crashes::{Sweep, What, sweep};
use e2e::{Before, HEROKU, Restarts, Stage, full};

fn killed(what: What, first: u64, step: u64) -> Sweep {
    let (first, step) = if full() { (1, 1) } else { (first, step) };
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let sum = sweep(binary, what, first, step, 4).expect("the sweep runs");
    println!(
        "{what:?}: {} kills, {} right ({} after the last write), {} requests, {} refused",
        sum.tried, sum.right, sum.unheard, sum.requests, sum.refused
    );
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert_eq!(sum.refused, 0);
    sum
}

#[test]
fn a_rotation_by_api() {
    assert!(killed(What::Heroku, 5, 17).tried > 5);
}

#[test]
fn a_rotation_with_an_operator() {
    assert!(killed(What::Postmark, 3, 19).tried > 5);
}

#[test]
fn a_way_back() {
    assert!(killed(What::HerokuBack, 2, 13).tried > 3);
}

/// Killed while its database was being made, a command finds none and makes it.
#[test]
fn a_database_that_was_not_finished_is_made_anew() {
    let mut stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    let mut unfinished = 0;
    for point in 1..=9 {
        stage.again().expect("a stage");
        let before = Before::of(&stage, &HEROKU).expect("a token");
        let killed = stage.rotate(&HEROKU).crash_at(point).run().expect("it runs");
        assert!(killed.was_killed(), "{killed}");
        unfinished += usize::from(stage.directory().join("rollover.db").exists());
        let again = stage.rotate(&HEROKU).run().and_then(|ended| ended.is(0));
        let _ = again.map_err(|why| format!("at {point}: {why}")).expect("it completes");
        before.completed(&stage, &HEROKU, Restarts::Once).expect("everything is right");
    }
    assert!(unfinished > 2, "a database was half made {unfinished} times only");
}

/// Killed before it could say that all was done, and killed again before it could say that: the
/// same command says it at last and never begins another rotation.
#[test]
fn killed_twice_at_the_end_it_still_begins_nothing() {
    let mut stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    let log = stage.directory().join("../instants");
    let log = log.display().to_string();
    let undisturbed = stage.rotate(&HEROKU).env("ROLLOVER_CRASH_LOG", &log);
    let _ = undisturbed.run().and_then(|ended| ended.is(0)).expect("it completes");
    let instants = std::fs::read_to_string(&log).expect("the instants").lines().count() as u64;
    let mut point = instants;
    for second in (1..12).step_by(2) {
        stage.again().expect("a stage");
        let before = Before::of(&stage, &HEROKU).expect("a token");
        // The last instant at which nothing has been said yet; a run may have one look more.
        let killed = loop {
            let killed = stage.rotate(&HEROKU).crash_at(point).run().expect("it runs");
            if killed.was_killed() && killed.stdout.is_empty() {
                break killed;
            }
            stage.again().expect("a stage");
            point -= 1;
        };
        let again = stage.rotate(&HEROKU).crash_at(second).run().expect("it runs");
        if again.stdout.is_empty() {
            let last = stage.rotate(&HEROKU).run().and_then(|ended| ended.is(0)).expect("the end");
            assert!(last.stdout.contains("is rotated"), "{killed}\n{again}\n{last}");
        }
        before.completed(&stage, &HEROKU, Restarts::Once).expect("one rotation");
    }
}

/// Goal: no sync of any file escapes the rehearsal. Method: strace, which sees both the syncs and
/// the instants as they are written down; each sync must lie between the two instants of its own.
#[test]
fn every_sync_lies_between_two_instants() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("SKIPPED: there is no strace, so it was not seen that every sync is an instant");
        return;
    }
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    let (log, trace) = (stage.home().join("instants"), stage.home().join("trace"));
    let run = stage.rotate(&HEROKU).env("ROLLOVER_CRASH_LOG", log.display().to_string());
    let run = run.traced("trace=fsync,fdatasync,sync_file_range,write", &trace).run();
    let ended = run.expect("it runs");
    if ended.stderr.contains("ptrace") {
        println!("SKIPPED: nobody may be traced here");
        return;
    }
    let _ = ended.is(0).expect("it completes");
    let trace = std::fs::read_to_string(&trace).expect("the trace");
    let (mut open, mut syncs) = (BTreeSet::new(), 0);
    for (at, line) in trace.lines().enumerate() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        let instant = ["\"write: ", "\"sync: "].iter().any(|kind| call.contains(kind));
        if call.starts_with("write(") && instant {
            if call.contains("before") {
                open.insert(thread)
            } else {
                open.remove(thread)
            };
        } else if call.starts_with("fsync(") || call.starts_with("fdatasync(") {
            syncs += 1;
            assert!(
                open.contains(thread),
                "a sync that is no instant: {line}\n{}",
                around(&trace, at)
            );
        }
    }
    assert!(syncs > 20, "{syncs} syncs only");
}

/// A line of a trace with those before and after it.
fn around(trace: &str, at: usize) -> String {
    let lines: Vec<&str> = trace.lines().collect();
    lines[at.saturating_sub(6)..(at + 3).min(lines.len())].join("\n")
}
