//! The decisions: for each cause one question over a [`Case`].

mod around;
mod deployment;
mod token;
mod value;

use super::{Case, Cause, Diagnosis, Finding, Health, Sure, fix::fix};

/// Answers for every cause that applies, the yes first.
#[must_use]
pub fn diagnose(case: &Case) -> Diagnosis {
    let mut findings: Vec<Finding> = Vec::new();
    for question in QUESTIONS {
        let explained = findings.iter().find(|finding| finding.is_yes()).map(|found| found.cause);
        findings.extend(question(case, explained));
    }
    let health = health(case, &findings);
    findings.sort_by_key(|finding| (finding.answer, finding.sure, finding.cause));
    Diagnosis { health, findings }
}

/// What is asked about one cause; `explained` is the first yes before it. `None` where the cause
/// cannot apply.
type Question = fn(&Case, Option<Cause>) -> Option<Finding>;

const QUESTIONS: [Question; 32] = [
    value::missing,
    value::placeholder,
    value::test_token,
    value::other_kind,
    value::mistyped,
    token::account_token,
    token::server_token,
    token::wrong_environment,
    token::missing_scope,
    deployment::shadowed,
    deployment::not_deployed,
    deployment::not_restarted,
    deployment::runs_older,
    token::not_yet_active,
    token::expired,
    token::replaced,
    token::revoked,
    token::both_headers,
    token::wrong_header,
    around::sandbox,
    around::account,
    around::sender,
    around::message,
    around::rate_limit,
    around::outage,
    around::firewall,
    around::proxy,
    around::tls,
    around::unreachable,
    around::wrong_address,
    around::clock,
    deployment::unseen,
];

fn health(case: &Case, findings: &[Finding]) -> Health {
    let yes = || findings.iter().filter(|finding| finding.is_yes()).map(|found| found.cause);
    if yes().any(Cause::is_of_the_token) {
        return Health::Invalid;
    }
    if yes().any(|cause| !cause.passes()) {
        return Health::InTheWay;
    }
    let unreadable = case.anatomy.is_none() && !case.placed.reads_back;
    match yes().next().is_none() && (case.heard.is_accepted() || unreadable) {
        true => Health::Fine,
        false => Health::Unknown,
    }
}

/// A yes with its fix.
fn yes(cause: Cause, sure: Sure, evidence: impl Into<String>, case: &Case) -> Option<Finding> {
    Some(Finding::yes(cause, sure, evidence, fix(cause, case)))
}

fn no(cause: Cause, evidence: impl Into<String>) -> Option<Finding> {
    Some(Finding::no(cause, evidence))
}

fn unknown(cause: Cause, evidence: impl Into<String>) -> Option<Finding> {
    Some(Finding::unknown(cause, evidence))
}
