//! From an inventory to a lab of the same shape: the same issuer, store and consumers by the same
//! names, at simulated vendors, with values of their own.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use domain::Span;
use domain::inventory::{
    Ask, Auth, ConnectionKind, Consumer, ConsumerKind, GithubScope, Inventory, IssuerKind,
    KeySource, Probe, ProbeKind, Secret, Source, StoreKind,
};
use lab::{
    AppSeed, AuthorizationSeed, Credentials, GithubSecretSeed, GithubSeed, InfisicalSecretSeed,
    Org, SecretScope, ServerSeed, Urls, ValueSeed, WorkflowSeed,
};

use crate::exit::Exit;
use crate::fail::{Fail, Result};

/// How both tokens of a replay are called at the simulated Heroku, where the inventory says nothing.
const DESCRIPTION: &str = "the current token";
/// Long enough to be a wait, and no longer.
const WAIT: Span = Span::from_millis(300);
const KEY_FILE: &str = "rollover.key";

/// The organisation that the lab is to have.
pub(super) fn organisation(inventory: &Inventory, secret: &Secret) -> Result<Org> {
    let mut org = Org::acme();
    org.name.clone_from(&inventory.org);
    let value = issue(&mut org, inventory, secret)?;
    org.postmark.domains.extend(sending_domains(secret));
    org.heroku.apps = apps(secret, &value);
    org.github = github(org.github, secret, &value)?;
    if let Some(store) = inventory.stores.get(&secret.store)
        && let StoreKind::Infisical { project, environment, .. } = &store.kind
    {
        org.infisical.project_id = Some(project.clone());
        org.infisical.environments = vec![environment.clone()];
        org.infisical.secrets = vec![InfisicalSecretSeed {
            environment: environment.clone(),
            key: secret.store_key.clone(),
            value,
            is_rotated: false,
        }];
    } else {
        org.infisical.secrets.clear();
    }
    Ok(org)
}

/// The domains that the inventory sends test mails from; a real account knows them, too.
fn sending_domains(secret: &Secret) -> impl Iterator<Item = String> {
    secret.probes.iter().filter_map(|probe| match &probe.kind {
        ProbeKind::TestMail { from, .. } => Some(from.rsplit_once('@')?.1.to_owned()),
        _ => None,
    })
}

/// Puts the current token where it is issued, and says where its value comes from.
fn issue(org: &mut Org, inventory: &Inventory, secret: &Secret) -> Result<ValueSeed> {
    let issuer = inventory.issuers.get(&secret.issuer);
    let issuer = issuer.ok_or_else(|| Fail::usage(format!("there is no `{}`", secret.issuer)))?;
    Ok(match &issuer.kind {
        IssuerKind::PostmarkServer { server, .. } => {
            org.postmark.servers = vec![ServerSeed {
                name: server.clone(),
                tokens: Vec::new(),
                delivery_type: "Live".into(),
            }];
            ValueSeed::PostmarkToken(server.clone())
        }
        IssuerKind::PostmarkAccount { server, .. } => {
            org.postmark.servers = vec![ServerSeed {
                name: server.clone(),
                tokens: Vec::new(),
                delivery_type: "Live".into(),
            }];
            ValueSeed::PostmarkAccountToken
        }
        IssuerKind::HerokuAuthorization { account, scope, .. } => {
            org.heroku.email.clone_from(account);
            let description = secret.old_description.as_deref().unwrap_or(DESCRIPTION).to_owned();
            let seed = |description: &str, scope: Vec<String>| AuthorizationSeed {
                description: description.to_owned(),
                scope,
                token: None,
            };
            org.heroku.authorizations = vec![
                seed(&description, scope.clone()),
                seed("for managing", vec!["global".into()]),
                seed("for reading", vec!["read".into()]),
            ];
            ValueSeed::HerokuToken(description)
        }
    })
}

fn apps(secret: &Secret, value: &ValueSeed) -> Vec<AppSeed> {
    let app = |consumer: &Consumer| match &consumer.kind {
        ConsumerKind::HerokuConfig { app, .. } => Some(AppSeed {
            name: app.clone(),
            dynos: 1,
            config: consumer.keys.iter().map(|key| (key.clone(), value.clone())).collect(),
        }),
        _ => None,
    };
    let mut apps: Vec<AppSeed> = secret.consumers.iter().filter_map(app).collect();
    for probe in &secret.probes {
        if let ProbeKind::Log { app: name, .. } = &probe.kind
            && !apps.iter().any(|app| app.name == *name)
        {
            apps.push(AppSeed { name: name.clone(), dynos: 1, config: Vec::new() });
        }
    }
    apps
}

/// The lab's GitHub has one repository; an inventory with several cannot be replayed there.
fn github(mut seed: GithubSeed, secret: &Secret, value: &ValueSeed) -> Result<GithubSeed> {
    let (mut repositories, mut environments) = (BTreeSet::new(), BTreeSet::new());
    seed.secrets.clear();
    for consumer in &secret.consumers {
        let ConsumerKind::GithubSecret { scope, .. } = &consumer.kind else { continue };
        let scope = match scope {
            GithubScope::Repository(repo) => {
                repositories.insert(repo.clone());
                SecretScope::Repo
            }
            GithubScope::Dependabot(repo) => {
                repositories.insert(repo.clone());
                SecretScope::Dependabot
            }
            GithubScope::Environment(repo, environment) => {
                repositories.insert(repo.clone());
                environments.insert(environment.clone());
                SecretScope::Environment(environment.clone())
            }
            GithubScope::Organisation(org) => {
                seed.owner.clone_from(org);
                SecretScope::Org
            }
        };
        seed.secrets.extend(consumer.keys.iter().map(|key| GithubSecretSeed {
            scope: scope.clone(),
            name: key.clone(),
            value: value.clone(),
        }));
    }
    for probe in &secret.probes {
        let ProbeKind::Workflow { repo, workflow, .. } = &probe.kind else { continue };
        repositories.insert(repo.clone());
        seed.workflows.retain(|one| one.file != *workflow);
        seed.workflows.push(WorkflowSeed {
            file: workflow.clone(),
            name: workflow.clone(),
            environment: None,
            uses: secret.consumers.iter().flat_map(repository_keys).collect(),
            dispatch: true,
        });
    }
    if repositories.len() > 1 {
        return Err(Fail::new(
            Exit::Failed,
            "the lab has one repository; this secret has consumers in several",
        )
        .hint("validate it on production instead, by its next rotation"));
    }
    if let Some((owner, repo)) = repositories.first().and_then(|repo| repo.split_once('/')) {
        (seed.owner, seed.repo) = (owner.to_owned(), repo.to_owned());
    }
    seed.environments.extend(environments);
    Ok(seed)
}

/// The names that a run of the repository sees.
fn repository_keys(consumer: &Consumer) -> Vec<String> {
    match &consumer.kind {
        ConsumerKind::GithubSecret { scope: GithubScope::Repository(_), .. } => {
            consumer.keys.clone()
        }
        _ => Vec::new(),
    }
}

/// The inventory of that lab: this secret alone, every address in the lab, every file in
/// `directory`, every wait short.
pub(super) fn inventory(
    real: &Inventory,
    secret: &Secret,
    urls: &Urls,
    credentials: &Credentials,
    directory: &Path,
) -> Result<Inventory> {
    let mut inventory = real.clone();
    inventory.state.database = "rollover.db".into();
    inventory.state.key = KeySource::File(KEY_FILE.into());
    inventory.policy.proof_interval = WAIT;
    // Nobody is told of what happens in a lab.
    inventory.notify.clear();
    for connection in inventory.connections.values_mut() {
        (connection.ca, connection.proxy, connection.private) = (None, None, false);
        let own = connection.auth == Auth::Token(Source::Secret(secret.name.clone()));
        let file = |name: &str| Source::File(name.to_owned());
        (connection.url, connection.auth) = match connection.kind {
            ConnectionKind::Postmark => (urls.postmark.clone(), Auth::None),
            ConnectionKind::Heroku if own => (urls.heroku.clone(), connection.auth.clone()),
            ConnectionKind::Heroku => (urls.heroku.clone(), Auth::Token(file("heroku"))),
            ConnectionKind::Github => (urls.github.clone(), Auth::Token(file("github"))),
            ConnectionKind::Infisical => (
                format!("{}/api", urls.infisical),
                Auth::Client { id: file("infisical-id"), secret: file("infisical-secret") },
            ),
        };
    }
    logins(directory, credentials)?;
    for issuer in inventory.issuers.values_mut() {
        if let IssuerKind::PostmarkServer { dashboard, .. }
        | IssuerKind::PostmarkAccount { dashboard, .. } = &mut issuer.kind
        {
            dashboard.clone_from(&urls.dashboard);
        }
    }
    for store in inventory.stores.values_mut() {
        match &mut store.kind {
            StoreKind::Infisical { path, .. } => "/".clone_into(path),
            StoreKind::Sealed { file } => "secrets.sealed".clone_into(file),
        }
    }
    let mut secret = secret.clone();
    secret.soak = WAIT;
    let value = current(real, &secret, credentials);
    files(&mut secret, value, directory)?;
    secret.probes = probes(&secret, urls);
    inventory.secrets = [(secret.name.clone(), secret)].into();
    Ok(inventory)
}

/// The value of the current token, which is the lab's own.
pub(super) fn current<'c>(
    inventory: &Inventory,
    secret: &Secret,
    credentials: &'c Credentials,
) -> &'c str {
    match inventory.issuers.get(&secret.issuer).map(|issuer| &issuer.kind) {
        Some(IssuerKind::PostmarkServer { .. }) => &credentials.postmark_server_token,
        Some(IssuerKind::PostmarkAccount { .. }) => &credentials.postmark_account_token,
        _ => &credentials.heroku_api_key,
    }
}

fn logins(directory: &Path, credentials: &Credentials) -> Result<()> {
    put(directory, "heroku", &credentials.heroku_management_token)?;
    put(directory, "github", &credentials.github_token)?;
    put(directory, "infisical-id", &credentials.infisical_client_id)?;
    put(directory, "infisical-secret", &credentials.infisical_client_secret)
}

/// Each dotenv file, in the directory, with the current token in it.
fn files(secret: &mut Secret, value: &str, directory: &Path) -> Result<()> {
    for (i, consumer) in secret.consumers.iter_mut().enumerate() {
        // Nobody sits at a workstation of the lab, so its file is written there.
        let is_file = |kind: &ConsumerKind| {
            matches!(kind, ConsumerKind::Dotenv { .. } | ConsumerKind::Workstation { .. })
        };
        if is_file(&consumer.kind) {
            let name = format!("{i}.env");
            let line = |key: &String| format!("{key}={value}\n");
            put(directory, &name, &consumer.keys.iter().map(line).collect::<String>())?;
            consumer.kind = ConsumerKind::Dotenv { path: name };
        }
    }
    Ok(())
}

fn put(directory: &Path, name: &str, text: &str) -> Result<()> {
    let path = directory.join(name);
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        Fail::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
    })
}

/// The world behind the inventory's probes is not in the lab; what a simulated app, its log and a
/// workflow of the same name show stands in for it. Nobody there looks into a mailbox.
fn probes(secret: &Secret, urls: &Urls) -> Vec<Probe> {
    let app = secret.consumers.iter().find_map(|consumer| match &consumer.kind {
        ConsumerKind::HerokuConfig { app, .. } => Some(app.as_str()),
        _ => None,
    });
    let in_the_lab = |probe: &Probe| {
        let kind = match &probe.kind {
            ProbeKind::Health(_) => ProbeKind::Health(health(urls, app?)),
            ProbeKind::AppMail { .. } => {
                let (method, url) = ("POST".into(), urls.app_test_mail(app?));
                let ask = Ask { method, url, expect_json: Vec::new(), ..health(urls, app?) };
                ProbeKind::AppMail { ask, id: "message_id".into() }
            }
            ProbeKind::Workflow { via, repo, workflow, inputs, correlate, .. } => {
                ProbeKind::Workflow {
                    via: via.clone(),
                    repo: repo.clone(),
                    workflow: workflow.clone(),
                    git_ref: "main".into(),
                    inputs: inputs.clone(),
                    correlate: correlate.clone(),
                }
            }
            kind => kind.clone(),
        };
        Some(Probe { name: probe.name.clone(), confirm_receipt: false, kind })
    };
    secret.probes.iter().filter_map(in_the_lab).collect()
}

fn health(urls: &Urls, app: &str) -> Ask {
    Ask {
        method: "GET".into(),
        url: urls.app_health(app),
        private: false,
        json: None,
        expect_status: 200,
        expect_json: vec![("status".into(), Some("ok".into()))],
    }
}
