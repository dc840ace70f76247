//! All checks judged, and what they amount to.

use serde::Serialize;

use super::{CHECKS, Check, Evidence, Facts, Severity, Verdict};

/// One check and its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Judgement {
    /// The check's name.
    pub check: &'static str,
    /// What holds where it passes.
    pub title: &'static str,
    /// How bad it is where it does not.
    pub severity: Severity,
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub fix: &'static str,
    /// Where the rule is from.
    pub reference: &'static str,
}

/// What all checks amount to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Score {
    /// Of a hundred: the weight of what passed in the weight of what passed or failed.
    pub percent: u32,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many are unknown.
    pub unknown: usize,
}

/// Every check with its verdict, the failed ones first, the worst of them first.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What they amount to.
    pub score: Score,
    /// Each.
    pub judgements: Vec<Judgement>,
}

/// Judges everything.
#[must_use]
pub fn judge(facts: &Facts) -> Report {
    let mut judgements: Vec<Judgement> = CHECKS.iter().map(|check| one(check, facts)).collect();
    judgements.sort_by_key(|one| (one.verdict, std::cmp::Reverse(one.severity)));
    let weight = |verdict: Verdict| {
        let of = judgements.iter().filter(|one| one.verdict == verdict);
        of.map(|one| one.severity.weight()).sum::<u32>()
    };
    let count = |verdict: Verdict| judgements.iter().filter(|one| one.verdict == verdict).count();
    let (passed, failed) = (weight(Verdict::Pass), weight(Verdict::Fail));
    let percent = (100 * passed).checked_div(passed + failed).unwrap_or(0);
    let score = Score {
        percent,
        passed: count(Verdict::Pass),
        failed: count(Verdict::Fail),
        unknown: count(Verdict::Unknown),
    };
    Report { score, judgements }
}

fn one(check: &Check, facts: &Facts) -> Judgement {
    let judged = (check.judge)(facts);
    Judgement {
        check: check.id,
        title: check.title,
        severity: check.severity,
        verdict: judged.verdict,
        evidence: judged.evidence,
        fix: check.fix,
        reference: check.reference,
    }
}
