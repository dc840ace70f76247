//! An older copy of the database in the place of the newer one, at every age.
//!
//! A rotation is killed at an instant, the database is copied as any program that copies files
//! would copy it, and the rotation goes on to its end. Then the copy is put back. It must be
//! noticed: nothing may be changed on its word. After `rollover reconcile` the rotation, if the
//! copy has one open, comes to an end that the world agrees with; nobody may be out of service at
//! any moment, no token lost, and none made.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Before, Operator, Pace, Restarts, Result, Secret, Stage, spread};

/// What became of the old copies.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// How many were put back.
    pub tried: usize,
    /// How many were noticed by the first command that would have changed something.
    pub detected: usize,
    /// How many rotations went on to an end that the world agrees with.
    pub went_on: usize,
    /// How many had to be abandoned, because looking cannot settle them.
    pub abandoned: usize,
    /// How many copies had no rotation open.
    pub closed: usize,
    /// What went wrong, told.
    pub wrong: Vec<String>,
}

/// How the copy comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The database file is copied over the newer one.
    File,
    /// The whole directory is put back, with the mark that lies beside the database.
    Directory,
    /// All marks are lost.
    Unmarked,
}

/// How the rotation went on after the copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// To its end.
    Completed,
    /// Back to the old token, before the point of no return.
    RolledBack,
}

/// One age of a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// At which instant of the rotation the copy was made; 0 is before it, and one that the run
    /// does not come to is after it.
    pub point: u64,
    /// How it comes back.
    pub way: Way,
    /// What happened after it.
    pub then: Then,
}

/// Every `step`-th age of a rotation of this secret, in all ways.
#[must_use]
pub fn cases(secret: &Secret, step: u64) -> Vec<Case> {
    let points = (0..POINTS_MAX).step_by(usize::try_from(step).unwrap_or(1));
    let ways = [Way::File, Way::Directory, Way::File, Way::Unmarked];
    let forward = points.clone().zip(ways.into_iter().cycle());
    let forward = forward.map(|(point, way)| Case { point, way, then: Then::Completed });
    // Whoever has a part in a rotation has gone when it is rolled back.
    let back = points.filter(|point| *point < BEFORE_RETURN && !secret.by_operator);
    let back = back.map(|point| Case { point, way: Way::File, then: Then::RolledBack });
    let after = Case { point: AFTER, way: Way::File, then: Then::Completed };
    forward.chain(back).chain([after]).collect()
}

/// More instants than a rotation has.
const POINTS_MAX: u64 = 120;
const AFTER: u64 = 10_000;
/// Instants that surely come before the agreement.
const BEFORE_RETURN: u64 = 60;

/// Puts back a copy of each age.
///
/// # Errors
/// A stage cannot be set up.
pub fn sweep(binary: &Path, secret: &Secret, cases: &[Case], stages: usize) -> Result<Sweep> {
    let tried = spread(binary, &Pace::default(), stages, cases, |stage, case| {
        Some(attempt(stage, secret, *case).map_err(|why| format!("{case:?}: {why}")))
    })?;
    let mut sum = Sweep { tried: tried.len(), ..Sweep::default() };
    for one in tried {
        match one {
            Ok(end) => {
                sum.detected += 1;
                match end {
                    End::WentOn => sum.went_on += 1,
                    End::Abandoned => sum.abandoned += 1,
                    End::Closed => sum.closed += 1,
                }
            }
            Err(why) => sum.wrong.push(why),
        }
    }
    Ok(sum)
}

enum End {
    WentOn,
    Abandoned,
    Closed,
}

fn attempt(stage: &Stage, secret: &Secret, case: Case) -> Result<End> {
    let before = Before::of(stage, secret)?;
    let operator = Operator::at(stage)?;
    let rotate = || stage.rotate(secret).heard_by(operator.ear());
    let without_agreement = || {
        let stay = if secret.by_operator { "--wait" } else { "--no-wait" };
        stage.rollover(&["rotate", secret.name, "--yes", stay])
    };
    // So that there is a database.
    let _looked = stage.rollover(&["status"]).run()?.is(0)?;
    if case.point > 0 {
        let run = if case.then == Then::Completed { rotate() } else { without_agreement() };
        let killed = run.crash_at(case.point).run()?;
        if !killed.was_killed() && killed.code != Some(0) && killed.code != Some(10) {
            return Err(format!("the first run: {killed}"));
        }
    }
    let copy = Copy::of(stage, case.way)?;
    let _went_on = match case.then {
        Then::Completed if is_done(stage)? => {
            // The copy is from after it; something else happens later.
            let import = ["secret", "import", secret.name, "--token-stdin"];
            let held = stage.lab().inspect().infisical_value("prod", secret.key);
            stage.rollover(&import).input(&held.unwrap_or_default()).run()?.is(0)?
        }
        Then::Completed => rotate().run()?.is(0)?,
        Then::RolledBack => {
            if case.point == 0 || open(stage)?.is_none() {
                let _begun = without_agreement().run()?.is(10)?;
            }
            let id = open(stage)?.ok_or("no rotation is open")?;
            let back = ["run", "rollback", &id, "--no-wait"];
            stage.rollover(&back).heard_by(operator.ear()).run()?.is(11)?
        }
    };
    let then = Before::of(stage, secret)?;
    copy.put_back(stage)?;
    let _refused = rotate().run()?.is(31).map_err(|why| format!("NOT DETECTED: {why}"))?;
    let _reads = stage.rollover(&["status"]).run()?.is(0)?;
    let _reads = stage.rollover(&["run", "ls"]).run()?.is(0)?;
    let rotation = open(stage)?;
    let looked = stage.rollover(&["reconcile", "--json"]).run()?;
    let end = match (looked.code, rotation) {
        (Some(0), None) => End::Closed,
        (Some(0), Some(id)) => {
            let resume = ["run", "resume", &id, "--confirm", secret.name, "--wait"];
            let ended = stage.rollover(&resume).heard_by(operator.ear()).run()?;
            match (case.then, ended.code) {
                (Then::Completed, Some(0)) => {
                    before.completed(stage, secret, Restarts::Any)?;
                }
                // What was rolled back is gone; one whose create was settled anew goes forward.
                (Then::RolledBack, Some(11)) => before.rolled_back(stage, secret)?,
                (Then::RolledBack, Some(0)) => {
                    before.completed(stage, secret, Restarts::Any)?;
                    return finish(stage, operator, End::WentOn);
                }
                _ => return Err(format!("the rotation did not end well: {ended}")),
            }
            End::WentOn
        }
        (Some(12), Some(id)) => {
            let _still = rotate().run()?.is(31)?;
            let _ended = stage.rollover(&["reconcile", "--abandon", &id]).run()?.is(0)?;
            End::Abandoned
        }
        _ => return Err(format!("reconcile: {looked}")),
    };
    then.nothing_created(stage)?;
    then.nobody_out(stage, secret)?;
    finish(stage, operator, end)
}

fn finish(stage: &Stage, operator: Operator, end: End) -> Result<End> {
    let _clicks = operator.leave()?;
    let _log = stage.rollover(&["audit", "verify"]).run()?.is(0)?;
    let again = stage.rollover(&["reconcile", "--json"]).run()?.is(0)?.json()?;
    if !again["set_back"].is_null() {
        return Err(format!("it is still marked: {again}"));
    }
    Ok(end)
}

fn is_done(stage: &Stage) -> Result<bool> {
    let rotations = stage.rollover(&["run", "ls", "--json"]).run()?.is(0)?.json()?;
    let any = |all: &Vec<serde_json::Value>| all.iter().any(|one| !one["ended"].is_null());
    Ok(rotations.as_array().is_some_and(any))
}

fn open(stage: &Stage) -> Result<Option<String>> {
    let rotations = stage.rollover(&["run", "ls", "--json"]).run()?.is(0)?.json()?;
    let open = |all: &Vec<serde_json::Value>| {
        let one = all.iter().find(|one| one["ended"].is_null())?;
        one["rotation"].as_str().map(str::to_owned)
    };
    Ok(rotations.as_array().and_then(open))
}

/// A copy of the database as a program that copies files makes it.
pub struct Copy {
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
    way: Way,
}

impl Copy {
    /// Copies it now, to be put back so.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of(stage: &Stage, way: Way) -> Result<Self> {
        let names: &[&str] = match way {
            Way::Directory => &["rollover.db", "rollover.db-wal", "rollover.db.mark"],
            Way::File | Way::Unmarked => &["rollover.db", "rollover.db-wal"],
        };
        let read = |name: &&str| {
            let path = stage.directory().join(name);
            match fs::read(&path) {
                Ok(bytes) => Ok((path, Some(bytes))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((path, None)),
                Err(error) => Err(format!("{}: {error}", path.display())),
            }
        };
        Ok(Self { files: names.iter().map(read).collect::<Result<_>>()?, way })
    }

    /// Puts it back.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn put_back(&self, stage: &Stage) -> Result<()> {
        let failed = |error: std::io::Error| format!("failed to put the copy back: {error}");
        let gone = |path: &Path| match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        };
        gone(&stage.directory().join("rollover.db-shm"))?;
        for (path, bytes) in &self.files {
            match bytes {
                Some(bytes) => fs::write(path, bytes).map_err(failed)?,
                None => gone(path)?,
            }
        }
        if self.way == Way::Unmarked {
            gone(&stage.directory().join("rollover.db.mark"))?;
            let state = stage.home().join(".local/state/rollover");
            fs::remove_dir_all(state).map_err(failed)?;
        }
        Ok(())
    }
}
