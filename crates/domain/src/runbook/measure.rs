//! How long runs took: on average and in the worst of twenty, people apart from the machine.

use serde::Serialize;

use super::{RUNS_MEASURED, Run};
use crate::{Mode, Outcome, Span};

/// How long something took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Timing {
    /// How often it was measured.
    pub times: usize,
    /// The average.
    pub average: Span,
    /// 95 of 100 took no longer; with few measurements, the longest.
    pub p95: Span,
}

/// How long whole runs took. What passed while nobody ran one does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Measured {
    /// The whole.
    pub whole: Timing,
    /// Of that, what was waited for people, on average.
    pub people: Span,
    /// Of that, the soak, on average.
    pub soak: Span,
    /// What is left: the machine's part, on average.
    pub machine: Span,
}

impl Timing {
    /// Over some measurements.
    #[must_use]
    pub fn of(mut lengths: Vec<Span>) -> Option<Self> {
        lengths.sort();
        let times = lengths.len();
        // Nearest rank: the smallest that at least 95 of 100 do not exceed.
        let rank = (times * 95).div_ceil(100);
        let p95 = *lengths.get(rank.checked_sub(1)?)?;
        Some(Self { times, average: average(&lengths), p95 })
    }
}

impl Measured {
    /// Over the last runs that are alike: completed, and not in a hurry.
    #[must_use]
    pub fn of(runs: &[Run]) -> Option<Self> {
        let runs: Vec<&Run> = measured(runs).collect();
        let over = |part: fn(&Run) -> Span| runs.iter().map(|run| part(run)).collect::<Vec<_>>();
        let whole = Timing::of(over(|run| run.active))?;
        let (people, soak) = (average(&over(|run| run.people)), average(&over(|run| run.soak)));
        let rest = whole.average.millis().saturating_sub(people.millis() + soak.millis());
        Some(Self { whole, people, soak, machine: Span::from_millis(rest) })
    }
}

/// The last runs that are measured.
pub(super) fn measured(runs: &[Run]) -> impl Iterator<Item = &Run> {
    let alike = |run: &&Run| run.mode == Mode::Scheduled && run.outcome == Some(Outcome::Completed);
    runs.iter().filter(alike).take(RUNS_MEASURED)
}

fn average(lengths: &[Span]) -> Span {
    let sum: u64 = lengths.iter().map(|length| length.millis()).sum();
    Span::from_millis(sum.checked_div(lengths.len() as u64).unwrap_or(0))
}
