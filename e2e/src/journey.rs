//! One rotation of a pairing on its way, while something goes wrong with one call.
//!
//! Forward in two runs, with a moment between them in which everybody is on the new token and
//! nobody has agreed yet; or back from that moment. However the runs end, somebody then sees that
//! the vendor is well again and runs the same command until it is over.

mod stopped;

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use lab::{FaultKind, FaultRule, RequestRecord, Vendor};

use crate::bench::LogsIn;
use crate::matrix::{made_for_it, open_rotation, rotations};
use crate::{Bench, Ended, Facts, Pairing, Result};

pub use stopped::{OnTheirWay, Woken, stopped, taken_over};

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    /// To the end.
    Forward,
    /// Back from where everybody is on the new token.
    Back,
}

/// A kind of call: what of its path is the same in every run, and how many of the kind come
/// before it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Call {
    /// Who is asked.
    pub vendor: Vendor,
    /// The method.
    pub method: String,
    /// How the path begins.
    pub path: String,
    /// How many come before.
    pub skip: u32,
    /// Whether it changed something.
    pub changes: bool,
}

/// How a journey ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Arrival {
    /// As if nothing had happened.
    Undisturbed,
    /// On the old token, everything undone.
    TurnedBack,
    /// As the first, after the command was run again.
    RunAgain,
    /// As the second, after the command was run again.
    TurnedBackAgain,
}

/// What came of one journey.
pub struct Travelled {
    /// Whether the fault met its call.
    pub struck: bool,
    /// How it ended, or what was wrong.
    pub end: Result<Arrival>,
    /// Requests of the consumer meanwhile.
    pub requests: u64,
    /// Those that were refused.
    pub refused: u64,
    /// How many calls of this kind changed something.
    pub effects: usize,
}

/// A bench from which one way can be gone again and again.
pub struct Journey {
    bench: Bench,
    way: Way,
    facts: Facts,
    /// The rotation that is turned back.
    id: String,
    restarts: usize,
}

/// How long a vendor may take to answer; a call without an answer costs that long.
const TIMEOUT: &str = "800ms";
/// How often the command is run again at most.
const AGAIN_MAX: usize = 12;
/// How long a person is waited for before the command is run again.
const CLICKS: Duration = Duration::from_millis(60);

impl Journey {
    /// A bench at the beginning of this way.
    ///
    /// # Errors
    /// It cannot be set up.
    pub fn new(binary: &Path, pairing: Pairing, way: Way) -> Result<Self> {
        let bench = Bench::with_timeout(binary, pairing, LogsIn::WithTheToken, TIMEOUT)?;
        let facts = Facts::of(&bench)?;
        let mut journey = Self { bench, way, facts, id: String::new(), restarts: 0 };
        if way == Way::Back {
            let _ = journey.to_the_gate()?.is(10)?;
            journey.id = open_rotation(&journey.bench)?;
        }
        journey.bench.keep()?;
        journey.restarts = journey.bench.restarts();
        Ok(journey)
    }

    /// What is on it.
    #[must_use]
    pub fn bench(&self) -> &Bench {
        &self.bench
    }

    /// The calls of the undisturbed way.
    ///
    /// # Errors
    /// It does not end as it should.
    pub fn calls(&mut self) -> Result<Vec<Call>> {
        self.bench.again()?;
        self.bench.lab().forget_requests();
        let end = self.go(&|| ())?;
        if end != Arrival::Undisturbed {
            return Err(format!("undisturbed, it ended {end:?}"));
        }
        self.right(end)?;
        let mut seen: BTreeMap<(Vendor, String, String), u32> = BTreeMap::new();
        let call = |record: RequestRecord| {
            let path = same_in_every_run(&record.path);
            let key = (record.vendor, record.method.clone(), path.clone());
            let count = seen.entry(key).or_default();
            let skip = *count;
            *count += 1;
            let (vendor, method, changes) = (record.vendor, record.method, record.took_effect);
            Call { vendor, method, path, skip, changes }
        };
        Ok(self.records().into_iter().map(call).collect())
    }

    fn records(&self) -> Vec<RequestRecord> {
        let ours = |one: &RequestRecord| !one.from_app && !one.agent.starts_with("lab-");
        let all = self.bench.lab().requests().into_iter();
        all.filter(|one| ours(one) && one.vendor != Vendor::Dashboard).collect()
    }

    /// Goes the way while this happens to this call, once; `meanwhile` passes whenever a command
    /// has ended.
    pub fn disturbed(
        &mut self,
        call: &Call,
        fault: FaultKind,
        meanwhile: &dyn Fn(&Bench),
    ) -> Travelled {
        if let Err(why) = self.bench.again() {
            return Travelled { struck: false, end: Err(why), requests: 0, refused: 0, effects: 0 };
        }
        self.bench.lab().forget_requests();
        let rule = FaultRule::new(call.vendor, fault)
            .on(&call.method, &format!("^{}", call.path))
            .skip(call.skip)
            .times(1);
        self.bench.lab().fault(rule);
        let traffic = self.bench.traffic();
        let mut end = self.go(&|| meanwhile(&self.bench));
        let struck = self.records().iter().any(|one| !one.faults.is_empty());
        if let Ok(arrival) = end {
            end =
                self.right(arrival).map(|()| arrival).map_err(|why| format!("{arrival:?}: {why}"));
        }
        let report = self.bench.end_traffic(traffic);
        let total = report.total();
        if total.refused > 0 && end.is_ok() {
            end = Err(format!("OUTAGE: {:?}", report.refusals));
        }
        let kind = |one: &&RequestRecord| {
            one.vendor == call.vendor
                && one.method == call.method
                && one.path.starts_with(&call.path)
        };
        let effects = self.records().iter().filter(kind).filter(|one| one.took_effect).count();
        Travelled { struck, end, requests: total.sent, refused: total.refused, effects }
    }

    /// To where everybody is on the new token; a person makes it where people do.
    fn to_the_gate(&self) -> Result<Ended> {
        let name = self.bench.pairing().secret();
        let rotate = ["rotate", name.as_str(), "--yes", "--no-wait"];
        let ended = self.bench.rollover(&rotate).run()?;
        let made = || {
            let live = (self.bench.pairing().issuer.live)(&self.bench.lab().inspect());
            live.len() > 1
        };
        if !self.bench.pairing().issuer.by_operator || ended.code != Some(10) || made() {
            return Ok(ended);
        }
        let _token = made_for_it(&self.bench)?;
        self.bench.rollover(&rotate).run()
    }

    fn go(&self, meanwhile: &dyn Fn()) -> Result<Arrival> {
        let bench = &self.bench;
        let name = bench.pairing().secret();
        let operator = bench.operator()?;
        let agreed = ["rotate", name.as_str(), "--confirm", name.as_str(), "--no-wait"];
        let back = ["run", "rollback", self.id.as_str(), "--no-wait"];
        let again = || bench.rollover(if self.way == Way::Forward { &agreed } else { &back });
        let mut ended = match self.way {
            Way::Forward => self.to_the_gate()?,
            Way::Back => again().heard_by(operator.ear()).run()?,
        };
        meanwhile();
        self.facts.nobody_out(bench)?;
        if self.way == Way::Forward && ended.code == Some(10) {
            ended = again().heard_by(operator.ear()).run()?;
            meanwhile();
            self.facts.nobody_out(bench)?;
        }
        let mut by_itself = true;
        for _ in 0..AGAIN_MAX {
            match ended.code {
                Some(0 | 11) => break,
                // A person has heard what is to be done, and does it.
                Some(10) => thread::sleep(CLICKS),
                _ => {
                    by_itself = false;
                    bench.lab().faults().clear();
                }
            }
            ended = again().heard_by(operator.ear()).run()?;
            self.facts.nobody_out(bench)?;
        }
        let _clicks = operator.leave()?;
        meanwhile();
        Ok(match (self.way, ended.code, by_itself) {
            (Way::Forward, Some(0), true) | (Way::Back, Some(11), true) => Arrival::Undisturbed,
            (Way::Forward, Some(0), false) | (Way::Back, Some(11), false) => Arrival::RunAgain,
            (Way::Forward, Some(11), true) => Arrival::TurnedBack,
            (Way::Forward, Some(11), false) => Arrival::TurnedBackAgain,
            _ => return Err(format!("it never ends: {ended}")),
        })
    }

    /// Whether everything is as it should be after such an end.
    fn right(&self, arrival: Arrival) -> Result<()> {
        let restarts = self.bench.restarts() - self.restarts;
        let has_app = self.bench.pairing().consumer.app.is_some();
        self.arrived(arrival)?;
        // On its way back an app is restarted once more, if it was at all.
        let due = match arrival {
            Arrival::TurnedBack | Arrival::TurnedBackAgain => 2,
            Arrival::Undisturbed | Arrival::RunAgain => 1,
        };
        if has_app && restarts > due {
            return Err(format!("DOUBLE EFFECT: restarted {restarts} times"));
        }
        Ok(())
    }

    /// Whether everybody is where such an end leaves them, however often an app was restarted.
    fn arrived(&self, arrival: Arrival) -> Result<()> {
        match arrival {
            Arrival::Undisturbed | Arrival::RunAgain if self.way == Way::Forward => {
                self.facts.completed(&self.bench)
            }
            _ => self.facts.rolled_back(&self.bench),
        }
    }

    /// One undisturbed way.
    ///
    /// # Errors
    /// It does not end as it should.
    pub fn once(&mut self) -> Result<()> {
        self.bench.again()?;
        let end = self.go(&|| ())?;
        self.right(end)
    }

    /// A whole undisturbed way, and then the last command once more, which must find nothing to
    /// do: no call of it may change anything. Answers how many would have.
    ///
    /// # Errors
    /// It does not end as it should, the first time or the second.
    pub fn twice(&mut self) -> Result<usize> {
        self.bench.again()?;
        let first = self.go(&|| ())?;
        self.right(first)?;
        let id = ended_rotation(&self.bench)?;
        self.bench.lab().forget_requests();
        let files = self.bench.everything()?;
        let way = if self.way == Way::Forward { "resume" } else { "rollback" };
        let second = self.bench.rollover(&["run", way, &id, "--no-wait"]).run()?;
        let _ = second.is(if self.way == Way::Forward { 0 } else { 11 })?;
        self.right(first)?;
        if self.bench.everything()? != files {
            return Err("the second run changed something".into());
        }
        // A login at Infisical is told as an effect, because it counts against a limit.
        let changes = |one: &&RequestRecord| one.took_effect && !one.path.ends_with("/login");
        Ok(self.records().iter().filter(changes).count())
    }
}

/// The id of the one rotation that there is.
fn ended_rotation(bench: &Bench) -> Result<String> {
    let all = rotations(bench)?;
    let id = all.first().and_then(|one| one["rotation"].as_str());
    id.map(str::to_owned).ok_or_else(|| format!("no rotation: {all:?}"))
}

/// The part of a path before the first id that is another one in every run.
fn same_in_every_run(path: &str) -> String {
    let is_id = |part: &str| part.len() == 36 && part.bytes().filter(|b| *b == b'-').count() == 4;
    let mut same = String::new();
    for part in path.split_inclusive('/') {
        if is_id(part.trim_end_matches('/')) {
            break;
        }
        same.push_str(part);
    }
    same
}
