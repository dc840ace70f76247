//! Traffic that goes by the week, with spikes planted into it: are they found, and is nothing
//! else? Simulated with a generator of its own, so that a seed always means the same year.

use domain::usage::{Counted, spikes};
use jiff::civil::{Date, date};

/// Days that are learnt from before those that count.
const BEFORE: usize = 42;
/// Days that count.
pub const DAYS: usize = 90;

/// What came of many simulated runs of 90 days.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Found {
    /// Runs.
    pub runs: usize,
    /// Spikes planted.
    pub planted: usize,
    /// Of these found.
    pub found: usize,
    /// False alarms in all runs.
    pub false_alarms: usize,
    /// The most false alarms in one run.
    pub worst: usize,
}

/// xorshift64*: <https://doi.org/10.1145/2845077>, figure 19.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to 1.
    fn part(&mut self) -> f64 {
        // The upper 53 bits, so that nothing is lost.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.part() * limit as f64) as usize
    }

    /// How many of what comes by chance, this many on average: Knuth, The Art of Computer
    /// Programming, 3.4.1, algorithm Q; for small averages.
    fn poisson(&mut self, mean: f64) -> u64 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.part(), 0);
        while product > limit {
            product *= self.part();
            count += 1;
        }
        count
    }

    /// Nearly normally distributed, around 0 with deviation 1: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.part()).sum::<f64>() - 6.0
    }
}

/// How the days of a week share its traffic, from Monday.
const WEEK: [f64; 7] = [1.1, 1.15, 1.2, 1.1, 1.0, 0.35, 0.25];

/// Simulates so many runs, each with another size, with and without spikes: of mails, tens to
/// thousands a day, growing and with more noise than chance alone makes; or of acts, a few a day
/// and on many days none.
#[must_use]
pub fn simulated(counted: Counted, runs: usize) -> Found {
    let mut all = Found::default();
    for seed in 1..=runs as u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (mut days, least) = match counted {
            Counted::Mails => (traffic(&mut random), 25),
            Counted::Acts => (acts(&mut random), 15),
        };
        let planted = planted(&mut random);
        let mean = days.iter().map(|(_, value)| *value as f64).sum::<f64>() / days.len() as f64;
        for (at, times) in &planted {
            // On a day that happens to be empty, a few are no spike yet.
            let value = match counted {
                Counted::Mails => days[*at].1 as f64,
                Counted::Acts => mean.max(days[*at].1 as f64),
            };
            days[*at].1 = (value * times).ceil() as u64 + least;
        }
        let first = days[BEFORE].0;
        let seen = spikes(&days, counted);
        let is_planted = |day: Date| planted.iter().any(|(at, _)| days[*at].0 == day);
        let hits = seen.iter().filter(|spike| is_planted(spike.date)).count();
        let wrong =
            seen.iter().filter(|spike| spike.date >= first && !is_planted(spike.date)).count();
        all.runs += 1;
        all.planted += planted.len();
        all.found += hits;
        all.false_alarms += wrong;
        all.worst = all.worst.max(wrong);
    }
    all
}

/// A few a day, by chance alone, and fewer at weekends.
fn acts(random: &mut Random) -> Vec<(Date, u64)> {
    let size = 0.2 * 20.0_f64.powf(random.part());
    let mut day = date(2026, 1, 5);
    (0..BEFORE + DAYS)
        .map(|at| {
            let value = random.poisson(size * WEEK[at % 7]);
            let this = day;
            day = day.tomorrow().unwrap_or(day);
            (this, value)
        })
        .collect()
}

fn traffic(random: &mut Random) -> Vec<(Date, u64)> {
    let size = 40.0 * 250.0_f64.powf(random.part());
    let noise = 0.03 + 0.12 * random.part();
    let growth = 1.0 + 0.003 * random.part();
    let mut day = date(2026, 1, 5);
    (0..BEFORE + DAYS)
        .map(|at| {
            let mean = size * WEEK[at % 7] * growth.powi(i32::try_from(at).unwrap_or(0));
            let deviation = (mean * noise).hypot(mean.sqrt());
            let value = (mean + deviation * random.normal()).max(0.0).round() as u64;
            let this = day;
            day = day.tomorrow().unwrap_or(day);
            (this, value)
        })
        .collect()
}

/// Up to two days, and by how many times they are higher.
fn planted(random: &mut Random) -> Vec<(usize, f64)> {
    let count = random.below(3);
    let mut all: Vec<(usize, f64)> =
        (0..count).map(|_| (BEFORE + random.below(DAYS), 3.0 + 5.0 * random.part())).collect();
    all.sort_by_key(|one| one.0);
    all.dedup_by_key(|one| one.0);
    all
}
