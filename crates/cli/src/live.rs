//! A running rotation as a person watches it: a line for each thing that happened, and, on a
//! terminal, one line below that is redrawn while something is waited for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::{Action, Entry, Event, Evidence, Outcome, Proof, Seen, TaskKind, Waiting, Which};
use engine::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;
use crate::text::clean;

/// The view of one rotation.
pub(crate) struct Live {
    output: Output,
    bar: Option<ProgressBar>,
    started: Instant,
    last: Instant,
    sights: BTreeMap<String, String>,
}

impl Live {
    pub(crate) fn new(output: Output) -> Self {
        let bar = output.watched().then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("  {spinner} {msg}  {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner())
                .tick_chars("|/-\\ ");
            bar.set_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { output, bar, started: Instant::now(), last: Instant::now(), sights: BTreeMap::new() }
    }

    /// Shows one thing.
    pub(crate) fn show(&mut self, progress: &Progress) {
        match progress {
            Progress::Entry(entry) => self.entry(entry),
            Progress::Waiting(waiting) => self.waiting(waiting),
            Progress::Asked { kind, lines } => self.asked(*kind, lines),
            Progress::Seen { step, what } => self.seen(step, what),
            Progress::ClockBehind { clock, journal } => self.line(&format!(
                "  !!   the clock says {clock:.0}, but the journal's last entry is of {journal:.0}; time goes \
                 on from there. Is the clock right? (timedatectl)"
            )),
            Progress::Said { task, what } => self.line(&format!("  >>   {task}: {what}")),
            Progress::Overdue(task) => self.line(&format!(
                "  !!   {} has waited since {:.0} and is overdue (role {}): {}",
                task.id, task.since, task.role, task.title
            )),
            Progress::Rejected(why) => self.line(&format!("  no   {why}")),
        }
    }

    /// Leaves the terminal as it should be.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Runs something that needs the terminal for itself.
    pub(crate) fn aside<T>(&self, run: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(run),
            None => run(),
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.say(text)),
            None => self.output.say(text),
        }
    }

    /// On a terminal the line below changes; elsewhere a line is written when the sight changes.
    fn seen(&mut self, step: &str, what: &str) {
        let text = format!("{step}: {what}");
        if self.bar.is_some() {
            self.status(&text);
        } else if self.new_sight(step, what) {
            self.output.say(&format!("  ..   {text}"));
        }
    }

    fn new_sight(&mut self, step: &str, what: &str) -> bool {
        self.sights.insert(step.to_owned(), what.to_owned()).as_deref() != Some(what)
    }

    /// A probe that succeeds again after it did not is told of.
    fn forget(&mut self, action: &Action) {
        self.sights.remove(&action.to_string());
    }

    fn status(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(clean(text).chars().take(100).collect::<String>());
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Began { action } => self.status(&format!("{action} ...")),
            Event::Done { action, evidence } => {
                let took = seconds(self.last.elapsed());
                self.last = Instant::now();
                // What is made again and again is told once.
                if action.probe().is_none() || self.new_sight(&action.to_string(), "ok") {
                    self.line(&row("ok", action, &told(action, evidence), Some(&took)));
                }
            }
            Event::NotDone { action, why } => self.line(&row("..", action, why, None)),
            Event::Refused { action, why } => self.line(&row("no", action, why, None)),
            Event::Unsure { action, why, .. } | Event::Later { action, why, .. } => {
                self.forget(action);
                self.line(&row("??", action, why, None));
            }
            Event::Orphaned { handles } => {
                let count = handles.len();
                self.line(&format!(
                    "  ..   create     {count} token(s) without a known value; to be removed"
                ));
            }
            Event::Drifted { consumer, why } => {
                self.line(&format!("  !!   {consumer} is on something else: {why}; written again"));
            }
            Event::Looked { look } => {
                let which = if look.which == Which::Old { "old" } else { "new" };
                self.line(&format!("  --   look       the {which} token is {}", look.liveness));
            }
            Event::StoreDrifted { why } => {
                self.line(&format!("  !!   {why}; written again"));
            }
            Event::Approved { by } => self.line(&format!("  ok   approve    agreed by {by}")),
            Event::TurnedBack { by, why } => {
                self.line(&format!("  <<   going back, asked by {by}: {why}"));
            }
            Event::Resumed { by } => self.line(&format!("  >>   picked up by {by}")),
            Event::Planned { plan, by } => {
                self.line(&format!("run {}  {}  started by {by}", plan.id, plan.secret));
            }
            Event::Doubted { action } => {
                self.line(&row("??", action, "may have been done; looked at", None));
            }
            Event::Closed { outcome } => self.closed(outcome),
        }
    }

    fn closed(&self, outcome: &Outcome) {
        let took = seconds(self.started.elapsed());
        match outcome {
            Outcome::Completed => self.line(&format!("  ok   done in {took}")),
            Outcome::Decommissioned => self.line(&format!("  ok   out of use in {took}")),
            Outcome::Removed => self.line(&format!("  ok   removed in {took}")),
            Outcome::Rehearsed => {
                self.line(&format!("  ok   rehearsed in {took}, and back on the old token"));
            }
            Outcome::RolledBack { why } => {
                self.line(&format!("  <<   everything is as before, after {took}: {why}"));
            }
            Outcome::Abandoned { why } => self.line(&format!("  !!   abandoned: {why}")),
        }
    }

    fn waiting(&mut self, waiting: &[Waiting]) {
        for one in waiting {
            match one {
                Waiting::Time { step, until } => self.status(&format!("{step} until {until:.0}")),
                Waiting::Attention { step, why } if self.new_sight("attention", step) => {
                    self.line(&format!("  !!   {step} does not go on by itself: {why}"));
                }
                Waiting::Attention { .. } => {}
                Waiting::Operator { kind: TaskKind::Approve, .. } => {
                    self.status("waiting for your agreement to revoke the old token");
                }
                Waiting::Operator { kind: TaskKind::Fetch, consumer, .. } => {
                    let whose = consumer.as_ref().map(ToString::to_string).unwrap_or_default();
                    self.status(&format!("waiting for {whose} to fetch the new value"));
                }
                Waiting::Receipt { probe, .. } => {
                    self.status(&format!("waiting to hear whether it arrived: {probe}"));
                }
                Waiting::Operator { .. } => self.status("watching the issuer"),
            }
        }
    }

    fn asked(&self, kind: TaskKind, lines: &[String]) {
        self.line(&format!("  >>   {:<10} YOUR STEP", kind.word()));
        for (i, line) in lines.iter().enumerate() {
            self.line(&format!("         {}. {line}", i + 1));
        }
    }
}

fn row(mark: &str, action: &Action, text: &str, took: Option<&str>) -> String {
    let text = match action.subject() {
        Some(subject) => format!("{subject}  {text}"),
        None => text.to_owned(),
    };
    let took = took.map(|took| format!("  ({took})")).unwrap_or_default();
    format!("  {mark:<4} {:<10} {text}{took}", action.verb())
}

fn told(action: &Action, evidence: &Evidence) -> String {
    match evidence {
        Evidence::Proven { detail, .. } if matches!(action, Action::Absent(_)) => detail.clone(),
        Evidence::Created { fingerprint, handle, seen } => {
            let how = match seen {
                Seen::Minted => "minted by the API",
                Seen::Watched => "seen at the issuer, never displayed",
                Seen::Entered => "entered",
                Seen::Found => "found by its marker",
            };
            let handle = handle.as_ref().map(|id| format!("  id {id}")).unwrap_or_default();
            format!("fp {fingerprint}  {how}{handle}")
        }
        Evidence::Written { receipt } => receipt.clone(),
        Evidence::Proven { proof: Proof::Fingerprint, detail } => {
            format!("on the right fingerprint: {detail}")
        }
        Evidence::Proven { proof: Proof::Write, detail } => detail.clone(),
        Evidence::Swept { removed, unknown, unlisted } => match (removed.len(), unknown.len()) {
            (0, 0) if *unlisted => "what else lives at the issuer is not known".into(),
            (0, 0) => "nothing left behind at the issuer".into(),
            (removed, unknown) => {
                format!("{removed} leftover(s) removed, {unknown} unknown token(s)")
            }
        },
        Evidence::Checked { detail } => detail.clone(),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}
