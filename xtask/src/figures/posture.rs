//! Samples before the checks of the posture, and planted spikes before the usage.

use domain::usage::Counted;
use e2e::usage::simulated;

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
    let mut section = Section::new(
        "Usage",
        "Mails, and releases and authorizations, of 90 days with a week's rhythm, drawn anew in each run; spikes\n\
         are planted into some days. What is told on any other day is a false alarm.",
    );
    let mut all_right = true;
    for (counted, what) in [(Counted::Mails, "mails"), (Counted::Acts, "releases")] {
        let found = simulated(counted, if means.full { RUNS_FULL } else { RUNS });
        section.add(format!("usage: {what}: runs of 90 days"), found.runs, "");
        section.add(format!("usage: {what}: spikes planted"), found.planted, "");
        section.add(format!("usage: {what}: spikes found"), found.found, "");
        section.add(format!("usage: {what}: false alarms"), found.false_alarms, "");
        section.add(format!("usage: {what}: false alarms in the worst run"), found.worst, "");
        all_right &= found.found == found.planted && found.worst <= 1;
    }
    match all_right {
        true => Ok(section),
        false => Err("a spike was missed, or a run had more than one false alarm".into()),
    }
}
