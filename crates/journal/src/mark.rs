//! How far this database once was: a mark outside of it, so that an older copy which is put in
//! its place is noticed.
//!
//! A copy is whole and signed; nothing in it can tell that there was more. So every write is
//! followed by a mark in a small file beside the database and, for the case that the whole
//! directory is put back, in another one in the user's own state directory. A database that is
//! not as far as its mark is *set back*: what it believes may be older than the world, and
//! nothing is changed on its word until somebody has looked at the world.
//!
//! The mark is never ahead of the database, because it is written after the commit and before
//! anybody is answered. It is made of two lines of one length that are written in turn, so one
//! of them is always whole.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use crate::{JournalError, audit_log, connection, lease};

/// How far a database is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Position {
    /// Which taking of the lease.
    pub(crate) epoch: u64,
    /// How many audit records.
    pub(crate) audit: u64,
}

/// Why a database is not taken at its word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetBack {
    /// It came out of a backup.
    Restored,
    /// It was further once than it is.
    Behind,
    /// Nothing tells how far it was: the marks are lost, or this is another machine.
    Unmarked,
    /// It is new, and another one was here before.
    Replaced,
}

impl std::fmt::Display for SetBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Restored => "it was restored from a backup",
            Self::Behind => "it was further once than it is: an older copy was put in its place",
            Self::Unmarked => {
                "nothing on this machine tells how far it was: its mark is lost, or it came here \
                 from elsewhere"
            }
            Self::Replaced => "it is new, and another one was here before that is gone",
        })
    }
}

/// How far a database is.
pub(crate) fn position(connection: &Connection) -> Result<Position, JournalError> {
    let epoch = lease::read(connection)?.map_or(0, |lease| lease.epoch);
    Ok(Position { epoch, audit: audit_log::newest(connection)? })
}

/// The installation that a database belongs to.
pub(crate) fn installation(connection: &Connection) -> Result<String, JournalError> {
    let id: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'installation'", [], |row| row.get(0))
        .optional()?;
    id.ok_or_else(|| JournalError::Unreadable {
        what: "the database's installation".into(),
        why: "it has none".into(),
    })
}

/// Why this database is not taken at its word; `None` if it is. `places` is where marks lie.
pub(crate) fn standing(
    connection: &Connection,
    database: &Path,
    elsewhere: Option<&Path>,
) -> Result<(Option<SetBack>, Position), JournalError> {
    let id = installation(connection)?;
    let here = position(connection)?;
    let (mut highest, mut other) = (None, false);
    for path in places(database, elsewhere, &id) {
        match read(&path) {
            Some((found, position)) if found == id => highest = highest.max(Some(position)),
            Some((_, position)) => other |= position > Position::default(),
            None => {}
        }
    }
    let top = highest.unwrap_or_default().max(here);
    let flagged: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'set_back'", [], |row| row.get(0))
        .optional()?;
    let standing = match (flagged, highest) {
        (Some(_), _) => Some(SetBack::Restored),
        (None, Some(mark)) if here < mark => Some(SetBack::Behind),
        (None, Some(_)) => None,
        (None, None) if other => Some(SetBack::Replaced),
        (None, None) => Some(SetBack::Unmarked),
    };
    Ok((standing, top))
}

/// Names a new installation, and marks it before there is a database, so that one without a mark
/// is never a new one. The mark of another that was here is left alone; it will tell of it.
pub(crate) fn begin(database: &Path, elsewhere: Option<&Path>) -> Result<String, JournalError> {
    let id = new_installation()?;
    let before = read(&connection::beside(database, SUFFIX));
    if before.is_none_or(|(_, position)| position == Position::default()) {
        Marks::open(database, elsewhere, id.clone())?.begin(Position::default())?;
    }
    Ok(id)
}

/// The marks of one database, while it is written.
pub(crate) struct Marks {
    installation: String,
    beside: (PathBuf, File),
    /// In the user's state directory, where there is one that can be written.
    elsewhere: Option<File>,
    turn: u64,
}

impl Marks {
    pub(crate) fn open(
        database: &Path,
        elsewhere: Option<&Path>,
        installation: String,
    ) -> Result<Self, JournalError> {
        let path = connection::beside(database, SUFFIX);
        let file = connection::private_file(&path)?;
        let elsewhere = elsewhere.and_then(|directory| {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).ok()?;
            let path = directory.join(format!("{installation}{SUFFIX}"));
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path).ok()
        });
        Ok(Self { installation, beside: (path, file), elsewhere, turn: 0 })
    }

    /// Writes both lines of both marks, and the directory that the first lies in.
    pub(crate) fn begin(&mut self, position: Position) -> Result<(), JournalError> {
        let (path, _) = &self.beside;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new(".")).to_owned();
        self.raise(position)?;
        self.raise(position)?;
        self.rest();
        let synced = File::open(&directory).and_then(|directory| directory.sync_all());
        synced.map_err(|source| JournalError::file(&directory, source))
    }

    /// Says how far the database is, durably.
    pub(crate) fn raise(&mut self, position: Position) -> Result<(), JournalError> {
        let line = line(&self.installation, position);
        let at = (self.turn % 2) * line.len() as u64;
        self.turn += 1;
        let (path, file) = &self.beside;
        let written = file.write_all_at(line.as_bytes(), at).and_then(|()| file.sync_data());
        written.map_err(|source| JournalError::file(path, source))?;
        if let Some(file) = &self.elsewhere {
            // The one beside the database is what counts; this one survives if that one is lost.
            let _unwritten = file.write_all_at(line.as_bytes(), at);
        }
        Ok(())
    }

    /// Makes the second mark durable too, at the ends of a life.
    pub(crate) fn rest(&self) {
        if let Some(file) = &self.elsewhere {
            let _unsynced = file.sync_data();
        }
    }
}

fn places(database: &Path, elsewhere: Option<&Path>, id: &str) -> Vec<PathBuf> {
    let elsewhere = elsewhere.map(|directory| directory.join(format!("{id}{SUFFIX}")));
    [connection::beside(database, SUFFIX)].into_iter().chain(elsewhere).collect()
}

/// The highest whole line of a mark; `None` where there is none.
fn read(path: &Path) -> Option<(String, Position)> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes)).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter_map(parse).max_by_key(|(_, position)| *position)
}

fn line(installation: &str, position: Position) -> String {
    let Position { epoch, audit } = position;
    let text = format!("{TITLE} {installation} {epoch:020} {audit:020}");
    let sum = sum(&text);
    format!("{text} {sum:08x}\n")
}

fn parse(line: &str) -> Option<(String, Position)> {
    let (text, check) = line.rsplit_once(' ')?;
    if u32::from_str_radix(check, 16).ok()? != sum(text) {
        return None;
    }
    let mut words = text.strip_prefix(TITLE)?.split_whitespace();
    let installation = words.next()?.to_owned();
    let (epoch, audit) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((installation, Position { epoch, audit }))
}

/// FNV-1a: enough to tell a line that is whole from one that is not.
fn sum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A random name for a new installation.
fn new_installation() -> Result<String, JournalError> {
    let number = getrandom::u64().map_err(seal::SealError::Random)?;
    Ok(format!("i-{number:016x}"))
}

const TITLE: &str = "rollover mark 1";
const SUFFIX: &str = ".mark";
const BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: however a line of the mark is torn, the other one counts; and never more than was
    /// written.
    #[test]
    fn a_torn_mark_is_the_one_before_it() {
        let home = tempfile::tempdir().unwrap();
        let database = home.path().join("db");
        let id = new_installation().unwrap();
        let mut marks = Marks::open(&database, None, id.clone()).unwrap();
        let at = |audit| Position { epoch: 3, audit };
        marks.begin(at(7)).unwrap();
        marks.raise(at(8)).unwrap();
        let path = connection::beside(&database, SUFFIX);
        assert_eq!(read(&path), Some((id.clone(), at(8))));
        let whole = std::fs::read(&path).unwrap();
        let first = whole.len() / 2;
        for byte in 0..first - 1 {
            let mut torn = whole.clone();
            torn[byte] ^= 1;
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(read(&path), Some((id.clone(), at(7))), "byte {byte}");
        }
        for length in 0..first - 1 {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(read(&path), None, "cut to {length}");
        }
        assert_eq!(read(&home.path().join("none")), None);
    }
}
