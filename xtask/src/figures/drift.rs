//! Drift noticed, and put right.

use std::collections::BTreeMap;

use e2e::drifts::{self, PLANTINGS};
use e2e::{Pairing, syncs};

use super::{Means, Result, Section};

/// How many labs go side by side; most of a case is waiting.
const BENCHES: usize = 4;

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let (pairings, calm) = match means.full {
        true => (Pairing::all()?, 20),
        false => (Pairing::cover()?, 5),
    };
    let of_pairings = if means.full { "every pairing" } else { "a cover of the pairings" };
    let mut section = Section::new(
        "Drift noticed by the next look",
        format!(
            "After a rotation of {of_pairings} of an issuer, a store and a consumer, the lab's own hand changes\n\
             something behind everybody's back, in each of {} ways that fit: a config var, a release, a dyno, a\n\
             secret at GitHub, a file, a value in the store, a token at the issuer, a vendor that goes silent.\n\
             Noticed means that the next `rollover drift --check` names the place and the kind, and ends with 3,\n\
             or with 75 where something did not answer. A look comes once an interval, so what the next look\n\
             notices is noticed within one. A false alarm is a look that tells of something where nothing was\n\
             changed.",
            PLANTINGS.len()
        ),
    );
    let swept = drifts::sweep(&means.binary, &pairings, calm, BENCHES);
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &swept {
        for kind in &one.planted {
            *by_kind.entry(kind).or_default() += 1;
        }
    }
    let sum = |of: fn(&drifts::Noticed) -> usize| swept.iter().map(of).sum::<usize>();
    let (planted, noticed) = (sum(|one| one.planted.len()), sum(|one| one.noticed));
    section.add("drift: kinds", by_kind.len(), "");
    section.add("drift: planted", planted, "");
    section.add("drift: noticed by the next look", noticed, "");
    section.add("drift: noticed", noticed * 100 / planted.max(1), "%");
    section.add("drift: looks where nothing was changed", sum(|one| one.calm), "");
    section.add("drift: of these false alarms", sum(|one| one.alarms), "");
    let mut wrong: Vec<String> = swept.iter().flat_map(|one| one.wrong.clone()).collect();
    let step = if means.full { 1 } else { 4 };
    let synced = syncs::sweep(&means.binary, &Pairing::cover()?, step, BENCHES);
    let sum = |of: fn(&syncs::Synced) -> usize| synced.iter().map(of).sum::<usize>();
    section.add("sync: kills", sum(|one| one.kills), "");
    section.add("sync: lost answers", sum(|one| one.doubts), "");
    section.add("sync: right ends of both", sum(|one| one.right), "");
    wrong.extend(synced.iter().flat_map(|one| one.wrong.clone()));
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n\n")) }
}
