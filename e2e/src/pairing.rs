//! Every issuer with every store and every consumer, as they are registered, and where each of
//! them stands in the lab.
//!
//! Which kinds there are is the connectors' own list; here stands only what the lab has for each.
//! A kind that is registered and has no place here is an error, so that nothing is left untried.

use std::collections::BTreeSet;
use std::fmt;

use connectors::kinds::{CONSUMERS, ISSUERS, STORES};
use lab::{
    Credentials, GithubSecretSeed, InfisicalSecretSeed, Inspection, Org, SecretScope, TokensOf,
    TrafficSource, Urls, ValueSeed,
};

use crate::{Result, SERVER};

/// One issuer, one store and one consumer.
#[derive(Clone, Copy)]
pub struct Pairing {
    /// Who mints.
    pub issuer: &'static IssuerAt,
    /// Where the value is kept.
    pub store: &'static StoreAt,
    /// Who uses it.
    pub consumer: &'static ConsumerAt,
    /// Whether the consumer holds nothing yet.
    pub clean: bool,
}

/// An issuer in the lab.
pub struct IssuerAt {
    kind: &'static str,
    /// The secret's key.
    pub key: &'static str,
    /// Whether people create and delete its tokens.
    pub by_operator: bool,
    /// Whether its tokens are shown by no API, so that people enter them.
    pub entered: bool,
    /// The page on which people make and delete them.
    pub whose: fn() -> TokensOf,
    /// Its part of the inventory.
    pub toml: fn(&Urls, &Credentials) -> String,
    /// More lines of the secret's own file.
    pub secret: &'static str,
    /// The token in the beginning.
    pub token: fn(&Credentials) -> String,
    /// Whether it accepts a token.
    pub honours: fn(&Inspection, &str) -> bool,
    /// Its live tokens.
    pub live: fn(&Inspection) -> BTreeSet<String>,
}

/// A store in the lab, or beside it.
pub struct StoreAt {
    kind: &'static str,
    /// Its part of the inventory.
    pub toml: fn(&Credentials) -> String,
    /// What the place of a key in it is called among everything that holds a value.
    pub place: fn(&str) -> String,
    /// Whether the first value has to be put into it.
    pub is_empty: bool,
}

/// A consumer in the lab, or beside it.
pub struct ConsumerAt {
    kind: &'static str,
    /// What its kind and place are in the inventory.
    pub toml: &'static str,
    /// What is appended to the secret's key there.
    pub suffix: &'static str,
    /// What its place is called among everything that holds a value; the key follows.
    pub place: &'static str,
    /// The app that a write restarts.
    pub app: Option<&'static str>,
    /// Whether it is the file on this machine.
    pub is_file: bool,
    /// Whether its owner fetches the value.
    pub is_fetched: bool,
}

/// The app that is a consumer.
pub const APP: &str = "acme-api-prod";
/// The file that is a consumer, and the one that is a store.
pub const FILE: &str = "app.env";
/// The sealed file.
pub const SEALED: &str = "store.sealed";

static ISSUERS_AT: [IssuerAt; 3] = [
    IssuerAt {
        kind: "postmark-server",
        key: "POSTMARK_SERVER_TOKEN",
        by_operator: true,
        entered: false,
        whose: || TokensOf::Server(SERVER.into()),
        toml: |urls, _| {
            let dashboard = &urls.dashboard;
            format!("via = \"postmark\"\nserver = \"{SERVER}\"\ndashboard = \"{dashboard}\"\n")
        },
        secret: "",
        token: |credentials| credentials.postmark_server_token.clone(),
        honours: |world, token| world.postmark_honours(token),
        live: |world| world.live_postmark_tokens(SERVER).into_iter().collect(),
    },
    IssuerAt {
        kind: "postmark-account",
        key: "POSTMARK_ACCOUNT_TOKEN",
        by_operator: true,
        entered: true,
        whose: || TokensOf::Account,
        toml: |urls, _| {
            let dashboard = &urls.dashboard;
            format!("via = \"postmark\"\nserver = \"{SERVER}\"\ndashboard = \"{dashboard}\"\n")
        },
        secret: "",
        token: |credentials| credentials.postmark_account_token.clone(),
        honours: |world, token| world.postmark_honours(token),
        live: |world| world.live_postmark_account_tokens().into_iter().collect(),
    },
    IssuerAt {
        kind: "heroku-authorization",
        key: "HEROKU_API_KEY",
        by_operator: false,
        entered: false,
        // Nobody sits there.
        whose: || TokensOf::Server(SERVER.into()),
        toml: |_, credentials| {
            let account = &credentials.heroku_email;
            format!("via = \"heroku\"\naccount = \"{account}\"\nscope = [\"global\"]\n")
        },
        secret: "[old]\ndescription = \"acme-api-prod-platform-token\"\n",
        token: |credentials| credentials.heroku_api_key.clone(),
        honours: |world, token| world.heroku_honours(token),
        live: |world| {
            let all = world.heroku_authorizations().into_iter();
            all.filter(|one| one.live).map(|one| one.token).collect()
        },
    },
];

static STORES_AT: [StoreAt; 2] = [
    StoreAt {
        kind: "infisical",
        toml: |credentials| {
            let project = &credentials.infisical_project_id;
            format!("via = \"infisical\"\nproject = \"{project}\"\nenvironment = \"prod\"\n")
        },
        place: |key| format!("infisical prod {key}"),
        is_empty: false,
    },
    StoreAt {
        kind: "sealed",
        toml: |_| format!("file = \"{SEALED}\"\n"),
        place: |key| format!("sealed {key}"),
        is_empty: true,
    },
];

const fn at_github(
    kind: &'static str,
    toml: &'static str,
    suffix: &'static str,
    place: &'static str,
) -> ConsumerAt {
    ConsumerAt { kind, toml, suffix, place, app: None, is_file: false, is_fetched: false }
}

static CONSUMERS_AT: [ConsumerAt; 7] = [
    ConsumerAt {
        kind: "heroku-config",
        toml: "kind = \"heroku-config\"\nvia = \"heroku\"\napp = \"acme-api-prod\"\n",
        suffix: "",
        place: "heroku acme-api-prod",
        app: Some(APP),
        is_file: false,
        is_fetched: false,
    },
    at_github(
        "github-repository",
        "kind = \"github-secret\"\nvia = \"github\"\nrepo = \"acme/api\"\n",
        "",
        "github Repo",
    ),
    // Names of their own: an environment's secret of the same name would shadow the repository's.
    at_github(
        "github-environment",
        "kind = \"github-secret\"\nvia = \"github\"\nrepo = \"acme/api\"\nenvironment = \"production\"\n",
        "_LIVE",
        "github Environment(\"production\")",
    ),
    at_github(
        "github-organisation",
        "kind = \"github-secret\"\nvia = \"github\"\norg = \"acme\"\n",
        "_SHARED",
        "github Org",
    ),
    at_github(
        "github-dependabot",
        "kind = \"github-secret\"\nvia = \"github\"\nrepo = \"acme/api\"\nscope = \"dependabot\"\n",
        "_BOT",
        "github Dependabot",
    ),
    ConsumerAt {
        kind: "dotenv",
        toml: "kind = \"dotenv\"\npath = \"app.env\"\n",
        suffix: "",
        place: "file app.env",
        app: None,
        is_file: true,
        is_fetched: false,
    },
    ConsumerAt {
        kind: "workstation",
        toml: "kind = \"workstation\"\nmember = \"ops-1\"\npath = \"app.env\"\n",
        suffix: "",
        place: "file app.env",
        app: None,
        is_file: true,
        is_fetched: true,
    },
];

impl IssuerAt {
    /// What its kind is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

impl StoreAt {
    /// What its kind is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

impl ConsumerAt {
    /// What its kind is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, store, consumer, .. } = self;
        write!(f, "{} x {} x {}", issuer.kind, store.kind, consumer.kind)
    }
}

impl Pairing {
    /// Whether a rotation of it needs a person before anybody is asked to agree.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        self.issuer.by_operator || self.consumer.is_fetched
    }

    /// Whether a run is to stay where people are waited for.
    #[must_use]
    pub fn stay(&self) -> &'static str {
        if self.needs_a_person() { "--wait" } else { "--no-wait" }
    }

    /// Every pairing of what is registered.
    ///
    /// # Errors
    /// Something is registered that the lab has no place for.
    pub fn all() -> Result<Vec<Self>> {
        let issuers = places("issuer", ISSUERS, &ISSUERS_AT, IssuerAt::kind)?;
        let stores = places("store", STORES, &STORES_AT, StoreAt::kind)?;
        let consumers = places("consumer", CONSUMERS, &CONSUMERS_AT, ConsumerAt::kind)?;
        let mut all = Vec::new();
        for issuer in &issuers {
            for store in &stores {
                for consumer in &consumers {
                    all.push(Self { issuer, store, consumer, clean: false });
                }
            }
        }
        Ok(all)
    }

    /// So many pairings that every issuer, every store and every consumer is in one, and no more
    /// than that.
    ///
    /// # Errors
    /// As [`Pairing::all`].
    pub fn cover() -> Result<Vec<Self>> {
        let all = Self::all()?;
        let (issuers, stores) = (ISSUERS.len(), STORES.len());
        let due = issuers.max(stores).max(CONSUMERS.len());
        let chosen = (0..due).map(|n| {
            // The store goes on by one each time that the issuers are through, so that both meet.
            let kinds = (ISSUERS[n % issuers], STORES[n / issuers % stores]);
            let consumer = CONSUMERS[n % CONSUMERS.len()];
            all.iter().copied().find(|one| {
                (one.issuer.kind, one.store.kind, one.consumer.kind) == (kinds.0, kinds.1, consumer)
            })
        });
        Ok(chosen.flatten().collect())
    }

    /// The same with a consumer that holds nothing yet: a name that is not there, a file that is
    /// yet to be made.
    #[must_use]
    pub fn on_a_clean_slate(self) -> Self {
        Self { clean: true, ..self }
    }

    /// The secret's whole name.
    #[must_use]
    pub fn secret(&self) -> String {
        format!("prod/{}", self.issuer.key)
    }

    /// The name under which the consumer holds it.
    #[must_use]
    pub fn name_there(&self) -> String {
        let new = if self.clean && !self.consumer.is_file { "_NEW" } else { "" };
        format!("{}{}{new}", self.issuer.key, self.consumer.suffix)
    }

    /// What the consumer's place is called among everything that holds a value.
    #[must_use]
    pub fn place(&self) -> String {
        match self.consumer.is_file {
            true => self.consumer.place.to_owned(),
            false => format!("{} {}", self.consumer.place, self.name_there()),
        }
    }

    /// Whoever sends requests with what the consumer holds; nobody does with a value at GitHub.
    #[must_use]
    pub fn source(&self, file: std::path::PathBuf) -> Option<TrafficSource> {
        let key = self.issuer.key;
        if self.consumer.is_file {
            return Some(TrafficSource::Dotenv { name: FILE.into(), path: file, key: key.into() });
        }
        let app = self.consumer.app?.to_owned();
        Some(match key {
            "POSTMARK_SERVER_TOKEN" => TrafficSource::Mail { app },
            "POSTMARK_ACCOUNT_TOKEN" => TrafficSource::Servers { app },
            _ => TrafficSource::Platform { app },
        })
    }
}

fn places<T>(
    what: &str,
    kinds: &[&str],
    places: &'static [T],
    kind_of: fn(&T) -> &'static str,
) -> Result<Vec<&'static T>> {
    let place = |kind: &&str| {
        let found = places.iter().find(|place| kind_of(place) == *kind);
        found
            .ok_or_else(|| format!("the {what} `{kind}` is registered and has no place in the lab"))
    };
    kinds.iter().map(place).collect()
}

/// The lab's organisation, with every issuer's token in every place that a consumer can be.
#[must_use]
pub fn organisation() -> Org {
    let mut org = Org::acme();
    let mail = || ValueSeed::PostmarkToken(SERVER.into());
    let platform = || ValueSeed::HerokuToken("acme-api-prod-platform-token".into());
    let mut put = |scope: SecretScope, name: &str, value: ValueSeed| {
        org.github.secrets.push(GithubSecretSeed { scope, name: name.into(), value });
    };
    let account = || ValueSeed::PostmarkAccountToken;
    put(SecretScope::Repo, "POSTMARK_SERVER_TOKEN", mail());
    put(SecretScope::Repo, "POSTMARK_ACCOUNT_TOKEN", account());
    for (scope, suffix) in [
        (SecretScope::Environment("production".into()), "_LIVE"),
        (SecretScope::Org, "_SHARED"),
        (SecretScope::Dependabot, "_BOT"),
    ] {
        put(scope.clone(), &format!("POSTMARK_SERVER_TOKEN{suffix}"), mail());
        put(scope.clone(), &format!("POSTMARK_ACCOUNT_TOKEN{suffix}"), account());
        put(scope, &format!("HEROKU_API_KEY{suffix}"), platform());
    }
    let app = org.heroku.apps.iter_mut().filter(|app| app.name == APP);
    app.for_each(|app| app.config.push(("POSTMARK_ACCOUNT_TOKEN".into(), account())));
    org.infisical.secrets.push(InfisicalSecretSeed {
        environment: "prod".into(),
        key: "POSTMARK_ACCOUNT_TOKEN".into(),
        value: account(),
        is_rotated: false,
    });
    org
}
