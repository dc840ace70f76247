//! The audit log: one chain of records, each bound to all before it and signed.
//!
//! A record's *body* is the JSON text of [`Record`], kept byte for byte. Its hash is
//! `SHA-256("rollover audit 1\n" || previous hash || body)`, so a record that is changed,
//! removed, inserted or moved breaks every hash after it. The newest hash and the number of
//! records are kept beside the log as the *head*, signed too, so a log that is cut off is found
//! as well. This module is the pure part: what a record says, how the chain is made and checked.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Entry, Event, Evidence, Outcome, Rotation, RotationId, SecretName};

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

/// A link of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first record is chained to.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of a record with this body after a record with this hash.
    #[must_use]
    pub fn after(self, body: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"rollover audit 1\n");
        digest.update(self.0);
        digest.update(body.as_bytes());
        Self(digest.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A record as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its place, from 1 without a gap.
    pub seq: u64,
    /// The JSON text of its [`Record`].
    pub body: String,
    /// Its hash.
    pub hash: Hash,
    /// An Ed25519 signature (RFC 8032) over its hash.
    pub signature: Vec<u8>,
}

/// The newest place and hash, signed, kept beside the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// How many records there are.
    pub seq: u64,
    /// The newest record's hash; [`Hash::ZERO`] for an empty log.
    pub hash: Hash,
    /// An Ed25519 signature over [`Head::signed_text`].
    pub signature: Vec<u8>,
}

impl Head {
    /// The text that is signed.
    #[must_use]
    pub fn signed_text(seq: u64, hash: Hash) -> String {
        format!("rollover audit head 1\n{seq}\n{hash}\n")
    }
}

/// Where and how a log is broken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    /// A record is missing, or two have changed places.
    #[error("record {expected} is missing; {found} stands in its place")]
    Order {
        /// The place that should come.
        expected: u64,
        /// The place that came.
        found: u64,
    },
    /// A record's text does not fit its hash and the one before it.
    #[error("record {0} was changed, or one before it was removed or inserted")]
    Chain(u64),
    /// A record's signature is not this installation's.
    #[error("record {0} is not signed by this installation")]
    Signature(u64),
    /// The head is missing or not signed by this installation.
    #[error("the head of the log is missing or not signed by this installation")]
    Head,
    /// The log ends somewhere else than the head says.
    #[error("the log ends at record {found}, its head says {expected}")]
    Cut {
        /// Where the head says that it ends.
        expected: u64,
        /// Where it ends.
        found: u64,
    },
}

/// Checks a whole log and answers with the number of records.
///
/// `signed(text, signature)` says whether this installation signed the text.
///
/// # Errors
/// The first place at which the log is broken.
pub fn verify<'a>(
    lines: impl Iterator<Item = &'a Line>,
    head: Option<&Head>,
    signed: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<u64, Broken> {
    let (mut seq, mut hash) = (0, Hash::ZERO);
    for line in lines {
        if line.seq != seq + 1 {
            return Err(Broken::Order { expected: seq + 1, found: line.seq });
        }
        if hash.after(&line.body) != line.hash {
            return Err(Broken::Chain(line.seq));
        }
        if !signed(&line.hash.0, &line.signature) {
            return Err(Broken::Signature(line.seq));
        }
        (seq, hash) = (line.seq, line.hash);
    }
    match head {
        None if seq == 0 => Ok(0),
        None => Err(Broken::Head),
        Some(head)
            if !signed(Head::signed_text(head.seq, head.hash).as_bytes(), &head.signature) =>
        {
            Err(Broken::Head)
        }
        Some(head) if (head.seq, head.hash) != (seq, hash) => {
            Err(Broken::Cut { expected: head.seq, found: seq })
        }
        Some(_) => Ok(seq),
    }
}

/// What the audit says of one journal entry; `rotation` is the rotation after it.
/// Every entry has a record: an effect's intention
/// (`intent`) stands before the effect, its end (`outcome`) after it.
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
                Outcome::RolledBack { why } => {
                    put("why", why.clone());
                    "secret.rotate.rolled_back"
                }
            }
        }
    };
    Record {
        at: entry.at,
        action: action.to_owned(),
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
        Evidence::Swept { removed, unknown } => {
            put("removed", removed.len().to_string());
            put("unknown", unknown.len().to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signs by copying: enough to test the chain itself.
    fn log(bodies: &[&str]) -> (Vec<Line>, Head) {
        let mut hash = Hash::ZERO;
        let mut lines = Vec::new();
        for (i, body) in bodies.iter().enumerate() {
            hash = hash.after(body);
            let (seq, body) = (i as u64 + 1, (*body).to_owned());
            lines.push(Line { seq, body, hash, signature: hash.0.to_vec() });
        }
        let seq = bodies.len() as u64;
        let signature = Head::signed_text(seq, hash).into_bytes();
        (lines, Head { seq, hash, signature })
    }

    fn check(lines: &[Line], head: &Head) -> Result<u64, Broken> {
        verify(lines.iter(), Some(head), |text, signature| text == signature)
    }

    #[test]
    fn every_change_removal_insertion_and_swap_is_found() {
        let (lines, head) = log(&["a", "b", "c", "d"]);
        assert_eq!(check(&lines, &head), Ok(4));
        for i in 0..lines.len() {
            let mut changed = lines.clone();
            changed[i].body.push('!');
            assert_eq!(check(&changed, &head), Err(Broken::Chain(i as u64 + 1)));

            let mut removed = lines.clone();
            removed.remove(i);
            assert!(check(&removed, &head).is_err());

            let mut inserted = lines.clone();
            inserted.insert(i, lines[i].clone());
            assert!(check(&inserted, &head).is_err());
        }
        for i in 0..lines.len() - 1 {
            let mut swapped = lines.clone();
            swapped.swap(i, i + 1);
            assert!(check(&swapped, &head).is_err());
        }
        assert!(verify(lines.iter(), None, |_, _| true).is_err());
        assert_eq!(verify([].iter(), None, |_, _| true), Ok(0));
    }
}
