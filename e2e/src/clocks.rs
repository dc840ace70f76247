//! A clock that is a day off, from any moment of a rotation on.
//!
//! It is set while the program runs, at one of its calls; or while it does not, between a kill at
//! one of its instants and the same command run again. How long things truly took is read from
//! the lab, whose clock is left alone: the revocation may not come before the soak is over, and
//! the answers that prove the death may not be closer than they have to be.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lab::{MomentKind, RequestRecord};

use crate::crashes::is_over;
use crate::shim::Shim;
use crate::{Before, Operator, Pace, Restarts, Result, Secret, Stage, spread};

/// A day, in seconds.
pub const DAY: i64 = 86_400;

/// How long the soak and the pause between two answers are.
const SOAK: SignedDuration = SignedDuration::from_millis(300);
const APART: SignedDuration = SignedDuration::from_millis(300);
/// The lab's times and ours are cut to different units.
const CUT: SignedDuration = SignedDuration::from_millis(2);

/// When the clock is set, and by how many seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// While the n-th request is on its way.
    Running(u64, i64),
    /// After the process was killed at this instant, and before it is started again.
    Between(u64, i64),
}

/// All cases.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// How many were tried.
    pub tried: usize,
    /// How many of them struck: the run came to that moment.
    pub struck: usize,
    /// Revocations before the soak was over.
    pub early: usize,
    /// Proofs whose answers were too close.
    pub false_proofs: usize,
    /// What was wrong, told.
    pub wrong: Vec<String>,
}

/// Tries these cases.
///
/// # Errors
/// A stage cannot be set up.
pub fn sweep(binary: &Path, secret: &Secret, cases: &[Case], stages: usize) -> Result<Sweep> {
    let millis = |span: SignedDuration| format!("{}ms", span.as_millis());
    let pace = Pace { soak: millis(SOAK), proof_interval: millis(APART), ..Pace::default() };
    let tried =
        spread(binary, &pace, stages, cases, |stage, case| Some(attempt(stage, secret, *case)))?;
    let mut sum = Sweep::default();
    for (case, one) in cases.iter().zip(tried) {
        sum.tried += 1;
        match one {
            Ok(struck) => sum.struck += usize::from(struck),
            Err(why) => {
                sum.early += usize::from(why.contains(EARLY));
                sum.false_proofs += usize::from(why.contains(FALSE_PROOF));
                sum.wrong.push(format!("{case:?}: {why}"));
            }
        }
    }
    Ok(sum)
}

const EARLY: &str = "EARLY REVOCATION";
const FALSE_PROOF: &str = "FALSE PROOF";

fn attempt(stage: &Stage, secret: &Secret, case: Case) -> Result<bool> {
    let before = Before::of(stage, secret)?;
    let operator = Operator::at(stage)?;
    let shim = std::sync::Arc::new(Shim::build(&stage.directory())?);
    shim.set_clock(0)?;
    stage.lab().forget_requests();
    let run = || shim.off_the_clock(stage.rotate(secret).heard_by(operator.ear()));
    let (struck, ended, begun) = match case {
        Case::Running(at, seconds) => {
            let (seen, hand) = (AtomicU64::new(0), std::sync::Arc::clone(&shim));
            let struck = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
            let told = std::sync::Arc::clone(&struck);
            stage.lab().on_moment(Box::new(move |moment| {
                let is_it = moment.kind == MomentKind::Before
                    && seen.fetch_add(1, Ordering::SeqCst) + 1 == at;
                if is_it && hand.set_clock(seconds).is_ok() {
                    told.store(true, Ordering::SeqCst);
                }
            }));
            let ended = run().run()?.is(0)?;
            (struck.load(Ordering::SeqCst), ended, Timestamp::UNIX_EPOCH)
        }
        Case::Between(at, seconds) => {
            let killed = run().crash_at(at).run()?;
            if !killed.was_killed() || is_over(stage)? {
                let _clicks = operator.leave()?;
                return Ok(false);
            }
            shim.set_clock(seconds)?;
            let begun = Timestamp::now();
            let ended = run().run()?.is(0)?;
            let told = ended.stderr.contains("the clock says");
            let has_begun = ended.stderr.contains("going on with");
            if has_begun && told != (seconds < 0) {
                return Err(format!("told of the clock: {told}\n{ended}"));
            }
            (true, ended, begun)
        }
    };
    let _clicks = operator.leave()?;
    let wrong = |why: String| format!("{why}\n{ended}");
    before.completed(stage, secret, Restarts::Once).map_err(wrong)?;
    fair(&stage.lab().requests(), begun).map_err(wrong)?;
    Ok(struck)
}

/// Whether everything took its time. The answers of a proof are those of one process, which was
/// begun at this moment.
fn fair(requests: &[RequestRecord], begun: Timestamp) -> Result<()> {
    let revokes = |one: &&RequestRecord| {
        one.took_effect
            && (one.path.ends_with("/api-tokens/delete")
                || (one.method == "DELETE" && one.path.starts_with("/oauth/authorizations/")))
    };
    let gives = |one: &&RequestRecord| {
        one.took_effect && ["/config-vars", "/actions/secrets"].iter().any(|p| one.path.contains(p))
    };
    let mut given = requests.iter().filter(gives).map(|one| one.started);
    // What a killed create has left is swept away before anybody is given anything.
    let first = given.next().ok_or("nobody was given anything")?;
    let revokes = |one: &&RequestRecord| one.started > first && revokes(one);
    let revoked = requests.iter().find(revokes).ok_or("nobody revoked anything")?.started;
    let given = given.max().unwrap_or(first);
    let soaked = revoked.duration_since(given);
    if soaked + CUT < SOAK {
        return Err(format!("{EARLY}: after {soaked:#}"));
    }
    let proves = |one: &&RequestRecord| {
        let look = one.path == "/account" || one.path == "/server";
        look && one.status == Some(401) && one.started > revoked && one.started > begun
    };
    let answers: Vec<Timestamp> = requests.iter().filter(proves).map(|one| one.started).collect();
    // A process that was started when all was proven gives none.
    let apart = match (answers.iter().min(), answers.iter().max()) {
        (Some(first), Some(last)) => last.duration_since(*first),
        _ if begun > revoked => return Ok(()),
        _ => SignedDuration::ZERO,
    };
    if apart + CUT < APART { Err(format!("{FALSE_PROOF}: {apart:#} apart")) } else { Ok(()) }
}

/// How many requests an undisturbed rotation has; the cases of one that runs go up to there.
///
/// # Errors
/// It does not complete.
pub fn requests(binary: &Path, secret: &Secret) -> Result<u64> {
    let stage = Stage::new(binary)?;
    let operator = Operator::at(&stage)?;
    stage.lab().forget_requests();
    let _ = stage.rotate(secret).heard_by(operator.ear()).within(LIMIT).run()?.is(0)?;
    let count = stage.lab().requests().len();
    let _clicks = operator.leave()?;
    Ok(count as u64)
}

const LIMIT: Duration = Duration::from_secs(60);
