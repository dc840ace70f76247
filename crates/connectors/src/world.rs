//! The connectors of one inventory, built once and shared by all rotations.
//!
//! The one list of kinds: a new vendor is added to [`ALL_PROFILES`] or to one of the three
//! `match`es below, which do not compile until it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use domain::inventory::{
    Auth, Connection, ConsumerKind, GithubScope, Inventory, IssuerKind, StoreKind,
};
use domain::{ConsumerId, Profile, SecretName};

use crate::dotenv::Dotenv;
use crate::github::GithubSecret;
use crate::heroku::authorizations::{self, HerokuAuthorizations};
use crate::heroku::config::HerokuConfig;
use crate::http::{CallObserver, Http, Observer, Quota, SetupError};
use crate::infisical::{Infisical, Place, Session};
use crate::postmark::{self, PostmarkServer};
use crate::sealed_file::SealedFile;
use crate::{Consumer, Issuer, Login, LoginError, Store};

/// What every kind of issuer declares.
pub const ALL_PROFILES: &[&Profile] = &[&postmark::PROFILE, &authorizations::PROFILE];

/// What a kind of issuer declares.
#[must_use]
pub fn profile_of(kind: &IssuerKind) -> &'static Profile {
    match kind {
        IssuerKind::PostmarkServer { .. } => &postmark::PROFILE,
        IssuerKind::HerokuAuthorization { .. } => &authorizations::PROFILE,
    }
}

/// Every connector that an inventory's secrets need.
#[derive(Default)]
pub struct World {
    /// By the issuer's name.
    pub issuers: BTreeMap<String, Arc<dyn Issuer>>,
    /// By the store's name.
    pub stores: BTreeMap<String, Arc<dyn Store>>,
    /// By secret and consumer.
    pub consumers: BTreeMap<(SecretName, ConsumerId), Arc<dyn Consumer>>,
    /// By the connection's name. The engine sets a login that is itself a rotated secret.
    pub logins: BTreeMap<String, Login>,
    /// By the connection's name: how many calls the vendor still allows, as far as it tells.
    pub quotas: BTreeMap<String, Quota>,
}

/// Why the connectors of an inventory cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A connection cannot be set up.
    #[error("failed to set up the connection `{connection}`")]
    Connection {
        /// Its name.
        connection: String,
        /// Why.
        source: SetupError,
    },
    /// A connection's login cannot be read.
    #[error("failed to read the login of the connection `{connection}`")]
    Login {
        /// The connection's name.
        connection: String,
        /// Why.
        source: LoginError,
    },
    /// Something refers to a name that the inventory does not hold.
    #[error("there is no `{0}` in the inventory")]
    Missing(String),
}

impl World {
    /// Builds the connectors that the inventory's secrets refer to; nothing is sent. Relative
    /// paths start at `directory`. `observer` is told about every call.
    ///
    /// # Errors
    /// An address, a certificate authority, a proxy or a login that cannot be used.
    pub fn build(
        inventory: &Inventory,
        directory: &Path,
        key: &seal::Key,
        observer: Option<Arc<dyn CallObserver>>,
    ) -> Result<Self, WorldError> {
        let links = BTreeMap::new();
        let mut builder = Builder { inventory, directory, key, observer, links };
        let mut world = Self::default();
        for (name, secret) in &inventory.secrets {
            if !world.issuers.contains_key(&secret.issuer) {
                world.issuers.insert(secret.issuer.clone(), builder.issuer(&secret.issuer)?);
            }
            if !world.stores.contains_key(&secret.store) {
                world.stores.insert(secret.store.clone(), builder.store(&secret.store)?);
            }
            for consumer in &secret.consumers {
                let built = builder.consumer(&consumer.kind, &consumer.keys)?;
                world.consumers.insert((name.clone(), consumer.id.clone()), built);
            }
        }
        for (name, link) in builder.links {
            world.quotas.insert(name.clone(), link.http.quota());
            world.logins.insert(name, link.login);
        }
        Ok(world)
    }
}

/// What all that use one connection share.
struct Link {
    http: Arc<Http>,
    /// The token, or the secret half of a client's login.
    login: Login,
    session: Arc<Session>,
}

struct Builder<'a> {
    inventory: &'a Inventory,
    directory: &'a Path,
    key: &'a seal::Key,
    observer: Observer,
    links: BTreeMap<String, Link>,
}

impl Builder<'_> {
    fn link(&mut self, name: &str) -> Result<&Link, WorldError> {
        if !self.links.contains_key(name) {
            let connection = named(&self.inventory.connections, name)?;
            let link = self.connect(connection)?;
            self.links.insert(name.to_owned(), link);
        }
        named(&self.links, name)
    }

    fn connect(&self, connection: &Connection) -> Result<Link, WorldError> {
        let name = || connection.name.clone();
        let http = Http::new(connection, self.directory, self.observer.clone())
            .map_err(|source| WorldError::Connection { connection: name(), source })?;
        let read = |source| {
            Login::read(source, self.directory)
                .map_err(|source| WorldError::Login { connection: name(), source })
        };
        let (login, session) = match &connection.auth {
            Auth::None => (Login::empty(), Session::fixed(Login::empty())),
            Auth::Token(source) => {
                let login = read(source)?;
                (login.clone(), Session::fixed(login))
            }
            Auth::Client { id, secret } => {
                let (id, secret) = (read(id)?, read(secret)?);
                (secret.clone(), Session::client(id, secret))
            }
        };
        Ok(Link { http: Arc::new(http), login, session: Arc::new(session) })
    }

    fn issuer(&mut self, name: &str) -> Result<Arc<dyn Issuer>, WorldError> {
        let issuer = named(&self.inventory.issuers, name)?;
        let Link { http, login, .. } = self.link(&issuer.via)?;
        let (http, login) = (http.clone(), login.clone());
        Ok(match issuer.kind.clone() {
            IssuerKind::PostmarkServer { server, dashboard } => {
                Arc::new(PostmarkServer::new(http, server, dashboard))
            }
            IssuerKind::HerokuAuthorization { account, scope, expires_in } => {
                Arc::new(HerokuAuthorizations::new(http, login, account, scope, expires_in))
            }
        })
    }

    fn store(&mut self, name: &str) -> Result<Arc<dyn Store>, WorldError> {
        let store = named(&self.inventory.stores, name)?;
        Ok(match store.kind.clone() {
            StoreKind::Infisical { via, project, environment, path, api } => {
                let Link { http, session, .. } = self.link(&via)?;
                let place = Place { project, environment, path, api };
                Arc::new(Infisical::new(http.clone(), session.clone(), place))
            }
            StoreKind::Sealed { file } => {
                let path = self.directory.join(file);
                Arc::new(SealedFile::new(path, self.key, self.observer.clone()))
            }
        })
    }

    fn consumer(
        &mut self,
        kind: &ConsumerKind,
        keys: &[String],
    ) -> Result<Arc<dyn Consumer>, WorldError> {
        Ok(match kind {
            ConsumerKind::HerokuConfig { via, app } => {
                let Link { http, login, .. } = self.link(via)?;
                let (http, login) = (http.clone(), login.clone());
                Arc::new(HerokuConfig::new(http, login, app.clone(), keys.to_vec()))
            }
            ConsumerKind::GithubSecret { via, scope } => {
                let known = environments_beside(self.inventory, scope, keys);
                let Link { http, login, .. } = self.link(via)?;
                let (http, login) = (http.clone(), login.clone());
                Arc::new(GithubSecret::new(http, login, scope.clone(), keys, known))
            }
            ConsumerKind::Dotenv { path } => {
                let path = self.directory.join(path);
                Arc::new(Dotenv::new(path, keys.to_vec(), self.observer.clone()))
            }
        })
    }
}

/// The environments of a repository whose secrets of these names the inventory takes care of.
fn environments_beside(inventory: &Inventory, scope: &GithubScope, keys: &[String]) -> Vec<String> {
    let GithubScope::Repository(repository) = scope else {
        return Vec::new();
    };
    let consumers = inventory.secrets.values().flat_map(|secret| &secret.consumers);
    let shares = |name: &String| keys.iter().any(|key| key.eq_ignore_ascii_case(name));
    consumers
        .filter(|consumer| consumer.keys.iter().any(shares))
        .filter_map(|consumer| match &consumer.kind {
            ConsumerKind::GithubSecret { scope: GithubScope::Environment(of, name), .. }
                if of.eq_ignore_ascii_case(repository) =>
            {
                Some(name.clone())
            }
            _ => None,
        })
        .collect()
}

fn named<'a, T>(all: &'a BTreeMap<String, T>, name: &str) -> Result<&'a T, WorldError> {
    all.get(name).ok_or_else(|| WorldError::Missing(name.to_owned()))
}

#[cfg(test)]
mod tests;
