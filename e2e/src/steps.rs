//! Every step broken, with every connector that is registered: done twice, refused in the
//! vendor's own words, undone twice, and begun where there is nothing yet. (Killed at every step
//! is [`crate::matrix`].)

use std::path::Path;

use lab::FaultKind;

use crate::journey::{Arrival, Call, Journey, Way};
use crate::spread::each;
use crate::{Pairing, Result};

/// One refusal, and what came of it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// With whom.
    pub pairing: String,
    /// On which way.
    pub way: Way,
    /// What was refused.
    pub call: Call,
    /// With which status.
    pub status: u16,
    /// Whether it struck.
    pub struck: bool,
    /// How it ended, or what was wrong.
    pub end: Result<Arrival>,
    /// Requests of the consumer meanwhile, and those that were refused.
    pub requests: (u64, u64),
}

fn ways() -> Result<Vec<(Pairing, Way)>> {
    let both = |pairing| [(pairing, Way::Forward), (pairing, Way::Back)];
    Ok(Pairing::cover()?.into_iter().flat_map(both).collect())
}

/// Refuses one in `step` of all calls with 403 and with 422, with so many pairings side by side.
///
/// # Errors
/// A bench cannot be set up, or an undisturbed way does not end as it should.
pub fn refused(binary: &Path, step: usize, benches: usize) -> Result<Vec<Refusal>> {
    let ways: Vec<_> = ways()?.into_iter().enumerate().collect();
    let all = each(&ways, benches, |(place, (pairing, way))| {
        let first = place * FIRST_MOVES % step;
        refused_along(binary, *pairing, *way, first, step)
            .map_err(|why| format!("{pairing}, {way:?}: {why}"))
    });
    Ok(all.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// By how much the first case moves on from way to way, so that a sample has every part.
const FIRST_MOVES: usize = 5;

fn refused_along(
    binary: &Path,
    pairing: Pairing,
    way: Way,
    first: usize,
    step: usize,
) -> Result<Vec<Refusal>> {
    let mut journey = Journey::new(binary, pairing, way)?;
    let calls = journey.calls()?;
    let cases = calls.iter().flat_map(|call| [403, 422].map(|status| (call, status)));
    let mut refusals = Vec::new();
    for (call, status) in cases.skip(first).step_by(step) {
        let travelled = journey.disturbed(call, FaultKind::Refused { status }, &|_| ());
        refusals.push(Refusal {
            pairing: pairing.to_string(),
            way,
            call: call.clone(),
            status,
            struck: travelled.struck,
            end: travelled.end,
            requests: (travelled.requests, travelled.refused),
        });
    }
    Ok(refusals)
}

/// Goes every way, and runs its last command once more. Answers how often, and how many calls of
/// the second runs changed something.
///
/// # Errors
/// Everything that is not as it should be.
pub fn twice(binary: &Path, benches: usize) -> Result<(usize, usize)> {
    let ways = ways()?;
    let ends = each(&ways, benches, |(pairing, way)| {
        Journey::new(binary, *pairing, *way)
            .and_then(|mut journey| journey.twice())
            .map_err(|why| format!("{pairing}, {way:?}: {why}"))
    });
    let effects: Vec<usize> = ends.into_iter().collect::<Result<_>>()?;
    Ok((effects.len(), effects.iter().sum()))
}

/// Goes every way with a consumer that holds nothing yet; on the way back it keeps the old token.
/// Answers how often.
///
/// # Errors
/// Everything that is not as it should be.
pub fn on_a_clean_slate(binary: &Path, benches: usize) -> Result<usize> {
    let ways = ways()?;
    let ends = each(&ways, benches, |(pairing, way)| {
        Journey::new(binary, pairing.on_a_clean_slate(), *way)
            .and_then(|mut journey| journey.once())
            .map_err(|why| format!("{pairing}, {way:?}, holding nothing: {why}"))
    });
    ends.into_iter().collect::<Result<Vec<_>>>().map(|ends| ends.len())
}
