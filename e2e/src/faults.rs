//! Everything that can go wrong between the program and a vendor, at every call of a rotation.
//!
//! The calls are those of an undisturbed run, as the lab saw them. At each one each fault of the
//! menu strikes once. However that run ends: nobody is out of service, no token is lost, and no
//! old token that still answers is called dead; and once the vendor is well again, the same
//! rotation comes to its end.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use lab::{FaultKind, FaultRule, Vendor};

use crate::crashes::open_rotation;
use crate::{Before, Ended, Operator, Pace, Restarts, Result, Secret, Stage, spread};

/// One call of the undisturbed run: the n-th of its method and path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Who is asked.
    pub vendor: Vendor,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// How many calls of the same kind come before.
    pub skip: u32,
}

/// A fault at a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// Where.
    pub call: Call,
    /// What, as [`FaultKind::NAMES`] has it.
    pub fault: &'static str,
}

/// How a case ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// Exit 0 at once, and the world is as after an undisturbed run.
    Completed,
    /// Exit 11: everybody on the old token, the new one gone.
    RolledBack,
    /// Exit 12, nothing lost; it came to its end when the vendor was well again.
    Attended,
    /// It was not begun, nothing was created; it came to its end when the vendor was well again.
    NotBegun,
}

/// All cases.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// How many faults were put in force.
    pub tried: usize,
    /// How many of them struck; a call that depends on the time may not come again.
    pub struck: usize,
    /// The right ends.
    pub ends: BTreeMap<End, usize>,
    /// Requests of the apps meanwhile.
    pub requests: u64,
    /// Those that were refused.
    pub refused: u64,
    /// The wrong ends, told.
    pub wrong: Vec<String>,
}

/// The calls of an undisturbed rotation of this secret; a person's are not among them.
///
/// # Errors
/// It does not complete.
pub fn calls(binary: &Path, secret: &Secret) -> Result<Vec<Call>> {
    let stage = Stage::new(binary)?;
    let before = Before::of(&stage, secret)?;
    let operator = Operator::at(&stage)?;
    stage.lab().forget_requests();
    let _ = stage.rotate(secret).heard_by(operator.ear()).run()?.is(0)?;
    let requests = stage.lab().requests();
    let _clicks = operator.leave()?;
    before.completed(&stage, secret, Restarts::Once)?;
    let mut seen: BTreeMap<(Vendor, String, String), u32> = BTreeMap::new();
    Ok(requests
        .into_iter()
        .filter(|request| !request.from_app && !request.agent.starts_with("lab-"))
        .map(|request| {
            let key = (request.vendor, request.method.clone(), request.path.clone());
            let count = seen.entry(key).or_default();
            let skip = *count;
            *count += 1;
            Call { vendor: request.vendor, method: request.method, path: request.path, skip }
        })
        .collect())
}

/// Every fault at every one of these calls, save a definite no, which [`crate::steps`] gives.
#[must_use]
pub fn cases(calls: &[Call]) -> Vec<Case> {
    let menu = || FaultKind::NAMES.iter().filter(|name| **name != "refused");
    calls.iter().flat_map(|call| menu().map(|fault| Case { call: call.clone(), fault })).collect()
}

/// Tries these cases.
///
/// # Errors
/// A stage cannot be set up.
pub fn sweep(binary: &Path, secret: &Secret, cases: &[Case], stages: usize) -> Result<Sweep> {
    let pace = Pace { timeout: "1s".into(), ..Pace::default() };
    let tried =
        spread(binary, &pace, stages, cases, |stage, case| Some(attempt(stage, secret, case)))?;
    let mut sum = Sweep::default();
    for (case, one) in cases.iter().zip(tried) {
        sum.tried += 1;
        sum.struck += usize::from(one.struck);
        sum.requests += one.requests;
        sum.refused += one.refused;
        match one.end {
            Ok(end) => *sum.ends.entry(end).or_default() += 1,
            Err(why) => {
                let Call { vendor, method, path, skip } = &case.call;
                let fault = case.fault;
                sum.wrong.push(format!("{fault} at {vendor} {method} {path} #{skip}: {why}"));
            }
        }
    }
    Ok(sum)
}

struct Tried {
    struck: bool,
    requests: u64,
    refused: u64,
    end: Result<End>,
}

fn attempt(stage: &Stage, secret: &Secret, case: &Case) -> Tried {
    let traffic = stage.traffic();
    let mut end = disturbed(stage, secret, case);
    let struck = stage.lab().faults().list().iter().any(|one| one.hits > 0);
    let struck = struck || matches!(end, Ok((_, true)));
    let report = stage.end_traffic(traffic);
    let total = report.total();
    if total.refused > 0 && end.is_ok() {
        end = Err(format!("OUTAGE: {:?}", report.refusals));
    }
    Tried { struck, requests: total.sent, refused: total.refused, end: end.map(|(end, _)| end) }
}

/// How long a fault of this name lasts beyond its call; the world is looked at after that.
fn afterwards(fault: &str) -> Duration {
    match fault {
        "late_effect" | "late_revocation" | "late_activation" => Duration::from_millis(1_050),
        _ => Duration::ZERO,
    }
}

fn disturbed(stage: &Stage, secret: &Secret, case: &Case) -> Result<(End, bool)> {
    let before = Before::of(stage, secret)?;
    let operator = Operator::at(stage)?;
    let call = &case.call;
    let kind = FaultKind::named(case.fault, None).ok_or("no such fault")?;
    let rule = FaultRule::new(call.vendor, kind)
        .on(&call.method, &format!("^{}", call.path))
        .skip(call.skip)
        .times(1);
    stage.lab().fault(rule);
    let ended = stage.rotate(secret).heard_by(operator.ear()).run()?;
    let struck = stage.lab().faults().list().iter().any(|one| one.hits > 0);
    thread::sleep(afterwards(case.fault));
    before.nobody_out(stage, secret)?;
    let end = match ended.code {
        Some(0) => End::Completed,
        Some(11) => End::RolledBack,
        Some(12) => End::Attended,
        Some(75) if open_rotation(stage).is_err() => End::NotBegun,
        _ => return Err(format!("an end that none should be: {ended}")),
    };
    let stay = if secret.by_operator { "--wait" } else { "--no-wait" };
    let wrong = |what: String| format!("{what}\n{ended}");
    match end {
        End::Completed => drop(before.completed(stage, secret, restarts(case)).map_err(wrong)?),
        End::RolledBack => before.rolled_back(stage, secret).map_err(wrong)?,
        End::Attended => {
            let id = open_rotation(stage)?;
            go_on(stage, secret, &operator, &before, case, &["run", "resume", &id, stay])
                .map_err(wrong)?;
        }
        End::NotBegun => {
            before.nothing_created(stage).map_err(wrong)?;
            let again = ["rotate", secret.name, "--confirm", secret.name, stay];
            go_on(stage, secret, &operator, &before, case, &again).map_err(wrong)?;
        }
    }
    let _clicks = operator.leave()?;
    Ok((end, struck))
}

/// The vendor is well again, and the rotation comes to its end.
fn go_on(
    stage: &Stage,
    secret: &Secret,
    operator: &Operator,
    before: &Before,
    case: &Case,
    args: &[&str],
) -> Result<()> {
    stage.lab().faults().clear();
    let ended: Ended = stage.rollover(args).heard_by(operator.ear()).run()?;
    match ended.code {
        Some(0) => before.completed(stage, secret, restarts(case)).map(drop),
        Some(11) => before.rolled_back(stage, secret),
        _ => Err(format!("it did not go on: {ended}")),
    }
}

fn restarts(case: &Case) -> Restarts {
    match case.fault {
        "duplicate_delivery" => Restarts::Any,
        _ => Restarts::Once,
    }
}
