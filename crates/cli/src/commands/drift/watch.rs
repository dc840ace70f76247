//! `rollover drift --watch`: looks again and again, tells each change once and writes it into the
//! audit log.
//!
//! Looking needs no lease, so a rotation can run beside it. What is to be recorded while another
//! process holds the lease is kept and written as soon as the lease is free.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::Act;
use domain::audit::Record;
use domain::drift::{Changes, Grade, State};
use jiff::Timestamp;
use journal::JournalError;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::{Drift, RECORDS, exit, lines, look};
use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

/// What the holder of the lease is called for the moment of a record.
pub(super) const COMMAND: &str = "drift";

/// The least time between two looks: each costs calls that are counted.
const EVERY_MIN: Duration = Duration::from_secs(1);
/// How soon a record is tried again that could not be written.
const AGAIN: Duration = Duration::from_secs(2);

pub(super) async fn run(args: &Drift, global: &Global, output: Output) -> Result<Exit> {
    let every = args.every.duration();
    if every < EVERY_MIN {
        return Err(Fail::usage("looks cannot be less than 1s apart")
            .hint("each look costs two calls or more a consumer; 15m is usual"));
    }
    // Heard from here on, so that no signal is lost between two looks.
    let listening = |kind| {
        signal(kind).map_err(|error| {
            Fail::new(Exit::Failed, format!("failed to listen for signals: {error}"))
        })
    };
    let mut ends = [listening(SignalKind::terminate())?, listening(SignalKind::interrupt())?];
    // A broken start is told at once; what breaks later may be put right meanwhile.
    let home = Home::find(global)?;
    home.allow(Act::RecordDrift, None)?;
    let key = home.key()?;
    let mut watch = Watch { args, global, output, key, unwritten: Vec::new(), unseen: None };
    output.say(&format!("looking every {}; SIGTERM or Ctrl-C ends it", args.every));
    let mut due = Instant::now();
    loop {
        tokio::select! {
            () = signalled(&mut ends) => return watch.end().await,
            looked = watch.once() => if let Err(fail) = looked {
                output.say(&format!("(?) {}", fail.text()));
            },
        }
        // Not within the choice above: a write that is dropped half way may have been made.
        watch.write().await;
        due = (due + every).max(Instant::now());
        loop {
            let next =
                if watch.unwritten.is_empty() { due } else { due.min(Instant::now() + AGAIN) };
            tokio::select! {
                () = signalled(&mut ends) => return watch.end().await,
                () = sleep_until(next) => {}
            }
            watch.write().await;
            if next == due {
                break;
            }
        }
    }
}

async fn signalled(ends: &mut [Signal; 2]) {
    let [terminated, interrupted] = ends;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
}

struct Watch<'a> {
    args: &'a Drift,
    global: &'a Global,
    output: Output,
    key: seal::Key,
    /// Records that wait for the lease.
    unwritten: Vec<Record>,
    /// What could not be looked at the last time; nothing before the first look.
    unseen: Option<BTreeSet<String>>,
}

impl Watch<'_> {
    /// One look, with the inventory and the logins as they are now.
    async fn once(&mut self) -> Result<()> {
        let home = Home::find(self.global)?;
        let engine = home.looking_with(&self.key)?;
        let reports = look(&home, &engine, self.args).await?;
        let mut records = engine.reader().audit_records(RECORDS)?;
        records.extend(self.unwritten.iter().cloned());
        let changes = State::of(&records).changes(&reports);
        let now = Timestamp::now();
        self.tell(&changes, now)?;
        self.unwritten.extend(changes.records(engine.actor(), now));
        self.tell_unseen(&reports);
        if changes.is_empty() && exit(&reports) == Exit::Ok {
            self.output.say(&format!("{now:.0} {} looked at, all as known", reports.len()));
        }
        Ok(())
    }

    fn tell(&self, changes: &Changes, now: Timestamp) -> Result<()> {
        for (secret, finding) in &changes.found {
            self.output.json_line(&json!({
                "at": now, "change": "found", "secret": secret, "finding": finding,
            }))?;
            for line in lines(secret, finding, None) {
                self.output.text(&format!("{now:.0} {line}"))?;
            }
        }
        for (secret, known) in &changes.gone {
            self.output.json_line(&json!({
                "at": now, "change": "gone", "secret": secret, "place": known.place,
                "kind": known.kind, "token": known.token, "since": known.since,
            }))?;
            self.output.text(&format!(
                "{now:.0} ok  {secret}: {} {} is gone; it was known since {:.0}",
                known.place, known.kind, known.since
            ))?;
        }
        Ok(())
    }

    /// What does not answer is told when that begins; it is no fact for the log.
    fn tell_unseen(&mut self, reports: &[domain::drift::Report]) {
        let of = |report: &domain::drift::Report| {
            let told = report.of(Grade::Unknown);
            told.map(|one| format!("{}: {} {}", report.secret, one.place, one.what))
                .collect::<Vec<_>>()
        };
        let unseen: BTreeSet<String> = reports.iter().flat_map(of).collect();
        let before = self.unseen.take().unwrap_or_default();
        for new in unseen.difference(&before) {
            self.output.say(&format!("(?) {new}"));
        }
        self.unseen = Some(unseen);
    }

    /// Writes what waits, unless another process holds the lease.
    async fn write(&mut self) {
        if self.unwritten.is_empty() {
            return;
        }
        match self.written().await {
            Ok(()) => {
                self.unwritten.clear();
                // Nobody else would before this process ends, which may be in months.
                crate::telling::last_words().await;
            }
            Err(Unwritten::Held) => {}
            Err(Unwritten::Failed(fail)) => {
                self.output
                    .say(&format!("(!) the change is not in the audit log: {}", fail.text()));
            }
        }
    }

    async fn written(&self) -> std::result::Result<(), Unwritten> {
        let home = Home::find(self.global).map_err(Unwritten::Failed)?;
        let pass = home.allow(Act::RecordDrift, None).map_err(Unwritten::Failed)?;
        let journal = match home.open_journal(&pass, &self.key, COMMAND, false) {
            Err(JournalError::Held { .. }) => return Err(Unwritten::Held),
            other => other.map_err(|error| Unwritten::Failed(home.failed(&error)))?,
        };
        let written = journal.append_audit(self.unwritten.clone()).await;
        written.map(drop).map_err(|error| Unwritten::Failed(home.failed(&error)))
    }

    async fn end(&mut self) -> Result<Exit> {
        self.write().await;
        if self.unwritten.is_empty() {
            return Ok(Exit::Ok);
        }
        let count = self.unwritten.len();
        Err(Fail::new(Exit::Failed, format!("{count} changes are not in the audit log"))
            .hint("another process holds the lease; `rollover drift --record` finds them again"))
    }
}

enum Unwritten {
    Held,
    Failed(Fail),
}
