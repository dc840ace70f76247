//! The runbook of a secret: what is done, by whom, how long it takes, what it rests on, and how
//! it is done by hand.
//!
//! Nobody writes it. It is made from the inventory, from what the connectors declare
//! ([`Manual`]), and from what the journal tells of earlier runs ([`Run`]); so it cannot say of
//! the last validation, of durations or of consumers what is not so. It holds names, fingerprints
//! and times; there is no field that a value of a secret could get into.

mod claim;
mod length;
mod manual;
mod measure;
mod render;
mod run;
mod shape;
mod step;
mod steps;
mod validation;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

use crate::inventory::{Inventory, Secret};
use crate::{Doer, Mode, Outcome, Profile, Span};

pub use claim::{Claim, DatedClaim, Shown};
pub use length::length;
pub use manual::{ByHand, ConsumerManual, Failure, IssuerManual, Manual, StoreManual};
pub use measure::{Measured, Timing};
pub use render::Format;
pub use run::{Run, StepRun};
pub use shape::Shape;
pub use step::StepPage;
pub use validation::{Method, Validation};

/// How many of the last runs are measured.
pub const RUNS_MEASURED: usize = 10;

/// After so many intervals without a validation a runbook is not to be relied on.
const STALE_AFTER: u64 = 2;

/// What a runbook is made from.
pub struct Sources<'a> {
    /// The inventory.
    pub inventory: &'a Inventory,
    /// The secret.
    pub secret: &'a Secret,
    /// What its issuer declares.
    pub profile: &'a Profile,
    /// How each step is done by hand, and what the connectors know besides.
    pub manual: Manual,
    /// The runs so far, newest first.
    pub runs: &'a [Run],
    /// Replays in the lab, in any order.
    pub replays: &'a [Validation],
    /// Now; a validation ages. `None` for a page that must read the same on every day.
    pub now: Option<Timestamp>,
}

/// A runbook.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Runbook {
    /// The secret, as `prod/NAME`.
    pub secret: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// `operator-assisted`, or `api`.
    pub mode: String,
    /// The validation that counts: the strongest one that still holds, or else the newest.
    pub validated: Option<Validation>,
    /// Why the last validation is not to be relied on; empty where it is.
    pub stale: Vec<String>,
    /// How long the last runs took; none where it never ran.
    pub duration: Option<Measured>,
    /// The least role.
    pub role: String,
    /// What it is about.
    pub applies_to: String,
    /// What it is not about.
    pub not_in_scope: Vec<String>,
    /// What shapes the steps.
    pub facts: Vec<String>,
    /// What has to be at hand.
    pub needs: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<StepPage>,
    /// The way back, before the point of no return.
    pub rollback_before: Vec<String>,
    /// The way on, after it.
    pub rollback_after: Vec<String>,
    /// What can go wrong, and what then.
    pub failures: Vec<Failure>,
    /// What all this rests on.
    pub claims: Vec<DatedClaim>,
    /// What is different from the last run.
    pub changed: Vec<String>,
    /// The last run, in a sentence.
    pub last_run: Option<String>,
}

impl Runbook {
    /// The runbook of a secret, as of now.
    #[must_use]
    pub fn of(sources: &Sources<'_>) -> Self {
        let Sources { inventory, secret, profile, manual, runs, .. } = sources;
        let validations = sources.validations();
        let validated = sources.counts(&validations);
        let issuer = &manual.issuer;
        Self {
            secret: secret.name.to_string(),
            owner: secret.owner.clone(),
            mode: mode(profile).to_owned(),
            stale: validated.as_ref().map(|one| sources.stale(one)).unwrap_or_default(),
            validated,
            duration: Measured::of(runs),
            role: secret.role.clone(),
            applies_to: sources.applies_to(),
            not_in_scope: issuer.not_in_scope.clone(),
            facts: issuer.facts.clone(),
            needs: issuer.needs.clone(),
            steps: steps::steps(inventory, secret, profile, manual, runs),
            rollback_before: sources.rollback_before(),
            rollback_after: issuer.rollback_after.clone(),
            failures: manual.failures(),
            claims: manual.claims().into_iter().map(|claim| claim.dated(runs)).collect(),
            changed: sources.changed(),
            last_run: runs.first().map(Run::told),
        }
    }
}

/// Who does it, in the word of the given runbooks.
fn mode(profile: &Profile) -> &'static str {
    match (profile.creates, profile.revokes) {
        (Doer::Api, Doer::Api) => "api (a person agrees to the revocation)",
        _ => "operator-assisted",
    }
}

impl Sources<'_> {
    /// Every validation: the replays, and the runs that tried every step.
    fn validations(&self) -> Vec<Validation> {
        let local = self.inventory.is_a_lab();
        let runs = self.runs.iter().filter_map(|run| run.validation(local));
        runs.chain(self.replays.iter().cloned()).collect()
    }

    /// The strongest one that still holds, the newest of these; or the newest of all.
    fn counts(&self, validations: &[Validation]) -> Option<Validation> {
        let rank = |one: &&Validation| {
            let holds = self.stale(one).is_empty();
            (holds, if holds { one.method } else { Method::ReadOnlyDocs }, one.at)
        };
        validations.iter().max_by_key(rank).cloned()
    }

    /// Why a validation is not to be relied on any more.
    fn stale(&self, validation: &Validation) -> Vec<String> {
        let mut why = Vec::new();
        let limit = self.secret.max_age.millis().saturating_mul(STALE_AFTER);
        if let Some(now) = self.now {
            let age = now.as_millisecond() - validation.at.as_millisecond();
            if u64::try_from(age).is_ok_and(|age| age > limit) {
                why.push(format!("older than {}", Span::from_millis(limit)));
            }
        }
        let now = Shape::of(self.inventory, self.secret);
        why.extend(
            now.differences(&validation.shape).into_iter().map(|what| format!("since then {what}")),
        );
        why
    }

    fn changed(&self) -> Vec<String> {
        let completed = |run: &&Run| run.outcome == Some(Outcome::Completed);
        let Some(last) = self.runs.iter().find(completed) else {
            return Vec::new();
        };
        Shape::of(self.inventory, self.secret).differences(&last.shape)
    }

    fn applies_to(&self) -> String {
        let keys: std::collections::BTreeSet<&str> = self
            .secret
            .consumers
            .iter()
            .flat_map(|consumer| consumer.keys.iter().map(String::as_str))
            .chain([self.secret.name.key()])
            .collect();
        let keys: Vec<String> = keys.into_iter().map(|key| format!("`{key}`")).collect();
        let labels: Vec<&str> =
            self.secret.consumers.iter().map(|consumer| consumer.label.as_str()).collect();
        format!("{} ({}), used by {}", keys.join(", "), self.manual.issuer.what, labels.join(", "))
    }

    fn rollback_before(&self) -> Vec<String> {
        let mut lines = vec![
            "both tokens are valid until then, so nobody is in a hurry; `rollover rotate NAME \
             --rehearse` goes up to here and back, which is a rehearsal on production \
             (`dry-run-on-prod-with-rollback`)"
                .to_owned(),
            "`rollover run rollback ID --reason \"...\"` gives every consumer the old token again, \
             sees each on it, puts the store back and removes the new token; it ends with code 11"
                .to_owned(),
        ];
        lines.extend(self.manual.issuer.rollback_before.iter().cloned());
        for (_, consumer) in &self.manual.consumers {
            lines.extend(consumer.back.iter().cloned());
        }
        lines.dedup();
        lines
    }
}

impl Run {
    /// What this run validates, if it does.
    fn validation(&self, local: bool) -> Option<Validation> {
        let (at, outcome) = (self.ended?, self.outcome.as_ref()?);
        let method = match outcome {
            _ if self.mode == Mode::Repair => return None,
            // It says nothing of how the next one is rotated.
            Outcome::Decommissioned | Outcome::Removed => return None,
            Outcome::Completed | Outcome::Rehearsed if local => Method::LabRun,
            Outcome::Completed => Method::ProductionRun,
            Outcome::Rehearsed => Method::DryRunOnProdWithRollback,
            Outcome::RolledBack { .. } | Outcome::Abandoned { .. } => return None,
        };
        let took = Span::from_millis(self.active.millis());
        Some(Validation {
            at,
            method,
            by: self.by.clone(),
            took,
            run: Some(self.id.to_string()),
            shape: self.shape.clone(),
        })
    }
}
