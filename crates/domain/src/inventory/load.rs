//! From the files' text to an [`Inventory`], or to everything that is wrong with them.

mod consumers;
mod notify;
mod organisation;
mod people;
mod probes;
mod schedule;

use std::collections::BTreeMap;

use super::raw;
use super::reference::Page;
use super::{Auth, Diagnostic, Inventory, Secret, Source};
use crate::SecretName;

/// One file of the inventory: where it stands and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceFile {
    /// The path, as people are shown it.
    pub path: String,
    /// The text.
    pub text: String,
}

/// Reads an inventory.
///
/// # Errors
/// Everything that is wrong, each with file, line and column.
pub fn load(main: &SourceFile, secrets: &[SourceFile]) -> Result<Inventory, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let mut page = Page::new(main);
    let inventory = page.parse::<raw::Organisation>().and_then(|raw| page.organisation(&raw));
    wrong.append(&mut page.wrong);
    let Some(mut inventory) = inventory else {
        return Err(wrong);
    };
    let mut places: BTreeMap<SecretName, String> = BTreeMap::new();
    for file in secrets {
        let mut page = Page::new(file);
        if let Some(raw) = page.parse::<raw::Secret>()
            && let Some(secret) = page.secret(&raw, &inventory)
        {
            if let Some(other) = places.insert(secret.name.clone(), file.path.clone()) {
                page.say(raw.name.span(), format!("{} stands in {other} already", secret.name));
            }
            page.refuse_shared_places(&raw, &secret, &inventory);
            inventory.secrets.insert(secret.name.clone(), secret);
        }
        wrong.append(&mut page.wrong);
    }
    wrong.extend(missing_logins(main, &inventory, wrong.is_empty()));
    if wrong.is_empty() { Ok(inventory) } else { Err(wrong) }
}

/// A connection that logs in with a secret of the inventory needs that secret to be there.
fn missing_logins(main: &SourceFile, inventory: &Inventory, sure: bool) -> Vec<Diagnostic> {
    let mut page = Page::new(main);
    for connection in inventory.connections.values() {
        if let Auth::Token(Source::Secret(name)) = &connection.auth
            && sure
            && !inventory.secrets.contains_key(name)
        {
            let written = name.to_string();
            let start = main.text.find(&written).unwrap_or(0);
            page.say(
                start..start + written.len(),
                format!(
                    "connection `{}` logs in with {name}, which no secrets/*.toml describes",
                    connection.name
                ),
            );
        }
    }
    page.wrong
}

impl Page<'_> {
    /// Two secrets in one place would overwrite one another.
    fn refuse_shared_places(&mut self, raw: &raw::Secret, secret: &Secret, inventory: &Inventory) {
        for other in inventory.secrets.values().filter(|other| other.name != secret.name) {
            if (&other.store, &other.store_key) == (&secret.store, &secret.store_key) {
                self.say_hint(
                    raw.store.store.span(),
                    format!("{} has the key `{}` in this store", other.name, secret.store_key),
                    "give this one a key of its own: store = { in = \"...\", key = \"...\" }"
                        .into(),
                );
            }
            for consumer in &secret.consumers {
                let same = other.consumers.iter().filter(|theirs| theirs.id == consumer.id);
                for key in
                    same.flat_map(|theirs| &theirs.keys).filter(|k| consumer.keys.contains(k))
                {
                    let message = format!("{} writes `{key}` of {}, too", other.name, consumer.id);
                    self.say(raw.name.span(), message);
                }
            }
        }
    }

    fn secret(&mut self, raw: &raw::Secret, inventory: &Inventory) -> Option<Secret> {
        let before = self.wrong.len();
        let name = match SecretName::new(raw.environment.get_ref(), raw.name.get_ref()) {
            Ok(name) => Some(name),
            Err(error) => {
                self.say(raw.name.span(), error.to_string());
                None
            }
        };
        if !inventory.issuers.contains_key(raw.issuer.get_ref()) {
            let known = inventory.issuers.keys().map(String::as_str);
            self.unknown_word(&raw.issuer, "issuer", known);
        }
        if !inventory.stores.contains_key(raw.store.store.get_ref()) {
            let known = inventory.stores.keys().map(String::as_str);
            self.unknown_word(&raw.store.store, "store", known);
        }
        let consumers = self.consumers(raw, inventory, true);
        let not_enabled = self.consumers(raw, inventory, false);
        let probes = self.probes(raw, inventory);
        let policy = &inventory.policy;
        let (role, gates) = self.gates(raw, inventory);
        (self.wrong.len() == before).then_some(())?;
        Some(Secret {
            name: name?,
            file: self.file.path.clone(),
            owner: raw.owner.clone(),
            issuer: raw.issuer.get_ref().clone(),
            store: raw.store.store.get_ref().clone(),
            store_key: raw.store.key.clone().unwrap_or_else(|| raw.name.get_ref().clone()),
            max_age: raw.max_age.unwrap_or(policy.max_age),
            soak: raw.soak.unwrap_or(policy.soak),
            role,
            gates,
            old_description: raw.old.description.clone(),
            known: raw.known.clone(),
            create_text: raw.create.operator.clone(),
            revoke_text: raw.revoke.operator.clone(),
            consumers,
            not_enabled,
            probes,
        })
    }
}

#[cfg(test)]
mod tests;
