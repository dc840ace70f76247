//! Checks of the inventory and of what rollover remembers.

use std::collections::BTreeSet;

use super::repository::spots;
use super::{Beside, Evidence, Facts, Judged, Looked, SecretFacts, Verdict};
use crate::SecretName;

fn each(facts: &Facts, otherwise: &str, wrong: impl Fn(&SecretFacts) -> Option<String>) -> Judged {
    if facts.secrets.is_empty() {
        return Judged::not_applicable("the inventory has no secrets");
    }
    let found = facts.secrets.iter().filter_map(wrong).map(Evidence::of).collect();
    Judged::unless(found, otherwise)
}

pub(super) fn one_token_one_place(facts: &Facts) -> Judged {
    each(facts, "no secret serves production and the rest", |secret| {
        let (production, rest): (Vec<_>, Vec<_>) =
            secret.consumers.iter().partition(|(_, production)| *production);
        let names = |all: &[&(String, bool)]| {
            all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        };
        (!production.is_empty() && !rest.is_empty()).then(|| {
            format!(
                "{} serves {} and, outside production, {}",
                secret.name,
                names(&production),
                names(&rest)
            )
        })
    })
}

pub(super) fn shared_token(facts: &Facts) -> Judged {
    each(facts, "every secret has a token of its own", |secret| {
        let fingerprint = secret.fingerprint?;
        let twin = facts
            .secrets
            .iter()
            .find(|other| other.name < secret.name && other.fingerprint == Some(fingerprint))?;
        Some(format!("{} and {} hold the same token, fp {fingerprint}", twin.name, secret.name))
    })
}

pub(super) fn token_age(facts: &Facts) -> Judged {
    if facts.secrets.is_empty() {
        return Judged::not_applicable("the inventory has no secrets");
    }
    let old = facts.secrets.iter().filter_map(|secret| {
        let age = secret.age_days.filter(|age| *age > secret.max_age_days)?;
        Some(format!(
            "{} is {age} days old, at most {} are allowed",
            secret.name, secret.max_age_days
        ))
    });
    let found: Vec<Evidence> = old.map(Evidence::of).collect();
    let unknown = facts.secrets.iter().filter(|secret| secret.age_days.is_none());
    let unknown: Vec<String> = unknown.map(|secret| secret.name.to_string()).collect();
    match (found.is_empty(), unknown.is_empty()) {
        (true, false) => Judged::unknown(format!(
            "nobody remembers how old these are: {}; a rotation begins the count",
            unknown.join(", ")
        )),
        _ => Judged::unless(found, "every token is younger than its policy"),
    }
}

pub(super) fn unknown_tokens(facts: &Facts) -> Judged {
    if facts.secrets.is_empty() {
        return Judged::not_applicable("the inventory has no secrets");
    }
    let mut found = Vec::new();
    let mut unseen = Vec::new();
    for secret in &facts.secrets {
        match &secret.unknown_tokens {
            Looked::Seen(0) => {}
            Looked::Seen(count) => found.push(Evidence::of(format!(
                "{count} live token(s) beside that of {} that nobody knows: rollover plan {}",
                secret.name, secret.name
            ))),
            Looked::Not(why) => unseen.push(format!("{}: {why}", secret.name)),
        }
    }
    match (found.is_empty(), unseen.is_empty()) {
        (true, false) => Judged::unknown(unseen.join("; ")),
        _ => Judged::unless(found, "every live token is known"),
    }
}

pub(super) fn owner(facts: &Facts) -> Judged {
    each(facts, "every secret has an owner", |secret| {
        secret.owner.is_none().then(|| format!("{} has no owner", secret.name))
    })
}

pub(super) fn private_files(facts: &Facts) -> Judged {
    if facts.private.is_empty() {
        return Judged::not_applicable("there are no files with values");
    }
    let open = facts.private.iter().filter(|(_, mode)| mode & 0o077 != 0);
    let found =
        open.map(|(path, mode)| Evidence::at(format!("its mode is {:03o}", mode & 0o777), path, 0));
    Judged::unless(found.collect(), "files with values are their owner's alone")
}

pub(super) fn shell_history(facts: &Facts) -> Judged {
    spots(&facts.in_shell, "no token of ours in a shell's history")
}

/// What one of ours is says its fingerprint, whatever it is called; of another value its name and
/// its form tell.
pub(super) fn account_tokens(facts: &Facts) -> Judged {
    let manages = |name: &SecretName| {
        facts.secrets.iter().any(|secret| secret.manages && secret.name == *name)
    };
    let is_named_so = |name: &str| {
        let name = name.to_uppercase();
        name.contains("POSTMARK") && name.contains("ACCOUNT")
    };
    let passes = "no account token is seen beside the token of a program";
    let judged = each(facts, passes, |secret| {
        // Where servers are managed an account token is at home.
        let beside = secret.beside.iter().filter(|_| !secret.manages);
        let mut found = beside.filter_map(|Beside { name, file, of, fits }| match of {
            Some(of) if manages(of) => Some(format!("`{name}` in {file} is the token of {of}")),
            None if *fits && is_named_so(name) => {
                Some(format!("`{name}` in {file} is named like an account token"))
            }
            _ => None,
        });
        found.next().map(|what| format!("{what}; {} stands there, too", secret.name))
    });
    let theirs = facts.secrets.iter().filter(|secret| !secret.manages);
    let unread: BTreeSet<&str> =
        theirs.flat_map(|secret| secret.unread.iter().map(String::as_str)).collect();
    match judged.verdict {
        // What was not read may hold one.
        Verdict::Pass if !unread.is_empty() => {
            Judged::unknown(unread.into_iter().collect::<Vec<_>>().join("; "))
        }
        _ => judged,
    }
}

pub(super) fn scope_wide(facts: &Facts) -> Judged {
    let scoped = facts.secrets.iter().filter(|secret| secret.scope.is_some());
    if scoped.clone().next().is_none() {
        return Judged::not_applicable("no issuer has scopes");
    }
    let wide = scoped.filter_map(|secret| {
        let global = secret.scope.iter().flatten().any(|word| word == "global");
        let none = secret.scope.as_ref().is_some_and(Vec::is_empty);
        (global || none)
            .then(|| Evidence::of(format!("{} may everything: scope `global`", secret.name)))
    });
    Judged::unless(wide.collect(), "no token may everything")
}

pub(super) fn expiry(facts: &Facts) -> Judged {
    let able = facts.secrets.iter().filter(|secret| secret.expires.is_some());
    if able.clone().next().is_none() {
        return Judged::not_applicable("no issuer has tokens that end by themselves");
    }
    let endless = able.filter(|secret| secret.expires == Some(false));
    let found = endless.map(|secret| Evidence::of(format!("{} never ends by itself", secret.name)));
    Judged::unless(found.collect(), "every token ends by itself")
}
