//! What happened with a secret's token at its vendor. Reads only.

use std::collections::BTreeMap;
use std::path::Path;

use connectors::{Fault, ReleaseSeen, Survey};
use domain::inventory::{ConsumerKind, IssuerKind};
use domain::usage::{Counts, Mail};
use domain::{SecretName, Token, Which};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::engine::slot_of;
use crate::{Engine, EngineError};

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
        /// When each listed authorization was made, with its description.
        authorizations: Result<Vec<(Timestamp, String)>, Fault>,
        /// The releases of each app that is a consumer.
        releases: Vec<(String, Result<Vec<ReleaseSeen>, Fault>)>,
    },
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
                    Some(issuer) => issuer.list(&token).await.map(|listing| {
                        let made = listing.tokens.into_iter().filter_map(|one| {
                            Some((one.created?, one.description.unwrap_or_default()))
                        });
                        made.collect()
                    }),
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
}
