//! Goal: up to the point of no return every rotation can be turned back and leaves everything as
//! it was, its values destroyed. Method: a rotation is killed at a stage, then turned back.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::fs;
use std::path::Path;

use domain::RotationId;
use domain::inventory::KeySource;
use e2e::crashes::open_rotation;
use e2e::{Before, HEROKU, Pace, Stage, full, spread};
use journal::{Reader, Slot};

enum End {
    NotBegun,
    Back,
    Forward,
}

#[test]
fn a_rotation_is_turned_back_at_any_stage() {
    let step = if full() { 1 } else { 23 };
    let points: Vec<u64> = (1..400).step_by(step).collect();
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let ends = spread(binary, &Pace::default(), 4, &points, |stage, point| {
        turned_back(stage, *point).map_err(|why| format!("killed at {point}: {why}")).transpose()
    });
    let ends = ends.and_then(|ends| ends.into_iter().collect::<Result<Vec<_>, _>>());
    let ends = ends.expect("every end is right");
    let count = |wanted: fn(&End) -> bool| ends.iter().filter(|end| wanted(end)).count();
    let back = count(|end| matches!(end, End::Back));
    let forward = count(|end| matches!(end, End::Forward));
    println!("{} kills, {back} turned back, {forward} past the point of no return", ends.len());
    assert!(back > 3 && forward > 0);
}

/// `None` where the rotation ended before it could be killed.
fn turned_back(stage: &Stage, point: u64) -> Result<Option<End>, String> {
    let before = Before::of(stage, &HEROKU)?;
    if !stage.rotate(&HEROKU).crash_at(point).run()?.was_killed() {
        return Ok(None);
    }
    let Ok(id) = open_rotation(stage) else {
        // Killed before the first write, or after the last.
        return Ok(Some(match before.nothing_created(stage) {
            Ok(()) => End::NotBegun,
            Err(_) => End::Forward,
        }));
    };
    before.nobody_out(stage, &HEROKU)?;
    let ended = stage.rollover(&["run", "rollback", &id, "--no-wait"]).run()?;
    let end = match ended.code {
        Some(11) => {
            before.rolled_back(stage, &HEROKU)?;
            End::Back
        }
        Some(1) if ended.stderr.contains("only goes forward") => {
            let resume = ["run", "resume", &id, "--no-wait"];
            let _ = stage.rollover(&resume).run()?.is(0)?;
            before.completed(stage, &HEROKU, e2e::Restarts::Once)?;
            End::Forward
        }
        _ => return Err(format!("neither back nor closed: {ended}")),
    };
    destroyed(stage, &id)?;
    Ok(Some(end))
}

/// A vendor that says no turns the rotation back by itself; where it does not even let the old
/// value be put back, a person is called and nothing is given up.
#[test]
fn a_refusal_turns_back_and_what_cannot_be_undone_calls_a_person() {
    let mut stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    for point in 60.. {
        let before = Before::of(&stage, &HEROKU).expect("a token");
        let killed = stage.rotate(&HEROKU).crash_at(point).run().expect("it runs");
        assert!(killed.was_killed(), "GitHub was never about to be written: {killed}");
        if killed.stderr.contains("ok   verify     heroku:acme-api-staging") {
            refused_by_github(&stage, &before);
            return;
        }
        stage.again().expect("a stage");
    }
}

fn refused_by_github(stage: &Stage, before: &Before) {
    // Between the kill and the next run, somebody took the right from our GitHub login.
    let login = stage.directory().join("credentials/github");
    let credentials = stage.lab().credentials();
    fs::write(&login, credentials.github_powerless_token).expect("written");
    let ended = stage.rotate(&HEROKU).run().and_then(|ended| ended.is(12)).expect("attention");
    assert!(ended.stderr.contains("GitHub"), "{ended}");
    before.nobody_out(stage, &HEROKU).expect("nobody is out of service");
    let id = open_rotation(stage).expect("the rotation is open");
    let tasks = stage.rollover(&["task", "ls"]).run().and_then(|ended| ended.is(0)).expect("tasks");
    assert!(tasks.stdout.contains("does not go on"), "{tasks}");
    fs::write(&login, credentials.github_token).expect("written");
    let resume = ["run", "resume", &id, "--no-wait"];
    let _ = stage.rollover(&resume).run().and_then(|ended| ended.is(11)).expect("it goes back");
    before.rolled_back(stage, &HEROKU).expect("everything is as before");
    destroyed(stage, &id).expect("no value is left");
}

/// The journal holds no value of a rotation that has ended.
fn destroyed(stage: &Stage, id: &str) -> Result<(), String> {
    let source = KeySource::File("rollover.key".into());
    let key =
        seal::Key::open(&source, &stage.directory(), || Err(std::io::Error::other("not asked")));
    let key = key.map_err(|error| error.to_string())?;
    let reader = Reader::open(&stage.directory().join("rollover.db"), &key);
    let reader = reader.map_err(|error| error.to_string())?;
    for slot in [Slot::Old, Slot::New] {
        let value = reader.open_value(&RotationId(id.to_owned()), slot);
        if value.map_err(|error| error.to_string())?.is_some() {
            return Err("a value of an ended rotation is still there".into());
        }
    }
    Ok(())
}
