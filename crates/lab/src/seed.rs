//! From an organisation's description to the vendors' state, drawing the values that the caller left open.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::github::{self, Github, Store};
use crate::heroku::{App, Heroku};
use crate::infisical::{Identity, Infisical, Place};
use crate::postmark::{Postmark, TOKENS_MAX};
use crate::world::Scene;
use crate::{Credentials, LabConfig, LabError, Org, ValueSeed, random};

/// The scene at the start, and the values in it.
pub(crate) fn seed(config: &LabConfig, now: Timestamp) -> Result<(Scene, Credentials), LabError> {
    let org = &config.seed;
    let account_token = given_or(org.postmark.account_token.as_ref(), random::uuid);
    let (postmark, server_ids) = postmark(org, &account_token, now)?;
    let tokens: BTreeMap<String, Vec<String>> = postmark
        .servers
        .values()
        .map(|server| {
            let values = server.tokens.iter().map(|token| token.value.clone()).collect();
            (server.name.clone(), values)
        })
        .collect();
    let mut heroku = Heroku::new(&org.heroku.email, config.dyno_start, now);
    heroku.foreign_apps.clone_from(&org.heroku.foreign_apps);
    let authorized = authorize(org, &mut heroku, now);
    let values = Values {
        postmark: &tokens,
        account: account_token.to_ascii_lowercase(),
        heroku: authorized.iter().map(|made| (made.0.clone(), made.2.clone())).collect(),
    };
    add_apps(org, &mut heroku, &values, now)?;
    let github_token = random::github_token();
    let powerless = random::github_token();
    let github = github(config, &values, &github_token, &powerless, now)?;
    let infisical = infisical(org, &values, now)?;
    let token_at =
        |index: usize| authorized.get(index).map(|made| made.2.clone()).unwrap_or_default();
    let first_server = org.postmark.servers.first().map(|server| &server.name);
    let credentials = Credentials {
        postmark_account_token: account_token,
        postmark_server_token: first_server
            .and_then(|name| tokens.get(name)?.first().cloned())
            .unwrap_or_default(),
        postmark_server_ids: server_ids,
        heroku_email: org.heroku.email.clone(),
        heroku_api_key: token_at(0),
        heroku_api_key_id: authorized.first().map(|made| made.1.clone()).unwrap_or_default(),
        heroku_management_token: token_at(1),
        heroku_read_only_token: token_at(2),
        heroku_tokens: values.heroku.clone(),
        github_token,
        github_powerless_token: powerless,
        github_repo: format!("{}/{}", org.github.owner, org.github.repo),
        infisical_project_id: infisical.project_id.clone(),
        infisical_identity_id: infisical.identity.id.clone(),
        infisical_client_id: infisical.identity.client_id.clone(),
        infisical_client_secret: infisical
            .identity
            .client_secrets
            .first()
            .map(|secret| secret.value.clone())
            .unwrap_or_default(),
        postmark_tokens: tokens.clone(),
    };
    Ok((Scene { postmark, heroku, github, infisical }, credentials))
}

/// The tokens that seeded values may refer to.
struct Values<'a> {
    postmark: &'a BTreeMap<String, Vec<String>>,
    account: String,
    heroku: BTreeMap<String, String>,
}

impl Values<'_> {
    fn of(&self, seed: &ValueSeed) -> Result<String, LabError> {
        match seed {
            ValueSeed::Text(text) => Ok(text.clone()),
            ValueSeed::Random => Ok(random::alnum(32)),
            ValueSeed::PostmarkToken(server) => self
                .postmark
                .get(server)
                .and_then(|tokens| tokens.first().cloned())
                .ok_or_else(|| LabError::Seed(format!("there is no Postmark server {server}"))),
            ValueSeed::PostmarkAccountToken => Ok(self.account.clone()),
            ValueSeed::HerokuToken(description) => {
                self.heroku.get(description).cloned().ok_or_else(|| {
                    LabError::Seed(format!("there is no Heroku authorization {description}"))
                })
            }
        }
    }
}

fn given_or(given: Option<&String>, random: impl FnOnce() -> String) -> String {
    given.cloned().unwrap_or_else(random)
}

fn postmark(
    org: &Org,
    account_token: &str,
    now: Timestamp,
) -> Result<(Postmark, BTreeMap<String, u64>), LabError> {
    let account_token = account_token.to_ascii_lowercase();
    let mut postmark = Postmark::new(&account_token, org.postmark.domains.clone(), now);
    let mut ids = BTreeMap::new();
    for server in &org.postmark.servers {
        if server.tokens.len() > TOKENS_MAX {
            let message = format!("server {} has more than {TOKENS_MAX} tokens", server.name);
            return Err(LabError::Seed(message));
        }
        let tokens = match server.tokens.as_slice() {
            [] => vec![random::uuid()],
            given => given.to_vec(),
        };
        let id = postmark.add_server(&server.name, &server.delivery_type, tokens, now, now);
        ids.insert(server.name.clone(), id);
    }
    Ok((postmark, ids))
}

/// Description, id and token of each authorization, in the order of the seed.
fn authorize(org: &Org, heroku: &mut Heroku, now: Timestamp) -> Vec<(String, String, String)> {
    let mut made = Vec::new();
    for seed in &org.heroku.authorizations {
        let token = given_or(seed.token.as_ref(), random::heroku_token);
        let id =
            heroku.authorize(&seed.description, seed.scope.clone(), token.clone(), None, now, now);
        made.push((seed.description.clone(), id, token));
    }
    made
}

fn add_apps(
    org: &Org,
    heroku: &mut Heroku,
    values: &Values<'_>,
    now: Timestamp,
) -> Result<(), LabError> {
    for seed in &org.heroku.apps {
        let mut config = BTreeMap::new();
        for (key, value) in &seed.config {
            config.insert(key.clone(), values.of(value)?);
        }
        let app = App::new(&seed.name, seed.dynos, config, &org.heroku.email, now);
        heroku.apps.insert(seed.name.clone(), app);
    }
    Ok(())
}

fn github(
    config: &LabConfig,
    values: &Values<'_>,
    token: &str,
    powerless: &str,
    now: Timestamp,
) -> Result<Github, LabError> {
    let seed = &config.seed.github;
    let durations = (config.run_queue, config.run_duration);
    let mut github = Github::new(&seed.owner, &seed.repo, &seed.environments, durations, now);
    let user = |login: &str, has_rights| github::User { login: login.to_owned(), has_rights };
    github.gate.admit(token, user(&seed.login, true), now);
    github.gate.admit(powerless, user("somebody-else", false), now);
    for secret in &seed.secrets {
        let value = values.of(&secret.value)?;
        github.stores.entry(secret.scope.clone()).or_insert_with(Store::new).set(
            &secret.name,
            &value,
            now,
        );
    }
    for (workflow, id) in seed.workflows.iter().zip(300_001..) {
        github.workflows.push(github::Workflow {
            id,
            file: workflow.file.clone(),
            name: workflow.name.clone(),
            environment: workflow.environment.clone(),
            uses: workflow.uses.clone(),
            dispatch: workflow.dispatch,
        });
    }
    Ok(github)
}

fn infisical(org: &Org, values: &Values<'_>, now: Timestamp) -> Result<Infisical, LabError> {
    let seed = &org.infisical;
    let client_id = given_or(seed.client_id.as_ref(), random::uuid);
    let client_secret = given_or(seed.client_secret.as_ref(), || random::hex(64));
    let project_id = given_or(seed.project_id.as_ref(), random::uuid);
    let identity = Identity::new(&client_id, &client_secret, now);
    let mut infisical =
        Infisical::new(&seed.project, &project_id, seed.environments.clone(), identity, now);
    for secret in &seed.secrets {
        if !seed.environments.contains(&secret.environment) {
            let message = format!("there is no Infisical environment {}", secret.environment);
            return Err(LabError::Seed(message));
        }
        let place = Place {
            environment: secret.environment.clone(),
            path: "/".to_owned(),
            key: secret.key.clone(),
        };
        infisical.store(place.clone(), &values.of(&secret.value)?, None, now);
        if let Some(stored) = infisical.secrets.get_mut(&place) {
            stored.is_rotated = secret.is_rotated;
        }
    }
    Ok(infisical)
}
