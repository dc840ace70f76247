//! The loop where machine, journal and vendors meet.
//!
//! The only crate that sees both memory and world. `observe` looks at the world and asks the
//! domain for a plan; `drive` runs one rotation: it asks the machine what is due, journals that
//! an effect begins, lets `act` make the call, journals how it ended, and asks again. After a
//! crash the same loop runs on the same journal; there is no other recovery code.

mod clock;
mod engine;
mod fence;
mod observe;
mod others;

mod drive;

mod campaign;
mod writers;

mod act;
mod desk;
mod effects;
mod looks;
mod probes;
mod sweep;
mod value;
mod watch;

mod learn;
mod reconcile;
mod removal;

mod doctor;
mod drift;
mod existing;
mod posture;
mod sync;
mod usage;

mod inbox;
mod progress;
mod summary;

mod error;

pub use campaign::{Campaign, Member, MemberEnd, Work, new_campaign_id};
pub use doctor::{Question, examine_alone, kind_of, mail_alone};
pub use drive::{Drive, Ended, Options};
pub use engine::Engine;
pub use error::EngineError;
pub use existing::{Existing, Here, Stranger};
pub use inbox::Command;
pub use observe::Planned;
pub use progress::Progress;
pub use reconcile::{End, Reconciled};
pub use summary::{ConsumerSummary, OldTokenSummary, RotationSummary};
pub use sync::{SyncEnd, SyncPart, SyncPlan, Tell};
pub use usage::{Made, Used};
