//! Broken situations before the doctor.

use e2e::doctor::{Situation, examine, situations};

use super::{Means, Result, Section};

/// How many situations go side by side.
const STAGES: usize = 2;

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let all = situations();
    let listed = all.len();
    let step = if means.full { 1 } else { 5 };
    let tried: Vec<Situation> = all.into_iter().step_by(step).collect();
    let outcomes = examine(&means.binary, &tried, STAGES)?;
    let causes: std::collections::BTreeSet<_> = outcomes.iter().map(|one| one.expected).collect();
    let right = outcomes.iter().filter(|one| one.is_right()).count();
    let fixed = outcomes.iter().filter(|one| one.fixed.is_ok()).count();
    let mut section = Section::new(
        "The doctor",
        "Each broken situation is staged in the lab: damaged values, values in wrong places, dead, foreign and\n\
         narrow tokens, apps and workflows that have not taken a value up, accounts, mails, networks, vendors.\n\
         The doctor is asked once. The situation is right if the cause that was staged is the first that is\n\
         named, for the right place; it is mended if the command that is printed then works, and the doctor\n\
         finds nothing in that place any more. What a person has to do is done by a stand-in at the lab.",
    );
    section.add("doctor: situations listed", listed, "");
    section.add("doctor: tried", outcomes.len(), "");
    section.add("doctor: causes among them", causes.len(), "");
    section.add("doctor: cause named right", right, "");
    section.add("doctor: mended by the first fix that was printed", fixed, "");
    let wrong: Vec<_> =
        outcomes.iter().filter(|one| !one.is_right() || one.fixed.is_err()).collect();
    if wrong.is_empty() { Ok(section) } else { Err(format!("{wrong:#?}")) }
}
