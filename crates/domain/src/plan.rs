//! A plan: every step of one rotation, decided before anything happens.
//!
//! Execution makes no choices. What may be created, what the new token will be marked with, who
//! is asked, in which order the consumers go and what undoes each step all stand here.

mod make;
mod probes;
mod removal;
mod steps;

use serde::{Deserialize, Serialize};

use crate::inventory::Policy;
use crate::{
    Action, CampaignId, ConsumerId, Doer, Fingerprint, Gates, Handle, LiveToken, Overlap,
    ProbeName, Refusal, RotationId, SecretName, Span,
};

pub use make::Declared;
pub use removal::Wanted;
pub use steps::{PlanStep, Sign};

/// Everything that one rotation needs to know.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The rotation's id.
    pub id: RotationId,
    /// The secret.
    pub secret: SecretName,
    /// Why it is rotated.
    pub mode: Mode,
    /// The issuer's part.
    pub issuer: IssuerPart,
    /// The store's part.
    pub store: StorePart,
    /// The consumers, those that do not serve production first.
    pub consumers: Vec<ConsumerPart>,
    /// The token that goes.
    pub old: OldToken,
    /// The tokens that were live at the issuer before, the old one included.
    pub baseline: Vec<LiveToken>,
    /// Live tokens at the issuer that nobody here knows; left alone.
    pub unknown: Vec<LiveToken>,
    /// The probes, in the inventory's order.
    pub probes: Vec<ProbePart>,
    /// Limits of waiting and trying.
    pub limits: Limits,
    /// The least role for everything that is done to it.
    pub role: String,
    /// What its steps ask of people besides.
    #[serde(default)]
    pub gates: Gates,
    /// Whether the engine logs in with the token under rotation and must go over to the new one
    /// before it revokes.
    pub login_is_old: bool,
    /// Why, in the words of whoever began it, where a reason is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Names and ids that the last audit record carries besides its own.
    pub audit_context: Vec<(String, String)>,
    /// What a person should know before agreeing.
    pub warnings: Vec<String>,
    /// The campaign that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
}

/// Why a secret is rotated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The old token is live and stays so until everybody is on the new one.
    Scheduled,
    /// The old token has leaked: as scheduled, but everybody at once and without a soak.
    Emergency,
    /// The old token lived beside a leaked one that could read it: an emergency of its own, and
    /// the second half of the one before.
    Reissue,
    /// The old token has leaked and is revoked before there is a new one. Its consumers are out
    /// of service from there until they are on the new one; a person has agreed to that.
    RevokeFirst,
    /// The old token is dead already: forward as fast as possible, and never back.
    Repair,
    /// As scheduled up to the last look before the revocation, and then back: everything but the
    /// revocation is tried where it will have to work.
    Rehearsal,
    /// The secret goes out of use: its name is taken out of every consumer and out of the store,
    /// and only then the token is revoked. There is no new one.
    Decommission,
    /// A live token that nobody answers for is revoked, after a while in which whoever uses it
    /// shows. There is no new one, and the secret whose issuer it is of stays as it is.
    Removal,
}

impl Mode {
    /// Whether the old token goes on working until nobody needs it any more.
    #[must_use]
    pub fn overlaps(self) -> bool {
        match self {
            Self::Scheduled
            | Self::Emergency
            | Self::Reissue
            | Self::Rehearsal
            | Self::Decommission
            | Self::Removal => true,
            Self::RevokeFirst | Self::Repair => false,
        }
    }

    /// Whether a new token comes to be.
    #[must_use]
    pub fn creates(self) -> bool {
        match self {
            Self::Scheduled
            | Self::Emergency
            | Self::Reissue
            | Self::RevokeFirst
            | Self::Repair
            | Self::Rehearsal => true,
            Self::Decommission | Self::Removal => false,
        }
    }

    /// Whether the secret itself goes out of use: its name is taken out of everything that has it.
    #[must_use]
    pub fn ends_use(self) -> bool {
        self == Self::Decommission
    }

    /// Whether the token that goes is the secret's current one.
    #[must_use]
    pub fn takes_current(self) -> bool {
        self != Self::Removal
    }

    /// What is done, as the first words of its audit records.
    pub(crate) fn deed(self) -> &'static str {
        match self {
            Self::Decommission => "secret.decommission",
            Self::Removal => "token.remove",
            _ => "secret.rotate",
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Scheduled => "a scheduled rotation",
            Self::Emergency => "an emergency",
            Self::Reissue => "the second rotation of an emergency",
            Self::RevokeFirst => "one that revokes first and puts its consumers out of service",
            Self::Repair => "a repair",
            Self::Rehearsal => "a rehearsal",
            Self::Decommission => "a decommission",
            Self::Removal => "the removal of a token that nobody answers for",
        }
    }

    /// Whether every minute counts: nobody goes first, and nothing soaks.
    #[must_use]
    pub fn hurries(self) -> bool {
        matches!(self, Self::Emergency | Self::Reissue | Self::RevokeFirst)
    }
}

/// The issuer's part of a plan.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct IssuerPart {
    /// Its name in the inventory.
    pub name: String,
    /// What people call its kind.
    pub title: String,
    /// The identity that every token of it answers with.
    pub identity: String,
    /// Who creates.
    pub creates: Doer,
    /// Who revokes.
    pub revokes: Doer,
    /// How tokens coexist.
    pub overlap: Overlap,
    /// Whether one of its tokens can read the others.
    pub reads_siblings: bool,
    /// Goes into the new token's description, so that it is found again after a lost answer.
    pub marker: String,
    /// Whether its list of live tokens was seen while planning.
    pub listed: bool,
    /// How long a new token may answer 401 before it counts as refused.
    pub activation_max: Span,
    /// What a person is told for creating a token; empty where the API does it.
    pub create_text: Vec<String>,
    /// The issuer's own page of these tokens, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// The store's part of a plan.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct StorePart {
    /// Its name in the inventory.
    pub name: String,
    /// The key.
    pub key: String,
    /// The version that holds the current token; empty where it holds none.
    pub version: String,
}

/// One consumer's part of a plan.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ConsumerPart {
    /// Its identity.
    pub id: ConsumerId,
    /// What people call it.
    pub label: String,
    /// The names it holds the token under.
    pub keys: Vec<String>,
    /// Those of a lower wave are written and verified first.
    pub wave: u8,
    /// Whether its value can be read back.
    pub reads_back: bool,
    /// Whether a write restarts it.
    pub restarts: bool,
    /// What it holds now, where that can be read.
    pub before: Option<Fingerprint>,
    /// Who fetches the token for it, where nobody else can reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_by: Option<String>,
}

/// One probe's part of a plan.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ProbePart {
    /// Its name.
    pub name: ProbeName,
    /// Its kind, as the inventory writes it.
    pub kind: String,
    /// What it is, in words.
    pub what: String,
    /// Whether it sends something first.
    pub sends: bool,
    /// Whether it looks.
    pub looks: bool,
    /// Whether it is made again and again while both tokens live.
    pub repeats: bool,
    /// Whether a person says whether what it sent has arrived.
    pub confirm: bool,
}

/// The token that goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct OldToken {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its handle, where the issuer gives one.
    pub handle: Option<Handle>,
    /// Since when it is current, in words, where that is known.
    pub since: Option<jiff::Timestamp>,
}

/// Limits of waiting and trying.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// How long both tokens live side by side before anybody may revoke.
    pub soak: Span,
    /// The least time between the two answers that prove a death.
    pub proof_interval: Span,
    /// How long the old token may go on answering before a person is told.
    pub proof_timeout: Span,
    /// How long a consumer may take to come up before a person is told.
    pub adopt_timeout: Span,
    /// How many times one call is tried before a person is told.
    pub attempts_max: u32,
    /// The time between two looks of a probe that is made again while both tokens live.
    pub probe_interval: Span,
    /// How long a task may wait for a person before it is overdue.
    #[serde(default = "task_deadline")]
    pub task_deadline: Span,
}

/// What an older plan says, which says nothing of it.
fn task_deadline() -> Span {
    Policy::TASK_DEADLINE
}

/// Why there is no plan: every refusal that was found, not only the first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{secret} cannot be rotated now")]
pub struct PlanError {
    /// The secret.
    pub secret: SecretName,
    /// Each reason.
    pub refusals: Vec<Refusal>,
}

impl Plan {
    /// The consumer with this id.
    #[must_use]
    pub fn consumer(&self, id: &ConsumerId) -> Option<&ConsumerPart> {
        self.consumers.iter().find(|consumer| consumer.id == *id)
    }

    /// The probe of this name.
    #[must_use]
    pub fn probe(&self, name: &ProbeName) -> Option<&ProbePart> {
        self.probes.iter().find(|probe| probe.name == *name)
    }

    /// The effect that brings a consumer where the rotation goes: onto the new token, or off
    /// every token.
    #[must_use]
    pub fn write(&self, id: &ConsumerId) -> Action {
        if self.mode.ends_use() {
            Action::Remove(id.clone())
        } else {
            Action::Propagate(id.clone())
        }
    }

    /// The look that proves that write.
    #[must_use]
    pub fn proof(&self, id: &ConsumerId) -> Action {
        if self.mode.ends_use() { Action::Absent(id.clone()) } else { Action::Verify(id.clone()) }
    }

    /// The same effect for the store; none where the store stays as it is.
    #[must_use]
    pub fn store_write(&self) -> Option<Action> {
        match self.mode {
            Mode::Removal => None,
            Mode::Decommission => Some(Action::Clear),
            _ => Some(Action::Store),
        }
    }

    /// Whether another rotation must follow: the leaked token lived beside its replacement and
    /// could read it.
    #[must_use]
    pub fn owes_reissue(&self) -> bool {
        self.mode == Mode::Emergency && self.issuer.reads_siblings
    }

    /// How the rotation is done, in the runbooks' words, for the audit.
    #[must_use]
    pub fn method(&self) -> String {
        let creates = match self.mode.creates() {
            true => self.issuer.creates,
            false => self.issuer.revokes,
        };
        match (creates, self.issuer.revokes) {
            (Doer::Api, Doer::Api) => "api".into(),
            (Doer::Operator, Doer::Operator) => "operator-assisted-dashboard".into(),
            _ => "operator-assisted".into(),
        }
    }

    /// How often the rotation restarts consumers: each once, and on the way back once more.
    #[must_use]
    pub fn restarts(&self) -> usize {
        let times = if self.mode == Mode::Rehearsal { 2 } else { 1 };
        times * self.consumers.iter().filter(|consumer| consumer.restarts).count()
    }
}
