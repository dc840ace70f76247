//! A sync killed at every instant, and with the answer to its write lost: whatever happens, the
//! same command run again leaves the consumer on the store's token, written once and told of.

use std::fs;
use std::path::Path;

use lab::{FaultKind, FaultRule, Vendor};
use serde_json::Value;

use crate::drifts::{PLANTINGS, Past, Planting, rotated};
use crate::pairing::APP;
use crate::spread::each;
use crate::{Bench, Pairing, Result};

/// What came of the syncs of one pairing.
#[derive(Clone, Debug, Default)]
pub struct Synced {
    /// How many instants an undisturbed sync has.
    pub instants: usize,
    /// Kills that were tried.
    pub kills: usize,
    /// Lost answers that were tried.
    pub doubts: usize,
    /// How many of both ended as an undisturbed sync.
    pub right: usize,
    /// The others, told.
    pub wrong: Vec<String>,
}

/// What drifts before each sync: one that is put right by a write, for each kind of consumer.
const DRIFTS: [&str; 3] = [
    "a config var is set to the old token",
    "a secret at GitHub is written by somebody else",
    "a dotenv file is put back as it was",
];

/// Ways in which the answer to a write is lost.
const LOST: [FaultKind; 3] =
    [FaultKind::DropAfter, FaultKind::Error5xxAfter { status: 502 }, FaultKind::ResetInBody];

/// Kills at every `step`th instant of a sync of each pairing, and loses the answer to its write in
/// each way. Workstations are left out: a sync only has the value wait for them.
#[must_use]
pub fn sweep(binary: &Path, pairings: &[Pairing], step: usize, benches: usize) -> Vec<Synced> {
    let written: Vec<Pairing> =
        pairings.iter().filter(|pairing| !pairing.consumer.is_fetched).copied().collect();
    each(&written, benches, |pairing| {
        let mut synced = Synced::default();
        if let Err(why) = one(binary, *pairing, step, &mut synced) {
            synced.wrong.push(format!("{pairing}: {why}"));
        }
        synced
    })
}

fn one(binary: &Path, pairing: Pairing, step: usize, synced: &mut Synced) -> Result<()> {
    let (mut bench, past) = rotated(binary, pairing)?;
    let planting = planting(pairing, &bench, &past)?;
    bench.keep()?;
    let restarts = bench.restarts();
    let log = bench.log().display().to_string();
    let _ = sync(&bench).env("ROLLOVER_CRASH_LOG", &log).run()?.is(0)?;
    right(&bench, restarts)?;
    let told = fs::read_to_string(bench.log()).map_err(|error| error.to_string())?;
    synced.instants = told.lines().count();
    for point in (1..=synced.instants as u64).step_by(step) {
        bench.again()?;
        synced.kills += 1;
        let killed = sync(&bench).crash_at(point).run()?;
        let again = match killed.was_killed() {
            true => sync(&bench).run()?,
            false => killed,
        };
        let end = again.is(0).and_then(|_| right(&bench, restarts));
        match end {
            Ok(()) => synced.right += 1,
            Err(why) => {
                synced.wrong.push(format!("{pairing}, {planting}, killed at {point}: {why}"));
            }
        }
    }
    for kind in LOST.iter().filter(|_| !pairing.consumer.is_file) {
        bench.again()?;
        synced.doubts += 1;
        let (vendor, method) = match pairing.consumer.app {
            Some(_) => (Vendor::Heroku, "PATCH"),
            None => (Vendor::Github, "PUT"),
        };
        let mut rule = FaultRule::new(vendor, kind.clone());
        rule.method = Some(method.into());
        rule.times = Some(1);
        bench.lab().fault(rule);
        match sync(&bench).run()?.is(0).and_then(|_| right(&bench, restarts)) {
            Ok(()) => synced.right += 1,
            Err(why) => synced.wrong.push(format!("{pairing}, {}: {why}", kind.name())),
        }
    }
    Ok(())
}

fn planting(pairing: Pairing, bench: &Bench, past: &Past) -> Result<&'static str> {
    let fits = |one: &&Planting| DRIFTS.contains(&one.name) && one.fits(pairing);
    let planting = PLANTINGS.iter().find(fits).ok_or("nothing drifts here")?;
    planting.plant(bench, past)?;
    Ok(planting.name)
}

fn sync(bench: &Bench) -> crate::Rollover {
    bench.rollover(&["secret", "sync", &bench.pairing().secret(), "--yes"])
}

/// Everybody is in step again, the app was restarted once, and every write has its outcome.
fn right(bench: &Bench, restarts: usize) -> Result<()> {
    let everything = bench.everything()?;
    let held = |place: &str| {
        let found = everything.iter().find(|(name, _)| name == place);
        found.map(|(_, value)| value).ok_or_else(|| format!("{place} holds nothing"))
    };
    let stored = held(&(bench.pairing().store.place)(bench.pairing().issuer.key))?;
    if held(&bench.pairing().place())? != stored {
        return Err("the consumer does not hold what the store holds".into());
    }
    let due = usize::from(bench.pairing().consumer.app == Some(APP));
    if bench.restarts() != restarts + due {
        return Err(format!("restarted {} times, not {due}", bench.restarts() - restarts));
    }
    let _ = bench.rollover(&["drift", "--check"]).run()?.is(0)?;
    let _ = bench.rollover(&["audit", "verify"]).run()?.is(0)?;
    let log = bench.rollover(&["audit", "ls", "-n", "1000", "--json"]).run()?.is(0)?.json()?;
    let count = |action: &str| {
        let all = log.as_array().into_iter().flatten();
        all.filter(|line| names(line, action)).count()
    };
    match (count("secret.sync.intent"), count("secret.sync.outcome")) {
        (0, _) => Err("nothing was told of it".into()),
        // A kill leaves an intent without an end; the next run settles it once, or writes again.
        (intents, outcomes) if outcomes == 0 || outcomes > intents => {
            Err(format!("{intents} intents, {outcomes} outcomes"))
        }
        _ => Ok(()),
    }
}

fn names(line: &Value, action: &str) -> bool {
    line["action"] == action || line["record"]["action"] == action
}
