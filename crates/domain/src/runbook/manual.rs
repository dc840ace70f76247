//! How everything is done by hand, and what else a connector knows for a runbook. Written by the
//! connectors, one file a vendor, with the names of the inventory put in.
//!
//! In the commands `$OLD`, `$NEW` and `$LOGIN` are variables of the shell that `read -rs` has
//! filled. They are given to `printf` and to nothing else: `printf` is part of the shell, so no
//! other process sees its arguments, and everything else reads from a pipe or a file.

use serde::Serialize;

use super::Claim;
use crate::ConsumerId;

/// Something that is done by hand.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct ByHand {
    /// What it does.
    pub title: String,
    /// Lines for a shell; empty where a page is clicked.
    pub commands: Vec<String>,
    /// What it should show.
    pub expect: String,
}

impl ByHand {
    /// One thing that is done by hand.
    #[must_use]
    pub fn new(title: impl Into<String>, commands: Vec<String>, expect: impl Into<String>) -> Self {
        Self { title: title.into(), commands, expect: expect.into() }
    }
}

/// Something that goes wrong, and what then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// What is seen.
    pub what: String,
    /// What to do.
    pub then: String,
}

impl Failure {
    /// One thing that goes wrong.
    #[must_use]
    pub fn new(what: impl Into<String>, then: impl Into<String>) -> Self {
        Self { what: what.into(), then: then.into() }
    }
}

/// Everything that the connectors of one secret know for its runbook.
#[derive(Clone, Debug)]
pub struct Manual {
    /// Its issuer's.
    pub issuer: IssuerManual,
    /// Its store's.
    pub store: StoreManual,
    /// Its consumers', in the order of the inventory.
    pub consumers: Vec<(ConsumerId, ConsumerManual)>,
    /// Those of places that could hold a copy and do not.
    pub not_enabled: Vec<(ConsumerId, ConsumerManual)>,
    /// The inventory's own probes, by hand.
    pub probes: Vec<ByHand>,
}

/// An issuer's.
#[derive(Clone, Debug, Default)]
pub struct IssuerManual {
    /// What its token is, such as `server token of the Postmark server acme-prod`.
    pub what: String,
    /// What is not meant.
    pub not_in_scope: Vec<String>,
    /// What shapes the steps.
    pub facts: Vec<String>,
    /// What has to be at hand.
    pub needs: Vec<String>,
    /// Looks at the current token.
    pub confirm: Vec<ByHand>,
    /// Makes another one.
    pub create: Vec<ByHand>,
    /// Looks at the new token.
    pub validate: Vec<ByHand>,
    /// Looks at programs that use it.
    pub in_use: Vec<ByHand>,
    /// Revokes the old one.
    pub revoke: Vec<ByHand>,
    /// Sees it dead.
    pub prove: Vec<ByHand>,
    /// More about the way back.
    pub rollback_before: Vec<String>,
    /// The way on, once the old token is gone.
    pub rollback_after: Vec<String>,
    /// What the last audit record carries.
    pub audit: Vec<String>,
    /// What can go wrong.
    pub failures: Vec<Failure>,
    /// What it rests on.
    pub claims: &'static [Claim],
}

/// A store's.
#[derive(Clone, Debug, Default)]
pub struct StoreManual {
    /// Writes the new token, and reads it back.
    pub write: Vec<ByHand>,
    /// What can go wrong.
    pub failures: Vec<Failure>,
    /// What it rests on.
    pub claims: &'static [Claim],
}

/// A consumer's.
#[derive(Clone, Debug, Default)]
pub struct ConsumerManual {
    /// Gives it the new token.
    pub write: Vec<ByHand>,
    /// Sees it on the new token.
    pub check: Vec<ByHand>,
    /// How it is brought back.
    pub back: Vec<String>,
    /// What can go wrong.
    pub failures: Vec<Failure>,
    /// What it rests on.
    pub claims: &'static [Claim],
}

impl Manual {
    /// What can go wrong anywhere, each once.
    pub(super) fn failures(&self) -> Vec<Failure> {
        let mut all: Vec<Failure> = Vec::new();
        let consumers = self.consumers.iter().flat_map(|(_, one)| &one.failures);
        for failure in self.issuer.failures.iter().chain(&self.store.failures).chain(consumers) {
            if !all.contains(failure) {
                all.push(failure.clone());
            }
        }
        all
    }

    /// What everything rests on, each once.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let mut all: Vec<Claim> = Vec::new();
        let consumers = self.consumers.iter().flat_map(|(_, one)| one.claims);
        for claim in self.issuer.claims.iter().chain(self.store.claims).chain(consumers) {
            if !all.contains(claim) {
                all.push(*claim);
            }
        }
        all
    }
}
