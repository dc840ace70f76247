//! Every act that changes something, by name, and what it needs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Mode, TaskKind};

/// Something that changes the world or the memory of it. Looking is no act.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Begin a rotation, or go on with one.
    Rotate,
    /// Begin one because the token has leaked.
    Emergency,
    /// Begin one that revokes before there is a new token.
    RevokeFirst,
    /// Begin one of a token that is dead.
    Repair,
    /// Go on with a rotation, or have it try again what was given up.
    Resume,
    /// Turn a rotation back.
    TurnBack,
    /// Create a token at the issuer, and say so.
    Create,
    /// Enter a token that the issuer does not show.
    EnterToken,
    /// Agree to a revocation.
    Approve,
    /// Say whether what a probe sent has arrived.
    ConfirmReceipt,
    /// Delete the old token at the issuer, and say so.
    Revoke,
    /// Delete the new token at the issuer on the way back, and say so.
    Discard,
    /// Take a task from somebody who has it.
    Reassign,
    /// Put a token into its store.
    Import,
    /// Send a test mail with a token.
    TestMail,
    /// Bring consumers in step.
    Sync,
    /// Note in the audit log what drift was seen.
    RecordDrift,
    /// Remember the fingerprints of what stores and consumers hold.
    Learn,
    /// Note in the audit log that a runbook was validated.
    ValidateRunbook,
    /// Rotate many secrets together.
    Campaign,
    /// Take a secret out of use.
    Decommission,
    /// Remove a token that nobody answers for.
    RemoveToken,
    /// Hand a value to a workstation.
    EnvPull,
    /// Answer a leak.
    LeakRespond,
    /// Remove a value from a history.
    Purge,
    /// Replace the installation's key.
    Rekey,
    /// Write a backup.
    Backup,
    /// Put a backup back.
    Restore,
    /// Take a database at its word again.
    Reconcile,
    /// Put right in a repository what a check of the posture found.
    FixPosture,
    /// Say on the channels what is to be said.
    Notify,
    /// Keep a checkpoint of the audit log elsewhere.
    Anchor,
}

/// What an act needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Least {
    /// The secret's role.
    Role,
    /// The role of its step *create*.
    Create,
    /// The role of its step *approve*.
    Approve,
    /// The role of its step *revoke*.
    Revoke,
    /// The role for what concerns the whole installation.
    Admin,
    /// Any member will do.
    Member,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::Rotate,
        Self::Emergency,
        Self::RevokeFirst,
        Self::Repair,
        Self::Resume,
        Self::TurnBack,
        Self::Create,
        Self::EnterToken,
        Self::Approve,
        Self::ConfirmReceipt,
        Self::Revoke,
        Self::Discard,
        Self::Reassign,
        Self::Import,
        Self::TestMail,
        Self::Sync,
        Self::RecordDrift,
        Self::Learn,
        Self::Notify,
        Self::FixPosture,
        Self::ValidateRunbook,
        Self::Campaign,
        Self::Decommission,
        Self::RemoveToken,
        Self::EnvPull,
        Self::LeakRespond,
        Self::Purge,
        Self::Rekey,
        Self::Backup,
        Self::Restore,
        Self::Reconcile,
        Self::Anchor,
    ];

    /// Beginning a rotation of this mode.
    #[must_use]
    pub fn begin(mode: Mode) -> Self {
        match mode {
            Mode::Scheduled | Mode::Rehearsal => Self::Rotate,
            Mode::Emergency | Mode::Reissue => Self::Emergency,
            Mode::RevokeFirst => Self::RevokeFirst,
            Mode::Repair => Self::Repair,
            Mode::Decommission => Self::Decommission,
            Mode::Removal => Self::RemoveToken,
        }
    }

    /// Answering a task of this kind.
    #[must_use]
    pub fn answer(kind: TaskKind) -> Self {
        match kind {
            TaskKind::Create => Self::Create,
            TaskKind::Approve => Self::Approve,
            TaskKind::Receipt => Self::ConfirmReceipt,
            TaskKind::Revoke => Self::Revoke,
            TaskKind::Discard => Self::Discard,
            TaskKind::Fetch => Self::EnvPull,
            TaskKind::Attend => Self::Resume,
        }
    }

    /// What it needs.
    #[must_use]
    pub fn least(self) -> Least {
        match self {
            Self::Rotate
            | Self::Emergency
            | Self::RevokeFirst
            | Self::Repair
            | Self::Resume
            | Self::TurnBack
            | Self::ConfirmReceipt
            | Self::Import
            | Self::TestMail
            | Self::Sync
            | Self::Decommission
            | Self::RemoveToken
            | Self::EnvPull
            | Self::LeakRespond => Least::Role,
            Self::Create | Self::EnterToken => Least::Create,
            Self::Approve => Least::Approve,
            Self::Revoke | Self::Discard => Least::Revoke,
            Self::Reassign
            | Self::Purge
            | Self::Rekey
            | Self::Backup
            | Self::Restore
            | Self::Reconcile => Least::Admin,
            // These change nothing but what is known; the more often they are done, the better. In a
            // campaign each of its secrets is asked for by itself.
            Self::RecordDrift
            | Self::Learn
            | Self::FixPosture
            | Self::Notify
            | Self::Campaign
            | Self::ValidateRunbook
            | Self::Anchor => Least::Member,
        }
    }

    /// The word for it in the audit log.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.words().0
    }

    /// What it is, as it stands between *may not* and a secret's name.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Rotate => ("rotate", "rotate"),
            Self::Emergency => ("emergency", "begin an emergency rotation of"),
            Self::RevokeFirst => ("revoke-first", "begin a rotation that revokes first of"),
            Self::Repair => ("repair", "repair"),
            Self::Resume => ("resume", "go on with a rotation of"),
            Self::TurnBack => ("turn-back", "turn back a rotation of"),
            Self::Create => ("create", "answer for the new token of"),
            Self::EnterToken => ("enter-token", "enter a token for"),
            Self::Approve => ("approve", "agree to the revocation of"),
            Self::ConfirmReceipt => ("confirm-receipt", "say whether a mail arrived for"),
            Self::Revoke => ("revoke", "answer for the deletion of the old token of"),
            Self::Discard => ("discard", "answer for the deletion of the new token of"),
            Self::Reassign => ("reassign", "take somebody's task of"),
            Self::Import => ("import", "import a token of"),
            Self::TestMail => ("test-mail", "send a test mail with"),
            Self::Sync => ("sync", "bring consumers in step with"),
            Self::RecordDrift => ("record-drift", "note drift in the audit log"),
            Self::FixPosture => ("fix-posture", "put right what a check found"),
            Self::Notify => ("notify", "say something on a channel"),
            Self::Learn => ("learn", "remember fingerprints of what is held"),
            Self::ValidateRunbook => ("validate-runbook", "note a validation of the runbook of"),
            Self::Campaign => ("campaign", "rotate in a campaign"),
            Self::Decommission => ("decommission", "decommission"),
            Self::RemoveToken => ("remove-token", "remove a token at the issuer of"),
            Self::EnvPull => ("env-pull", "pull the value of"),
            Self::LeakRespond => ("leak-respond", "answer a leak of"),
            Self::Purge => ("purge", "purge a history"),
            Self::Rekey => ("rekey", "replace the installation's key"),
            Self::Backup => ("backup", "write a backup"),
            Self::Restore => ("restore", "restore a backup"),
            Self::Reconcile => ("reconcile", "reconcile the database with the world"),
            Self::Anchor => ("anchor", "anchor the audit log"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
