//! Days that lie far above what their day of the week is used to.

use jiff::civil::Date;
use serde::Serialize;

/// How many weeks back a day is compared with.
const WEEKS: usize = 8;
/// How many days have to lie before one that is judged.
const DAYS_MIN: usize = 21;
/// How many usual distances a spike lies away.
const SCORE_MIN: f64 = 6.0;
/// The least distance of mails that counts as usual, as a part of the baseline.
const USUAL_MIN: f64 = 0.08;
/// A MAD of normally distributed numbers is this part of their standard deviation.
const MAD_OF_SIGMA: f64 = 0.674_5;

/// What is counted, which says how days scatter and how much more is worth telling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// Mails: many, and their days lie apart by a part of what is expected.
    Mails,
    /// Releases and authorizations: few, and chance alone scatters them, by the root of what is
    /// expected.
    Acts,
}

impl Counted {
    /// How much above what was expected a day is at least.
    fn more_min(self) -> f64 {
        match self {
            Self::Mails => 20.0,
            Self::Acts => 5.0,
        }
    }

    /// The distance from what was expected, in what its days scatter by.
    fn distance(self, value: f64, expected: f64) -> f64 {
        let expected_min = expected.max(1.0);
        match self {
            Self::Mails => (value - expected) / expected_min,
            Self::Acts => (value - expected) / expected_min.sqrt(),
        }
    }

    /// The least distance that is usual: what chance alone does, and for mails a little more.
    fn usual_min(self, expected: f64) -> f64 {
        match self {
            Self::Mails => USUAL_MIN.max(1.0 / expected.max(1.0).sqrt()),
            Self::Acts => 1.0,
        }
    }
}

/// What was expected of a day.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Baseline {
    /// The median of the same days of the week.
    pub expected: f64,
    /// The usual distance from it: of mails as a part of it, of acts as a part of its root.
    pub usual: f64,
}

/// A day far above its baseline.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Spike {
    /// Which day.
    pub date: Date,
    /// How many.
    pub value: u64,
    /// What was expected.
    pub baseline: Baseline,
    /// How many usual distances it lies away.
    pub score: f64,
}

/// The spikes of a series of days without a gap, oldest first. Its first three weeks are learnt
/// from and not judged.
#[must_use]
pub fn spikes(days: &[(Date, u64)], counted: Counted) -> Vec<Spike> {
    let distances: Vec<Option<f64>> = (0..days.len())
        .map(|at| Some(counted.distance(value(days, at), expected(days, at)?)))
        .collect();
    (DAYS_MIN..days.len())
        .filter_map(|at| {
            let expected = expected(days, at)?;
            let first = at.saturating_sub(7 * WEEKS);
            let usual = mad(&distances[first..at]).max(counted.usual_min(expected));
            let (date, count) = days[at];
            let more = value(days, at) - expected;
            let score = counted.distance(value(days, at), expected) / usual;
            let is_spike = score >= SCORE_MIN && more >= counted.more_min();
            let baseline = Baseline { expected, usual };
            is_spike.then_some(Spike { date, value: count, baseline, score })
        })
        .collect()
}

fn value(days: &[(Date, u64)], at: usize) -> f64 {
    // Counts of mails are far below 2^53.
    days[at].1 as f64
}

/// The median of the same days of the week before.
fn expected(days: &[(Date, u64)], at: usize) -> Option<f64> {
    let same = (1..=WEEKS).filter_map(|week| at.checked_sub(7 * week));
    median(same.map(|before| value(days, before)).collect())
}

/// How far the days before usually lie from what was expected of them.
fn mad(before: &[Option<f64>]) -> f64 {
    let distances = before.iter().flatten().map(|distance| distance.abs()).collect();
    median(distances).unwrap_or(0.0) / MAD_OF_SIGMA
}

fn median(mut all: Vec<f64>) -> Option<f64> {
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    match all.len() {
        0 => None,
        odd if odd % 2 == 1 => all.get(middle).copied(),
        _ => Some((all.get(middle - 1)? + all.get(middle)?) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[u64]) -> Vec<(Date, u64)> {
        let mut day = jiff::civil::date(2026, 1, 5);
        values
            .iter()
            .map(|value| {
                let this = day;
                day = day.tomorrow().unwrap();
                (this, *value)
            })
            .collect()
    }

    #[test]
    fn weekends_are_no_spikes_and_a_busy_sunday_is_one() {
        let week = [900, 950, 1_000, 970, 880, 120, 90];
        let mut values: Vec<u64> = week.into_iter().cycle().take(63).collect();
        assert_eq!(spikes(&series(&values), Counted::Mails), []);
        values[62] = 900;
        let found = spikes(&series(&values), Counted::Mails);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].value, found[0].baseline.expected), (900, 90.0));
    }

    #[test]
    fn the_first_weeks_and_small_numbers_are_not_judged() {
        let mut values = vec![5; 40];
        values[10] = 5_000;
        values[35] = 19;
        assert_eq!(spikes(&series(&values), Counted::Mails), []);
        values[35] = 60;
        assert_eq!(spikes(&series(&values), Counted::Mails).len(), 1);
    }

    #[test]
    fn a_few_releases_a_week_have_a_baseline_too() {
        let mut values: Vec<u64> = [1, 0, 2, 1, 3, 0, 0].into_iter().cycle().take(63).collect();
        assert_eq!(spikes(&series(&values), Counted::Acts), []);
        values[60] = 4;
        assert_eq!(spikes(&series(&values), Counted::Acts), [], "a busy day is no spike");
        values[60] = 17;
        assert_eq!(spikes(&series(&values), Counted::Acts).len(), 1);
    }
}
