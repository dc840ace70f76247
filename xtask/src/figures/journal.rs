//! What the journal costs, against the disk alone.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use domain::audit::Record;
use domain::{Action, Entry, Event, RotationId, SecretName};
use jiff::Timestamp;
use journal::{Batch, Holder, Journal, Options, WriteObserver};

use super::{Means, Result, Section};

/// A page of the database, the least that a commit writes.
const PAGE: usize = 4_096;
/// The baseline writes round and round in a file of this size, as the write-ahead log does.
const ROUND: u64 = 4 << 20;

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "The journal",
        "Appends of one entry with its audit record, each durable before it returns, by one rotation and by\n\
         64 at once. The baseline is a loop on the same disk that writes as many bytes as each group of\n\
         appends has, in whole pages of 4 KiB, and calls `fdatasync`: as many groups, of the same size, as\n\
         the journal made. The ratio says how much of the disk's speed is left.",
    );
    let seconds = if means.full { 10 } else { 3 };
    // On the disk of the repository; the system's directory for temporary files may be memory.
    let place = means.root.join("target");
    for rotations in [1, 64] {
        let run = appends(&place, rotations, Duration::from_secs(seconds))?;
        let bare = bare(&place, &run)?;
        let of =
            if rotations == 1 { "1 rotation".to_owned() } else { format!("{rotations} rotations") };
        section.add(format!("journal: {of}, appends"), format!("{:.0}", run.per_second()), "/s");
        section.add(
            format!("journal: {of}, appends in one commit"),
            format!("{:.1}", run.group()),
            "",
        );
        section.add(
            format!("journal: {of}, the same by bare fdatasync"),
            format!("{bare:.0}"),
            "/s",
        );
        section.add(format!("journal: {of}, ratio"), format!("{:.2}", run.per_second() / bare), "");
    }
    Ok(section)
}

struct Run {
    appends: u64,
    commits: u64,
    took: Duration,
    bytes: usize,
}

impl Run {
    fn per_second(&self) -> f64 {
        self.appends as f64 / self.took.as_secs_f64()
    }

    fn group(&self) -> f64 {
        self.appends as f64 / self.commits.max(1) as f64
    }
}

#[derive(Default)]
struct Commits(AtomicU64);

impl WriteObserver for Commits {
    fn before_commit(&self) {}

    fn after_commit(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn appends(place: &Path, rotations: u32, limit: Duration) -> Result<Run> {
    let place = tempfile::tempdir_in(place).map_err(|error| error.to_string())?;
    let commits = Arc::new(Commits::default());
    let observer: Arc<dyn WriteObserver> = Arc::<Commits>::clone(&commits);
    let options = Options { observer: Some(observer), ..Options::default() };
    let key = seal::Key::from_bytes(&[7; 32]);
    let holder = Holder::here("figures", "figures");
    let journal = Journal::open(&place.path().join("rollover.db"), &key, holder, options)
        .map_err(|error| error.to_string())?;
    for number in 0..rotations {
        let mut first = batch(number, 0)?;
        first.open =
            Some(SecretName::new("bench", &format!("S{number}")).map_err(|e| e.to_string())?);
        journal.append_blocking(first).map_err(|error| error.to_string())?;
    }
    let bytes = size(&batch(0, 1)?)?;
    let begun = commits.0.load(Ordering::Relaxed);
    let started = Instant::now();
    let work = |number: u32| -> Result<u64> {
        let mut seq = 1;
        while started.elapsed() < limit {
            journal.append_blocking(batch(number, seq)?).map_err(|error| error.to_string())?;
            seq += 1;
        }
        Ok(seq - 1)
    };
    let counts = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..rotations).map(|number| scope.spawn(move || work(number))).collect();
        let counts = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a worker panicked".into())));
        counts.collect::<Result<Vec<u64>>>()
    })?;
    let took = started.elapsed();
    let commits = commits.0.load(Ordering::Relaxed) - begun;
    Ok(Run { appends: counts.iter().sum(), commits, took, bytes })
}

fn batch(number: u32, seq: u64) -> Result<Batch> {
    let rotation = RotationId(format!("r-bench{number:03}"));
    let at = Timestamp::now();
    let event = Event::Began { action: Action::Store };
    let mut batch = Batch::new(rotation.clone(), seq);
    batch.entries.push(Entry { seq, at, event });
    batch.audit.push(Record {
        at,
        action: "secret.rotate.step_began".into(),
        actor: "figures".into(),
        secret: Some(
            SecretName::new("bench", &format!("S{number}")).map_err(|error| error.to_string())?,
        ),
        rotation: Some(rotation),
        context: [("step".to_owned(), "store".to_owned())].into(),
    });
    Ok(batch)
}

fn size(batch: &Batch) -> Result<usize> {
    let entries = serde_json::to_vec(&batch.entries).map_err(|error| error.to_string())?;
    let audit = serde_json::to_vec(&batch.audit).map_err(|error| error.to_string())?;
    Ok(entries.len() + audit.len())
}

/// As many groups as the run had, written and synced by nobody but the disk: appends a second.
fn bare(place: &Path, run: &Run) -> Result<f64> {
    let fail = |error: std::io::Error| format!("the baseline failed: {error}");
    let mut file: File = tempfile::tempfile_in(place).map_err(fail)?;
    file.write_all(&vec![0; usize::try_from(ROUND).unwrap_or(usize::MAX)]).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    let pages = (run.group() * run.bytes as f64 / PAGE as f64).ceil().max(1.0);
    let group = vec![0x5a; pages as usize * PAGE];
    let started = Instant::now();
    let mut at = 0;
    for _ in 0..run.commits {
        if at + group.len() as u64 > ROUND {
            at = 0;
        }
        file.seek(SeekFrom::Start(at)).map_err(fail)?;
        file.write_all(&group).map_err(fail)?;
        file.sync_data().map_err(fail)?;
        at += group.len() as u64;
    }
    Ok(run.appends as f64 / started.elapsed().as_secs_f64())
}
