//! Killed at every instant: `kill -9` is always safe.
//!
//! An instant is the moment right before or right after a call to a vendor or a write to the
//! journal, as `ROLLOVER_CRASH_AT` counts them. At each, the process kills itself; then the same
//! command is run again, and the world must be as if nothing had happened.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Before, HEROKU, Operator, POSTMARK, Pace, Restarts, Result, Secret, Stage, spread};

/// What is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A rotation of the Heroku token.
    Heroku,
    /// A rotation of the Postmark token, with its operator.
    Postmark,
    /// The way back of a rotation of the Heroku token, from where everybody is on the new one.
    HerokuBack,
}

impl What {
    /// The secret that it is about.
    #[must_use]
    pub fn secret(self) -> &'static Secret {
        match self {
            Self::Heroku | Self::HerokuBack => &HEROKU,
            Self::Postmark => &POSTMARK,
        }
    }
}

/// What became of one kill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kill {
    /// It was killed, and gone on with.
    Resumed,
    /// It was killed after its last write: everything was done, only nobody was told.
    Done,
    /// It ended before it came to this instant.
    NotReached,
}

/// All kills of one kind.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// How many instants were tried.
    pub tried: usize,
    /// How many ended as an undisturbed run.
    pub right: usize,
    /// Of those, the ones that were killed after the last write, when only the word was missing.
    pub unheard: usize,
    /// Requests that the apps sent meanwhile.
    pub requests: u64,
    /// Those that were refused.
    pub refused: u64,
    /// The others, told.
    pub wrong: Vec<String>,
}

struct Tried {
    point: u64,
    requests: u64,
    refused: u64,
    end: Result<Kill>,
}

/// Kills at the instants `first`, `first + step` and so on, until runs come to their end first.
///
/// How many instants a run has varies by a look more or less, so one run that ends first does not
/// end the sweep; the last instants, around the last write, come up in another one.
///
/// # Errors
/// A stage cannot be set up.
pub fn sweep(binary: &Path, what: What, first: u64, step: u64, stages: usize) -> Result<Sweep> {
    let points: Vec<u64> = (0..POINTS_MAX / step).map(|i| first + i * step).collect();
    let beyond = AtomicU64::new(0);
    let tried = spread(binary, &Pace::default(), stages, &points, |stage, point| {
        let tried = attempt(stage, what, *point);
        let over = matches!(tried.end, Ok(Kill::NotReached))
            && beyond.fetch_add(step, Ordering::SeqCst) >= POINTS_VARY;
        (!over).then_some(tried)
    })?;
    let mut sum = Sweep::default();
    for one in tried {
        sum.requests += one.requests;
        sum.refused += one.refused;
        match one.end {
            Ok(Kill::NotReached) => {}
            Ok(kill) => {
                sum.tried += 1;
                sum.right += 1;
                sum.unheard += usize::from(kill == Kill::Done);
            }
            Err(why) => {
                sum.tried += 1;
                sum.wrong.push(format!("{what:?} at {}: {why}", one.point));
            }
        }
    }
    Ok(sum)
}

/// More instants than any of these runs has.
const POINTS_MAX: u64 = 2_000;
/// By how many instants two runs differ.
const POINTS_VARY: u64 = 30;

fn attempt(stage: &Stage, what: What, point: u64) -> Tried {
    let traffic = stage.traffic();
    let mut end = match what {
        What::Heroku | What::Postmark => forward(stage, what.secret(), point),
        What::HerokuBack => back(stage, point),
    };
    let report = stage.end_traffic(traffic);
    let total = report.total();
    if total.refused > 0 && end.is_ok() {
        end = Err(format!("OUTAGE: {:?}", report.refusals));
    }
    Tried { point, requests: total.sent, refused: total.refused, end }
}

/// Kills a rotation at this instant, runs the same command again, and compares the world.
///
/// # Errors
/// What is not as after an undisturbed run.
pub fn forward(stage: &Stage, secret: &Secret, point: u64) -> Result<Kill> {
    let before = Before::of(stage, secret)?;
    let operator = Operator::at(stage)?;
    let run = || stage.rotate(secret).heard_by(operator.ear());
    let killed = run().crash_at(point).run()?;
    let kill = if !killed.was_killed() {
        let _ = killed.is(0)?;
        Kill::NotReached
    } else {
        let kill = if is_over(stage)? { Kill::Done } else { Kill::Resumed };
        before.nobody_out(stage, secret)?;
        // Where only the word was missing, the same command says it and begins nothing; whoever
        // has read the last word does not run it again.
        if killed.stdout.is_empty() {
            let _ = run().run()?.is(0)?;
        }
        kill
    };
    let _clicks = operator.leave()?;
    before.completed(stage, secret, Restarts::Once)?;
    Ok(kill)
}

/// The same for the way back of a rotation that everybody has been given the new token by.
fn back(stage: &Stage, point: u64) -> Result<Kill> {
    let secret = &HEROKU;
    let before = Before::of(stage, secret)?;
    // Without an agreement it stops before the point of no return.
    let _ = stage.rollover(&["rotate", secret.name, "--yes", "--no-wait"]).run()?.is(10)?;
    let id = open_rotation(stage)?;
    let run = || stage.rollover(&["run", "rollback", &id, "--no-wait"]);
    let killed = run().crash_at(point).run()?;
    let kill = if !killed.was_killed() {
        let _ = killed.is(11)?;
        Kill::NotReached
    } else if is_over(stage)? {
        Kill::Done
    } else {
        before.nobody_out(stage, secret)?;
        let _ = run().run()?.is(11)?;
        Kill::Resumed
    };
    before.rolled_back(stage, secret)?;
    Ok(kill)
}

/// Whether the one rotation has ended.
///
/// # Errors
/// The list of rotations cannot be read.
pub fn is_over(stage: &Stage) -> Result<bool> {
    let rotations = stage.rollover(&["run", "ls", "--json"]).run()?.is(0)?;
    let rotations = rotations.json()?;
    Ok(rotations.as_array().is_some_and(|all| all.iter().any(|one| !one["ended"].is_null())))
}

/// The id of the rotation that is open.
///
/// # Errors
/// There is none.
pub fn open_rotation(stage: &Stage) -> Result<String> {
    let rotations = stage.rollover(&["run", "ls", "--json"]).run()?.is(0)?.json()?;
    rotations
        .as_array()
        .and_then(|all| all.iter().find(|one| one["ended"].is_null()))
        .and_then(|one| one["rotation"].as_str().map(str::to_owned))
        .ok_or_else(|| format!("no rotation is open: {rotations}"))
}
