//! What happens to a rotation. The journal is a list of these, and nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Action, ConsumerId, Fingerprint, Handle, LiveToken, Liveness, Plan};

/// One line of a rotation's journal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its place, from 0 without a gap.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The rotation exists from here. Always and only the first event.
    Planned {
        /// Everything that execution needs; it makes no choices.
        plan: Box<Plan>,
        /// Who started it.
        by: String,
    },
    /// An effect is about to be made. Durable before the call leaves.
    Began {
        /// Which effect.
        action: Action,
    },
    /// A step ended well.
    Done {
        /// Which step.
        action: Action,
        /// What showed it.
        evidence: Evidence,
    },
    /// Settled by looking: the effect did not happen. It may be begun again.
    NotDone {
        /// Which effect.
        action: Action,
        /// What showed it.
        why: String,
    },
    /// The vendor said no. Nothing happened. Before the point of no return this turns back.
    Refused {
        /// Which step.
        action: Action,
        /// The vendor's reason.
        why: String,
    },
    /// The answer was lost or makes no sense: the effect may have happened. It will be settled.
    Unsure {
        /// Which step.
        action: Action,
        /// What was seen.
        why: String,
        /// When to look.
        retry_at: Timestamp,
    },
    /// Certainly nothing happened, and it may work later.
    Later {
        /// Which step.
        action: Action,
        /// What was seen.
        why: String,
        /// When to try again.
        retry_at: Timestamp,
    },
    /// Settling a create found tokens of this rotation whose values nobody knows.
    Orphaned {
        /// Their handles; the sweep removes them before another create.
        handles: Vec<Handle>,
    },
    /// A consumer that had been verified is found on something else; in a decommission, one that
    /// held nothing any more holds something again.
    Drifted {
        /// Which consumer.
        consumer: ConsumerId,
        /// What it is on.
        why: String,
    },
    /// The store is found on something else than the new token; in a decommission, on anything.
    StoreDrifted {
        /// What it holds.
        why: String,
    },
    /// One look at a token, kept because a proof is made of looks.
    Looked {
        /// What was looked at and seen.
        look: Look,
    },
    /// A person agreed to the revocation.
    Approved {
        /// Who.
        by: String,
    },
    /// A person, or a refusal that could not be met, turned the rotation back.
    TurnedBack {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// The rotation was picked up again, by a person or after a crash. Counters of attempts
    /// start anew, and looks that had grown old are made again.
    Resumed {
        /// Who.
        by: String,
    },
    /// The journal may be older than the world: this effect may have been begun after its last
    /// entry. It is settled by looking, like one that was begun and has no end.
    Doubted {
        /// Which effect.
        action: Action,
    },
    /// The end.
    Closed {
        /// Which end.
        outcome: Outcome,
    },
}

/// What showed that a step ended well. Names, versions and fingerprints; never a value.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// A token came to be.
    Created {
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// Its handle, where the issuer gives one.
        handle: Option<Handle>,
        /// How it was seen.
        seen: Seen,
    },
    /// A write was taken, as this version, release or time.
    Written {
        /// The vendor's words for it.
        receipt: String,
    },
    /// A consumer was proven to be on a token, or to hold none.
    Proven {
        /// How sure.
        proof: Proof,
        /// What was seen.
        detail: String,
    },
    /// Leftovers were looked for.
    Swept {
        /// Handles of this rotation's own leftovers, now revoked.
        removed: Vec<Handle>,
        /// Live tokens that nobody knows; reported, never touched.
        unknown: Vec<LiveToken>,
        /// Whether the issuer did not show its tokens, so that others may live there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unlisted: bool,
    },
    /// Something was seen to be right.
    Checked {
        /// What was seen.
        detail: String,
    },
}

/// How a new token was seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// The issuer's API answered with it.
    Minted,
    /// It appeared in the issuer's list; nobody copied it.
    Watched,
    /// A person entered it.
    Entered,
    /// It was found by its marker after its answer had been lost.
    Found,
}

/// How sure it is that a consumer is on a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The value was read back and its fingerprint compared.
    Fingerprint,
    /// The vendor took the write and nothing older still runs; the value cannot be read back.
    Write,
}

/// One look at a token.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Look {
    /// At which token.
    pub which: Which,
    /// What the issuer answered.
    pub liveness: Liveness,
}

/// The old token of a rotation or the new one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The one that is rotated away.
    Old,
    /// The one that takes its place.
    New,
}

/// An answer of the issuer about the old token, for the summary.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub liveness: Liveness,
}

/// Which way a rotation goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Towards the new token.
    Forward,
    /// Back to the old one.
    Back {
        /// Why it turned.
        why: String,
    },
}

/// How a rotation ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end")]
pub enum Outcome {
    /// Everybody is on the new token and the old one is proven dead.
    Completed,
    /// Everybody is on the old token and the new one is gone.
    RolledBack {
        /// Why.
        why: String,
    },
    /// Everything but the revocation was tried, and everybody is on the old token again.
    Rehearsed,
    /// Nobody holds the token any more, the store neither, and it is proven dead.
    Decommissioned,
    /// The token that nobody answered for is proven dead; the secret is as it was.
    Removed,
    /// The world went on without it, after its journal was set back; a person has ended it.
    Abandoned {
        /// What was seen.
        why: String,
    },
}
