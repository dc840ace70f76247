//! Looking at the world from a test: everything in it, values included, as it was at one instant.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::SecretScope;
use crate::heroku::{App, ProcessState};
use crate::world::Scene;

/// The world at one instant.
pub struct Inspection {
    scene: Scene,
    now: Timestamp,
}

/// A Heroku authorization.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationView {
    /// Its id.
    pub id: String,
    /// Its description.
    pub description: String,
    /// Its scope.
    pub scope: Vec<String>,
    /// Its token.
    pub token: String,
    /// Whether the token is honoured now.
    pub live: bool,
}

/// A release of a Heroku app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseView {
    /// Its version.
    pub version: u64,
    /// `pending`, `succeeded` or `failed`.
    pub status: String,
    /// Whether dynos run it.
    pub current: bool,
    /// What it did.
    pub description: String,
}

/// One restart of dynos.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartView {
    /// The release they were started with.
    pub release: u64,
    /// When, on the lab's clock.
    pub at: Timestamp,
    /// Why.
    pub cause: String,
}

/// A process of a Heroku app.
#[derive(Clone, PartialEq, Eq)]
pub struct DynoView {
    /// `web.1` and so on.
    pub name: String,
    /// `starting`, `up` or `crashed`.
    pub state: String,
    /// The release it was started with.
    pub release: u64,
    /// What it has in its environment, which may be older than the config vars.
    pub env: BTreeMap<String, String>,
}

/// A secret at GitHub, decrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct GithubSecretView {
    /// Where it is set.
    pub scope: SecretScope,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// When it was last written, on the lab's clock.
    pub updated: Timestamp,
}

/// A workflow run.
#[derive(Clone, PartialEq, Eq)]
pub struct RunView {
    /// Its id.
    pub id: u64,
    /// The workflow's title.
    pub workflow: String,
    /// Where it is.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// The secrets that it was given.
    pub secrets: BTreeMap<String, String>,
    /// What it was asked with.
    pub inputs: BTreeMap<String, String>,
}

/// One value that an Infisical secret has had.
#[derive(Clone, PartialEq, Eq)]
pub struct VersionView {
    /// Its number, from 1.
    pub version: u64,
    /// The value.
    pub value: String,
    /// When it was stored, on the lab's clock.
    pub at: Timestamp,
}

/// A mail that Postmark accepted; those of the simulated apps are counted, not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailView {
    /// The server's name.
    pub server: String,
    /// To whom.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The tag.
    pub tag: String,
}

impl Inspection {
    pub(crate) fn new(scene: Scene, now: Timestamp) -> Self {
        Self { scene, now }
    }

    /// When this was seen, on the lab's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The tokens that Postmark lists for a server, oldest first.
    #[must_use]
    pub fn postmark_tokens(&self, server: &str) -> Vec<String> {
        self.scene
            .postmark
            .servers
            .values()
            .filter(|found| found.name == server)
            .flat_map(|found| found.tokens.iter().map(|token| token.value.clone()))
            .collect()
    }

    /// Of those, the ones that are honoured now.
    #[must_use]
    pub fn live_postmark_tokens(&self, server: &str) -> Vec<String> {
        let mut tokens = self.postmark_tokens(server);
        tokens.retain(|token| self.postmark_honours(token));
        tokens
    }

    /// The tokens of the Postmark account that are honoured now, oldest first.
    #[must_use]
    pub fn live_postmark_account_tokens(&self) -> Vec<String> {
        let all = self.scene.postmark.account_tokens.iter();
        let live = all.filter(|token| self.postmark_honours(&token.value));
        live.map(|token| token.value.clone()).collect()
    }

    /// Whether Postmark honours a token now, listed or not.
    #[must_use]
    pub fn postmark_honours(&self, token: &str) -> bool {
        self.scene.postmark.gate.who(&token.to_ascii_lowercase(), self.now).is_some()
    }

    /// The mails of the client under test, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<MailView> {
        let name = |id: u64| self.scene.postmark.servers.get(&id).map(|found| found.name.clone());
        self.scene
            .postmark
            .messages
            .iter()
            .map(|message| MailView {
                server: name(message.server).unwrap_or_default(),
                to: message.to.clone(),
                subject: message.subject.clone(),
                tag: message.tag.clone(),
            })
            .collect()
    }

    /// How many mails Postmark accepted in all, those of the simulated apps included.
    #[must_use]
    pub fn mails_sent(&self) -> u64 {
        self.scene.postmark.days.values().map(|day| day.sent).sum()
    }

    /// Every authorization of the Heroku account.
    #[must_use]
    pub fn heroku_authorizations(&self) -> Vec<AuthorizationView> {
        self.scene
            .heroku
            .authorizations
            .values()
            .map(|found| AuthorizationView {
                id: found.id.clone(),
                description: found.description.clone(),
                scope: found.scope.clone(),
                token: found.token.clone(),
                live: self.heroku_honours(&found.token),
            })
            .collect()
    }

    /// Whether Heroku honours a token now, listed or not.
    #[must_use]
    pub fn heroku_honours(&self, token: &str) -> bool {
        self.scene.heroku.gate.who(token, self.now).is_some()
    }

    /// The names of the Heroku apps.
    #[must_use]
    pub fn apps(&self) -> Vec<String> {
        self.scene.heroku.apps.keys().cloned().collect()
    }

    /// The config vars of an app; empty when there is no such app.
    #[must_use]
    pub fn config_vars(&self, app: &str) -> BTreeMap<String, String> {
        self.app(app).map(App::config).unwrap_or_default()
    }

    /// The releases of an app, oldest first.
    #[must_use]
    pub fn releases(&self, app: &str) -> Vec<ReleaseView> {
        let Some(app) = self.app(app) else {
            return Vec::new();
        };
        app.releases
            .iter()
            .map(|release| ReleaseView {
                version: release.version,
                status: release.status.name().to_owned(),
                current: release.version == app.current,
                description: release.description.clone(),
            })
            .collect()
    }

    /// The restarts of an app since the lab started, oldest first.
    #[must_use]
    pub fn restarts(&self, app: &str) -> Vec<RestartView> {
        let Some(app) = self.app(app) else {
            return Vec::new();
        };
        app.restarts
            .iter()
            .map(|restart| RestartView {
                release: restart.release,
                at: restart.at,
                cause: restart.cause.clone(),
            })
            .collect()
    }

    /// The processes of an app that have not stopped.
    #[must_use]
    pub fn dynos(&self, app: &str) -> Vec<DynoView> {
        let Some(app) = self.app(app) else {
            return Vec::new();
        };
        app.processes
            .iter()
            .map(|process| (process, process.state(self.now)))
            .filter(|(_, state)| *state != ProcessState::Stopped)
            .map(|(process, state)| DynoView {
                name: process.name.clone(),
                state: state.name().to_owned(),
                release: process.release,
                env: process.env.clone(),
            })
            .collect()
    }

    /// The recent log lines of an app.
    #[must_use]
    pub fn logs(&self, app: &str) -> Vec<String> {
        self.app(app).map(|app| app.logs.iter().cloned().collect()).unwrap_or_default()
    }

    /// Every secret at GitHub, decrypted.
    #[must_use]
    pub fn github_secrets(&self) -> Vec<GithubSecretView> {
        let stores = &self.scene.github.stores;
        stores
            .iter()
            .flat_map(|(scope, store)| {
                store.secrets.iter().map(|(name, secret)| GithubSecretView {
                    scope: scope.clone(),
                    name: name.clone(),
                    value: secret.value.clone(),
                    updated: secret.updated,
                })
            })
            .collect()
    }

    /// One secret at GitHub, decrypted.
    #[must_use]
    pub fn github_secret(&self, scope: &SecretScope, name: &str) -> Option<String> {
        let store = self.scene.github.stores.get(scope)?;
        store.secrets.get(&name.to_ascii_uppercase()).map(|secret| secret.value.clone())
    }

    /// Whether GitHub honours a token now.
    #[must_use]
    pub fn github_honours(&self, token: &str) -> bool {
        self.scene.github.gate.who(token, self.now).is_some()
    }

    /// Every workflow run, oldest first.
    #[must_use]
    pub fn github_runs(&self) -> Vec<RunView> {
        self.scene
            .github
            .runs
            .iter()
            .map(|run| RunView {
                id: run.id,
                workflow: run.workflow.clone(),
                status: run.status.name().to_owned(),
                conclusion: run.status.conclusion().map(str::to_owned),
                secrets: run.secrets.clone(),
                inputs: run.inputs.clone(),
            })
            .collect()
    }

    /// The versions of a secret at Infisical (in the root folder), oldest first.
    #[must_use]
    pub fn infisical_versions(&self, environment: &str, key: &str) -> Vec<VersionView> {
        self.scene
            .infisical
            .secrets
            .iter()
            .filter(|(place, _)| {
                place.environment == environment && place.path == "/" && place.key == key
            })
            .flat_map(|(_, secret)| &secret.versions)
            .map(|version| VersionView {
                version: version.number,
                value: version.value.clone(),
                at: version.at,
            })
            .collect()
    }

    /// The newest value of a secret at Infisical (in the root folder).
    #[must_use]
    pub fn infisical_value(&self, environment: &str, key: &str) -> Option<String> {
        self.infisical_versions(environment, key).pop().map(|version| version.value)
    }

    /// How many changes wait for an approval at Infisical.
    #[must_use]
    pub fn infisical_pending(&self) -> usize {
        self.scene.infisical.pending.len()
    }

    pub(crate) fn scene(&self) -> &Scene {
        &self.scene
    }

    fn app(&self, app: &str) -> Option<&App> {
        self.scene.heroku.apps.get(app)
    }
}
