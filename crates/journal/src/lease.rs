//! Who may write: one process, and a proof for every transaction that it still is the one.
//!
//! Two things make a lease. A lock of the operating system, which goes with its process, so a
//! killed one is followed at once. And a row with an *epoch*, which every write transaction
//! checks first: whoever lost the lease while it was stopped or cut off finds another epoch
//! there and writes nothing.
//!
//! Clocks are set, so none decides who lives: a lease that looks expired is watched for as long
//! as it holds, and one renewal in that time is a life.

use std::fmt;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::column::{Json, Text, json, time};
use crate::{JournalError, connection};

/// A process that holds the lease, as others are told about it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its machine's name.
    pub host: String,
    /// Its machine's boot, which tells machines apart that share a name; empty where the system
    /// does not tell.
    pub boot_id: String,
    /// What it runs, such as `rollover rotate prod/HEROKU_API_KEY`.
    pub command: String,
    /// Who started it.
    pub user: String,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn here(command: impl Into<String>, user: impl Into<String>) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            pid: std::process::id(),
            host,
            boot_id: boot.trim().to_owned(),
            command: command.into(),
            user: user.into(),
        }
    }

    /// Whether it is known to be no more: a process of this machine that does not exist.
    pub(crate) fn is_dead(&self, here: &Self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        self.same_machine(here) && pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
    }

    /// Whether the operating system's lock speaks for both. A container has another name than
    /// its machine but the same boot.
    fn same_machine(&self, other: &Self) -> bool {
        if self.boot_id.is_empty() || other.boot_id.is_empty() {
            return self.host == other.host;
        }
        self.boot_id == other.boot_id
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, host, command, user, .. } = self;
        write!(f, "`{command}` of {user} (process {pid} on {host})")
    }
}

/// The lease as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseInfo {
    /// How many times it has been taken.
    pub epoch: u64,
    /// Who took it last.
    pub holder: Holder,
    /// When its command began; runs of it that were killed count.
    pub since: Timestamp,
    /// When the holder last showed that it lives.
    pub renewed_at: Timestamp,
    /// How long after that it counts as living.
    pub ttl: Duration,
    /// Whether the holder has the operating system's lock too.
    pub locked: bool,
    /// Whether it was given back.
    pub released: bool,
}

impl LeaseInfo {
    /// Whether its holder has not shown that it lives for longer than it promised.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        let ttl = SignedDuration::try_from(self.ttl).unwrap_or(SignedDuration::MAX);
        now.duration_since(self.renewed_at) > ttl
    }

    /// Whether the times in it leave it open whether its holder lives: it has expired, or is of a
    /// moment that has not come yet, because a clock was set back.
    pub(crate) fn is_doubtful(&self, now: Timestamp) -> bool {
        self.expired(now) || self.renewed_at > now
    }

    /// Whether its holder is surely gone: its lock is free, and speaks for this machine.
    fn is_gone(&self, claim: &Claim, locked: bool) -> bool {
        locked && self.locked && self.holder.same_machine(&claim.holder)
    }

    fn sign_of_life(&self) -> (u64, Timestamp) {
        (self.epoch, self.renewed_at)
    }

    pub(crate) fn held(self, now: Timestamp) -> JournalError {
        JournalError::Held {
            expired: self.expired(now),
            since: self.since,
            renewed: self.renewed_at,
            holder: Box::new(self.holder),
        }
    }
}

/// What is needed to take the lease and keep it.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) holder: Holder,
    pub(crate) ttl: Duration,
    pub(crate) take_over: bool,
}

/// The lock of the operating system, while it is held.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    held: bool,
}

impl Lock {
    /// Tries to get the lock that belongs to a database.
    pub(crate) fn beside(database: &Path) -> Result<Self, JournalError> {
        let path = connection::beside(database, ".lock");
        let mut lock = Self { file: connection::private_file(&path)?, held: false };
        lock.try_again().map_err(|source| JournalError::file(&path, source))?;
        Ok(lock)
    }

    /// Tries once more, and says whether it is held now.
    pub(crate) fn try_again(&mut self) -> std::io::Result<bool> {
        if !self.held {
            self.held = match self.file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => false,
                Err(TryLockError::Error(error)) => return Err(error),
            };
        }
        Ok(self.held)
    }

    pub(crate) fn held(&self) -> bool {
        self.held
    }
}

/// A lease that was watched for as long as it holds, and showed no life.
pub(crate) struct Silent((u64, Timestamp));

/// Watches a lease that looks expired and whose holder may live all the same. Answers at once
/// where there is nothing to watch, and as soon as there is a renewal.
pub(crate) fn watch(
    connection: &Connection,
    claim: &Claim,
    locked: bool,
    now: Timestamp,
) -> Result<Option<Silent>, JournalError> {
    let Some(first) = read(connection)? else {
        return Ok(None);
    };
    let may = locked || claim.take_over;
    if first.released || first.is_gone(claim, locked) || !may || !first.is_doubtful(now) {
        return Ok(None);
    }
    let (sign, deadline) = (first.sign_of_life(), Instant::now() + first.ttl);
    while Instant::now() < deadline {
        std::thread::sleep(WATCH);
        if read(connection)?.is_none_or(|again| again.sign_of_life() != sign) {
            return Ok(None);
        }
    }
    Ok(Some(Silent(sign)))
}

/// How often a lease is looked at that looks expired.
const WATCH: Duration = Duration::from_millis(20);

/// Takes the lease and answers with its epoch, or says who holds it.
pub(crate) fn take(
    transaction: &Transaction<'_>,
    claim: &Claim,
    locked: bool,
    silent: Option<Silent>,
    now: Timestamp,
) -> Result<u64, JournalError> {
    let last = read(transaction)?;
    let epoch = last.as_ref().map_or(0, |last| last.epoch) + 1;
    if let Some(last) = last.clone() {
        let silent = silent.is_some_and(|Silent(sign)| sign == last.sign_of_life());
        let free = (last.released || silent) && (locked || claim.take_over);
        if !(last.is_gone(claim, locked) || free) {
            return Err(last.held(now));
        }
    }
    let since = since(last.as_ref(), claim, now);
    let ttl_ms = u64::try_from(claim.ttl.as_millis()).unwrap_or(u64::MAX >> 1);
    let holder = json("the lease's holder", &claim.holder)?;
    transaction.execute(
        "INSERT OR REPLACE INTO lease
         (one, epoch, holder, since, renewed_at, ttl_ms, locked, released)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, 0)",
        params![epoch, holder, time(since), time(now), ttl_ms, locked],
    )?;
    Ok(epoch)
}

/// Since when this command is at it: whoever runs a command again that was killed goes on with it,
/// however often it is killed.
fn since(last: Option<&LeaseInfo>, claim: &Claim, now: Timestamp) -> Timestamp {
    let same = |last: &&LeaseInfo| {
        let (last, ours) = (&last.holder, &claim.holder);
        (&last.command, &last.user) == (&ours.command, &ours.user)
    };
    last.filter(|last| !last.released).filter(same).map_or(now, |last| last.since)
}

/// Renews the lease, and refuses when it is no longer ours. The first statement of every write.
pub(crate) fn keep(
    transaction: &Transaction<'_>,
    epoch: u64,
    locked: bool,
    now: Timestamp,
) -> Result<(), JournalError> {
    let renewed = transaction
        .prepare_cached(
            "UPDATE lease SET renewed_at = ?1, locked = ?2
             WHERE one = 1 AND epoch = ?3 AND released = 0",
        )?
        .execute(params![time(now), locked, epoch])?;
    if renewed == 1 {
        return Ok(());
    }
    let holder = read(transaction)?.map(|lease| Box::new(lease.holder));
    Err(JournalError::Fenced { holder })
}

/// Refuses where the lease is no longer ours. Changes nothing.
pub(crate) fn holds(connection: &Connection, epoch: u64) -> Result<(), JournalError> {
    match read(connection)? {
        Some(lease) if lease.epoch == epoch && !lease.released => Ok(()),
        lost => Err(JournalError::Fenced { holder: lost.map(|lease| Box::new(lease.holder)) }),
    }
}

/// Goes on in an epoch that is higher than one of another history, so that nothing of that one
/// can be taken for ours.
pub(crate) fn pass(connection: &Connection, epoch: u64, other: u64) -> Result<u64, JournalError> {
    let next = epoch.max(other) + 1;
    connection
        .execute("UPDATE lease SET epoch = ?1 WHERE one = 1 AND epoch = ?2", [next, epoch])?;
    Ok(next)
}

/// Gives the lease back, if it is still ours.
pub(crate) fn release(connection: &Connection, epoch: u64) -> Result<(), JournalError> {
    connection.execute("UPDATE lease SET released = 1 WHERE epoch = ?1", [epoch])?;
    Ok(())
}

/// The lease as it stands; `None` if it was never taken.
pub(crate) fn read(connection: &Connection) -> Result<Option<LeaseInfo>, JournalError> {
    let info = connection
        .prepare_cached(
            "SELECT epoch, holder, since, renewed_at, ttl_ms, locked, released FROM lease",
        )?
        .query_row([], |row| {
            Ok(LeaseInfo {
                epoch: row.get(0)?,
                holder: row.get::<_, Json<Holder>>(1)?.0,
                since: row.get::<_, Text<Timestamp>>(2)?.0,
                renewed_at: row.get::<_, Text<Timestamp>>(3)?.0,
                ttl: Duration::from_millis(row.get(4)?),
                locked: row.get(5)?,
                released: row.get(6)?,
            })
        })
        .optional()?;
    Ok(info)
}
