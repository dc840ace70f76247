//! From the inventory to what each connector knows for a secret's runbook: how its part is done
//! by hand, what can go wrong, what it rests on. Nothing is connected to, and no login is read.
//!
//! The texts stand with their vendors. What all of them hold to is checked here: a value is a
//! variable of the shell, and only `printf` is given it.

use domain::ConsumerId;
use domain::inventory::{
    Connection, Consumer, ConsumerKind, GithubScope, Inventory, IssuerKind, ProbeKind, Secret,
    StoreKind,
};
use domain::runbook::{ConsumerManual, IssuerManual, Manual, StoreManual};

mod probes;

use crate::{dotenv, github, heroku, infisical, postmark, sealed_file, workstation};

/// The manual of a secret. `None` where the inventory lacks a part, which no inventory does that
/// was loaded.
#[must_use]
pub fn manual_of(inventory: &Inventory, secret: &Secret) -> Option<Manual> {
    let about = About { inventory, secret };
    Some(Manual {
        issuer: about.issuer()?,
        store: about.store()?,
        consumers: about.all(&secret.consumers)?,
        not_enabled: about.all(&secret.not_enabled)?,
        probes: secret.probes.iter().filter_map(|probe| about.probe(probe)).collect(),
    })
}

/// One secret, and where its parts are found.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) inventory: &'a Inventory,
    pub(crate) secret: &'a Secret,
}

impl<'a> About<'a> {
    fn issuer(&self) -> Option<IssuerManual> {
        let issuer = self.inventory.issuers.get(&self.secret.issuer)?;
        let url = self.url(&issuer.via)?;
        Some(match &issuer.kind {
            IssuerKind::PostmarkServer { server, dashboard } => {
                postmark::manual::issuer(*self, url, server, dashboard)
            }
            IssuerKind::PostmarkAccount { server, dashboard } => {
                postmark::account_manual::issuer(*self, url, server, dashboard)
            }
            IssuerKind::HerokuAuthorization { account, scope, .. } => {
                heroku::manual::issuer(*self, url, account, scope)
            }
        })
    }

    fn store(&self) -> Option<StoreManual> {
        let store = self.inventory.stores.get(&self.secret.store)?;
        Some(match &store.kind {
            StoreKind::Infisical { project, environment, path, .. } => {
                infisical::manual::store(&self.secret.store_key, project, environment, path)
            }
            StoreKind::Sealed { .. } => sealed_file::manual::store(&self.secret.name),
        })
    }

    fn all(&self, consumers: &[Consumer]) -> Option<Vec<(ConsumerId, ConsumerManual)>> {
        let each = |one: &Consumer| Some((one.id.clone(), self.consumer(one)?));
        consumers.iter().map(each).collect()
    }

    fn consumer(&self, consumer: &Consumer) -> Option<ConsumerManual> {
        let keys = &consumer.keys;
        Some(match &consumer.kind {
            ConsumerKind::HerokuConfig { via, app } => {
                heroku::manual::consumer(self.url(via)?, app, keys)
            }
            ConsumerKind::GithubSecret { scope, .. } => github::manual::consumer(scope, keys),
            ConsumerKind::Dotenv { path } => dotenv::manual::consumer(path, keys),
            ConsumerKind::Workstation { member, path } => {
                workstation::manual::consumer(member, path, keys)
            }
        })
    }

    /// Whether the inventory has a probe of such a kind; then nobody needs it as a note.
    pub(crate) fn has_probe(&self, is: fn(&ProbeKind) -> bool) -> bool {
        self.secret.probes.iter().any(|probe| is(&probe.kind))
    }

    fn url(&self, via: &str) -> Option<&'a str> {
        self.inventory
            .connections
            .get(via)
            .map(|connection: &'a Connection| connection.url.as_str())
    }

    /// The apps among the consumers.
    pub(crate) fn apps(&self) -> Vec<&'a str> {
        let app = |consumer: &'a Consumer| match &consumer.kind {
            ConsumerKind::HerokuConfig { app, .. } => Some(app.as_str()),
            _ => None,
        };
        self.secret.consumers.iter().filter_map(app).collect()
    }

    /// The repositories among the consumers.
    pub(crate) fn repositories(&self) -> Vec<String> {
        let repository = |consumer: &Consumer| match &consumer.kind {
            ConsumerKind::GithubSecret {
                scope: GithubScope::Repository(name) | GithubScope::Environment(name, _),
                ..
            } => Some(name.clone()),
            _ => None,
        };
        let mut all: Vec<String> = self.secret.consumers.iter().filter_map(repository).collect();
        all.dedup();
        all
    }
}

/// A word for the shell, in quotes where it needs them.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests;
