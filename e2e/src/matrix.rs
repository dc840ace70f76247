//! The crash matrix: every pairing of what is registered, in every mode, killed at every instant.
//!
//! A cell is one pairing in one mode. Its undisturbed run tells how many instants it has; then it
//! is killed at one after the other, the same command is run again, and the world must be as after
//! the undisturbed run: no token too many or too few, no request refused, as many restarts.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use lab::TrafficReport;

use crate::spread::each;
use crate::{Bench, Facts, Operator, Pairing, Result, Rollover, bench::LogsIn};

/// What a rotation is killed in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// From the beginning to the end.
    Scheduled,
    /// The way back, from a rotation that was killed after so many quarters of what it does
    /// before it asks for the agreement; after four of them it waits for it.
    Back(u8),
    /// Forward, from a token that is dead.
    Repair,
    /// A leaked token, with overlap; and once more, where it could read its replacement.
    Emergency,
    /// Everything but the revocation, and back.
    Rehearsal,
    /// A leaked token, revoked before there is a new one. Where people create tokens, from the
    /// moment at which the new one is entered.
    RevokeFirst,
    /// Out of use: out of the consumer and the store, and revoked.
    Decommission,
    /// The way back of that, from where it waits for the agreement.
    DecommissionBack,
    /// A token that nobody answers for, watched and revoked beside one that is in use.
    Removal,
    /// The way back of that, from where it waits for the agreement.
    RemovalBack,
}

impl Mode {
    /// Every column of the matrix.
    pub const ALL: [Self; 13] = [
        Self::Scheduled,
        Self::Back(1),
        Self::Back(2),
        Self::Back(3),
        Self::Back(4),
        Self::Repair,
        Self::Emergency,
        Self::Rehearsal,
        Self::RevokeFirst,
        Self::Decommission,
        Self::DecommissionBack,
        Self::Removal,
        Self::RemovalBack,
    ];

    fn logs_in(self) -> LogsIn {
        match self {
            // A login that is dead itself can repair nothing.
            Self::Repair | Self::RevokeFirst => LogsIn::WithItsOwn,
            // What rollover itself uses is in use.
            Self::Decommission | Self::DecommissionBack => LogsIn::WithItsOwn,
            Self::Removal | Self::RemovalBack => LogsIn::WithItsOwn,
            Self::Scheduled | Self::Back(_) | Self::Emergency | Self::Rehearsal => {
                LogsIn::WithTheToken
            }
        }
    }

    /// What cannot be read at the issuer cannot be removed.
    fn turn_knobs(self, bench: &Bench) {
        if matches!(self, Self::Removal | Self::RemovalBack) {
            bench.lab().knobs(|knobs| knobs.heroku.list_tokens = lab::SecretLook::Visible);
        }
    }

    /// The exit code of an undisturbed run.
    fn ends_with(self) -> i32 {
        match self {
            Self::Back(_) | Self::DecommissionBack | Self::RemovalBack => 11,
            _ => 0,
        }
    }

    /// Whether the consumer is in service all the time.
    fn serves(self) -> bool {
        let ends_use = matches!(self, Self::Decommission | Self::DecommissionBack);
        self.never_dead() && !ends_use
    }

    /// Whether nobody ever holds a token that is dead.
    fn never_dead(self) -> bool {
        !matches!(self, Self::Repair | Self::RevokeFirst)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheduled => f.write_str("scheduled"),
            Self::Back(4) => f.write_str("way back from the last step before the revocation"),
            Self::Back(quarters) => write!(f, "way back from {quarters}/4"),
            Self::Repair => f.write_str("repair"),
            Self::Emergency => f.write_str("emergency"),
            Self::Rehearsal => f.write_str("rehearsal"),
            Self::RevokeFirst => f.write_str("emergency, revoked first"),
            Self::Decommission => f.write_str("decommission"),
            Self::DecommissionBack => f.write_str("way back of a decommission"),
            Self::Removal => f.write_str("removal"),
            Self::RemovalBack => f.write_str("way back of a removal"),
        }
    }
}

/// One pairing in one mode.
#[derive(Clone, Copy)]
pub struct Cell {
    /// The pairing.
    pub pairing: Pairing,
    /// The mode.
    pub mode: Mode,
}

impl Cell {
    /// Whether there is such a run: what the issuer does not show is not removed.
    fn is_possible(self) -> bool {
        let removes = matches!(self.mode, Mode::Removal | Mode::RemovalBack);
        !(removes && self.pairing.issuer.entered)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.pairing, self.mode)
    }
}

/// What came of one cell.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// How many instants its undisturbed run has.
    pub instants: usize,
    /// How many kills there were.
    pub kills: usize,
    /// How many ended right.
    pub right: usize,
    /// The kills by what the instant is about: `write`, `sync`, `call`.
    pub about: BTreeMap<String, usize>,
    /// Requests of the consumer meanwhile.
    pub requests: u64,
    /// Those that were refused.
    pub refused: u64,
    /// The wrong ends, told.
    pub wrong: Vec<String>,
}

/// Every cell: every pairing in every mode.
///
/// # Errors
/// Something is registered that the lab has no place for.
pub fn cells() -> Result<Vec<Cell>> {
    let all = Pairing::all()?;
    let modes = |pairing| Mode::ALL.into_iter().map(move |mode| Cell { pairing, mode });
    Ok(all.into_iter().flat_map(modes).filter(|cell| cell.is_possible()).collect())
}

/// A few cells, in which every kind and every mode occurs.
///
/// # Errors
/// As [`cells`].
pub fn sample() -> Result<Vec<Cell>> {
    let cover = Pairing::cover()?;
    let most = cover.len().max(Mode::ALL.len());
    let cell = |n: usize| {
        let mode = Mode::ALL[n % Mode::ALL.len()];
        let first = n + n / cover.len();
        let pairings = (first..first + cover.len()).map(|place| cover[place % cover.len()]);
        pairings.map(|pairing| Cell { pairing, mode }).find(|cell| cell.is_possible())
    };
    Ok((0..most).filter_map(cell).collect())
}

/// Kills in each of these cells at the instants `first`, `first + step` and so on, with so many
/// cells side by side; `first` moves on from cell to cell, so that a sample meets every part. A
/// cell that cannot be set up, or whose undisturbed run ends wrong, is wrong.
#[must_use]
pub fn sweep(binary: &Path, cells: &[Cell], step: usize, benches: usize) -> Vec<Swept> {
    let places: Vec<(usize, Cell)> = cells.iter().copied().enumerate().collect();
    each(&places, benches, |(place, cell)| {
        swept(binary, *cell, 1 + (place * FIRST_MOVES) % step, step).unwrap_or_else(|why| Swept {
            wrong: vec![format!("{cell}: {why}")],
            ..Swept::default()
        })
    })
}

/// Why a decommission or a removal is begun, as its audit has it.
const WHY: &str = "nobody uses it";
/// By how much the first instant moves on from cell to cell.
const FIRST_MOVES: usize = 5;
/// By how many instants a run may be longer than the undisturbed one.
const VARIES: usize = 2;

fn swept(binary: &Path, cell: Cell, first: usize, step: usize) -> Result<Swept> {
    let mut bench = Bench::new(binary, cell.pairing, cell.mode.logs_in())?;
    let set = Set::up(&mut bench, cell.mode)?;
    let undisturbed = set.undisturbed(&bench)?;
    let mut sum = Swept { instants: undisturbed.instants, ..Swept::default() };
    for point in (first..=undisturbed.instants + VARIES).step_by(step) {
        bench.again()?;
        set.mode.turn_knobs(&bench);
        let tried = set.attempt(&bench, point, &undisturbed);
        sum.requests += tried.requests;
        sum.refused += tried.refused;
        match tried.end {
            Ok(None) => {}
            Ok(Some(about)) => {
                sum.kills += 1;
                sum.right += 1;
                *sum.about.entry(about).or_default() += 1;
            }
            Err(why) => {
                sum.kills += 1;
                sum.wrong.push(format!("{cell}, killed at {point}: {why}"));
            }
        }
    }
    Ok(sum)
}

/// A bench that is ready for a mode, and what a right end is.
struct Set {
    mode: Mode,
    facts: Facts,
    /// The rotation that is turned back.
    id: String,
    /// The token that a person has made and enters.
    entered: Option<String>,
    /// The fingerprint of the token that nobody answers for.
    stranger: String,
    /// The app's restarts before anything of this mode.
    restarts: usize,
}

struct Undisturbed {
    instants: usize,
    restarts: usize,
    /// How many rotations it is; an emergency may be two.
    rotations: usize,
}

struct Tried {
    requests: u64,
    refused: u64,
    /// What the instant was about; nothing where the run ended before it.
    end: Result<Option<String>>,
}

impl Set {
    fn up(bench: &mut Bench, mode: Mode) -> Result<Self> {
        mode.turn_knobs(bench);
        let mut facts = Facts::of(bench)?;
        let (mut id, mut entered, mut stranger) = (String::new(), None, String::new());
        match mode {
            Mode::Scheduled | Mode::Emergency | Mode::Rehearsal | Mode::Decommission => {}
            Mode::DecommissionBack => {
                let name = bench.pairing().secret();
                let end = ["secret", "decommission", name.as_str(), "--reason", WHY];
                let _asked = bench.rollover(&end).args(&["--yes", "--no-wait"]).run()?.is(10)?;
                id = open_rotation(bench)?;
            }
            Mode::Removal => stranger = made_by_nobody(bench)?,
            Mode::RemovalBack => {
                stranger = made_by_nobody(bench)?;
                facts = Facts::of(bench)?;
                let name = bench.pairing().secret();
                let remove = ["secret", "remove", name.as_str(), &stranger, "--reason", WHY];
                let _asked = bench.rollover(&remove).args(&["--yes", "--no-wait"]).run()?.is(10)?;
                id = open_rotation(bench)?;
            }
            Mode::RevokeFirst => {
                if bench.pairing().issuer.by_operator {
                    entered = Some(revoked_by_hand(bench, &facts.old)?);
                }
            }
            Mode::Repair => {
                if !bench.lab().revoke_by_hand(&facts.old) {
                    return Err("nobody knows the old token".into());
                }
                facts = Facts::of(bench)?;
                if bench.pairing().issuer.by_operator {
                    entered = Some(made_by_hand(bench)?);
                }
            }
            Mode::Back(quarters) => id = far_enough(bench, quarters)?,
        }
        bench.keep()?;
        let restarts = bench.restarts();
        Ok(Self { mode, facts, id, entered, stranger, restarts })
    }

    fn command(&self, bench: &Bench) -> Rollover {
        let name = bench.pairing().secret();
        let stay = bench.pairing().stay();
        let forward = ["rotate", name.as_str(), "--confirm", name.as_str(), stay];
        match self.mode {
            Mode::Scheduled => bench.rollover(&forward),
            Mode::Emergency => bench.rollover(&forward).args(&["--emergency"]),
            Mode::Rehearsal => {
                bench.rollover(&["rotate", name.as_str(), "--rehearse", "--yes", stay])
            }
            Mode::Repair | Mode::RevokeFirst => {
                let repair = self.mode == Mode::Repair;
                let why = if repair { "--repair" } else { "--revoke-first" };
                let run = bench.rollover(&forward).args(&[why]);
                match &self.entered {
                    Some(token) => run.args(&["--token-stdin"]).input(token),
                    None => run,
                }
            }
            Mode::Decommission => {
                let end = ["secret", "decommission", name.as_str(), "--reason", WHY];
                bench.rollover(&end).args(&["--confirm", name.as_str(), stay])
            }
            Mode::Removal => {
                let remove = ["secret", "remove", name.as_str(), &self.stranger, "--reason", WHY];
                bench.rollover(&remove).args(&["--confirm", name.as_str(), stay])
            }
            Mode::Back(_) | Mode::DecommissionBack | Mode::RemovalBack => {
                bench.rollover(&["run", "rollback", &self.id, stay])
            }
        }
    }

    /// Somebody who does what is asked for, save what was done beforehand.
    fn person(&self, bench: &Bench) -> Result<Operator> {
        bench.person(self.entered.is_none())
    }

    /// What must hold in the end.
    fn ended(&self, bench: &Bench, rotations: usize) -> Result<()> {
        match self.mode {
            Mode::Back(_) | Mode::DecommissionBack | Mode::RemovalBack => {
                self.facts.rolled_back(bench)
            }
            Mode::Removal => self.facts.removed(bench),
            Mode::Decommission => self.facts.decommissioned(bench),
            Mode::Rehearsal => self.facts.rehearsed(bench),
            _ => self.facts.completed_in(bench, rotations),
        }
    }

    fn undisturbed(&self, bench: &Bench) -> Result<Undisturbed> {
        let operator = self.person(bench)?;
        let run = self.command(bench).heard_by(operator.ear());
        let log = bench.log().display().to_string();
        let _ = run.env("ROLLOVER_CRASH_LOG", &log).run()?.is(self.mode.ends_with())?;
        let _clicks = operator.leave()?;
        let rotations = rotations(bench)?.len();
        self.ended(bench, rotations).map_err(|why| format!("undisturbed: {why}"))?;
        let restarts = bench.restarts() - self.restarts;
        Ok(Undisturbed { instants: instants(bench)?.len(), restarts, rotations })
    }

    fn attempt(&self, bench: &Bench, point: usize, due: &Undisturbed) -> Tried {
        let traffic = self.mode.serves().then(|| bench.traffic());
        let mut end = self.killed(bench, point, due.rotations);
        let report = traffic.map(|traffic| bench.end_traffic(traffic));
        let total = report.as_ref().map(TrafficReport::total).unwrap_or_default();
        let restarted = bench.restarts() - self.restarts;
        if total.refused > 0 && end.is_ok() {
            end = Err(format!("OUTAGE: {:?}", report.map(|report| report.refusals)));
        } else if restarted != due.restarts && end.is_ok() {
            end = Err(format!("restarted {restarted} times, not {}", due.restarts));
        }
        Tried { requests: total.sent, refused: total.refused, end }
    }

    fn killed(&self, bench: &Bench, point: usize, rotations: usize) -> Result<Option<String>> {
        let operator = self.person(bench)?;
        let run = || self.command(bench).heard_by(operator.ear());
        let log = bench.log().display().to_string();
        let point = u64::try_from(point).unwrap_or(u64::MAX);
        let killed = run().crash_at(point).env("ROLLOVER_CRASH_LOG", &log).run()?;
        if !killed.was_killed() {
            let _ = killed.is(self.mode.ends_with())?;
            let _clicks = operator.leave()?;
            return self.ended(bench, rotations).map(|()| None);
        }
        if self.mode.never_dead() {
            let out = match self.mode {
                Mode::Decommission => self.facts.nobody_else_out(bench),
                _ => self.facts.nobody_out(bench),
            };
            out.map_err(|why| format!("{why}; {killed}"))?;
        }
        // Whoever has read the last word does not run it again.
        let again = match killed.stdout.is_empty() {
            true => run().run().and_then(|run| run.is(self.mode.ends_with())).map(drop),
            false => Ok(()),
        };
        let again = operator.leave_after(again);
        let last = instants(bench)?.pop().unwrap_or_default();
        again
            .and_then(|()| self.ended(bench, rotations))
            .map_err(|why| format!("({last}) {why}\n{killed}"))?;
        let about = last.split(':').next().unwrap_or_default();
        Ok(Some(about.to_owned()))
    }
}

/// A token that a person makes in the dashboard.
pub(crate) fn made_by_hand(bench: &Bench) -> Result<String> {
    let (hands, whose) = (bench.lab().operator(), (bench.pairing().issuer.whose)());
    let made = bench.runtime().block_on(hands.generate_of(&whose));
    made.map_err(|error| format!("the operator could not create: {error}"))
}

/// The same for a rotation that waits for it; it is entered where no API shows it.
pub(crate) fn made_for_it(bench: &Bench) -> Result<String> {
    let token = made_by_hand(bench)?;
    if bench.pairing().issuer.entered {
        bench.enter()(&format!("{}.create", open_rotation(bench)?), Some(&token))?;
    }
    Ok(token)
}

/// A token that nobody answers for, made at the issuer without a word; answers its fingerprint.
fn made_by_nobody(bench: &Bench) -> Result<String> {
    let name = bench.pairing().secret();
    let unknown = || {
        let plan = ["secret", "decommission", name.as_str(), "--plan", "--json"];
        let all = bench.rollover(&plan).run()?.is(0)?.json()?["plan"]["unknown"].clone();
        let all = all.as_array().cloned().ok_or("no list")?;
        let print = |one: &serde_json::Value| one["fingerprint"].as_str().map(str::to_owned);
        Ok::<Vec<String>, String>(all.iter().filter_map(print).collect())
    };
    let before = unknown()?;
    match bench.pairing().issuer.by_operator {
        true => drop(made_by_hand(bench)?),
        false => drop(bench.lab().add_heroku_authorization("a script", &["global"], None)),
    }
    let made = unknown()?.into_iter().find(|print| !before.contains(print));
    made.ok_or_else(|| "what was made is not listed".into())
}

/// A token that is revoked before there is a new one, by a person: brings it to where the new one
/// is to be entered, and answers that one.
fn revoked_by_hand(bench: &Bench, old: &str) -> Result<String> {
    let name = bench.pairing().secret();
    let rotate = ["rotate", name.as_str(), "--revoke-first", "--confirm", name.as_str()];
    let begin = || bench.rollover(&rotate).args(&["--no-wait"]).run()?.is(10);
    let _asked = begin()?;
    if !bench.lab().revoke_by_hand(old) {
        return Err("nobody knows the old token".into());
    }
    let _asked = begin()?;
    made_by_hand(bench)
}

/// Brings a rotation so many quarters far of what it does before it asks for the agreement, kills
/// it there, and answers its id.
fn far_enough(bench: &mut Bench, quarters: u8) -> Result<String> {
    let name = bench.pairing().secret();
    let rotate = ["rotate", name.as_str(), "--yes", "--no-wait"];
    if bench.pairing().issuer.by_operator {
        let _ = bench.rollover(&rotate).run()?.is(10)?;
        let _token = made_for_it(bench)?;
        bench.keep()?;
    }
    if bench.pairing().consumer.is_fetched {
        return fetched(bench, &rotate, quarters);
    }
    let log = bench.log().display().to_string();
    let _ = bench.rollover(&rotate).env("ROLLOVER_CRASH_LOG", &log).run()?.is(10)?;
    if quarters < 4 {
        let all = instants(bench)?;
        // Before its first write there is nothing that could be turned back.
        let first = all.iter().position(|one| one == "write: after the commit").unwrap_or(0) + 1;
        let point = first + (all.len() - first) * usize::from(quarters) / 4;
        bench.again()?;
        let point = u64::try_from(point).unwrap_or(u64::MAX);
        if !bench.rollover(&rotate).crash_at(point).run()?.was_killed() {
            return Err(format!("it was over before {quarters}/4"));
        }
    }
    open_rotation(bench)
}

/// Brings a rotation to where a value waits for the owner of a workstation, who fetches it, or
/// does not before it is turned back; after four quarters the agreement is waited for.
fn fetched(bench: &mut Bench, rotate: &[&str], quarters: u8) -> Result<String> {
    let _ = bench.rollover(rotate).run()?.is(10)?;
    if quarters > 1 {
        let name = bench.pairing().secret();
        let _ = bench.rollover(&["env", "pull", &name]).run()?.is(0)?;
    }
    if quarters > 3 {
        let _ = bench.rollover(rotate).run()?.is(10)?;
    }
    bench.keep()?;
    open_rotation(bench)
}

/// The id of the rotation that is open.
///
/// # Errors
/// None is.
pub fn open_rotation(bench: &Bench) -> Result<String> {
    let all = rotations(bench)?;
    let open = all.iter().find(|one| one["ended"].is_null());
    open.and_then(|one| one["rotation"].as_str().map(str::to_owned))
        .ok_or_else(|| format!("no rotation is open: {all:?}"))
}

/// Every rotation that there is.
pub(crate) fn rotations(bench: &Bench) -> Result<Vec<serde_json::Value>> {
    let rotations = bench.rollover(&["run", "ls", "--json"]).run()?.is(0)?.json()?;
    rotations.as_array().cloned().ok_or_else(|| format!("no list: {rotations}"))
}

/// The instants that a run has written down, and the file gone.
fn instants(bench: &Bench) -> Result<Vec<String>> {
    let text = fs::read_to_string(bench.log()).map_err(|error| format!("no instants: {error}"))?;
    fs::remove_file(bench.log()).map_err(|error| error.to_string())?;
    Ok(text.lines().map(str::to_owned).collect())
}
