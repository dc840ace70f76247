//! Doubtful answers: every call that changes something at a vendor, with every way in which its
//! answer can leave open whether it did.
//!
//! The calls are those that the lab saw change something in an undisturbed rotation and in a way
//! back, with every connector that is registered. Files have no answers; they are covered by
//! kills.

use std::path::Path;
use std::time::Duration;

use lab::{FaultKind, Vendor};

use crate::journey::{Arrival, Call, Journey, Way};
use crate::spread::each;
use crate::{Pairing, Result};

/// A way in which an answer leaves open what was done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Doubt {
    /// It was done; then nothing is heard.
    DoneAndSilent,
    /// It was not done; nothing is heard.
    LostAndSilent,
    /// It was done; a server error is answered.
    DoneAndFailed,
    /// It was done; the connection is reset in the middle of the answer.
    ResetInBody,
    /// It is done twice.
    Twice,
    /// The connection is closed; it is done 30 seconds later.
    Late,
}

impl Doubt {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::DoneAndSilent,
        Self::LostAndSilent,
        Self::DoneAndFailed,
        Self::ResetInBody,
        Self::Twice,
        Self::Late,
    ];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DoneAndSilent => "applied, then a time-out",
            Self::LostAndSilent => "lost, and a time-out",
            Self::DoneAndFailed => "applied, then a server error",
            Self::ResetInBody => "applied, then a reset in the answer",
            Self::Twice => "delivered twice",
            Self::Late => "applied 30 s later",
        }
    }

    fn fault(self) -> FaultKind {
        match self {
            Self::DoneAndSilent => FaultKind::HangAfter,
            Self::LostAndSilent => FaultKind::HangBefore,
            Self::DoneAndFailed => FaultKind::Error5xxAfter { status: 502 },
            Self::ResetInBody => FaultKind::ResetInBody,
            Self::Twice => FaultKind::DuplicateDelivery,
            Self::Late => FaultKind::LateEffect { ms: 30_000 },
        }
    }
}

/// One doubtful answer, and what came of it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// With whom.
    pub pairing: String,
    /// On which way.
    pub way: Way,
    /// Who was asked.
    pub vendor: Vendor,
    /// What, as `PATCH /apps/acme-api-prod/config-vars`.
    pub call: String,
    /// The doubt.
    pub doubt: Doubt,
    /// Whether it struck.
    pub struck: bool,
    /// How it ended, or what was wrong.
    pub end: Result<Arrival>,
    /// Requests of the consumer meanwhile, and those that were refused.
    pub requests: (u64, u64),
}

/// Tries one in `step` of all doubtful answers, with so many pairings side by side.
///
/// # Errors
/// A bench cannot be set up, or an undisturbed way does not end as it should.
pub fn sweep(binary: &Path, step: usize, benches: usize) -> Result<Vec<Answer>> {
    let mut ways = Vec::new();
    for (place, pairing) in Pairing::cover()?.into_iter().enumerate() {
        for (turn, way) in [Way::Forward, Way::Back].into_iter().enumerate() {
            ways.push(((place * 2 + turn) * FIRST_MOVES % step, pairing, way));
        }
    }
    let all = each(&ways, benches, |(first, pairing, way)| {
        along(binary, *pairing, *way, *first, step).map_err(|why| format!("{pairing}: {why}"))
    });
    Ok(all.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// By how much the first case moves on from way to way, so that a sample has every kind.
const FIRST_MOVES: usize = 5;

fn along(
    binary: &Path,
    pairing: Pairing,
    way: Way,
    first: usize,
    step: usize,
) -> Result<Vec<Answer>> {
    let mut journey = Journey::new(binary, pairing, way)?;
    let calls: Vec<Call> = journey.calls()?.into_iter().filter(|call| call.changes).collect();
    let cases = calls.iter().flat_map(|call| Doubt::ALL.map(|doubt| (call, doubt)));
    let mut answers = Vec::new();
    for (call, doubt) in cases.skip(first).step_by(step) {
        // What is late arrives while the rotation waits for people: in a soak of ten minutes
        // thirty seconds are over.
        let late = |bench: &crate::Bench| {
            if doubt == Doubt::Late {
                bench.lab().advance(Duration::from_secs(30));
            }
        };
        let travelled = journey.disturbed(call, doubt.fault(), &late);
        answers.push(Answer {
            pairing: pairing.to_string(),
            way,
            vendor: call.vendor,
            call: format!("{} {}", call.method, call.path),
            doubt,
            struck: travelled.struck,
            end: travelled.end,
            requests: (travelled.requests, travelled.refused),
        });
    }
    Ok(answers)
}
