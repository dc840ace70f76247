//! How long one rotation takes on the machine's side, against what no program could save: the
//! calls that have to follow one another.

use std::path::Path;
use std::time::Duration;

use lab::{FaultKind, FaultRule};

use crate::{Before, HEROKU, Pace, Restarts, Result, Stage};

/// The calls of a rotation of the Heroku token that have to follow one another, each because of
/// what the one before has answered. Whatever is not named here goes on beside one that is.
pub const CHAIN: [&str; 23] = [
    "login: the store's, for everything else is in it",
    "login: the token that the engine itself logs in with, from the store",
    "preflight: the issuer and every consumer, side by side",
    "preflight: the secrets of GitHub's environments, whose names came before",
    "create: the new authorization",
    "validate: who the new token is",
    "store: what it holds",
    "store: the write",
    "store: the version, read back",
    "propagate, staging: what it holds",
    "propagate, staging: the write",
    "propagate, staging: its release",
    "verify, staging: config, release and dynos, side by side",
    "propagate, production: what it holds",
    "propagate, production: the write",
    "propagate, production: its release",
    "verify, production: config, release and dynos, side by side",
    "probe: the console's own health",
    "gate: the store and every consumer, side by side",
    "revoke: the old authorization",
    "prove: the old token, and every consumer beside it",
    "prove: the old token once more",
    "sweep: what is left at the issuer",
];

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// From the start of the process to its end; the middle one of all runs.
    pub took: Duration,
    /// How many calls it made.
    pub calls: usize,
    /// The most calls of which none began before the one before had ended.
    pub longest: usize,
}

/// Rotates several times with this latency at every call.
///
/// # Errors
/// A rotation does not complete.
pub fn measure(binary: &Path, latency: Duration, times: usize) -> Result<Timed> {
    let pace = Pace {
        dyno_start: Duration::from_millis(1),
        proof_interval: "1ms".into(),
        ..Pace::default()
    };
    let mut stage = Stage::at_pace(binary, pace)?;
    let ms = u64::try_from(latency.as_millis()).map_err(|error| error.to_string())?;
    let mut runs = Vec::new();
    for _ in 0..times.max(1) {
        let before = Before::of(&stage, &HEROKU)?;
        stage.lab().fault(FaultRule::everywhere(FaultKind::Latency { ms }));
        stage.lab().forget_requests();
        let ended = stage.rotate(&HEROKU).run()?.is(0)?;
        let calls: Vec<(i64, i64)> = stage
            .lab()
            .requests()
            .iter()
            .filter(|request| !request.from_app)
            .filter_map(|request| {
                let began = request.started.as_microsecond();
                Some((began, request.ended?.as_microsecond()))
            })
            .collect();
        before.completed(&stage, &HEROKU, Restarts::Once)?;
        runs.push(Timed { took: ended.took, calls: calls.len(), longest: longest(calls) });
        stage.again()?;
    }
    runs.sort_by_key(|run| run.took);
    Ok(runs[runs.len() / 2])
}

/// The most spans of time of which none overlaps another: always the one that ends first.
fn longest(mut calls: Vec<(i64, i64)>) -> usize {
    calls.sort_by_key(|(_, ended)| *ended);
    let mut last = i64::MIN;
    calls
        .into_iter()
        .filter(|(began, ended)| {
            let follows = *began >= last;
            if follows {
                last = *ended;
            }
            follows
        })
        .count()
}
