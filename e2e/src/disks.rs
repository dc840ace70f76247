//! Disks that fail and power that is cut, under a whole rotation.
//!
//! Every operation of the program on the disk, in its database as well as in the files beside it,
//! is once the one from which the disk is full, broken or read-only, once the only one that fails,
//! and once the one before which the power is cut. Then the disk is well again and the same command
//! is run again. What was asked of the vendors, and when, is read from the lab.

use std::path::Path;
use std::time::Duration;

use crate::power::{Chance, Disk, restore};
use crate::shim::{Op, Shim, What};
use crate::{Before, Operator, Pace, Restarts, Result, Secret, Stage, spread};

/// What is wrong with a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bad {
    /// It has no space any more.
    Full,
    /// It does not answer any more.
    Broken,
    /// It was mounted read-only by the system, which is what Linux does with a broken one.
    ReadOnly,
}

impl Bad {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Broken, Self::ReadOnly];

    /// The error's number on Linux.
    fn errno(self) -> i32 {
        match self {
            Self::Full => 28,
            Self::Broken => 5,
            Self::ReadOnly => 30,
        }
    }

    /// What a person has to be told.
    fn advice(self) -> &'static [&'static str] {
        match self {
            // SQLite does not always say why a call failed.
            Self::Full => &["free some space", "free space"],
            Self::Broken => &["the disk"],
            Self::ReadOnly => &["mount it writable", "mounted read-only", "its mount"],
        }
    }
}

/// What is done to the disk, at one of its operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// From this one on, every one fails.
    From(Bad, usize),
    /// This one fails, and no other.
    Once(Bad, usize),
    /// The power is cut before this one.
    Cut(usize),
    /// The process is killed before this one; what it has not synced is still there, until the
    /// power is cut when all is said to be done.
    Killed(usize),
    /// The process may have so many files and connections open.
    Descriptors(usize),
    /// No file may grow beyond so many blocks of 512 bytes.
    Blocks(usize),
}

/// All cases.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// How many were tried.
    pub tried: usize,
    /// How many of them struck; a run has an operation more or less than another.
    pub struck: usize,
    /// Changes at vendors that were asked for after the first write of the journal that failed.
    pub effects_after: usize,
    /// Runs that came to their end at once, because what failed was not needed.
    pub unharmed: usize,
    /// What was wrong, told.
    pub wrong: Vec<String>,
}

/// How many operations on the disk an undisturbed rotation has.
///
/// # Errors
/// It does not complete.
pub fn operations(binary: &Path, secret: &Secret) -> Result<usize> {
    let stage = Stage::new(binary)?;
    let before = Before::of(&stage, secret)?;
    let operator = Operator::at(&stage)?;
    let shim = Shim::build(&stage.directory())?;
    let _ = shim.under(stage.rotate(secret).heard_by(operator.ear())).run()?.is(0)?;
    let _clicks = operator.leave()?;
    before.completed(&stage, secret, Restarts::Once)?;
    Ok(shim.ops()?.len())
}

/// Tries these cases.
///
/// # Errors
/// A stage cannot be set up.
pub fn sweep(binary: &Path, secret: &Secret, cases: &[Case], stages: usize) -> Result<Sweep> {
    let pace = Pace { adopt_timeout: "3s".into(), ..Pace::default() };
    let tried = spread(binary, &pace, stages, cases, |stage, case| {
        Some(match case {
            Case::From(bad, at) => failed(stage, secret, *bad, *at, FOR_EVER),
            Case::Once(bad, at) => failed(stage, secret, *bad, *at, 1),
            Case::Cut(at) => cut(stage, secret, *at, true),
            Case::Killed(at) => cut(stage, secret, *at, false),
            Case::Descriptors(count) => told(stage, secret, *count),
            // The signal is ignored, so that the write fails instead.
            Case::Blocks(count) => {
                limited(stage, secret, &format!("trap '' XFSZ; ulimit -f {count}"))
            }
        })
    })?;
    let mut sum = Sweep::default();
    for (case, one) in cases.iter().zip(tried) {
        sum.tried += 1;
        match one {
            Ok(Tried { struck, effects_after, unharmed }) => {
                sum.struck += usize::from(struck);
                sum.effects_after += effects_after;
                sum.unharmed += usize::from(struck && unharmed);
            }
            Err(why) => sum.wrong.push(format!("{case:?}: {why}")),
        }
    }
    Ok(sum)
}

const FOR_EVER: usize = 1_000_000_000;

struct Tried {
    struck: bool,
    effects_after: usize,
    unharmed: bool,
}

fn failed(stage: &Stage, secret: &Secret, bad: Bad, at: usize, times: usize) -> Result<Tried> {
    let before = Before::of(stage, secret)?;
    let operator = Operator::at(stage)?;
    let shim = Shim::build(&stage.directory())?;
    stage.lab().forget_requests();
    let run = || stage.rotate(secret).heard_by(operator.ear());
    let ended = shim.failing(run(), at, bad.errno(), times).run()?;
    let ops = shim.ops()?;
    let struck = ops.iter().find(|op| op.what == What::Failed).cloned();
    before.nobody_out(stage, secret).map_err(|why| format!("{why}\n{ended}"))?;
    let mut effects_after = 0;
    match (&struck, ended.code) {
        (_, Some(0)) => {}
        // A dotenv file that cannot be written, by a disk on which everything else works.
        (Some(_), Some(11)) if times == 1 => {
            before.rolled_back(stage, secret)?;
            let _clicks = operator.leave()?;
            return Ok(Tried { struck: true, effects_after, unharmed: false });
        }
        // It was not begun, because a file beside the database could not be looked at.
        (Some(op), Some(1 | 75)) => {
            effects_after = effects_since(stage, op);
            let told = ended.stderr.contains("error: ") && ended.stderr.contains("hint: ");
            let begun = ended.code == Some(1);
            if !begun {
                before.nothing_created(stage)?;
            }
            if !told || begun && !bad.advice().iter().any(|advice| ended.stderr.contains(advice)) {
                return Err(format!("nobody is told what to do: {ended}"));
            }
            // The disk is well again, and the same command goes on.
            let _ = run().run()?.is(0)?;
        }
        _ => return Err(format!("an end that none should be: {ended}")),
    }
    let _clicks = operator.leave()?;
    let wrong = |why: String| format!("{why}\n{ended}");
    before.completed(stage, secret, Restarts::Once).map_err(wrong)?;
    if effects_after > 0 {
        return Err(format!("{effects_after} EFFECTS after {struck:?}\n{ended}"));
    }
    Ok(Tried { struck: struck.is_some(), effects_after, unharmed: ended.code == Some(0) })
}

/// Under a limit of the system, whatever meets it.
/// So few files that it may not work: it says so before it does anything. Where it begins, they
/// are enough.
fn told(stage: &Stage, secret: &Secret, files: usize) -> Result<Tried> {
    let before = Before::of(stage, secret)?;
    let operator = Operator::at(stage)?;
    let limit = format!("ulimit -n {files}");
    stage.lab().forget_requests();
    let ended = stage.after(&limit, &stage.rotate_args(secret)).heard_by(operator.ear()).run()?;
    let unharmed = ended.code == Some(0);
    if !unharmed {
        let ended = ended.is(1)?;
        if !(ended.stderr.contains(&format!("may have {files} files"))
            && ended.stderr.contains("hint: raise the limit"))
        {
            return Err(format!("nobody is told: {ended}"));
        }
        let ours = |one: &lab::RequestRecord| !one.from_app && one.agent.starts_with("rollover");
        if stage.lab().requests().iter().any(ours) || stage.directory().join("rollover.db").exists()
        {
            return Err(format!("it had begun: {ended}"));
        }
        let _ = stage.rotate(secret).heard_by(operator.ear()).run()?.is(0)?;
    }
    let _clicks = operator.leave()?;
    before.completed(stage, secret, Restarts::Once)?;
    Ok(Tried { struck: !unharmed, effects_after: 0, unharmed })
}

fn limited(stage: &Stage, secret: &Secret, limit: &str) -> Result<Tried> {
    let before = Before::of(stage, secret)?;
    let operator = Operator::at(stage)?;
    let args = stage.rotate_args(secret);
    // A limit does not go away by waiting.
    stage.edit("rollover.toml", |text| text.replace("attempts_max = 8", "attempts_max = 2"))?;
    let ended = stage.after(limit, &args).heard_by(operator.ear()).run()?;
    before.nobody_out(stage, secret).map_err(|why| format!("{why}\n{ended}"))?;
    match ended.code {
        Some(0) => {}
        Some(11) => before.rolled_back(stage, secret)?,
        Some(1 | 2 | 12 | 75) => {
            let told = ended.stderr.contains("hint: ") || ended.code == Some(12);
            if !told {
                return Err(format!("nobody is told what to do: {ended}"));
            }
            let again = stage.rotate(secret).heard_by(operator.ear()).run()?;
            let _ = again.is(0).map_err(|why| format!("{why}\nbefore: {ended}"))?;
        }
        _ => return Err(format!("an end that none should be: {ended}")),
    }
    let _clicks = operator.leave()?;
    if ended.code != Some(11) {
        let wrong = |why: String| format!("{why}\n{ended}");
        before.completed(stage, secret, Restarts::Once).map_err(wrong)?;
    }
    let unharmed = ended.code == Some(0);
    Ok(Tried { struck: !unharmed, effects_after: 0, unharmed })
}

/// The changes that our program asked vendors for after this operation.
fn effects_since(stage: &Stage, op: &Op) -> usize {
    let since = |at: jiff::Timestamp| {
        let nanos = u128::try_from(at.as_nanosecond()).unwrap_or(0);
        nanos > (op.at + ON_THE_WIRE).as_nanos()
    };
    let requests = stage.lab().requests();
    let ours = requests.iter().filter(|one| !one.from_app && !one.agent.starts_with("lab-"));
    // To log in changes nothing, and is how a plan looks.
    ours.filter(|one| one.took_effect && !one.path.ends_with("/login") && since(one.started))
        .count()
}

/// A request that was sent before arrives a moment later.
const ON_THE_WIRE: Duration = Duration::from_millis(20);

fn cut(stage: &Stage, secret: &Secret, at: usize, power: bool) -> Result<Tried> {
    let before = Before::of(stage, secret)?;
    let operator = Operator::at(stage)?;
    let place = stage.directory();
    let run = || stage.rotate(secret).heard_by(operator.ear());
    let shim = Shim::build(&place)?;
    let mut disk = Disk::of(&place)?;
    let ended = shim.killed(run(), at).run()?;
    let killed = ended.was_killed();
    let ops = shim.ops()?;
    ops.iter().for_each(|op| disk.apply(op));
    if killed {
        if power {
            restore(&disk.cut(&mut Chance::new(at as u64)), &place, &place)?;
            disk = Disk::of(&place)?;
        }
        before.nobody_out(stage, secret).map_err(|why| format!("after the cut: {why}"))?;
        shim.forget()?;
        let _ = shim.under(run()).run()?.is(0)?;
        // A rotation that had ended already has nothing more to write.
        shim.ops().unwrap_or_default().iter().for_each(|op| disk.apply(op));
    } else {
        let _ = ended.is(0)?;
    }
    let _clicks = operator.leave()?;
    // What is said to be done is safe: another cut, the worst one, takes nothing of it.
    restore(&disk.worst(), &place, &place)?;
    before.completed(stage, secret, Restarts::Once)?;
    Ok(Tried { struck: killed, effects_after: 0, unharmed: !killed })
}
