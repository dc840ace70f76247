//! What a leaked token reaches: whatever whoever holds it could read or do.

use connectors::profile_of;
use domain::SecretName;
use domain::inventory::{ConsumerKind, Inventory, IssuerKind, Secret};

/// Scopes of Heroku whose tokens read config vars.
const READS_CONFIG: [&str; 3] = ["global", "read-protected", "write-protected"];

/// The other secrets whose tokens a token of this secret can read, and why.
pub(super) fn reach(inventory: &Inventory, name: &SecretName) -> Vec<(SecretName, String)> {
    let Some(secret) = inventory.secret(name) else { return Vec::new() };
    let mut reached = Vec::new();
    for other in inventory.secrets.values().filter(|other| other.name != *name) {
        if let Some(why) = siblings(inventory, secret, other)
            .or_else(|| servers(inventory, secret, other))
            .or_else(|| config(inventory, secret, other))
        {
            reached.push((other.name.clone(), why));
        }
    }
    reached
}

/// One token of a Postmark server reads all tokens of that server.
fn siblings(inventory: &Inventory, secret: &Secret, other: &Secret) -> Option<String> {
    let (own, theirs) =
        (inventory.issuers.get(&secret.issuer)?, inventory.issuers.get(&other.issuer)?);
    let same = own.via == theirs.via && own.kind == theirs.kind;
    (same && profile_of(&own.kind).reads_siblings)
        .then(|| format!("both are tokens of {}", secret.issuer))
}

/// A token of a Postmark account reads the tokens of every server of the account. The inventory
/// does not say which servers that are, so every server at the same address counts.
fn servers(inventory: &Inventory, secret: &Secret, other: &Secret) -> Option<String> {
    let (own, theirs) =
        (inventory.issuers.get(&secret.issuer)?, inventory.issuers.get(&other.issuer)?);
    let IssuerKind::PostmarkAccount { server: known, .. } = &own.kind else { return None };
    let IssuerKind::PostmarkServer { server, .. } = &theirs.kind else { return None };
    let address = |via: &str| inventory.connections.get(via).map(|connection| &connection.url);
    (address(&own.via) == address(&theirs.via)).then(|| match server == known {
        true => format!("it is a token of {server}, a server of the account"),
        false => format!("it is a token of {server}, unless that server is of another account"),
    })
}

/// A broad token of Heroku reads the config vars of the account's apps.
fn config(inventory: &Inventory, secret: &Secret, other: &Secret) -> Option<String> {
    let IssuerKind::HerokuAuthorization { scope, .. } =
        &inventory.issuers.get(&secret.issuer)?.kind
    else {
        return None;
    };
    if !scope.iter().any(|scope| READS_CONFIG.contains(&scope.as_str())) {
        return None;
    }
    other.consumers.iter().find_map(|consumer| match &consumer.kind {
        ConsumerKind::HerokuConfig { app, .. } => {
            Some(format!("it is a config var of the Heroku app {app}"))
        }
        _ => None,
    })
}
