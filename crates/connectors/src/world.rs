//! The connectors of one inventory, built once and shared by all rotations.
//!
//! The one list of kinds: a new vendor is added to [`ALL_PROFILES`] or to one of the four
//! `match`es below, which do not compile until it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use domain::inventory::{
    Auth, Connection, ConnectionKind, ConsumerKind, GithubScope, Inventory, IssuerKind, Probe,
    ProbeKind, StoreKind,
};
use domain::{ConsumerId, ProbeName, Profile, SecretName};

use crate::dotenv::Dotenv;
use crate::gather::Gathering;
use crate::github::GithubSecret;
use crate::github::workflow::WorkflowRun;
use crate::heroku::authorizations::{self, HerokuAuthorizations};
use crate::heroku::config::{App, HerokuConfig};
use crate::heroku::logs::AppLog;
use crate::http::{CallObserver, Http, Limiter, Observer, Quota, SetupError};
use crate::infisical::{Infisical, Place, Session};
use crate::postmark::account::{self, PostmarkAccount};
use crate::postmark::test_mail::TestMail;
use crate::postmark::{self, PostmarkServer};
use crate::probe::OverHttp;
use crate::sealed_file::SealedFile;
use crate::workstation::Workstation;
use crate::{Consumer, Desk, Issuer, Login, LoginError, Prober, Store};

/// What every kind of issuer declares.
pub const ALL_PROFILES: &[&Profile] =
    &[&postmark::PROFILE, &account::PROFILE, &authorizations::PROFILE];

/// What a kind of issuer declares.
#[must_use]
pub fn profile_of(kind: &IssuerKind) -> &'static Profile {
    match kind {
        IssuerKind::PostmarkServer { .. } => &postmark::PROFILE,
        IssuerKind::PostmarkAccount { .. } => &account::PROFILE,
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
    /// By secret and probe.
    pub probers: BTreeMap<(SecretName, ProbeName), Arc<dyn Prober>>,
    /// By the connection's name. The engine sets a login that is itself a rotated secret.
    pub logins: BTreeMap<String, Login>,
    /// By the connection's name: how many calls the vendor still allows, as far as it tells.
    pub quotas: BTreeMap<String, Quota>,
    gathering: Gathering,
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
    /// paths start at `directory`. `observer` is told about every call; at `desk` lies what people
    /// fetch for their own machines.
    ///
    /// # Errors
    /// An address, a certificate authority, a proxy or a login that cannot be used.
    pub fn build(
        inventory: &Inventory,
        directory: &Path,
        key: &seal::Key,
        observer: Option<Arc<dyn CallObserver>>,
        desk: Option<Arc<dyn Desk>>,
    ) -> Result<Self, WorldError> {
        Self::of(inventory, directory, key, (observer, desk), false)
    }

    /// The same, with the issuers and the logins that no secret refers to yet, as far as they can
    /// be used: for finding out what exists.
    ///
    /// # Errors
    /// As [`World::build`], about what secrets refer to.
    pub fn whole(
        inventory: &Inventory,
        directory: &Path,
        key: &seal::Key,
    ) -> Result<Self, WorldError> {
        Self::of(inventory, directory, key, (None, None), true)
    }

    fn of(
        inventory: &Inventory,
        directory: &Path,
        key: &seal::Key,
        (observer, desk): (Observer, Option<Arc<dyn Desk>>),
        whole: bool,
    ) -> Result<Self, WorldError> {
        let links = BTreeMap::new();
        let mut world = Self::default();
        let gathering = world.gathering.clone();
        let (limiters, apps) = (Vec::new(), BTreeMap::new());
        let mut builder =
            Builder { inventory, directory, key, observer, desk, links, limiters, apps, gathering };
        for (name, secret) in &inventory.secrets {
            if !world.issuers.contains_key(&secret.issuer) {
                world.issuers.insert(secret.issuer.clone(), builder.issuer(&secret.issuer)?);
            }
            if !world.stores.contains_key(&secret.store) {
                world.stores.insert(secret.store.clone(), builder.store(&secret.store)?);
            }
            for consumer in &secret.consumers {
                let built = builder.consumer(name, consumer)?;
                world.consumers.insert((name.clone(), consumer.id.clone()), built);
            }
            for probe in &secret.probes {
                let built = builder.prober(probe)?;
                world.probers.insert((name.clone(), probe.name.as_str().into()), built);
            }
        }
        if whole {
            for name in inventory.issuers.keys() {
                if let (false, Ok(issuer)) =
                    (world.issuers.contains_key(name), builder.issuer(name))
                {
                    world.issuers.insert(name.clone(), issuer);
                }
            }
            for name in inventory.connections.keys() {
                // One without a login cannot be looked through, and need not yet.
                let _unusable = builder.link(name).is_err();
            }
        }
        for (name, link) in builder.links {
            world.quotas.insert(name.clone(), link.http.quota());
            world.logins.insert(name, link.login);
        }
        Ok(world)
    }

    /// From now on reads that many ask for at the same moment are made once for all of them, or
    /// no longer. Whoever asks alone waits a few milliseconds for others.
    pub fn gather(&self, on: bool) {
        self.gathering.set(on);
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
    desk: Option<Arc<dyn Desk>>,
    links: BTreeMap<String, Link>,
    /// One an account: whoever logs in alike at one address shares it.
    limiters: Vec<(ConnectionKind, String, Auth, Arc<Limiter>)>,
    /// By connection and name.
    apps: BTreeMap<(String, String), Arc<App>>,
    gathering: Gathering,
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

    fn connect(&mut self, connection: &Connection) -> Result<Link, WorldError> {
        let name = || connection.name.clone();
        let http = Http::new(connection, self.directory, self.observer.clone())
            .map_err(|source| WorldError::Connection { connection: name(), source })?
            .limited_by(self.limiter(connection));
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

    fn limiter(&mut self, connection: &Connection) -> Arc<Limiter> {
        let Connection { kind, url, auth, .. } = connection;
        let same = self.limiters.iter().find(|(a, b, c, _)| (a, b, c) == (kind, url, auth));
        if let Some((.., limiter)) = same {
            return Arc::clone(limiter);
        }
        let limiter = Arc::new(Limiter::new(*kind));
        self.limiters.push((*kind, url.clone(), auth.clone(), Arc::clone(&limiter)));
        limiter
    }

    fn app(&mut self, via: &str, name: &str) -> Result<Arc<App>, WorldError> {
        let place = (via.to_owned(), name.to_owned());
        if let Some(app) = self.apps.get(&place) {
            return Ok(Arc::clone(app));
        }
        let keys = keys_of_app(self.inventory, via, name);
        let gathering = self.gathering.clone();
        let Link { http, login, .. } = self.link(via)?;
        let app = App::new(http.clone(), login.clone(), name.to_owned(), keys, &gathering);
        let app = Arc::new(app);
        self.apps.insert(place, Arc::clone(&app));
        Ok(app)
    }

    fn issuer(&mut self, name: &str) -> Result<Arc<dyn Issuer>, WorldError> {
        let issuer = named(&self.inventory.issuers, name)?;
        let gathering = self.gathering.clone();
        let Link { http, login, .. } = self.link(&issuer.via)?;
        let (http, login) = (http.clone(), login.clone());
        Ok(match issuer.kind.clone() {
            IssuerKind::PostmarkServer { server, dashboard } => {
                Arc::new(PostmarkServer::new(http, server, dashboard))
            }
            IssuerKind::PostmarkAccount { server, dashboard } => {
                Arc::new(PostmarkAccount::new(http, server, &dashboard))
            }
            IssuerKind::HerokuAuthorization { account, scope, expires_in } => {
                let gathering = &gathering;
                Arc::new(HerokuAuthorizations::new(
                    http, login, account, scope, expires_in, gathering,
                ))
            }
        })
    }

    fn store(&mut self, name: &str) -> Result<Arc<dyn Store>, WorldError> {
        let store = named(&self.inventory.stores, name)?;
        Ok(match store.kind.clone() {
            StoreKind::Infisical { via, project, environment, path, api } => {
                let (keys, gathering) = (keys_in(self.inventory, name), self.gathering.clone());
                let Link { http, session, .. } = self.link(&via)?;
                let place = Place { project, environment, path, api };
                Arc::new(Infisical::new(http.clone(), session.clone(), place, keys, &gathering))
            }
            StoreKind::Sealed { file } => {
                let path = self.directory.join(file);
                Arc::new(SealedFile::new(path, self.key, self.observer.clone()))
            }
        })
    }

    fn consumer(
        &mut self,
        secret: &SecretName,
        consumer: &domain::inventory::Consumer,
    ) -> Result<Arc<dyn Consumer>, WorldError> {
        let keys = consumer.keys.as_slice();
        Ok(match &consumer.kind {
            ConsumerKind::HerokuConfig { via, app } => {
                Arc::new(HerokuConfig::new(self.app(via, app)?, keys.to_vec()))
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
            ConsumerKind::Workstation { member, .. } => Arc::new(Workstation {
                secret: secret.clone(),
                id: consumer.id.clone(),
                member: member.clone(),
                desk: self.desk.clone(),
                observer: self.observer.clone(),
            }),
        })
    }
}

impl Builder<'_> {
    fn prober(&mut self, probe: &Probe) -> Result<Arc<dyn Prober>, WorldError> {
        Ok(match probe.kind.clone() {
            ProbeKind::Health(ask) => Arc::new(OverHttp::health(&probe.name, &ask)),
            ProbeKind::AppMail { ask, id } => {
                Arc::new(OverHttp::mail(&probe.name, &ask, &id, self.observer.clone()))
            }
            ProbeKind::TestMail { via, from, to, subject, stream } => {
                let http = Arc::clone(&self.link(&via)?.http);
                Arc::new(TestMail { http, from, to, subject, stream })
            }
            ProbeKind::Log { via, app, about, words } => {
                let connection = named(&self.inventory.connections, &via)?.clone();
                let (directory, observer) = (self.directory.to_owned(), self.observer.clone());
                let Link { http, login, .. } = self.link(&via)?;
                let (http, login) = (http.clone(), login.clone());
                let about = about.map(|about| about.to_ascii_lowercase());
                Arc::new(AppLog { http, login, connection, directory, observer, app, about, words })
            }
            ProbeKind::Workflow { via, repo, workflow, git_ref, inputs, correlate } => {
                let Link { http, login, .. } = self.link(&via)?;
                let (http, login) = (http.clone(), login.clone());
                Arc::new(WorkflowRun { http, login, repo, workflow, git_ref, inputs, correlate })
            }
        })
    }
}

/// The keys of a store that hold a token of the inventory.
fn keys_in(inventory: &Inventory, store: &str) -> Vec<String> {
    let secrets = inventory.secrets.values().filter(|secret| secret.store == store);
    secrets.map(|secret| secret.store_key.clone()).collect()
}

/// The config vars of an app that hold a token of the inventory.
fn keys_of_app(inventory: &Inventory, via: &str, name: &str) -> Vec<String> {
    let is_it = |kind: &ConsumerKind| matches!(kind, ConsumerKind::HerokuConfig { via: by, app } if by == via && app == name);
    let consumers = inventory.secrets.values().flat_map(|secret| &secret.consumers);
    let mut keys: Vec<String> =
        consumers.filter(|one| is_it(&one.kind)).flat_map(|one| one.keys.clone()).collect();
    keys.sort();
    keys.dedup();
    keys
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
