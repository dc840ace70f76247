//! A diagnosis as people read it.

use domain::diagnosis::{Answered, Case, Diagnosis, Finding, Fix, Health, Place};

/// The places that something is wrong with, in full, and the others in a line.
pub(super) fn report(seen: &[(Case, Diagnosis)]) -> String {
    let mut parts = Vec::new();
    let is_bad = |found: &Diagnosis| found.first().is_some() || found.health != Health::Fine;
    let bad: Vec<_> = seen.iter().filter(|(_, found)| is_bad(found)).collect();
    match (bad.is_empty(), seen.first()) {
        (true, Some((case, found))) => parts.push(whole(case, found)),
        _ => parts.extend(bad.iter().map(|(case, found)| whole(case, found))),
    }
    let fine: Vec<String> = seen
        .iter()
        .skip(usize::from(bad.is_empty()))
        .filter(|(_, found)| !is_bad(found))
        .map(|(case, found)| fine(case, found))
        .collect();
    if !fine.is_empty() {
        parts.push(fine.join("\n"));
    }
    parts.join("\n\n")
}

fn head(case: &Case) -> String {
    let name = match &case.secret {
        Some(name) => name.to_string(),
        None => format!("a {}", case.kind.title()),
    };
    let fingerprint = case.fingerprint.map(|fp| format!(", fp {fp}")).unwrap_or_default();
    format!("{name} {}{fingerprint}", case.place.words())
}

fn whole(case: &Case, found: &Diagnosis) -> String {
    let vendor = case.kind.vendor();
    let heard = match &case.heard {
        domain::diagnosis::Heard::NotAsked => {
            format!("{vendor} was not asked: there is no value of the right form to ask with")
        }
        heard if heard.is_the_vendor() => format!("{vendor} {}", heard.words()),
        heard => format!("No answer of {vendor}: {}", heard.words()),
    };
    let expected = match (&case.heard, &case.identity) {
        (domain::diagnosis::Heard::Accepted { identity, .. }, Some(wanted))
            if !identity.is_empty() && identity != wanted =>
        {
            format!(", expected {wanted}")
        }
        _ => String::new(),
    };
    let mut lines =
        vec![head(case), format!("{heard}{expected}.  Checked {} causes:", found.findings.len())];
    let width = found.findings.iter().map(|one| one.cause.title().len()).max().unwrap_or(0);
    lines.extend(found.findings.iter().map(|finding| line(finding, width)));
    match found.first() {
        Some(first) => {
            lines.extend(first.fix.iter().flat_map(fix));
            lines.push(format!(
                "Docs: docs/doctor/{0}.md   rollover doctor --explain {0}",
                first.cause
            ));
        }
        None if found.health == Health::Fine => lines.push("Nothing is wrong with it here.".into()),
        None => lines.push("It was not found out.".into()),
    }
    for known in &case.known {
        let since = known.since.map(|at| format!(" since {at:.0}")).unwrap_or_default();
        if case.secret.as_ref() != Some(&known.secret) && known.as_it_stands {
            lines.push(format!("It is a token of {}{since}.", known.secret));
        }
    }
    lines.join("\n")
}

fn line(finding: &Finding, width: usize) -> String {
    let answer = match finding.answer {
        Answered::Yes => "YES",
        Answered::Unknown => "?",
        Answered::No => "no",
    };
    format!("  {answer:<3}  {:<width$}  {}", finding.cause.title(), finding.evidence)
}

fn fix(fix: &Fix) -> Vec<String> {
    match fix {
        Fix::Command { command, does } => vec![format!("Fix:  {command}   ({does})")],
        Fix::Wait { until, command } => {
            vec![format!("Wait: {until}"), format!("Then: {command}")]
        }
        Fix::Person { steps, command } => {
            let numbered = steps.iter().enumerate().map(|(i, step)| match i {
                0 => format!("Fix:  1. {step}"),
                i => format!("      {}. {step}", i + 1),
            });
            numbered.chain([format!("Then: {command}")]).collect()
        }
    }
}

/// A place that nothing is wrong with.
fn fine(case: &Case, found: &Diagnosis) -> String {
    let place = match &case.place {
        Place::Given => "as given",
        Place::Store(name) => name,
        Place::Consumer(id) => id.as_str(),
    };
    let told = found.findings.iter().find(|one| one.cause == domain::diagnosis::Cause::NotDeployed);
    let told = told.map_or_else(|| case.heard.words(), |one| one.evidence.clone());
    format!("  ok   {place}  {told}")
}
