//! What a rotation is: the nouns, the inventory, the plan and the machine.
//!
//! Everything here is told and nothing here looks: no clock, no file, no socket, no random
//! number (`clippy.toml` beside this crate says so with reasons). The modules are listed in
//! reading order; `rotation` is the heart.

mod name;
mod token;

mod fingerprint;

mod duration;
mod handle;
mod liveness;
mod steers;

mod profile;

pub mod inventory;

mod people;

mod observed;
mod refusal;

mod plan;

mod action;
mod event;

mod rotation;

mod backoff;
mod task;
mod workstation;

pub mod audit;

pub mod leak;

pub mod reconcile;

pub mod campaign;

pub mod diagnosis;

pub mod drift;
pub mod proposal;
pub mod template;

pub mod posture;

pub mod usage;

pub mod schedule;

pub mod runbook;

pub mod notify;

pub use action::Action;
pub use backoff::retry_delay;
pub use duration::{ParseSpanError, Span};
pub use event::{Answer, Direction, Entry, Event, Evidence, Look, Outcome, Proof, Seen, Which};
pub use fingerprint::{Fingerprint, FingerprintKey, FingerprintMaker, ParseFingerprintError};
pub use handle::{CampaignId, ConsumerId, Handle, ProbeName, RotationId};
pub use liveness::Liveness;
pub use name::{NameError, SecretName};
pub use observed::{
    Baseline, ConsumerSeen, Holding, IssuerSeen, LiveToken, Mint, Observed, StoreSeen,
};
pub use people::{Act, Actor, Denied, Gates, Guarded, Least, Member, People, Standing, User, Why};
pub use plan::{
    ConsumerPart, Declared, IssuerPart, Limits, Mode, OldToken, Plan, PlanError, PlanStep,
    ProbePart, Sign, StorePart, Wanted,
};
pub use profile::{Doer, Overlap, Profile, Shape, Traces};
pub use refusal::Refusal;
pub use rotation::{IllegalEvent, Next, Rotation, Step, StepState, Waiting};
pub use steers::steers;
pub use task::{Claim, ClaimError, Failure, Remark, Takes, Task, TaskKind};
pub use token::Token;
pub use workstation::{Fetched, NoTicket, Ticket, Workstation};
