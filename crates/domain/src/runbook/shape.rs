//! What a validation depends on: the parts of an inventory that a rotation goes through. A run
//! keeps it in its plan; where it differs from the inventory of today, the runbook says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inventory::{Inventory, Probe, Secret};
use crate::{Plan, ProbePart, inventory};

/// The parts that a rotation goes through.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Shape {
    /// The issuer's name.
    pub issuer: String,
    /// Who every token answers as.
    pub identity: String,
    /// The store's name.
    pub store: String,
    /// The key in the store.
    pub key: String,
    /// Each consumer, with the names that it holds the token under.
    pub consumers: BTreeMap<String, Vec<String>>,
    /// Each probe, with what it is.
    pub probes: BTreeMap<String, String>,
    /// The least role.
    pub role: String,
}

impl Shape {
    /// As the inventory has it.
    #[must_use]
    pub fn of(inventory: &Inventory, secret: &Secret) -> Self {
        let issuer = inventory.issuers.get(&secret.issuer);
        let identity = issuer.map(|issuer| issuer.kind.identity().into_owned());
        let consumers = secret.consumers.iter();
        Self {
            issuer: secret.issuer.clone(),
            identity: identity.unwrap_or_default(),
            store: secret.store.clone(),
            key: secret.store_key.clone(),
            consumers: consumers.map(|one| (one.id.to_string(), one.keys.clone())).collect(),
            probes: secret.probes.iter().map(probed).collect(),
            role: secret.role.clone(),
        }
    }

    /// As it was when a plan was made.
    #[must_use]
    pub fn planned(plan: &Plan) -> Self {
        let consumers = plan.consumers.iter();
        Self {
            issuer: plan.issuer.name.clone(),
            identity: plan.issuer.identity.clone(),
            store: plan.store.name.clone(),
            key: plan.store.key.clone(),
            consumers: consumers.map(|one| (one.id.to_string(), one.keys.clone())).collect(),
            probes: plan.probes.iter().map(planned).collect(),
            role: plan.role.clone(),
        }
    }

    /// What is different from before, in words; empty where nothing is.
    #[must_use]
    pub fn differences(&self, before: &Self) -> Vec<String> {
        let mut said = Vec::new();
        for (name, keys) in &self.consumers {
            match before.consumers.get(name) {
                None => said.push(format!("consumer {name} was added")),
                Some(old) if old != keys => {
                    said.push(format!("consumer {name} holds it as {}", keys.join(", ")));
                }
                Some(_) => {}
            }
        }
        let gone = before.consumers.keys().filter(|name| !self.consumers.contains_key(*name));
        said.extend(gone.map(|name| format!("consumer {name} was removed")));
        let parts = [
            ("the issuer", &before.issuer, &self.issuer),
            ("the identity", &before.identity, &self.identity),
            ("the store", &before.store, &self.store),
            ("the key in the store", &before.key, &self.key),
            ("the role", &before.role, &self.role),
        ];
        for (what, old, new) in parts.iter().filter(|(_, old, new)| old != new) {
            said.push(format!("{what} was {old} and is {new}"));
        }
        for (name, what) in &self.probes {
            match before.probes.get(name) {
                None => said.push(format!("probe {name} was added")),
                Some(old) if old != what => said.push(format!("probe {name} is {what}")),
                Some(_) => {}
            }
        }
        let gone = before.probes.keys().filter(|name| !self.probes.contains_key(*name));
        said.extend(gone.map(|name| format!("probe {name} was removed")));
        said
    }
}

/// The kind alone: in a lab, and in a rehearsal there, addresses are others.
fn probed(probe: &Probe) -> (String, String) {
    (probe.name.clone(), probe.kind.word().to_owned())
}

fn planned(part: &ProbePart) -> (String, String) {
    (part.name.to_string(), part.kind.clone())
}

impl Inventory {
    /// Whether every vendor is on this machine, as in a lab.
    #[must_use]
    pub fn is_a_lab(&self) -> bool {
        let here = |connection: &inventory::Connection| {
            inventory::address(&connection.url, inventory::AddressUse::Connection)
                .is_ok_and(|url| inventory::is_on_this_machine(&url))
        };
        !self.connections.is_empty() && self.connections.values().all(here)
    }
}
