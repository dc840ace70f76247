//! Looks at what the checks of [`domain::posture`] are about: secrets, servers, repositories.
//! Reads only.

use std::path::Path;

use connectors::Survey;
use domain::inventory::{ConsumerKind, GithubScope, IssuerKind, Secret};
use domain::posture::{Facts, GithubFacts, Looked, SecretFacts, ServerFacts};
use domain::{Fingerprint, Observed, SecretName, StoreSeen, Token};
use jiff::Timestamp;

use crate::{Engine, EngineError};

impl Engine {
    /// What the inventory, the memory and the vendors tell. `offline`: the vendors are not asked.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn posture(&self, directory: &Path, offline: bool) -> Result<Facts, EngineError> {
        let mut facts = Facts::default();
        for secret in self.inventory.secrets.values() {
            if self.reader.decommissioned(&secret.name)?.is_some() {
                continue;
            }
            let token = if offline { None } else { self.look_at_store(secret).await.token };
            let observed = match offline {
                true => None,
                // What cannot be looked at is unknown, and no reason to end.
                false => self.look_around(&secret.name).await.ok(),
            };
            facts.secrets.push(self.secret_facts(secret, observed.as_ref())?);
            self.server_facts(secret, token.as_ref(), directory, &mut facts.servers).await;
        }
        facts.repositories = self.repositories(directory, offline).await;
        Ok(facts)
    }

    fn secret_facts(
        &self,
        secret: &Secret,
        observed: Option<&Observed>,
    ) -> Result<SecretFacts, EngineError> {
        let fingerprint = observed.and_then(|seen| match &seen.store {
            StoreSeen::Holds { fingerprint, .. } => Some(*fingerprint),
            _ => None,
        });
        let made = self.made(&secret.name, fingerprint)?;
        let day = 86_400;
        let age_days = made.map(|at| (self.clock.now().as_second() - at.as_second()) / day);
        let issuer = self.inventory.issuers.get(&secret.issuer).map(|issuer| &issuer.kind);
        let (scope, expires) = match issuer {
            Some(IssuerKind::HerokuAuthorization { scope, expires_in, .. }) => {
                (Some(scope.clone()), Some(expires_in.is_some()))
            }
            _ => (None, None),
        };
        let consumers = secret.consumers.iter();
        let is_production = secret.name.environment().starts_with("prod");
        Ok(SecretFacts {
            name: secret.name.clone(),
            owner: secret.owner.clone(),
            fingerprint,
            consumers: consumers
                .map(|part| (part.label.clone(), part.production && is_production))
                .collect(),
            manages: matches!(issuer, Some(IssuerKind::PostmarkAccount { .. })),
            beside: Vec::new(),
            unread: Vec::new(),
            age_days,
            max_age_days: i64::try_from(secret.max_age.millis() / 86_400_000).unwrap_or(i64::MAX),
            unknown_tokens: unknown_tokens(secret, fingerprint, observed),
            scope,
            expires,
        })
    }

    /// When a secret's token was made, as far as it is remembered.
    fn made(
        &self,
        name: &SecretName,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Option<Timestamp>, EngineError> {
        let rows = self.reader.tokens(name)?;
        let is_it = |row: &journal::TokenRow| {
            row.state == journal::TokenState::Active
                && fingerprint.is_none_or(|fingerprint| row.fingerprint == fingerprint)
        };
        Ok(rows.into_iter().find(is_it).map(|row| row.since))
    }

    async fn server_facts(
        &self,
        secret: &Secret,
        token: Option<&Token>,
        directory: &Path,
        servers: &mut Vec<ServerFacts>,
    ) {
        let Some(issuer) = self.inventory.issuers.get(&secret.issuer) else { return };
        let IssuerKind::PostmarkServer { server, .. } = &issuer.kind else { return };
        let environment = secret.name.environment().to_owned();
        let beyond = secret.consumers.iter().any(|part| !part.production);
        if let Some(known) = servers.iter_mut().find(|known| known.name == *server) {
            known.environments.insert(environment);
            known.beyond_production |= beyond;
            return;
        }
        let survey = self
            .inventory
            .connections
            .get(&issuer.via)
            .and_then(|connection| Survey::new(connection, directory).ok());
        let (sandbox, webhooks) = match (survey, token) {
            (Some(survey), Some(token)) => {
                (looked(survey.is_sandbox(token).await), looked(survey.webhooks(token).await))
            }
            _ => {
                let why = "the server was not asked: no token, or offline";
                (Looked::Not(why.into()), Looked::Not(why.into()))
            }
        };
        let (name, environments) = (server.clone(), [environment].into());
        let beyond_production = beyond;
        servers.push(ServerFacts { name, environments, beyond_production, sandbox, webhooks });
    }

    /// Every repository at GitHub that is a consumer.
    async fn repositories(&self, directory: &Path, offline: bool) -> Vec<GithubFacts> {
        let mut found: Vec<GithubFacts> = Vec::new();
        for part in self.inventory.secrets.values().flat_map(|secret| &secret.consumers) {
            let ConsumerKind::GithubSecret { via, scope } = &part.kind else { continue };
            let name = match scope {
                GithubScope::Repository(name)
                | GithubScope::Environment(name, _)
                | GithubScope::Dependabot(name) => name,
                GithubScope::Organisation(_) => continue,
            };
            if found.iter().any(|known| known.name == *name) {
                continue;
            }
            found.push(self.repository(via, name, directory, offline).await);
        }
        found
    }

    async fn repository(
        &self,
        via: &str,
        name: &str,
        directory: &Path,
        offline: bool,
    ) -> GithubFacts {
        let unseen = |why: &str| GithubFacts {
            name: name.to_owned(),
            public: Looked::Not(why.into()),
            scanning: Looked::Not(why.into()),
            environments: Looked::Not(why.into()),
        };
        if offline {
            return unseen("GitHub was not asked");
        }
        let connection = self.inventory.connections.get(via);
        let survey = connection.and_then(|connection| Survey::new(connection, directory).ok());
        let login = self.world.logins.get(via).and_then(connectors::Login::get);
        let (Some(survey), Some(login)) = (survey, login) else {
            return unseen("there is no login at GitHub");
        };
        let (public, scanning) = match survey.repository(&login, name).await {
            Ok((public, scanning)) => (
                Looked::Seen(public),
                scanning.map_or(
                    Looked::Not("GitHub tells it to administrators alone".into()),
                    Looked::Seen,
                ),
            ),
            Err(fault) => (Looked::Not(fault.to_string()), Looked::Not(fault.to_string())),
        };
        let environments = looked(survey.environments(&login, name).await);
        GithubFacts { name: name.to_owned(), public, scanning, environments }
    }
}

fn looked<T>(seen: Result<T, connectors::Fault>) -> Looked<T> {
    seen.map_or_else(|fault| Looked::Not(fault.to_string()), Looked::Seen)
}

/// Live tokens at the issuer beside the secret's own and those that the inventory knows.
fn unknown_tokens(
    secret: &Secret,
    current: Option<Fingerprint>,
    observed: Option<&Observed>,
) -> Looked<usize> {
    let Some(observed) = observed else { return Looked::Not("the issuer was not asked".into()) };
    if !observed.issuer.listed {
        return Looked::Not("the issuer shows no list".into());
    }
    let handle = observed.remembered.as_ref().and_then(|known| known.handle.as_ref());
    let is_known = |token: &&domain::LiveToken| {
        let named = secret.known.iter().any(|known| {
            token.handle.as_ref().is_some_and(|handle| handle.0 == *known)
                || token
                    .fingerprint
                    .is_some_and(|fp| fp.hex() == *known || fp.to_string() == *known)
        });
        named
            || (token.fingerprint.is_some() && token.fingerprint == current)
            || (handle.is_some() && token.handle.as_ref() == handle)
            || (secret.old_description.is_some() && token.description == secret.old_description)
    };
    Looked::Seen(observed.issuer.tokens.iter().filter(|token| !is_known(token)).count())
}
