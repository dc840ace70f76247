//! The audit log: records, and a Merkle tree over them whose root is signed.
//!
//! A record is the JSON text of [`Record`], kept byte for byte; it is a leaf of the tree of
//! RFC 6962. Each write signs a checkpoint of the log: how many records there are, and the root
//! over them. A record that is changed, removed, inserted or moved gives another root, and a
//! checkpoint that was kept elsewhere shows that a whole log was set back. The formats are those
//! of C2SP, so that tools which are not ours can check them. This module is the pure part.

mod check;
mod checkpoint;
mod note;
mod proof;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use check::{Broken, Check};
pub use checkpoint::{Checkpoint, checkpoints};
pub use note::{Note, NoteError, NoteKey, Verify};
pub use proof::{Proof, ProofError};
pub use tree::{Hash, Prover, Tree, includes};

use crate::{Entry, Event, Evidence, Mode, Outcome, Rotation, RotationId, SecretName};

/// What one record says. Names and ids, never a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What, such as `secret.rotate.completed`.
    pub action: String,
    /// Who.
    pub actor: String,
    /// The secret it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<SecretName>,
    /// The rotation it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rotation: Option<RotationId>,
    /// Names and ids.
    pub context: BTreeMap<String, String>,
}

/// What the audit says of one journal entry; `rotation` is the rotation after it.
/// Every entry has a record: an effect's intention
/// (`intent`) stands before the effect, its end (`outcome`) after it. A decommission's are called
/// `secret.decommission...`, those of a token that nobody answers for `token.remove...`, all
/// others' `secret.rotate...`.
#[must_use]
pub fn describe(rotation: &Rotation, actor: &str, entry: &Entry) -> Record {
    let plan = rotation.plan();
    let mut context = BTreeMap::new();
    let mut put = |key: &str, value: String| {
        context.insert(key.to_owned(), value);
    };
    let mut actor = actor.to_owned();
    let action = match &entry.event {
        Event::Planned { plan, by } => {
            actor.clone_from(by);
            put("issuer", plan.issuer.name.clone());
            put("old", plan.old.fingerprint.hex());
            put("consumers", plan.consumers.len().to_string());
            if plan.mode != Mode::Scheduled {
                put("mode", plan.mode.describe().into());
            }
            if let Some(reason) = &plan.reason {
                put("reason", reason.clone());
            }
            if let Some(campaign) = &plan.campaign {
                put("campaign", campaign.to_string());
            }
            "secret.rotate.started"
        }
        Event::Began { action } => {
            put("step", action.to_string());
            "secret.rotate.intent"
        }
        Event::Done { action, evidence } => {
            put("step", action.to_string());
            put("result", "done".into());
            describe_evidence(evidence, &mut put);
            "secret.rotate.outcome"
        }
        Event::NotDone { action, why }
        | Event::Refused { action, why }
        | Event::Unsure { action, why, .. }
        | Event::Later { action, why, .. } => {
            put("step", action.to_string());
            put("result", result_word(&entry.event).into());
            put("why", why.clone());
            "secret.rotate.outcome"
        }
        Event::Orphaned { handles } => {
            let handles: Vec<&str> = handles.iter().map(|handle| handle.0.as_str()).collect();
            put("handles", handles.join(" "));
            "secret.rotate.orphans_found"
        }
        Event::Drifted { consumer, why } => {
            put("consumer", consumer.to_string());
            put("why", why.clone());
            "secret.rotate.drift_found"
        }
        Event::StoreDrifted { why } => {
            put("store", plan.store.name.clone());
            put("why", why.clone());
            "secret.rotate.drift_found"
        }
        Event::Looked { look } => {
            put("token", if look.which == crate::Which::Old { "old" } else { "new" }.into());
            put("answer", look.liveness.to_string());
            "secret.rotate.looked"
        }
        Event::Approved { by } => {
            actor.clone_from(by);
            "secret.rotate.revocation_approved"
        }
        Event::TurnedBack { by, why } => {
            actor.clone_from(by);
            put("why", why.clone());
            "secret.rotate.turned_back"
        }
        Event::Resumed { by } => {
            actor.clone_from(by);
            "secret.rotate.resumed"
        }
        Event::Doubted { action } => {
            put("step", action.to_string());
            "secret.rotate.doubted"
        }
        Event::Closed { outcome } => {
            put("secret_name", plan.secret.key().to_owned());
            put("method", plan.method());
            put("old_fingerprint", plan.old.fingerprint.hex());
            if let Some(handle) = &plan.old.handle {
                put("old_authorization_id", handle.to_string());
            }
            if let Some(fingerprint) = rotation.new_fingerprint() {
                put("new_fingerprint", fingerprint.hex());
            }
            if let Some(handle) = rotation.new_handle() {
                put("new_authorization_id", handle.to_string());
            }
            for (key, value) in &plan.audit_context {
                put(key, value.clone());
            }
            match outcome {
                Outcome::Completed => "secret.rotate.completed",
                Outcome::Decommissioned | Outcome::Removed => "secret.rotate.completed",
                Outcome::Rehearsed => "secret.rotate.rehearsed",
                Outcome::RolledBack { why } => {
                    put("why", why.clone());
                    "secret.rotate.rolled_back"
                }
                Outcome::Abandoned { why } => {
                    put("why", why.clone());
                    "secret.rotate.abandoned"
                }
            }
        }
    };
    Record {
        at: entry.at,
        action: action.replacen("secret.rotate", plan.mode.deed(), 1),
        actor,
        secret: Some(plan.secret.clone()),
        rotation: Some(plan.id.clone()),
        context,
    }
}

fn result_word(event: &Event) -> &'static str {
    match event {
        Event::NotDone { .. } => "not-done",
        Event::Refused { .. } => "refused",
        Event::Unsure { .. } => "unsure",
        _ => "later",
    }
}

fn describe_evidence(evidence: &Evidence, put: &mut impl FnMut(&str, String)) {
    match evidence {
        Evidence::Created { fingerprint, handle, .. } => {
            put("fingerprint", fingerprint.hex());
            if let Some(handle) = handle {
                put("authorization_id", handle.to_string());
            }
        }
        Evidence::Written { receipt } => put("receipt", receipt.clone()),
        Evidence::Proven { detail, .. } | Evidence::Checked { detail } => {
            put("evidence", detail.clone());
        }
        Evidence::Swept { removed, unknown, unlisted } => {
            put("removed", removed.len().to_string());
            put("unknown", unknown.len().to_string());
            if *unlisted {
                put("unlisted", "the issuer does not show its tokens".to_owned());
            }
        }
    }
}
