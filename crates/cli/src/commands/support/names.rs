//! What a bundle says of names, and that nothing in it looks like a token.

use std::collections::BTreeSet;
use std::path::Path;

use domain::inventory::{ConsumerKind, GithubScope, Inventory, IssuerKind, ProbeKind, StoreKind};
use domain::{Event, FingerprintKey, Token};
use serde_json::{Map, Value};

use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::text::hide;

/// Names shorter than this are left: they would be found inside of other words.
const CHARS_MIN: usize = 3;

/// Words of our own that may be somebody's name for something, and are no secret.
const OURS: [&str; 13] = [
    "postmark",
    "heroku",
    "github",
    "infisical",
    "dotenv",
    "sealed",
    "store",
    "prod",
    "staging",
    "operator",
    "rollover",
    "rollover.db",
    "root",
];

/// The names to be replaced, and the key that they are replaced under; it is never written.
pub(super) struct Names {
    key: Option<FingerprintKey>,
    ids: FingerprintKey,
    known: BTreeSet<String>,
}

impl Names {
    /// Names stay.
    pub(super) fn plain() -> Self {
        Self { key: None, ids: FingerprintKey::new([0; 32]), known: BTreeSet::new() }
    }

    /// Names are replaced.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub(super) fn hashed() -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            Fail::new(Exit::Failed, format!("the system gives no random numbers: {error}"))
        })?;
        let key = FingerprintKey::new(bytes);
        Ok(Self { key: Some(key.clone()), ids: key, known: BTreeSet::new() })
    }

    /// One more name.
    pub(super) fn add(&mut self, name: &str) {
        if name.chars().count() >= CHARS_MIN && !OURS.contains(&name) {
            self.known.insert(name.to_owned());
        }
    }

    /// Everything that people have named in an inventory.
    pub(super) fn of_inventory(&mut self, directory: &Path, inventory: &Inventory) {
        self.add(&directory.display().to_string());
        if let Ok(whole) = directory.canonicalize() {
            self.add(&whole.display().to_string());
        }
        self.add(&inventory.org);
        for member in inventory.people.members() {
            self.add(&member.name);
            member.email.iter().for_each(|email| self.add(email));
        }
        for connection in inventory.connections.values() {
            self.add(&connection.name);
            self.host(&connection.url);
        }
        for issuer in inventory.issuers.values() {
            self.add(&issuer.name);
            match &issuer.kind {
                IssuerKind::PostmarkServer { server, dashboard }
                | IssuerKind::PostmarkAccount { server, dashboard } => {
                    self.add(server);
                    self.host(dashboard);
                }
                IssuerKind::HerokuAuthorization { account, .. } => self.add(account),
            }
        }
        for store in inventory.stores.values() {
            self.add(&store.name);
            match &store.kind {
                StoreKind::Infisical { project, environment, path, .. } => {
                    self.add(project);
                    self.add(environment);
                    self.add(path);
                }
                StoreKind::Sealed { file } => self.add(file),
            }
        }
        for secret in inventory.secrets.values() {
            self.add(&secret.name.to_string());
            self.add(secret.name.key());
            self.add(&secret.store_key);
            self.add(&secret.role);
            secret.owner.iter().chain(&secret.old_description).for_each(|name| self.add(name));
            for consumer in &secret.consumers {
                self.add(&consumer.label);
                consumer.keys.iter().for_each(|key| self.add(key));
                self.consumer(&consumer.kind);
            }
            for probe in &secret.probes {
                self.add(&probe.name);
                self.probe(&probe.kind);
            }
        }
    }

    fn probe(&mut self, kind: &ProbeKind) {
        match kind {
            ProbeKind::Health(ask) | ProbeKind::AppMail { ask, .. } => self.host(&ask.url),
            ProbeKind::TestMail { from, to, subject, .. } => {
                [from, to, subject].into_iter().for_each(|name| self.add(name));
            }
            ProbeKind::Log { app, .. } => self.add(app),
            ProbeKind::Workflow { repo, workflow, inputs, .. } => {
                [repo, workflow].into_iter().chain(inputs.values()).for_each(|name| self.add(name));
            }
        }
    }

    fn consumer(&mut self, kind: &ConsumerKind) {
        match kind {
            ConsumerKind::HerokuConfig { app, .. } => self.add(app),
            ConsumerKind::Dotenv { path } => self.add(path),
            ConsumerKind::Workstation { member, path } => {
                self.add(member);
                self.add(path);
            }
            ConsumerKind::GithubSecret { scope, .. } => match scope {
                GithubScope::Repository(name)
                | GithubScope::Organisation(name)
                | GithubScope::Dependabot(name) => self.add(name),
                GithubScope::Environment(repository, environment) => {
                    self.add(repository);
                    self.add(environment);
                }
            },
        }
    }

    /// The host of an address; those of vendors are no secret.
    fn host(&mut self, url: &str) {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let vendors = ["postmarkapp.com", "heroku.com", "github.com", "infisical.com"];
        if !vendors.iter().any(|vendor| host.ends_with(vendor)) {
            self.add(host);
        }
    }

    /// Who did something, and what a plan has named that the inventory no longer does.
    pub(super) fn of_event(&mut self, event: &Event) {
        match event {
            Event::Planned { plan, by } => {
                self.add(by);
                for name in [&plan.issuer.name, &plan.issuer.identity, &plan.store.name] {
                    self.add(name);
                }
                self.add(&plan.store.key);
                self.add(&plan.secret.to_string());
                self.add(plan.secret.key());
                self.add(&plan.role);
                for consumer in &plan.consumers {
                    self.add(&consumer.label);
                    self.add(consumer.id.to_string().split_once(':').map_or("", |(_, name)| name));
                    consumer.keys.iter().for_each(|key| self.add(key));
                }
                plan.audit_context.iter().for_each(|(_, name)| self.add(name));
            }
            Event::Approved { by } | Event::TurnedBack { by, .. } | Event::Resumed { by } => {
                self.add(by);
            }
            _ => {}
        }
    }

    /// The same, with names replaced where that was asked for, and without anything that has the
    /// form of a token.
    pub(super) fn cleaned(&self, value: &Value) -> Value {
        // The longest first: a name may be a part of another one.
        let mut names: Vec<&String> = self.known.iter().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        self.clean(value, &names)
    }

    fn clean(&self, value: &Value, names: &[&String]) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text, names)),
            Value::Array(all) => all.iter().map(|one| self.clean(one, names)).collect(),
            Value::Object(all) => Value::Object(
                all.iter()
                    .map(|(key, one)| (self.text(key, names), self.clean(one, names)))
                    .collect::<Map<_, _>>(),
            ),
            other => other.clone(),
        }
    }

    fn text(&self, text: &str, names: &[&String]) -> String {
        let mut text = text.to_owned();
        if let Some(key) = &self.key {
            for name in names {
                if text.contains(name.as_str()) {
                    let hash = key.of(&Token::from(name.as_str()));
                    text = text.replace(name.as_str(), &format!("name-{hash}"));
                }
            }
        }
        self.without_tokens(&text)
    }

    /// Hides whatever may be a value. A UUID may be the id of an authorization or a Postmark
    /// token; a hash tells two of them apart.
    fn without_tokens(&self, text: &str) -> String {
        hide::words(text, |word| {
            if hide::is_marked(word) {
                return Some("(hidden)".into());
            }
            let id = hide::is_uuid(word).then(|| self.ids.of(&Token::from(word)));
            id.map(|hash| format!("id-{hash}"))
        })
        .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_replaced_wherever_they_stand_and_alike() {
        let mut names = Names::hashed().unwrap();
        for name in ["acme", "acme-api", "ab", "postmark"] {
            names.add(name);
        }
        let cleaned =
            names.cleaned(&json!({ "acme": ["in acme-api: 401", "acme", "ab"], "postmark": 1 }));
        let text = cleaned.to_string();
        assert!(!text.contains("acme") && text.contains("\"ab\"") && text.contains("postmark"));
        let hash = format!("name-{}", names.key.as_ref().unwrap().of(&Token::from("acme")));
        assert_eq!(text.matches(&hash).count(), 2, "{text}");
        let other = Names::hashed().unwrap().key.unwrap().of(&Token::from("acme"));
        assert!(!text.contains(&other.to_string()), "hashes mean nothing elsewhere");
    }

    #[test]
    fn what_has_the_form_of_a_token_is_hidden_even_where_names_stay() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        let heroku = format!("HRKU-{}", "a".repeat(60));
        let cleaned = Names::plain().cleaned(&json!([format!("x={uuid}; {heroku}"), "acme-api"]));
        let text = cleaned.to_string();
        assert!(!text.contains(uuid) && !text.contains(&heroku), "{text}");
        assert!(text.contains("acme-api") && text.contains("id-"), "{text}");
    }
}
