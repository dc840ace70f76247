//! Looks for what exists and could be in the inventory: names in dotenv files, config vars and
//! GitHub's secrets, and tokens at the issuers that nobody answers for. Reads only. Values are
//! compared by their fingerprints and sent nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use connectors::{ALL_PROFILES, Survey, World};
use domain::inventory::{Connection, ConnectionKind, ConsumerKind, GithubScope};
use domain::proposal::{Sighting, Spot};
use domain::{Doer, Fingerprint, LiveToken, RotationId, SecretName, Token};
use serde::Serialize;

use crate::observe::live;
use crate::{Engine, EngineError};

/// What somebody read on this machine beforehand.
#[derive(Default)]
pub struct Here {
    /// Each dotenv file with its names and values.
    pub dotenv: Vec<(String, Vec<(String, Token)>)>,
    /// Repositories of GitHub to look at besides those of the inventory.
    pub repositories: BTreeSet<String>,
    /// Names of secrets that workflow files read.
    pub workflows: BTreeSet<String>,
}

/// What exists.
#[derive(Default)]
pub struct Existing {
    /// Names that hold, or may hold, a token.
    pub sightings: Vec<Sighting>,
    /// Live tokens at the issuers that nobody answers for.
    pub strangers: Vec<Stranger>,
    /// What could not be looked at, and why.
    pub unseen: Vec<(String, String)>,
}

/// A live token at an issuer that nobody answers for.
#[derive(Clone, Debug, Serialize)]
pub struct Stranger {
    /// The issuer's name.
    pub issuer: String,
    /// The token.
    pub token: LiveToken,
    /// The run that is removing it, where one is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal: Option<RotationId>,
}

/// What is known of a token by its fingerprint.
#[derive(Default)]
struct Known {
    /// Of which secret, by its store.
    secrets: BTreeMap<Fingerprint, SecretName>,
    /// Of which issuer, by its list or its secret.
    issuers: BTreeMap<Fingerprint, String>,
}

impl Engine {
    /// Looks at everything that the inventory's connections reach. What does not answer is told
    /// and is no error.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn existing(
        &self,
        here: &Here,
        directory: &Path,
        key: &seal::Key,
    ) -> Result<Existing, EngineError> {
        let mut found = Existing::default();
        let whole = World::whole(&self.inventory, directory, key)?;
        let known = self.known(&whole, &mut found).await?;
        for (path, values) in &here.dotenv {
            for (name, value) in values {
                let place = Spot::Dotenv(path.clone());
                found.sightings.extend(self.sighting(&known, place, name, value));
            }
        }
        for connection in self.inventory.connections.values() {
            let login = |world: &World| world.logins.get(&connection.name)?.get();
            let Some(login) = login(&self.world).or_else(|| login(&whole)) else { continue };
            match connection.kind {
                ConnectionKind::Heroku => {
                    self.apps(connection, &login, directory, &known, &mut found).await;
                }
                ConnectionKind::Github => {
                    self.repositories_at(connection, &login, directory, here, &mut found).await;
                }
                ConnectionKind::Postmark | ConnectionKind::Infisical => {}
            }
        }
        Ok(found)
    }

    /// Whose each token is that a store holds or an issuer lists, and those that are nobody's.
    async fn known(&self, whole: &World, found: &mut Existing) -> Result<Known, EngineError> {
        let mut known = Known::default();
        let mut asks: BTreeMap<String, Token> = BTreeMap::new();
        for secret in self.inventory.secrets.values() {
            let looked = self.look_at_store(secret).await;
            if let Some(why) = looked.unseen {
                found.unseen.push((format!("the store of {}", secret.name), why));
            }
            let Some(token) = looked.token else { continue };
            let shut = self.fill_what_logins_there_are((&secret.name, Some(&token))).await?;
            found.unseen.extend(shut);
            let fingerprint = self.fingerprints.of(&token);
            known.secrets.insert(fingerprint, secret.name.clone());
            known.issuers.insert(fingerprint, secret.issuer.clone());
            asks.entry(secret.issuer.clone()).or_insert(token);
        }
        for issuer in self.inventory.issuers.keys() {
            let connector = self.issuer(issuer).or_else(|| whole.issuers.get(issuer).cloned());
            let Some(connector) = connector else { continue };
            // Where only a sibling may ask for the list and none is known, there is no list.
            if connector.profile().revokes == Doer::Operator && !asks.contains_key(issuer) {
                continue;
            }
            let ask = asks.get(issuer).cloned().unwrap_or_else(|| Token::new(String::new()));
            match connector.list(&ask).await {
                Ok(listing) => {
                    if !listing.complete {
                        let why = "it does not show its tokens".to_owned();
                        found.unseen.push((format!("issuer {issuer}"), why));
                    }
                    let tokens: Vec<LiveToken> = listing
                        .tokens
                        .iter()
                        .map(|token| live(&self.fingerprints, token))
                        .collect();
                    let prints = tokens.iter().filter_map(|token| token.fingerprint);
                    known.issuers.extend(prints.map(|print| (print, issuer.clone())));
                    self.strangers(issuer, tokens, (whole, &known), found)?;
                }
                Err(fault) => found.unseen.push((format!("issuer {issuer}"), fault.to_string())),
            }
        }
        Ok(known)
    }

    fn strangers(
        &self,
        issuer: &str,
        tokens: Vec<LiveToken>,
        (whole, known): (&World, &Known),
        found: &mut Existing,
    ) -> Result<(), EngineError> {
        let everybody = self.everybody()?;
        let secrets = || self.inventory.secrets.values();
        let named: BTreeSet<&String> = secrets().flat_map(|secret| &secret.known).collect();
        let is_named = |token: &LiveToken| named.iter().any(|known| token.is_called(known));
        let removals = self.removals()?;
        let logins: BTreeSet<Fingerprint> = whole
            .logins
            .values()
            .chain(self.world.logins.values())
            .filter_map(connectors::Login::get)
            .map(|login| self.fingerprints.of(&login))
            .collect();
        let is_ours = |token: &LiveToken| {
            token
                .fingerprint
                .is_some_and(|print| known.secrets.contains_key(&print) || logins.contains(&print))
        };
        let strange =
            tokens.into_iter().filter(|one| !everybody.has(one) && !is_named(one) && !is_ours(one));
        let stranger = |token: LiveToken| {
            let mut open = removals.iter().filter(|(print, _)| token.fingerprint == Some(*print));
            let removal = open.next().map(|(_, id)| id.clone());
            Stranger { issuer: issuer.to_owned(), token, removal }
        };
        found.strangers.extend(strange.map(stranger));
        Ok(())
    }

    /// The tokens that are being removed, and by which runs.
    fn removals(&self) -> Result<Vec<(Fingerprint, RotationId)>, EngineError> {
        let mut removals = Vec::new();
        for row in self.reader.open_rotations()? {
            let rotation = self.rotation(&row.id)?;
            if !rotation.plan().mode.takes_current() {
                removals.push((rotation.plan().old.fingerprint, row.id));
            }
        }
        Ok(removals)
    }

    async fn apps(
        &self,
        connection: &Connection,
        login: &Token,
        directory: &Path,
        known: &Known,
        found: &mut Existing,
    ) {
        let Ok(survey) = Survey::new(connection, directory) else { return };
        let apps = match survey.apps(login).await {
            Ok(apps) => apps,
            Err(fault) => {
                return found.unseen.push((connection.name.clone(), fault.to_string()));
            }
        };
        let wanted = |name: &str, value: &Token| self.kind_of(known, name, value).is_some();
        for app in apps {
            match survey.config_vars(login, &app, &wanted).await {
                Ok(values) => {
                    for (name, value) in values {
                        let place = Spot::App(connection.name.clone(), app.clone());
                        found.sightings.extend(self.sighting(known, place, &name, &value));
                    }
                }
                Err(fault) => found.unseen.push((format!("heroku:{app}"), fault.to_string())),
            }
        }
    }

    async fn repositories_at(
        &self,
        connection: &Connection,
        login: &Token,
        directory: &Path,
        here: &Here,
        found: &mut Existing,
    ) {
        let Ok(survey) = Survey::new(connection, directory) else { return };
        let mut repositories = here.repositories.clone();
        let consumers = self.inventory.secrets.values().flat_map(|secret| &secret.consumers);
        repositories.extend(consumers.filter_map(|part| match &part.kind {
            ConsumerKind::GithubSecret {
                via,
                scope: GithubScope::Repository(name) | GithubScope::Environment(name, _),
            } if *via == connection.name => Some(name.clone()),
            _ => None,
        }));
        for repository in repositories {
            let mut places = vec![None];
            match survey.environments(login, &repository).await {
                Ok(names) => places.extend(names.into_iter().map(|(name, _)| Some(name))),
                Err(fault) => {
                    let what = format!("the environments of github:{repository}");
                    found.unseen.push((what, fault.to_string()));
                }
            }
            for environment in places {
                let seen = survey.secrets(login, &repository, environment.as_deref()).await;
                let via = connection.name.clone();
                let place = match environment {
                    None => Spot::Repository(via, repository.clone()),
                    Some(name) => Spot::Environment(via, repository.clone(), name),
                };
                match seen {
                    Ok(secrets) => found.sightings.extend(secrets.into_iter().filter_map(|one| {
                        let kind = usual_kind(&one.name)?;
                        let mut sighting = bare(place.clone(), &one.name, kind);
                        sighting.updated = Some(one.updated);
                        Some(sighting)
                    })),
                    Err(fault) => found.unseen.push((place.label(), fault.to_string())),
                }
            }
        }
    }

    fn sighting(&self, known: &Known, place: Spot, name: &str, value: &Token) -> Option<Sighting> {
        let kind = self.kind_of(known, name, value)?;
        let held = (!value.is_empty()).then(|| self.fingerprints.of(value));
        let issuer = held.and_then(|print| known.issuers.get(&print).cloned());
        let secret = held.and_then(|print| known.secrets.get(&print).cloned());
        Some(Sighting { held, issuer, secret, ..bare(place, name, &kind) })
    }

    /// The kind of issuer whose token a name usually holds, or whose this token is.
    fn kind_of(&self, known: &Known, name: &str, value: &Token) -> Option<String> {
        let issuer = known.issuers.get(&self.fingerprints.of(value));
        let by_token = issuer.and_then(|issuer| self.inventory.issuers.get(issuer));
        by_token
            .map(|issuer| issuer.kind.word().to_owned())
            .or_else(|| usual_kind(name).map(str::to_owned))
    }
}

fn usual_kind(name: &str) -> Option<&'static str> {
    let profile = ALL_PROFILES.iter().find(|profile| profile.usual_names.contains(&name));
    profile.map(|profile| profile.kind)
}

fn bare(place: Spot, name: &str, kind: &str) -> Sighting {
    Sighting {
        place,
        name: name.to_owned(),
        kind: kind.to_owned(),
        held: None,
        issuer: None,
        secret: None,
        updated: None,
    }
}
