//! Kills and faults.

use e2e::crashes::{self, What};
use e2e::{HEROKU, POSTMARK, faults as faulty};

use super::{Means, Result, Section};

/// How many labs go side by side; most of a case is waiting.
const STAGES: usize = 5;
/// The quick run tries one fault in so many.
const FAULTS_EVERY: usize = 5;

pub(crate) fn crashes(means: &Means) -> Result<Section> {
    let step = if means.full { 1 } else { 3 };
    let which = if means.full { "each" } else { "every third" };
    let mut section = Section::new(
        "Killed at any instant",
        format!(
            "The process is killed by SIGKILL at {which} instant at which it matters: right before and right after\n\
             each call to a vendor and each write to its journal. Then the same command is run again, and the\n\
             world is compared with that after an undisturbed run: every consumer down to the environment of each\n\
             dyno, the tokens at both issuers, the restarts of each app, the list of rotations, the audit log.\n\
             Where everything was done and written and only the word of it was missing, the command is not run\n\
             again: it would begin another rotation."
        ),
    );
    let (mut wrong, mut requests, mut refused, mut orphans) = (Vec::new(), 0, 0, 0);
    for (what, name) in [
        (What::Heroku, "a rotation by API"),
        (What::Postmark, "a rotation with an operator"),
        (What::HerokuBack, "a way back"),
    ] {
        let sum = crashes::sweep(&means.binary, what, 1, step, STAGES)?;
        section.add(format!("kills: {name}, instants tried"), sum.tried, "");
        section.add(format!("kills: {name}, right ends"), sum.right, "");
        section.add(format!("kills: {name}, of these after the last write"), sum.unheard, "");
        requests += sum.requests;
        refused += sum.refused;
        orphans += sum.wrong.iter().filter(|why| why.contains("ORPHANS")).count();
        wrong.extend(sum.wrong);
    }
    section.add("kills: ends with orphaned tokens", orphans, "");
    section.add("kills: requests of the apps meanwhile", requests, "");
    section.add("kills: of these refused", refused, "");
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n\n")) }
}

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
