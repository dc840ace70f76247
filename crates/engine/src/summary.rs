//! What became of a rotation, for people and for machines.

use domain::{
    Action, Answer, CampaignId, Fingerprint, Handle, LiveToken, Outcome, Rotation, StepState,
};
use jiff::Timestamp;
use serde::Serialize;

/// One rotation, told as one object.
#[derive(Clone, Debug, Serialize)]
pub struct RotationSummary {
    /// Its id.
    pub rotation: String,
    /// The secret.
    pub secret: String,
    /// `completed`, `rolled-back`, or the stage it is at.
    pub outcome: String,
    /// Why it went back, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The token that went.
    pub old_token: OldTokenSummary,
    /// The fingerprint of the token that came.
    pub new_fingerprint: Option<Fingerprint>,
    /// Its handle.
    pub new_handle: Option<Handle>,
    /// The consumers.
    pub consumers: Vec<ConsumerSummary>,
    /// Live tokens that appeared at the issuer meanwhile and that nobody knows.
    pub unknown: Vec<LiveToken>,
    /// Whether the issuer did not show its tokens at the end: what else lives there is not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
    /// How many restarts the rotation caused, by its own count of writes that restart. In a
    /// campaign a restart may serve several rotations.
    pub restarts: usize,
    /// The campaign that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
}

/// The token that went.
#[derive(Clone, Debug, Serialize)]
pub struct OldTokenSummary {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its handle.
    pub handle: Option<Handle>,
    /// What the issuer answered about it since its revocation.
    pub answers: Vec<Answer>,
    /// Whether two answers, far enough apart, prove it dead.
    pub proven_dead: bool,
}

/// One consumer.
#[derive(Clone, Debug, Serialize)]
pub struct ConsumerSummary {
    /// Its identity.
    pub name: String,
    /// The fingerprint of the token that it is on.
    pub fingerprint: Option<Fingerprint>,
    /// Whether that is proven.
    pub in_step: bool,
    /// What its write was answered with.
    pub receipt: Option<String>,
}

impl RotationSummary {
    /// The summary of a rotation, as far as it is.
    #[must_use]
    pub fn of(rotation: &Rotation) -> Self {
        let plan = rotation.plan();
        let (why, ended) = match rotation.outcome() {
            Some((at, Outcome::RolledBack { why } | Outcome::Abandoned { why })) => {
                (Some(why.clone()), Some(*at))
            }
            Some((
                at,
                Outcome::Completed
                | Outcome::Rehearsed
                | Outcome::Decommissioned
                | Outcome::Removed,
            )) => (None, Some(*at)),
            None => (None, None),
        };
        let done = |action: Action| rotation.state(&action) == StepState::Done;
        let consumers: Vec<ConsumerSummary> = plan
            .consumers
            .iter()
            .map(|part| {
                let verified = done(plan.proof(&part.id));
                let back = done(Action::Recheck(part.id.clone()));
                let fingerprint = match (back, verified) {
                    (true, _) => Some(plan.old.fingerprint),
                    (false, true) => rotation.new_fingerprint(),
                    (false, false) => part.before,
                };
                let receipt =
                    rotation.step(&plan.write(&part.id)).and_then(|step| step.note.clone());
                let name = part.id.to_string();
                ConsumerSummary { name, fingerprint, in_step: verified || back, receipt }
            })
            .collect();
        let wrote =
            |part: &domain::ConsumerPart| [plan.write(&part.id), Action::Restore(part.id.clone())];
        let writes = plan.consumers.iter().filter(|part| part.restarts).flat_map(wrote);
        let restarts = writes.filter(|write| done(write.clone())).count();
        Self {
            rotation: plan.id.to_string(),
            secret: plan.secret.to_string(),
            outcome: rotation.stage().to_owned(),
            why,
            started: rotation.started(),
            ended,
            old_token: OldTokenSummary {
                fingerprint: plan.old.fingerprint,
                handle: plan.old.handle.clone(),
                answers: rotation.death_answers(),
                proven_dead: rotation.old_is_proven_dead(),
            },
            new_fingerprint: rotation.new_fingerprint(),
            new_handle: rotation.new_handle().cloned(),
            consumers,
            unknown: rotation.unknown().to_vec(),
            unlisted: rotation.is_unlisted(),
            restarts,
            campaign: plan.campaign.clone(),
        }
    }
}
