//! Faults of vendors, at every call.

use e2e::{HEROKU, POSTMARK, faults as faulty};

use super::{Means, Result, Section};

/// How many labs go side by side; most of a case is waiting.
const STAGES: usize = 5;
/// The quick run tries one fault in so many.
const FAULTS_EVERY: usize = 5;

pub(crate) fn faults(means: &Means) -> Result<Section> {
    let every = if means.full { 1 } else { FAULTS_EVERY };
    let which =
        if means.full { "Each" } else { "Every fifth pair of a call and a fault is tried; a" };
    let mut section = Section::new(
        "Vendors that fail",
        format!(
            "{which} fault of the lab's menu (errors before and after the effect, lost and late answers, late\n\
             and double effects, stale reads, firewall pages, nonsense, slow revocation and activation) strikes\n\
             once at a call of a rotation. However that run ends, nobody may be out of service, no token may be\n\
             lost and no token that answers be called dead; then the vendor is well again and the rotation has\n\
             to come to its end. A fault that is about tokens which come or go strikes only where one does."
        ),
    );
    let mut wrong = Vec::new();
    let (mut requests, mut refused) = (0, 0);
    for (secret, name) in
        [(&HEROKU, "a rotation by API"), (&POSTMARK, "a rotation with an operator")]
    {
        let calls = faulty::calls(&means.binary, secret)?;
        let cases: Vec<_> = faulty::cases(&calls).into_iter().step_by(every).collect();
        let sum = faulty::sweep(&means.binary, secret, &cases, STAGES)?;
        section.add(format!("faults: {name}, calls of an undisturbed run"), calls.len(), "");
        section.add(format!("faults: {name}, put in force"), sum.tried, "");
        section.add(format!("faults: {name}, that struck"), sum.struck, "");
        for (end, what) in [
            (faulty::End::Completed, "completed at once"),
            (faulty::End::RolledBack, "rolled back cleanly"),
            (faulty::End::Attended, "waited for a person, then went on"),
            (faulty::End::NotBegun, "not begun, then begun and completed"),
        ] {
            let count = sum.ends.get(&end).copied().unwrap_or(0);
            section.add(format!("faults: {name}, {what}"), count, "");
        }
        section.add(format!("faults: {name}, wrong ends"), sum.wrong.len(), "");
        requests += sum.requests;
        refused += sum.refused;
        wrong.extend(sum.wrong);
    }
    let speaks = |word: &str| wrong.iter().filter(|why| why.contains(word)).count();
    section.add("faults: lost tokens", speaks("ORPHANS"), "");
    section.add("faults: false dones", speaks("FALSE DONE"), "");
    section.add("faults: requests of the apps meanwhile", requests, "");
    section.add("faults: of these refused", refused, "");
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n\n")) }
}
