//! A campaign as people read it: before it begins, and while it runs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::campaign::CampaignPlan;
use domain::{Entry, Event, Outcome, SecretName, TaskKind, Waiting};
use engine::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::output::{Output, table};
use crate::text::clean;

/// How many rows are shown at once while it runs.
const ROWS_MAX: usize = 20;
/// How many writes and rotations are told of one by one before it begins.
const LISTED_MAX: usize = 40;

/// What a campaign would do, on a page.
pub(crate) fn summary(plan: &CampaignPlan) -> String {
    let mut lines = vec![format!("{} to rotate\n", counted(plan.members.len(), "secret"))];
    let rows: Vec<Vec<String>> = plan
        .members
        .iter()
        .take(LISTED_MAX)
        .map(|member| {
            let names: Vec<String> =
                member.proven.iter().chain(&member.over).map(ToString::to_string).collect();
            let after = match names.as_slice() {
                [] => "at once".to_owned(),
                [one] => format!("after {one}"),
                [one, rest @ ..] => format!("after {one} and {} more", rest.len()),
            };
            vec![member.secret.to_string(), after]
        })
        .collect();
    lines.push(table(&["SECRET", "BEGINS"], &rows));
    lines.extend(more(plan.members.len(), "secret"));
    let places: Vec<Vec<String>> = plan
        .writes
        .iter()
        .take(LISTED_MAX)
        .map(|write| {
            let restart = if write.place.restarts { "one restart" } else { "-" };
            let again = if write.turn.again { ", the second time" } else { "" };
            vec![
                write.place.name.clone(),
                format!("{}{again}", counted(write.members.len(), "secret")),
                restart.to_owned(),
            ]
        })
        .collect();
    lines.push(format!("\n{}", table(&["WRITTEN IN ONE GO", "OF", ""], &places)));
    lines.extend(more(plan.writes.len(), "write"));
    lines.push(totals(plan));
    lines.join("\n")
}

fn more(all: usize, of: &str) -> Option<String> {
    let more = all.saturating_sub(LISTED_MAX);
    (more > 0).then(|| format!("... and {}", counted(more, &format!("more {of}"))))
}

fn totals(plan: &CampaignPlan) -> String {
    let mut lines = vec![format!(
        "\nPlan: {} ({} at least), about {}.",
        counted(plan.restarts, "restart"),
        plan.restarts_min,
        rounded(plan.duration.duration())
    )];
    if plan.restarts > plan.restarts_min {
        lines.push(
            "An app is restarted twice where it serves production for one secret and not for \
             another, or where one secret has to wait for another."
                .into(),
        );
    }
    for one in &plan.people {
        lines.push(format!(
            "Needs: {}: {} to create, {} to revoke, {} to agree to.",
            one.role, one.creates, one.revokes, one.agrees
        ));
    }
    for one in &plan.calls {
        let left = one.left.map(|left| format!(" of {left} left")).unwrap_or_default();
        let waits = match one.waits.millis() {
            0 => String::new(),
            _ => format!("; waits {} for more", rounded(one.waits.duration())),
        };
        lines.push(format!("Calls: {}: about {}{left}{waits}.", one.connection, one.calls));
    }
    lines.join("\n")
}

/// `1 restart`, `2 restarts`.
pub(crate) fn counted(number: usize, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

fn rounded(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "1 s".into(),
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3_600)),
    }
}

/// What a machine reads of each entry.
#[derive(Serialize)]
struct Line<'a> {
    entry: &'a Entry,
    secret: &'a SecretName,
}

/// The view of a campaign that runs: on a terminal a table that is redrawn, elsewhere a line when
/// a rotation comes to another stage, and with `--json` an object for each entry of a journal.
pub(crate) struct Board {
    output: Output,
    bar: Option<ProgressBar>,
    started: Instant,
    rows: BTreeMap<SecretName, Row>,
}

#[derive(Default)]
struct Row {
    stage: String,
    seen: String,
    over: bool,
    approves: bool,
}

impl Board {
    pub(crate) fn new(output: Output, members: impl Iterator<Item = SecretName>) -> Self {
        let bar = output.watched().then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{msg}\n  {spinner} {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner())
                .tick_chars("|/-\\ ");
            bar.set_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let waits = || Row { stage: "waits".into(), ..Row::default() };
        let rows = members.map(|name| (name, waits())).collect();
        Self { output, bar, started: Instant::now(), rows }
    }

    /// Shows one thing.
    pub(crate) fn show(&mut self, secret: &SecretName, progress: &Progress) {
        match progress {
            Progress::Entry(entry) => {
                // Somebody who reads no longer is no reason to stop.
                let _ = self.output.json_line(&Line { entry, secret });
                self.entry(secret, &entry.event);
            }
            Progress::Waiting(waiting) => self.waiting(secret, waiting),
            Progress::Asked { kind, lines } => self.asked(secret, *kind, lines),
            Progress::Seen { step, what } => {
                self.row(secret).seen = format!("{step}: {what}");
            }
            Progress::Said { task, what } => self.line(&format!("{secret}  >>   {task}: {what}")),
            Progress::Overdue(task) => self.line(&format!(
                "{secret}  !!   {} has waited since {:.0} and is overdue (role {})",
                task.id, task.since, task.role
            )),
            Progress::Rejected(why) => self.line(&format!("{secret}  no   {why}")),
            Progress::ClockBehind { clock, journal } => self.line(&format!(
                "{secret}  !!   the clock says {clock:.0}, the journal's last entry is of {journal:.0}"
            )),
        }
        self.draw();
    }

    fn entry(&mut self, secret: &SecretName, event: &Event) {
        let stage = match event {
            Event::Planned { plan, .. } => format!("begun as {}", plan.id),
            Event::Began { action } => action.verb().to_owned(),
            Event::Refused { action, why } => format!("refused: {action}: {why}"),
            Event::Drifted { consumer, why } => format!("drift: {consumer} {why}"),
            Event::TurnedBack { why, .. } => format!("going back: {why}"),
            Event::Closed { outcome } => {
                let row = self.row(secret);
                (row.over, row.approves) = (true, false);
                match outcome {
                    Outcome::Completed => "completed, the old token is dead".into(),
                    Outcome::Decommissioned => "out of use, its token is dead".into(),
                    Outcome::Removed => "removed, it is dead".into(),
                    Outcome::Rehearsed => "rehearsed, on the old token again".into(),
                    Outcome::RolledBack { why } => format!("rolled back: {why}"),
                    Outcome::Abandoned { why } => format!("abandoned: {why}"),
                }
            }
            _ => return,
        };
        if matches!(event, Event::Planned { .. }) {
            self.row(secret).over = false;
        }
        self.stage(secret, stage);
    }

    fn stage(&mut self, secret: &SecretName, stage: String) {
        let quiet = self.bar.is_some();
        let row = self.row(secret);
        if row.stage == stage {
            return;
        }
        row.stage.clone_from(&stage);
        row.seen.clear();
        if !quiet {
            self.output.say(&format!("{secret}  {stage}"));
        }
    }

    fn waiting(&mut self, secret: &SecretName, waiting: &[Waiting]) {
        let approves =
            |one: &Waiting| matches!(one, Waiting::Operator { kind: TaskKind::Approve, .. });
        self.row(secret).approves = waiting.iter().any(approves);
        for one in waiting {
            match one {
                Waiting::Attention { step, why } => {
                    self.stage(secret, format!("NEEDS ATTENTION: {step}: {why}"));
                }
                Waiting::Time { step, until } => {
                    self.row(secret).seen = format!("{step} until {until:.0}");
                }
                Waiting::Receipt { probe, .. } => {
                    self.stage(secret, format!("waits for a person: whether {probe} arrived"));
                }
                Waiting::Operator { kind, .. } => {
                    self.stage(secret, format!("waits for a person: {}", kind.word()));
                }
            }
        }
    }

    fn asked(&mut self, secret: &SecretName, kind: TaskKind, lines: &[String]) {
        self.line(&format!("  >>   {:<10} YOUR STEP for {secret}", kind.word()));
        for (i, line) in lines.iter().enumerate() {
            self.line(&format!("         {}. {line}", i + 1));
        }
    }

    /// How many wait for the agreement, where nothing else goes on.
    pub(crate) fn all_agree(&self) -> Option<usize> {
        let open = || self.rows.values().filter(|row| !row.over && row.stage != "waits");
        (open().count() > 0 && open().all(|row| row.approves)).then(|| open().count())
    }

    fn row(&mut self, secret: &SecretName) -> &mut Row {
        self.rows.entry(secret.clone()).or_default()
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

    fn draw(&self) {
        let Some(bar) = &self.bar else { return };
        let over = self.rows.values().filter(|row| row.over).count();
        let open: Vec<Vec<String>> = self
            .rows
            .iter()
            .filter(|(_, row)| !row.over)
            .take(ROWS_MAX)
            .map(|(name, row)| {
                let seen: String = row.seen.chars().take(60).collect();
                vec![name.to_string(), row.stage.chars().take(40).collect(), seen]
            })
            .collect();
        let head = format!("{over} of {} over", self.rows.len());
        bar.set_message(clean(&format!("{}\n{head}", table(&["SECRET", "STAGE", ""], &open))));
    }

    /// Leaves the terminal as it should be.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let over = self.rows.values().filter(|row| row.over).count();
        let took = self.started.elapsed().as_secs_f64();
        self.output.say(&format!("{over} of {} over after {took:.1}s", self.rows.len()));
    }
}
