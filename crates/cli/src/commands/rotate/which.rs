//! Which secrets a command is about, where it may be about several.

use std::collections::BTreeSet;

use clap::Args;
use domain::SecretName;
use domain::inventory::{Consumer, ConsumerKind, Secret};
use jiff::Timestamp;
use journal::{Reader, TokenState};

use crate::fail::{Fail, Result};
use crate::home::Home;

/// Which secrets
#[derive(Args, Debug, Default, Clone)]
pub(crate) struct Which {
    /// The secrets, as `prod/NAME`
    pub(crate) secrets: Vec<String>,
    /// Every secret whose rotation is due
    #[arg(long)]
    pub(crate) due: bool,
    /// Every secret of this issuer of the inventory
    #[arg(long, value_name = "NAME")]
    pub(crate) issuer: Vec<String>,
    /// Every secret that this consumer holds, such as `heroku:acme-api-prod`
    #[arg(long, value_name = "CONSUMER")]
    pub(crate) consumer: Vec<String>,
}

impl Which {
    /// Whether it may be about several.
    pub(crate) fn is_several(&self) -> bool {
        self.selects() || self.secrets.len() > 1
    }

    /// Whether it says more than names.
    pub(crate) fn selects(&self) -> bool {
        self.due || !self.issuer.is_empty() || !self.consumer.is_empty()
    }

    pub(crate) fn is_nothing(&self) -> bool {
        !self.selects() && self.secrets.is_empty()
    }

    /// The same text for the same question.
    pub(crate) fn text(&self) -> String {
        let mut words: Vec<String> = self.secrets.clone();
        words.sort();
        words.extend(self.due.then(|| "--due".to_owned()));
        words.extend(self.issuer.iter().map(|name| format!("--issuer {name}")));
        words.extend(self.consumer.iter().map(|name| format!("--consumer {name}")));
        words.join(" ")
    }

    /// The secrets.
    pub(crate) fn names(&self, home: &Home, reader: &Reader) -> Result<BTreeSet<SecretName>> {
        let mut names = BTreeSet::new();
        for text in &self.secrets {
            names.insert(home.secret(text)?);
        }
        for issuer in &self.issuer {
            names.extend(in_use(reader, of_issuer(home, issuer)?)?);
        }
        for consumer in &self.consumer {
            names.extend(in_use(reader, of_consumer(home, consumer)?)?);
        }
        if self.due {
            names.extend(due(home, reader, Timestamp::now())?.due);
        }
        Ok(names)
    }
}

/// Without those that are decommissioned.
pub(crate) fn in_use(reader: &Reader, names: BTreeSet<SecretName>) -> Result<BTreeSet<SecretName>> {
    let mut used = BTreeSet::new();
    for name in names {
        if reader.decommissioned(&name)?.is_none() {
            used.insert(name);
        }
    }
    Ok(used)
}

/// What is due, and what nobody can say it of.
pub(crate) struct Due {
    pub(crate) due: BTreeSet<SecretName>,
    pub(crate) unknown: BTreeSet<SecretName>,
}

/// The secrets whose rotation is due at this moment.
pub(crate) fn due(home: &Home, reader: &Reader, now: Timestamp) -> Result<Due> {
    let (mut due, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for secret in home.inventory.secrets.values() {
        let name = secret.name.clone();
        match since(reader, &name)? {
            None if reader.decommissioned(&name)?.is_some() => {}
            None => drop(unknown.insert(name)),
            Some(since) => {
                let schedule = &home.inventory.schedule;
                if schedule.is_due(&name.to_string(), since, secret.max_age, now) {
                    due.insert(name);
                }
            }
        }
    }
    Ok(Due { due, unknown })
}

/// Since when the current token is current, as the journal remembers it.
pub(crate) fn since(reader: &Reader, name: &SecretName) -> Result<Option<Timestamp>> {
    let tokens = reader.tokens(name)?;
    let active = tokens.into_iter().filter(|token| token.state == TokenState::Active);
    Ok(active.map(|token| token.since).max())
}

pub(crate) fn of_issuer(home: &Home, issuer: &str) -> Result<BTreeSet<SecretName>> {
    let names = found(home, |secret| secret.issuer == issuer);
    match home.inventory.issuers.contains_key(issuer) {
        true => Ok(names),
        false => {
            let known: Vec<&String> = home.inventory.issuers.keys().collect();
            Err(Fail::usage(format!("there is no issuer `{issuer}` in the inventory"))
                .hint(format!("it has: {}", listed(&known))))
        }
    }
}

pub(crate) fn of_consumer(home: &Home, consumer: &str) -> Result<BTreeSet<SecretName>> {
    let names = found(home, |secret| secret.consumers.iter().any(|one| is(one, consumer)));
    if !names.is_empty() {
        return Ok(names);
    }
    let all = home.inventory.secrets.values().flat_map(|secret| &secret.consumers);
    let known: BTreeSet<&str> = all.map(|one| one.id.as_str()).collect();
    let known: Vec<&str> = known.into_iter().collect();
    Err(Fail::usage(format!("no secret has a consumer `{consumer}`"))
        .hint(format!("there are: {}", listed(&known))))
}

/// Its identity, or what the vendor calls it.
fn is(consumer: &Consumer, text: &str) -> bool {
    let own = match &consumer.kind {
        ConsumerKind::HerokuConfig { app, .. } => app.as_str(),
        ConsumerKind::Dotenv { path } => path.as_str(),
        ConsumerKind::Workstation { member, .. } => member.as_str(),
        ConsumerKind::GithubSecret { .. } => "",
    };
    consumer.id.as_str() == text || own == text
}

fn found(home: &Home, wanted: impl Fn(&Secret) -> bool) -> BTreeSet<SecretName> {
    let secrets = home.inventory.secrets.values().filter(|secret| wanted(secret));
    secrets.map(|secret| secret.name.clone()).collect()
}

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN_MAX: usize = 12;
    let shown: Vec<&str> = names.iter().take(SHOWN_MAX).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
