//! The journal and power cuts: what was acknowledged is there, and nothing is half there.
//!
//! A process of its own lives through a story of appends, inbox items, closings and openings anew,
//! with its [shim](crate::shim) under it, and marks each step in the instant in which it is
//! durable by its own word: a batch inside the commit, before anybody is answered. Afterwards the
//! power is cut at any of its operations on the disk, many times over, and the journal is opened on
//! what a [cut](crate::power) may have left.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::audit::Record;
use domain::{Entry, Event, Outcome, RotationId, SecretName, Token};
use jiff::Timestamp;
use journal::{
    Batch, Holder, Inbox, Item, Journal, Options, Reader, RotationFilter, Slot, WriteObserver,
};
use seal::Key;

use crate::Result;
use crate::power::{Chance, Disk, restore};
use crate::shim::{Op, Shim, What};

/// The variable that makes a process the one that lives the story; it names the place.
pub const VARIABLE: &str = "E2E_APPENDS";

const DATABASE: &str = "state/rollover.db";
const MARKS: &str = "marks";
/// How often the story repeats itself, with other rotations.
const ROUNDS: usize = 4;

/// What became of the cuts.
#[derive(Clone, Debug, Default)]
pub struct Cuts {
    /// How many operations on the disk the story has.
    pub ops: usize,
    /// How many cuts were tried.
    pub tried: usize,
    /// Acknowledged steps, over all cuts.
    pub acknowledged: usize,
    /// Cuts after which the step that was under way is there as a whole.
    pub ahead: usize,
    /// Cuts that left something else than a running program saw; the others cut nothing off.
    pub torn: usize,
    /// What was wrong, told.
    pub wrong: Vec<String>,
}

/// Whether a disk does as it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Syncs {
    /// It does.
    Honest,
    /// It says that it has synced the write-ahead log, and has not: for proving that a loss would
    /// be found.
    Lies,
}

impl Syncs {
    fn does(self, op: &Op) -> bool {
        let log = op.path.as_os_str().as_encoded_bytes().ends_with(b"-wal");
        !(self == Self::Lies && op.what == What::Synced && log)
    }
}

/// Cuts the power so many times. `child` starts this very program again; it has to call
/// [`live_if_asked`].
///
/// # Errors
/// The story cannot be lived.
pub fn sweep(
    child: impl FnOnce() -> Result<Command>,
    disk: Syncs,
    cuts: usize,
    seed: u64,
) -> Result<Cuts> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let root = place.path().canonicalize().map_err(|error| error.to_string())?;
    let start = Disk::of(&root)?;
    let shim = Shim::build(&root)?;
    let output = child()?
        .env(VARIABLE, &root)
        .envs(shim.variables())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("failed to start the story: {error}"))?;
    let ops = shim.ops()?;
    let steps = story().len();
    if !output.status.success() || marks(&ops, &root) != steps {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the story ended with {}: {said}", output.status));
    }
    let trial = Trial { root: &root, ops: &ops, start: &start, disk, seed };
    let next = AtomicUsize::new(0);
    let sum = Mutex::new(Cuts { ops: ops.len(), ..Cuts::default() });
    std::thread::scope(|scope| {
        let work = || trial.work(cuts, &next, &sum);
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err("a worker panicked".into()))
        })
    })?;
    Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn said(error: impl std::error::Error) -> String {
    format!("{error}: {error:?}")
}

const WORKERS: usize = 2;
/// So many cuts are tried by one worker in one walk over the operations.
const WALK: usize = 50;

struct Trial<'a> {
    root: &'a Path,
    ops: &'a [Op],
    start: &'a Disk,
    disk: Syncs,
    seed: u64,
}

impl Trial<'_> {
    fn work(&self, cuts: usize, next: &AtomicUsize, sum: &Mutex<Cuts>) -> Result<()> {
        loop {
            let first = next.fetch_add(WALK, Ordering::SeqCst);
            if first >= cuts {
                return Ok(());
            }
            let mut chance = Chance::new(self.seed.wrapping_add(first as u64));
            let count = WALK.min(cuts - first);
            let mut at: Vec<usize> = (0..count).map(|_| chance.below(self.ops.len() + 1)).collect();
            at.sort_unstable();
            let (mut disk, mut done) = (self.start.clone(), 0);
            for at in at {
                let passed = self.ops[done..at].iter().filter(|op| self.disk.does(op));
                passed.for_each(|op| disk.apply(op));
                done = at;
                let acknowledged = marks(&self.ops[..at], self.root);
                let held = disk.cut(&mut chance);
                let (left, shown) = (of_database(held.clone()), of_database(disk.shown()));
                let torn = left != shown;
                let end = self.look(&held, acknowledged);
                let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                sum.tried += 1;
                sum.acknowledged += acknowledged;
                sum.torn += usize::from(torn);
                match end {
                    Ok(ahead) => sum.ahead += usize::from(ahead),
                    Err(why) => sum.wrong.push(format!(
                        "a cut before operation {at} of seed {}, after {acknowledged} steps: {why}",
                        self.seed.wrapping_add(first as u64)
                    )),
                }
            }
        }
    }

    /// Opens the journal on what is left. Answers whether the step under way is there.
    fn look(&self, held: &BTreeMap<PathBuf, Vec<u8>>, acknowledged: usize) -> Result<bool> {
        let place = memory()?;
        restore(held, self.root, place.path())?;
        let path = place.path().join(DATABASE);

        let holder = Holder::here("after the cut", "tester");
        let journal = Journal::open(&path, &key(), holder, Options::default()).map_err(said)?;
        let reader = journal.reader().map_err(said)?;
        let found = State::of(&reader)?;
        let steps = story();
        let (sure, perhaps) =
            (State::after(&steps, acknowledged), State::after(&steps, acknowledged + 1));
        if found != sure && found != perhaps {
            return Err(format!("found {found:?}, acknowledged {sure:?}"));
        }
        // It goes on.
        journal.append_note_blocking(vec![record("after")], Vec::new()).map_err(said)?;
        let audit = reader.verify_audit().map_err(said)?.events;
        match audit == found.audit + 1 {
            true => Ok(found != sure),
            false => Err(format!("{audit} audit records after {} and one more", found.audit)),
        }
    }
}

/// Memory where there is some, so that what is not tested here costs no time.
fn memory() -> Result<tempfile::TempDir> {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .map_err(|error| format!("no place for what a cut left: {error}"))
}

/// Without the marks, which nobody syncs.
fn of_database(mut held: BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<PathBuf, Vec<u8>> {
    held.retain(|path, _| !path.ends_with(MARKS));
    held
}

fn marks(ops: &[Op], root: &Path) -> usize {
    let marks = root.join(MARKS);
    ops.iter().filter(|op| op.path == marks && matches!(op.what, What::Wrote(..))).count()
}

/// What can be seen of a journal.
#[derive(PartialEq, Eq, Debug, Default)]
struct State {
    rotations: BTreeMap<String, Seen>,
    audit: u64,
}

#[derive(PartialEq, Eq, Debug, Default, Clone)]
struct Seen {
    entries: usize,
    closed: bool,
    values: Vec<Token>,
    waiting: Vec<Token>,
}

impl State {
    fn of(reader: &Reader) -> Result<Self> {
        let audit = reader.verify_audit().map_err(said)?.events;
        let mut rotations = BTreeMap::new();
        let all = RotationFilter { secret: None, open: None, limit: None };
        for row in reader.rotations(&all).map_err(said)? {
            let entries = reader.events(&row.id).map_err(said)?;
            let whole = entries.iter().zip(0..).all(|(entry, seq)| entry.seq == seq);
            let waiting = reader.inbox_pending(&row.id).map_err(said)?;
            let value = |slot| reader.open_value(&row.id, slot).map_err(said);
            let seen = Seen {
                entries: if whole { entries.len() } else { usize::MAX },
                closed: row.closed_at.is_some(),
                values: [value(Slot::Old)?, value(Slot::New)?].into_iter().flatten().collect(),
                waiting: waiting.into_iter().filter_map(|one| one.item.token).collect(),
            };
            rotations.insert(row.id.0, seen);
        }
        Ok(Self { rotations, audit })
    }

    /// What has to be there after so many steps.
    fn after(steps: &[Step], count: usize) -> Self {
        let mut state = Self::default();
        for step in steps.iter().take(count) {
            match step {
                Step::Append(batch) => {
                    let seen = state.rotations.entry(batch.rotation.0.clone()).or_default();
                    seen.entries += batch.entries.len();
                    seen.values.extend(batch.seal.iter().map(|(_, token)| token.clone()));
                    if batch.took.is_some() {
                        seen.waiting.clear();
                    }
                    if batch.close.is_some() {
                        *seen = Seen { entries: seen.entries, closed: true, ..Seen::default() };
                    }
                    state.audit += batch.audit.len() as u64;
                }
                Step::Post(item) => {
                    let seen = state.rotations.entry(item.rotation.0.clone()).or_default();
                    seen.waiting.extend(item.token.clone());
                }
                Step::OpenAnew => {}
            }
        }
        state
    }
}

enum Step {
    Append(Box<Batch>),
    Post(Box<Item>),
    OpenAnew,
}

/// What happens, in order.
fn story() -> Vec<Step> {
    let mut steps = Vec::new();
    let mut posts = 0;
    for round in 0..ROUNDS {
        let names = [format!("a{round}"), format!("b{round}")];
        let append = |name: &str, seq: u64, entries: u64| {
            let mut batch = Batch::new(RotationId(name.into()), seq);
            for seq in seq..seq + entries {
                // Now and then one that fills some pages.
                let by = "ops-1 ".repeat(if seq % 5 == 4 { 2_000 } else { 5 });
                batch.entries.push(Entry { seq, at: at(), event: Event::Approved { by } });
                batch.audit.push(record(name));
            }
            batch
        };
        for name in &names {
            let mut batch = append(name, 0, 1);
            batch.open = SecretName::new("prod", &name.to_uppercase()).ok();
            batch.seal.push((Slot::Old, value("old", name)));
            steps.push(Step::Append(batch.into()));
        }
        for seq in 1..6 {
            for name in &names {
                let mut batch = append(name, seq * 2 - 1, 2);
                if seq == 3 {
                    batch.seal.push((Slot::New, value("new", name)));
                }
                steps.push(Step::Append(batch.into()));
            }
        }
        let (rotation, body) = (RotationId(names[0].clone()), serde_json::Value::Null);
        let (token, actor) = (Some(value("said", &names[0])), "ops-2".into());
        let item = Item { rotation, kind: "enter".into(), body, token, actor, at: at() };
        posts += 1;
        steps.push(Step::Post(item.into()));
        let mut took = append(&names[0], 11, 1);
        took.took = Some(posts);
        steps.push(Step::Append(took.into()));
        if round % 2 == 0 {
            steps.push(Step::OpenAnew);
        }
        for (name, seq) in names.iter().zip([12, 11]) {
            let mut batch = append(name, seq, 1);
            batch.close = Some(Outcome::Completed);
            steps.push(Step::Append(batch.into()));
        }
    }
    steps
}

fn key() -> Key {
    Key::from_bytes(&[42; 32])
}

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn value(which: &str, name: &str) -> Token {
    Token::new(format!("{which}-value-of-{name}"))
}

fn record(name: &str) -> Record {
    Record {
        at: at(),
        action: "secret.rotate.step_began".into(),
        actor: "tester".into(),
        secret: None,
        rotation: Some(RotationId(name.into())),
        context: BTreeMap::new(),
    }
}

/// Lives the story where this process was started for it, and says whether it was.
///
/// # Errors
/// A step does not succeed.
pub fn live_if_asked() -> Result<bool> {
    let Some(root) = std::env::var_os(VARIABLE) else {
        return Ok(false);
    };
    live(Path::new(&root)).map(|()| true)
}

fn live(root: &Path) -> Result<()> {
    let path = root.join(DATABASE);
    let marks = File::create(root.join(MARKS)).map_err(|error| error.to_string())?;
    let marks = Arc::new(Marks(Mutex::new(marks)));
    let open = || {
        let observer: Arc<dyn WriteObserver> = Arc::<Marks>::clone(&marks);
        let options = Options { observer: Some(observer), ..Options::default() };
        Journal::open(&path, &key(), Holder::here("the story", "tester"), options)
    };
    let mut journal = Some(open().map_err(said)?);
    for step in story() {
        match (step, &journal) {
            (Step::Append(batch), Some(journal)) => {
                journal.append_blocking(*batch).map_err(said)?;
            }
            (Step::Post(item), _) => {
                Inbox::post(&path, &key(), &item).map_err(said)?;
                marks.mark();
            }
            (Step::OpenAnew, _) => {
                drop(journal.take());
                journal = Some(open().map_err(said)?);
                marks.mark();
            }
            (Step::Append(_), None) => return Err("the journal is not open".into()),
        }
    }
    Ok(())
}

/// One byte for each step that is durable.
struct Marks(Mutex<File>);

impl Marks {
    fn mark(&self) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A mark that is missing is found by their number.
        let _ = file.write_all(b".");
    }
}

impl WriteObserver for Marks {
    fn before_commit(&self) {}

    fn after_commit(&self) {
        self.mark();
    }
}
