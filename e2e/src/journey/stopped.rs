//! A process that is stopped right before a change, taken over from by another one that goes the
//! way to its end, and then let go on: it must change nothing any more.

use std::path::Path;
use std::time::{Duration, Instant};

use lab::RequestRecord;

use super::{Arrival, Journey, Way};
use crate::spread::each;
use crate::{Ended, Pairing, Result, Rollover, Running};

/// What all processes of one way did that were woken.
#[derive(Clone, Debug, Default)]
pub struct Woken {
    /// Before how many changes one was stopped.
    pub stopped: usize,
    /// How many ended right: the other one's work as it was, and told why.
    pub right: usize,
    /// Those that kept the other one out, however often they were stopped there.
    pub kept_out: usize,
    /// The others, told.
    pub wrong: Vec<String>,
}

/// Stops a process before every `step`-th change of each way of these pairings.
#[must_use]
pub fn stopped(binary: &Path, pairings: &[Pairing], step: usize, benches: usize) -> Vec<Woken> {
    let both = |pairing: &Pairing| [Way::Forward, Way::Back].map(|way| (*pairing, way));
    let ways: Vec<(usize, (Pairing, Way))> = pairings.iter().flat_map(both).enumerate().collect();
    each(&ways, benches, |(place, (pairing, way))| {
        let mut woken = Woken::default();
        if let Err(why) = along(binary, *pairing, *way, (place % step, step), &mut woken) {
            woken.wrong.push(format!("{pairing}, {way:?}: {why}"));
        }
        woken
    })
}

fn along(
    binary: &Path,
    pairing: Pairing,
    way: Way,
    (first, step): (usize, usize),
    woken: &mut Woken,
) -> Result<()> {
    let mut journey = Journey::new(binary, pairing, way)?;
    for change in (1..CHANGES_MAX).skip(first).step_by(step) {
        let tried = (0..TRIES_MAX).map(|_| journey.stopped_before(change));
        let not_kept_out = |stop: &Result<Stop>| !matches!(stop, Ok(Stop::KeptOut));
        match tried.into_iter().find(not_kept_out).unwrap_or(Ok(Stop::KeptOut)) {
            Ok(Stop::NoSuchChange) => return Ok(()),
            Ok(Stop::Right) => woken.right += 1,
            Ok(Stop::KeptOut) => woken.kept_out += 1,
            Err(why) => woken.wrong.push(format!("{pairing}, {way:?}, change {change}: {why}")),
        }
        woken.stopped += 1;
    }
    Err("it never ends".into())
}

/// What came of one stop.
enum Stop {
    /// The way has fewer changes than that.
    NoSuchChange,
    /// The other one took over, and this one changed nothing after it.
    Right,
    /// This one was stopped while it kept others from a file or the database.
    KeptOut,
}

/// What is said where another process changes a file beside it.
const LOCKED: &str = "somebody else is changing files beside it";

/// What is said, after a while, where another process writes into the database.
const LOCKED_DATABASE: &str = "another process keeps the database locked";

/// How often a stop is tried again that comes while a file is changed.
const TRIES_MAX: usize = 3;

/// More changes than any way has.
const CHANGES_MAX: u64 = 40;

/// How often the lease is asked for until its holder has been silent for long enough.
const ASKED_MAX: usize = 200;

impl Journey {
    /// One way with a stop before this change.
    fn stopped_before(&mut self, change: u64) -> Result<Stop> {
        self.bench.again()?;
        let operator = self.bench.operator()?;
        let directory = tempfile::tempdir().map_err(|error| format!("a directory: {error}"))?;
        let log = directory.path().join("instants");
        let run = || self.whole().heard_by(operator.ear());
        let first = run().stop_before(change).env("ROLLOVER_CRASH_LOG", &log).start()?;
        if !first.stops()? {
            let _ = first.finish()?.is(self.code())?;
            let _clicks = operator.leave()?;
            return self.right(Arrival::Undisturbed).map(|()| Stop::NoSuchChange);
        }
        let on_their_way = OnTheirWay::by(&log)?;
        let Some(other) = taken_over(&run, &first)? else {
            let _ended = first.finish()?;
            let _clicks = operator.leave()?;
            return Ok(Stop::KeptOut);
        };
        let _ = other.is(self.code())?;
        self.right(Arrival::RunAgain)?;
        let left = (self.bench.everything()?, self.bench.restarts());
        self.bench.lab().forget_requests();
        first.wake()?;
        let ended = first.finish()?;
        let _clicks = operator.leave()?;
        let changed = |one: &RequestRecord| one.took_effect && !one.path.ends_with("/login");
        let late: Vec<RequestRecord> = self.records().into_iter().filter(changed).collect();
        if !late.iter().all(|one| on_their_way.has(one)) {
            return Err(format!("IT STILL CHANGED SOMETHING: {late:?}; {ended}"));
        }
        if !ended.stderr.contains("the lease went to") {
            return Err(format!("it does not say why it ends: {ended}"));
        }
        // What a step beside this one had sent is in nobody's hand any more. It writes what the
        // other one has written, too: an app may restart once more, and all is as it should be.
        if !late.is_empty() {
            return self.arrived(Arrival::RunAgain).map(|()| Stop::Right);
        }
        if (self.bench.everything()?, self.bench.restarts()) != left {
            return Err(format!("SOMETHING IS NOT AS THE OTHER LEFT IT; {ended}"));
        }
        self.right(Arrival::RunAgain).map(|()| Stop::Right)
    }

    /// The whole way in one command, with the agreement.
    fn whole(&self) -> Rollover {
        let stay = if self.bench.pairing().issuer.by_operator { "--wait" } else { "--no-wait" };
        let name = self.bench.pairing().secret();
        match self.way {
            Way::Forward => self.bench.rollover(&["rotate", &name, "--confirm", &name, stay]),
            Way::Back => self.bench.rollover(&["run", "rollback", &self.id, stay]),
        }
    }

    fn code(&self) -> i32 {
        if self.way == Way::Forward { 0 } else { 11 }
    }
}

/// The same command again, with `--take-over`, as soon as the one that was stopped has been silent
/// for as long as its lease holds. None where that one was stopped while another thread of it
/// changes a file or writes into the database, and keeps everybody from that, which is not promised
/// to be otherwise: it is woken then, so that both come to their end, and whoever stops it before
/// the same change once more meets its threads elsewhere.
///
/// # Errors
/// It never is silent for so long.
pub fn taken_over(run: &dyn Fn() -> Rollover, stopped: &Running) -> Result<Option<Ended>> {
    for _ in 0..ASKED_MAX {
        let mut other = run().args(&["--take-over"]).start()?;
        let kept_out = is_kept_out(&mut other);
        if kept_out {
            stopped.wake()?;
        }
        let ended = other.finish()?;
        if kept_out {
            return Ok(None);
        }
        if ended.stderr.contains(LOCKED_DATABASE) {
            stopped.wake()?;
            return Ok(None);
        }
        let held = ["the lease is held by", "another process runs this rotation"];
        if !held.iter().any(|words| ended.stderr.contains(words)) {
            return Ok(Some(ended));
        }
    }
    Err("the lease is never given up".into())
}

/// How long a way takes at most that nothing keeps from its end.
const WAY_MAX: Duration = Duration::from_secs(30);

/// Whether it says that it is kept from a file, or does not come to its end.
fn is_kept_out(other: &mut Running) -> bool {
    let begun = Instant::now();
    while !other.has_ended() && !other.said().contains(LOCKED) {
        if begun.elapsed() > WAY_MAX {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    other.said().contains(LOCKED)
}

/// The calls that a process had begun when it was stopped, and of which it had heard no end. They
/// had asked for the lease, and nobody can promise that they stay.
pub struct OnTheirWay(Vec<String>);

impl OnTheirWay {
    /// Those of the process that writes its instants into this log.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn by(log: &Path) -> Result<Self> {
        let log = std::fs::read_to_string(log).map_err(|error| format!("a log: {error}"))?;
        let mut begun: Vec<&str> = Vec::new();
        for line in log.lines() {
            if let Some(call) = line.strip_prefix("call: before ") {
                begun.push(call);
            } else if let Some(call) = line.strip_prefix("call: after ") {
                begun.retain(|other| *other != call);
            }
        }
        Ok(Self(begun.into_iter().map(str::to_owned).collect()))
    }

    /// Whether this request is one of them.
    #[must_use]
    pub fn has(&self, request: &RequestRecord) -> bool {
        let call = format!("{} {}", request.method, request.path);
        self.0.iter().any(|begun| begun.ends_with(&call))
    }
}

impl std::fmt::Display for OnTheirWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
