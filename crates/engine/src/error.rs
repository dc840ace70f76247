//! What can go wrong around a rotation. What goes wrong *in* one is an event, not an error.

use domain::{Denied, IllegalEvent, PlanError, RotationId, SecretName};

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The memory does not take or give.
    #[error("the journal does not answer")]
    Journal(#[from] journal::JournalError),
    /// The connectors could not be built.
    #[error("the inventory's connections cannot be opened")]
    World(#[from] connectors::WorldError),
    /// The journal tells of something that cannot have happened.
    #[error("the journal of rotation {id} cannot be followed")]
    History {
        /// Which rotation.
        id: RotationId,
        /// Where it goes wrong.
        source: IllegalEvent,
    },
    /// There is no such secret in the inventory.
    #[error("{0} is not in the inventory")]
    NoSecret(SecretName),
    /// The inventory has no part that the rotation needs.
    #[error("the inventory no longer has {what}, which rotation {id} needs")]
    NoPart {
        /// Which rotation.
        id: RotationId,
        /// What is missing.
        what: String,
    },
    /// There is no such rotation.
    #[error("there is no rotation {0}")]
    NoRotation(RotationId),
    /// A value that should be sealed in the journal is not there.
    #[error("the journal holds no {which} token for rotation {id}")]
    NoValue {
        /// Which rotation.
        id: RotationId,
        /// `old` or `new`.
        which: &'static str,
    },
    /// The store did not give the token that the engine logs in with.
    #[error("the login with {name} cannot be read from its store: {why}")]
    Login {
        /// The secret that the engine logs in with.
        name: SecretName,
        /// What was seen.
        why: String,
    },
    /// The store did not give a value.
    #[error("the store of {name} did not give its value: {why}")]
    NotStored {
        /// The secret.
        name: SecretName,
        /// What was seen.
        why: String,
    },
    /// Somebody may not do what they asked for.
    #[error(transparent)]
    Denied(#[from] Box<Denied>),
    /// This engine was opened for looking only.
    #[error("this command may only look")]
    ReadOnly,
    /// The secret's issuer is of no kind that can be examined.
    #[error("tokens of the issuer of {0} cannot be examined")]
    NoExaminer(SecretName),
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    Random,
}
