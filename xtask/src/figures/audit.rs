//! What the audit log finds, and how fast it is checked.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use domain::audit::{Check, Checkpoint, Hash, Prover, Record, Tree, includes};
use jiff::Timestamp;
use journal::{Holder, Journal, Options, Reader};

use super::{Means, Result, Section};

/// The log that is changed has at least so many bytes of records.
const BYTES: usize = 1 << 20;
/// The quick run flips one bit in so many, and changes one record in so many.
const BITS_EVERY: usize = 101;
const RECORDS_EVERY: usize = 10;

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let which = if means.full { "Each" } else { "A sample of the" };
    let mut section = Section::new(
        "The audit log",
        format!(
            "{which} bit of a log of 1 MiB is flipped, and the record that it is in looked for under the signed root\n\
             by its path in the tree; a sample is flipped in the database file itself and looked for by the\n\
             whole of `audit verify`. {which} record is removed, put in twice, exchanged with its neighbour, or\n\
             made the end of the log, the others numbered anew; and each earlier copy of a whole database is put\n\
             back, and once more gone on with, against one checkpoint that was kept elsewhere. The speed is that\n\
             of `audit verify` on a database of records of a rotation, from a file that was just written."
        ),
    );
    let records = records();
    let leaves: Vec<Hash> = records.iter().map(|record| Hash::leaf(record)).collect();
    flips(means, &records, &leaves, &mut section)?;
    changes(means, &leaves, &mut section)?;
    // On the disk of the repository; the system's directory for temporary files may be memory.
    let place = tempfile::tempdir_in(means.root.join("target")).map_err(text)?;
    flips_in_file(means, place.path(), &mut section)?;
    rollbacks(means, place.path(), &mut section)?;
    speed(means, place.path(), &mut section)?;
    Ok(section)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn record(number: u64) -> Record {
    Record {
        at: Timestamp::UNIX_EPOCH,
        action: "secret.rotate.outcome".into(),
        actor: "figures".into(),
        secret: None,
        rotation: Some(domain::RotationId(format!("r-bench{:03}", number % 1_000))),
        context: [("evidence".to_owned(), format!("{number:016x} ").repeat(8))].into(),
    }
}

fn records() -> Vec<Vec<u8>> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    while bytes < BYTES {
        let next = serde_json::to_vec(&record(records.len() as u64)).unwrap_or_default();
        bytes += next.len();
        records.push(next);
    }
    records
}

fn flips(means: &Means, records: &[Vec<u8>], leaves: &[Hash], section: &mut Section) -> Result<()> {
    let (size, root) = (leaves.len() as u64, root(leaves));
    let every = if means.full { 1 } else { BITS_EVERY };
    let one = |index: usize| -> Result<(u64, u64)> {
        let mut prover = Prover::new(index as u64, size).ok_or("no such record")?;
        leaves.iter().for_each(|leaf| prover.push(*leaf));
        let path = prover.path().ok_or("no path")?;
        let mut record = records[index].clone();
        let there = |record: &[u8]| includes(Hash::leaf(record), index as u64, size, &path, root);
        if !there(&record) {
            return Err(format!("record {index} is not in its own log"));
        }
        let (mut tried, mut found) = (0, 0);
        for bit in (index % every..record.len() * 8).step_by(every) {
            record[bit / 8] ^= 1 << (bit % 8);
            tried += 1;
            found += u64::from(!there(&record));
            record[bit / 8] ^= 1 << (bit % 8);
        }
        Ok((tried, found))
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let sums = thread::scope(|scope| {
        let one = &one;
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                scope.spawn(move || {
                    (first..records.len()).step_by(threads).try_fold((0, 0), |sum, index| {
                        let (tried, found) = one(index)?;
                        Ok::<_, String>((sum.0 + tried, sum.1 + found))
                    })
                })
            })
            .collect();
        let sums = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a worker panicked".into())));
        sums.collect::<Result<Vec<(u64, u64)>>>()
    })?;
    let (tried, found) = sums.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    told(section, "bits flipped", tried, found)
}

fn told(section: &mut Section, what: &str, tried: u64, found: u64) -> Result<()> {
    section.add(format!("audit: {what}"), tried, "");
    section.add(format!("audit: {what}, found"), found, "");
    if tried == found { Ok(()) } else { Err(format!("{what}: {found} of {tried} were found")) }
}

fn root(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree.root()
}

fn changes(means: &Means, leaves: &[Hash], section: &mut Section) -> Result<()> {
    let every = if means.full { 1 } else { RECORDS_EVERY };
    let head = Checkpoint {
        origin: "rollover/figures".into(),
        size: leaves.len() as u64,
        root: root(leaves),
    };
    let found = |leaves: &mut dyn Iterator<Item = Hash>| {
        let check = Check::new(head.clone(), Vec::new()).and_then(|mut check| {
            for leaf in leaves {
                check.leaf(leaf)?;
            }
            check.end()
        });
        u64::from(check.is_err())
    };
    if found(&mut leaves.iter().copied()) != 0 {
        return Err("a whole log was not found whole".into());
    }
    let places = || (0..leaves.len()).step_by(every);
    let each = |change: &dyn Fn(usize) -> Vec<Hash>| -> (u64, u64) {
        places().fold((0, 0), |sum, at| (sum.0 + 1, sum.1 + found(&mut change(at).into_iter())))
    };
    let without = |at: usize| [&leaves[..at], &leaves[at + 1..]].concat();
    let twice = |at: usize| [&leaves[..=at], &leaves[at..]].concat();
    let swapped = |at: usize| {
        let mut swapped = leaves.to_vec();
        swapped.swap(at, (at + 1) % leaves.len());
        swapped
    };
    let cut = |at: usize| leaves[..at].to_vec();
    for (what, change) in [
        ("records removed", &without as &dyn Fn(usize) -> Vec<Hash>),
        ("records inserted", &twice),
        ("records exchanged with the next", &swapped),
        ("ends cut off", &cut),
    ] {
        let (tried, found) = each(change);
        told(section, what, tried, found)?;
    }
    Ok(())
}

fn key() -> seal::Key {
    seal::Key::from_bytes(&[7; 32])
}

fn open(path: &Path) -> Result<Journal> {
    Journal::open(path, &key(), Holder::here("figures", "figures"), Options::default())
        .map_err(text)
}

/// A database with records, many in one transaction.
fn filled(path: &Path, records: u64) -> Result<()> {
    const GROUP: u64 = 5_000;
    let journal = open(path)?;
    for from in (0..records).step_by(GROUP as usize) {
        let group = (from..records.min(from + GROUP)).map(record).collect();
        journal.append_note_blocking(group, Vec::new()).map_err(text)?;
    }
    Ok(())
}

fn flips_in_file(means: &Means, place: &Path, section: &mut Section) -> Result<()> {
    let flips = if means.full { 5_000 } else { 300 };
    let path = place.join("flipped.db");
    let records = records().len() as u64;
    filled(&path, records)?;
    // The last handle is gone, so everything is in the one file.
    let bytes = fs::read(&path).map_err(text)?;
    let mut file = OpenOptions::new().write(true).open(&path).map_err(text)?;
    let verify = || Reader::open(&path, &key()).map(|reader| reader.verify_audit());
    let (mut tried, mut found) = (0, 0);
    for flip in 0..flips {
        let body = serde_json::to_vec(&record(flip * 7_919 % records));
        let body = body.map_err(text)?;
        let start = bytes.windows(body.len()).position(|window| window == body);
        let start = start.ok_or("a record is not in the file")?;
        let bit = flip as usize * 104_729 % (body.len() * 8);
        let at = start + bit / 8;
        let mut write =
            |byte: u8| file.seek(SeekFrom::Start(at as u64)).and_then(|_| file.write_all(&[byte]));
        write(bytes[at] ^ (1 << (bit % 8))).map_err(text)?;
        tried += 1;
        found += u64::from(!matches!(verify(), Ok(Ok(_))));
        write(bytes[at]).map_err(text)?;
    }
    verify().map_err(text)?.map_err(|problem| format!("the mended log: {problem}"))?;
    told(section, "bits flipped in the database file", tried, found)
}

/// Where the mark beside a database lies.
fn mark(database: &Path) -> PathBuf {
    PathBuf::from(format!("{}.mark", database.display()))
}

/// Copies of a database after each of its writes; each is put back.
fn rollbacks(means: &Means, place: &Path, section: &mut Section) -> Result<()> {
    let copies = if means.full { 500 } else { 50 };
    let path = place.join("back.db");
    let copy = |number: u64| place.join(format!("copy-{number}.db"));
    for number in 0..=copies {
        // Opened and closed, so that the file has everything.
        open(&path)?.append_note_blocking(vec![record(number)], Vec::new()).map_err(text)?;
        // Whoever sets it back sets its mark back, too.
        fs::copy(&path, copy(number)).map_err(text)?;
        fs::copy(mark(&path), mark(&copy(number))).map_err(text)?;
    }
    let verified = Reader::open(&path, &key()).map_err(text)?.verify_audit().map_err(text)?;
    let anchors = [verified.checkpoint];
    let found = |path: &Path| -> Result<u64> {
        let reader = Reader::open(path, &key()).map_err(text)?;
        reader.verify_audit().map_err(|problem| format!("a copy is not whole: {problem}"))?;
        Ok(u64::from(reader.verify_audit_against(&anchors).is_err()))
    };
    if found(&path)? != 0 {
        return Err("the newest database is taken for an older one".into());
    }
    let (mut tried, mut back, mut on) = (0, 0, 0);
    for number in 0..copies {
        tried += 1;
        back += found(&copy(number))?;
        let journal = open(&copy(number))?;
        let more = (0..=copies).map(|more| record(1_000_000 + more)).collect();
        journal.append_note_blocking(more, Vec::new()).map_err(text)?;
        drop(journal);
        on += found(&copy(number))?;
    }
    told(section, "whole databases set back", tried, back)?;
    told(section, "whole databases set back and gone on with", tried, on)
}

fn speed(means: &Means, place: &Path, section: &mut Section) -> Result<()> {
    let records = if means.full { 1_000_000 } else { 100_000 };
    let path = place.join("large.db");
    filled(&path, records)?;
    let reader = Reader::open(&path, &key()).map_err(text)?;
    let started = Instant::now();
    let verified = reader.verify_audit().map_err(text)?;
    let seconds = started.elapsed().as_secs_f64();
    if verified.events != records {
        return Err(format!("{} of {records} records were verified", verified.events));
    }
    section.add("audit: records verified", records, "");
    section.add("audit: time for that", format!("{seconds:.2}"), "s");
    section.add("audit: records verified a second", format!("{:.0}", records as f64 / seconds), "");
    Ok(())
}
