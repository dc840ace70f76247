//! What happened with a secret's token at its vendor. Reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use connectors::{Fault, ReleaseSeen, Survey};
use domain::inventory::{ConsumerKind, IssuerKind};
use domain::usage::{Counts, Mail};
use domain::{Handle, SecretName, Token, Which};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::engine::slot_of;
use crate::{Engine, EngineError};

/// An authorization that was made.
pub struct Made {
    /// When.
    pub at: Timestamp,
    /// What it is for, in the words of whoever made it.
    pub description: String,
    /// Whether a rotation of this installation made it.
    pub ours: bool,
}

/// What happened at a secret's vendor.
pub enum Used {
    /// A Postmark server: its days, and its newest mails.
    Postmark {
        /// The server.
        server: String,
        /// Days with anything.
        days: Result<BTreeMap<Date, Counts>, Fault>,
        /// The newest mails.
        mails: Result<Vec<Mail>, Fault>,
    },
    /// A Heroku account: the authorizations that were made, and the apps' releases.
    Heroku {
        /// The account.
        account: String,
        /// The authorizations that are listed, as far as it is told when they were made.
        authorizations: Result<Vec<Made>, Fault>,
        /// The releases of each app that is a consumer.
        releases: Vec<(String, Result<Vec<ReleaseSeen>, Fault>)>,
    },
    /// The vendor tells nothing of what such a token did.
    Untold(&'static str),
    /// The store gave no token to ask with.
    Unseen(String),
}

impl Engine {
    /// The token of a decommission that is open: its store may be empty already, and its usage is
    /// what is looked at then.
    fn being_decommissioned(&self, name: &SecretName) -> Result<Option<Token>, EngineError> {
        let Some(id) = self.open_rotation(name)? else { return Ok(None) };
        match self.rotation(&id)?.plan().mode.ends_use() {
            true => Ok(self.reader.open_value(&id, slot_of(Which::Old))?),
            false => Ok(None),
        }
    }

    /// What happened with a secret's token, in these days.
    ///
    /// # Errors
    /// The secret is not in the inventory, or its connection cannot be used.
    pub async fn usage(
        &self,
        name: &SecretName,
        directory: &Path,
        from: Date,
        to: Date,
    ) -> Result<Used, EngineError> {
        let secret = self.secret(name)?;
        let none = || EngineError::NoExaminer(name.clone());
        let issuer = self.inventory.issuers.get(&secret.issuer).ok_or_else(none)?;
        let connection = self.inventory.connections.get(&issuer.via).ok_or_else(none)?;
        let survey = Survey::new(connection, directory).map_err(|source| {
            let connection = issuer.via.clone();
            EngineError::World(connectors::WorldError::Connection { connection, source })
        })?;
        let looked = self.look_at_store(secret).await;
        let Some(token) = looked.token.or(self.being_decommissioned(name)?) else {
            let why = looked.unseen.unwrap_or_else(|| "the store holds nothing".into());
            return Ok(Used::Unseen(why));
        };
        match &issuer.kind {
            IssuerKind::PostmarkAccount { .. } => {
                Ok(Used::Untold("Postmark counts by server, and tells nothing of an account token"))
            }
            IssuerKind::PostmarkServer { server, .. } => Ok(Used::Postmark {
                server: server.clone(),
                days: survey.daily(&token, from, to).await,
                mails: survey.mails(&token).await,
            }),
            IssuerKind::HerokuAuthorization { account, .. } => {
                self.fill_logins(Some((name, &token))).await?;
                let login = self
                    .world
                    .logins
                    .get(&issuer.via)
                    .and_then(connectors::Login::get)
                    .unwrap_or_else(|| token.clone());
                let authorizations = match self.issuer(&secret.issuer) {
                    Some(issuer) => {
                        let ours = self.handles()?;
                        issuer.list(&token).await.map(|listing| {
                            let made = listing.tokens.iter().filter_map(|one| {
                                let handle = one.handle.as_ref();
                                let ours = handle.is_some_and(|handle| ours.contains(handle));
                                let description = one.description.clone().unwrap_or_default();
                                Some(Made { at: one.created?, description, ours })
                            });
                            made.collect()
                        })
                    }
                    None => Ok(Vec::new()),
                };
                let mut releases = Vec::new();
                for part in &secret.consumers {
                    if let ConsumerKind::HerokuConfig { app, .. } = &part.kind {
                        releases.push((app.clone(), survey.releases(&login, app).await));
                    }
                }
                Ok(Used::Heroku { account: account.clone(), authorizations, releases })
            }
        }
    }

    /// The issuer's ids of every token that is remembered here.
    fn handles(&self) -> Result<BTreeSet<Handle>, EngineError> {
        let mut handles = BTreeSet::new();
        for name in self.inventory.secrets.keys() {
            let rows = self.reader.tokens(name)?;
            handles.extend(rows.into_iter().filter_map(|row| row.handle));
        }
        Ok(handles)
    }
}
