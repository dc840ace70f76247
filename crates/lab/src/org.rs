//! The organisation that exists when a lab starts, and the values that a test or a demo needs of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SecretScope;

/// Everything that the four vendors know about one organisation.
#[derive(Clone)]
pub struct Org {
    /// Its name, as shown on the pages.
    pub name: String,
    /// Its Postmark account.
    pub postmark: PostmarkSeed,
    /// Its Heroku account.
    pub heroku: HerokuSeed,
    /// Its GitHub organisation and repository.
    pub github: GithubSeed,
    /// Its Infisical project.
    pub infisical: InfisicalSeed,
}

/// A Postmark account.
#[derive(Clone)]
pub struct PostmarkSeed {
    /// Its servers.
    pub servers: Vec<ServerSeed>,
    /// The account token; random when absent.
    pub account_token: Option<String>,
    /// Domains whose sender signatures are confirmed.
    pub domains: Vec<String>,
}

/// A Postmark server.
#[derive(Clone)]
pub struct ServerSeed {
    /// Its name.
    pub name: String,
    /// Its tokens, one to three; one random token when empty.
    pub tokens: Vec<String>,
    /// `Live` or `Sandbox`.
    pub delivery_type: String,
}

/// A Heroku account.
#[derive(Clone)]
pub struct HerokuSeed {
    /// The account's e-mail address.
    pub email: String,
    /// Its apps.
    pub apps: Vec<AppSeed>,
    /// Its authorizations.
    pub authorizations: Vec<AuthorizationSeed>,
    /// Apps of other people, to which access is forbidden.
    pub foreign_apps: Vec<String>,
}

/// A Heroku app.
#[derive(Clone)]
pub struct AppSeed {
    /// Its name.
    pub name: String,
    /// How many web dynos it has.
    pub dynos: u32,
    /// Its config vars.
    pub config: Vec<(String, ValueSeed)>,
}

/// A Heroku authorization.
#[derive(Clone)]
pub struct AuthorizationSeed {
    /// What it is for.
    pub description: String,
    /// Its scope.
    pub scope: Vec<String>,
    /// Its token; random when absent.
    pub token: Option<String>,
}

/// A GitHub organisation with one private repository.
#[derive(Clone)]
pub struct GithubSeed {
    /// The organisation.
    pub owner: String,
    /// The repository.
    pub repo: String,
    /// The repository's environments.
    pub environments: Vec<String>,
    /// The secrets that are set.
    pub secrets: Vec<GithubSecretSeed>,
    /// The workflows.
    pub workflows: Vec<WorkflowSeed>,
    /// Login of the token with rights.
    pub login: String,
}

/// A secret at GitHub.
#[derive(Clone)]
pub struct GithubSecretSeed {
    /// Where it is set.
    pub scope: SecretScope,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: ValueSeed,
}

/// A workflow file.
#[derive(Clone)]
pub struct WorkflowSeed {
    /// The file's name under `.github/workflows/`.
    pub file: String,
    /// The workflow's title.
    pub name: String,
    /// The environment that its job uses.
    pub environment: Option<String>,
    /// The secrets that its job uses.
    pub uses: Vec<String>,
    /// Whether people can start it (`on: workflow_dispatch`).
    pub dispatch: bool,
}

/// An Infisical project with one machine identity.
#[derive(Clone)]
pub struct InfisicalSeed {
    /// The project's slug.
    pub project: String,
    /// The project's id; random when absent.
    pub project_id: Option<String>,
    /// Its environments.
    pub environments: Vec<String>,
    /// Its secrets.
    pub secrets: Vec<InfisicalSecretSeed>,
    /// The machine identity's client id; random when absent.
    pub client_id: Option<String>,
    /// The machine identity's client secret; random when absent.
    pub client_secret: Option<String>,
}

/// A secret at Infisical.
#[derive(Clone)]
pub struct InfisicalSecretSeed {
    /// The environment's slug.
    pub environment: String,
    /// The name.
    pub key: String,
    /// The value.
    pub value: ValueSeed,
    /// Managed by Infisical's own rotation, so that others must not write it.
    pub is_rotated: bool,
}

/// Where a seeded value comes from.
#[derive(Clone)]
pub enum ValueSeed {
    /// This text.
    Text(String),
    /// Something random, different in every lab.
    Random,
    /// The first token of the Postmark server of that name.
    PostmarkToken(String),
    /// The token of the Postmark account.
    PostmarkAccountToken,
    /// The token of the Heroku authorization of that description.
    HerokuToken(String),
}

/// Every value that was seeded. There is no `Debug`, so that none of it gets into a log by accident.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Postmark's account token.
    pub postmark_account_token: String,
    /// The token of the first Postmark server (`acme-prod`).
    pub postmark_server_token: String,
    /// The tokens of every Postmark server, by name.
    pub postmark_tokens: BTreeMap<String, Vec<String>>,
    /// The ids of the Postmark servers, by name.
    pub postmark_server_ids: BTreeMap<String, u64>,
    /// The address of the Heroku account.
    pub heroku_email: String,
    /// The token in the apps' `HEROKU_API_KEY`: that of the first authorization.
    pub heroku_api_key: String,
    /// The id of that authorization.
    pub heroku_api_key_id: String,
    /// A token that may manage authorizations.
    pub heroku_management_token: String,
    /// A token that may only read.
    pub heroku_read_only_token: String,
    /// The tokens of every authorization, by description.
    pub heroku_tokens: BTreeMap<String, String>,
    /// A GitHub token with rights to the repository and the organisation.
    pub github_token: String,
    /// A GitHub token of somebody else.
    pub github_powerless_token: String,
    /// `owner/repo`.
    pub github_repo: String,
    /// Infisical's project id.
    pub infisical_project_id: String,
    /// The machine identity's id.
    pub infisical_identity_id: String,
    /// The machine identity's client id.
    pub infisical_client_id: String,
    /// The machine identity's client secret.
    pub infisical_client_secret: String,
}

impl Org {
    /// The organisation of the tutorials: four apps, both secrets, all four vendors.
    #[must_use]
    pub fn acme() -> Self {
        Self {
            name: "acme".to_owned(),
            postmark: acme_postmark(),
            heroku: acme_heroku(),
            github: acme_github(),
            infisical: acme_infisical(),
        }
    }
}

/// The description of the authorization whose token is the apps' `HEROKU_API_KEY`.
const PLATFORM: &str = "acme-api-prod-platform-token";

fn acme_postmark() -> PostmarkSeed {
    let server = |name: &str| ServerSeed {
        name: name.to_owned(),
        tokens: Vec::new(),
        delivery_type: "Live".to_owned(),
    };
    PostmarkSeed {
        servers: vec![server("acme-prod"), server("acme-staging"), server("acme-alerts")],
        account_token: None,
        domains: vec!["acme.example".to_owned(), "example.com".to_owned()],
    }
}

fn acme_heroku() -> HerokuSeed {
    let mail = ("POSTMARK_SERVER_TOKEN", ValueSeed::PostmarkToken("acme-prod".to_owned()));
    let platform = ("HEROKU_API_KEY", ValueSeed::HerokuToken(PLATFORM.to_owned()));
    let app = |name: &str, dynos: u32, vars: &[&(&str, ValueSeed)]| {
        let mut config = vec![
            ("DATABASE_URL".to_owned(), ValueSeed::Random),
            ("LOG_LEVEL".to_owned(), ValueSeed::Text("info".to_owned())),
        ];
        config.extend(vars.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        AppSeed { name: name.to_owned(), dynos, config }
    };
    let authorization = |description: &str, scope: &[&str]| AuthorizationSeed {
        description: description.to_owned(),
        scope: scope.iter().map(|&word| word.to_owned()).collect(),
        token: None,
    };
    HerokuSeed {
        email: "ops@example.com".to_owned(),
        apps: vec![
            app("acme-api-prod", 2, &[&mail, &platform]),
            app("acme-api-staging", 1, &[&mail, &platform]),
            app("acme-console-prod", 1, &[&platform]),
            app("acme-rotation-pipeline", 1, &[&platform]),
        ],
        authorizations: vec![
            authorization(PLATFORM, &["global"]),
            authorization("acme-rollover-management", &["global"]),
            authorization("acme-read-only", &["read"]),
        ],
        foreign_apps: vec!["globex-web".to_owned()],
    }
}

fn acme_github() -> GithubSeed {
    let platform = || ValueSeed::HerokuToken(PLATFORM.to_owned());
    let secret = |scope: SecretScope, name: &str, value| GithubSecretSeed {
        scope,
        name: name.to_owned(),
        value,
    };
    let workflow =
        |file: &str, name: &str, environment: Option<&str>, uses: &[&str]| WorkflowSeed {
            file: file.to_owned(),
            name: name.to_owned(),
            environment: environment.map(str::to_owned),
            uses: uses.iter().map(|&name| name.to_owned()).collect(),
            dispatch: true,
        };
    GithubSeed {
        owner: "acme".to_owned(),
        repo: "api".to_owned(),
        environments: vec!["production".to_owned(), "staging".to_owned()],
        secrets: vec![
            secret(SecretScope::Repo, "HEROKU_API_KEY", platform()),
            secret(SecretScope::Org, "NPM_TOKEN", ValueSeed::Random),
            secret(
                SecretScope::Environment("production".to_owned()),
                "DEPLOY_KEY",
                ValueSeed::Random,
            ),
            secret(SecretScope::Dependabot, "REGISTRY_TOKEN", ValueSeed::Random),
        ],
        workflows: vec![
            workflow("deploy-staging.yml", "Deploy staging", None, &["HEROKU_API_KEY"]),
            workflow(
                "deploy-production.yml",
                "Deploy production",
                Some("production"),
                &["HEROKU_API_KEY", "DEPLOY_KEY"],
            ),
            WorkflowSeed { dispatch: false, ..workflow("ci.yml", "CI", None, &[]) },
            // Uses a secret that nobody has set.
            workflow("deploy-missing.yml", "Deploy nothing", None, &["NOT_SET"]),
        ],
        login: "acme-ops".to_owned(),
    }
}

fn acme_infisical() -> InfisicalSeed {
    let secret = |environment: &str, key: &str, value| InfisicalSecretSeed {
        environment: environment.to_owned(),
        key: key.to_owned(),
        value,
        is_rotated: false,
    };
    let mail = || ValueSeed::PostmarkToken("acme-prod".to_owned());
    let platform = || ValueSeed::HerokuToken(PLATFORM.to_owned());
    InfisicalSeed {
        project: "acme".to_owned(),
        project_id: None,
        environments: vec!["prod".to_owned(), "staging".to_owned()],
        secrets: vec![
            secret("prod", "POSTMARK_SERVER_TOKEN", mail()),
            secret("prod", "HEROKU_API_KEY", platform()),
            secret("staging", "POSTMARK_SERVER_TOKEN", mail()),
            secret("staging", "HEROKU_API_KEY", platform()),
        ],
        client_id: None,
        client_secret: None,
    }
}
