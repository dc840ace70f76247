//! One step of a runbook.

use serde::Serialize;

use super::{ByHand, Run, StepRun, Timing, length, measure};
use crate::Span;

/// One step.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StepPage {
    /// Its number.
    pub number: usize,
    /// The verb, as plans and journals have it.
    pub verb: String,
    /// What it is, in a few words.
    pub title: String,
    /// `rollover`, or the role that is asked.
    pub who: String,
    /// What happens, one thing a line.
    pub what: Vec<String>,
    /// What undoes it; empty where nothing has to be undone, or nothing can be.
    pub undo: String,
    /// Whether the point of no return lies before it.
    pub after_no_return: bool,
    /// How it ended in the last run, one line a part.
    pub last: Vec<String>,
    /// How long it took in the last runs.
    pub timing: Option<Timing>,
    /// How it is done by hand.
    pub by_hand: Vec<ByHand>,
}

impl StepPage {
    /// A step, with what the runs so far tell of it.
    pub(super) fn new(verb: &str, title: &str, who: &str, runs: &[Run]) -> Self {
        Self {
            number: 0,
            verb: verb.to_owned(),
            title: title.to_owned(),
            who: who.to_owned(),
            what: Vec::new(),
            undo: String::new(),
            after_no_return: false,
            last: last(verb, runs),
            timing: Timing::of(lengths(verb, runs)),
            by_hand: Vec::new(),
        }
    }

    /// What the runs so far tell of another verb, before the rest.
    pub(super) fn with_last(mut self, verb: &str, runs: &[Run]) -> Self {
        self.last.splice(0..0, last(verb, runs));
        self
    }

    pub(super) fn what(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.what.extend(lines);
        self
    }

    pub(super) fn undone_by(mut self, undo: &str) -> Self {
        undo.clone_into(&mut self.undo);
        self
    }

    pub(super) fn by_hand(mut self, ways: impl IntoIterator<Item = ByHand>) -> Self {
        self.by_hand.extend(ways);
        self
    }
}

/// A run's steps of this verb; those of consumers have the consumer's name behind it.
fn of_verb<'r>(verb: &'r str, run: &'r Run) -> impl Iterator<Item = (&'r str, &'r StepRun)> {
    run.steps.iter().filter_map(move |(name, step)| {
        let rest = name.strip_prefix(verb)?;
        (rest.is_empty() || rest.starts_with(' ')).then_some((rest.trim_start(), step))
    })
}

/// How it ended in the newest run that has come so far.
fn last(verb: &str, runs: &[Run]) -> Vec<String> {
    let Some(run) = runs.iter().find(|run| of_verb(verb, run).next().is_some()) else {
        return Vec::new();
    };
    of_verb(verb, run)
        .map(|(part, step)| {
            let part = if part.is_empty() { String::new() } else { format!("{part}: ") };
            let took = step.took.map(|took| format!(" ({})", length(took))).unwrap_or_default();
            let day = step.at.strftime("%F");
            format!("{} on {day}: {part}{}{took}", run.id, step.evidence)
        })
        .collect()
}

/// How long it took in each of the last runs; where consumers go side by side, the slowest.
fn lengths(verb: &str, runs: &[Run]) -> Vec<Span> {
    measure::measured(runs)
        .filter_map(|run| of_verb(verb, run).filter_map(|(_, step)| step.took).max())
        .collect()
}
