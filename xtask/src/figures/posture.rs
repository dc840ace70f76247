//! Samples before the checks of the posture, and planted spikes before the usage.

use super::{Means, Result, Section};

/// How many runs of 90 days are simulated.
const RUNS: usize = 50;
const RUNS_FULL: usize = 400;

pub(crate) fn checks(_means: &Means) -> Result<Section> {
    let (samples, wrong) = e2e::posture::tried()?;
    let mut section = Section::new(
        "The posture",
        "Each check meets a world in which its rule is broken and must fail there, and a world in which every\n\
         rule is kept, where none may fail.",
    );
    section.add("posture: broken samples", samples, "");
    section.add("posture: missed", wrong.missed.len(), "");
    section.add("posture: false alarms", wrong.false_alarms.len(), "");
    match wrong.missed.is_empty() && wrong.false_alarms.is_empty() {
        true => Ok(section),
        false => Err(format!("{:#?} {:#?}", wrong.missed, wrong.false_alarms)),
    }
}

pub(crate) fn usage(means: &Means) -> Result<Section> {
    let found = e2e::usage::simulated(if means.full { RUNS_FULL } else { RUNS });
    let mut section = Section::new(
        "Usage",
        "Mail of 90 days with a week's rhythm, drawn anew in each run; spikes are planted into some days. What is\n\
         told on any other day is a false alarm.",
    );
    section.add("usage: runs of 90 days", found.runs, "");
    section.add("usage: spikes planted", found.planted, "");
    section.add("usage: spikes found", found.found, "");
    section.add("usage: false alarms", found.false_alarms, "");
    section.add("usage: false alarms in the worst run", found.worst, "");
    match found.found == found.planted && found.worst <= 1 {
        true => Ok(section),
        false => Err("a spike was missed, or a run had more than one false alarm".into()),
    }
}
