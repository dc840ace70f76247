//! The inventory: which secrets exist, who mints them, where they are kept and who uses them.
//!
//! Written by people as `rollover.toml` and `secrets/*.toml`, read by [`load`] into these types.
//! Every reference in them has been resolved and every combination is legal: a wrong inventory
//! ends in [`Diagnostic`]s and never gets here. No value of a secret ever stands in it, only
//! where a value is found ([`Source`]).

mod address;
mod diagnostic;
mod load;
mod probe;
mod raw;
mod reference;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::schedule::Schedule;
use crate::{ConsumerId, Gates, People, SecretName, Span};

pub use address::{AddressError, AddressUse, Network, address, is_on_this_machine};
pub use diagnostic::Diagnostic;
pub use load::{SourceFile, load};
pub use probe::{Ask, Probe, ProbeKind};

/// Everything that the inventory's files say, resolved.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// Whose it is; part of titles only.
    pub org: String,
    /// Where the memory lives.
    pub state: State,
    /// Who may do what.
    pub people: People,
    /// What holds for every secret that does not say otherwise.
    pub policy: Policy,
    /// When rotations may run.
    pub schedule: Schedule,
    /// Vendors' addresses and the engine's logins there, by name.
    pub connections: BTreeMap<String, Connection>,
    /// Who mints, by name.
    pub issuers: BTreeMap<String, Issuer>,
    /// Where people are told, by name.
    pub notify: BTreeMap<String, crate::notify::Channel>,
    /// Where current values are kept, by name.
    pub stores: BTreeMap<String, Store>,
    /// The secrets.
    pub secrets: BTreeMap<SecretName, Secret>,
}

/// Where the engine's own memory lives.
#[derive(Clone, Debug)]
pub struct State {
    /// Path of the SQLite database; relative paths start at the inventory's directory.
    pub database: String,
    /// Where the key is found that values are sealed with.
    pub key: KeySource,
}

/// Where the sealing key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file of mode 0600.
    File(String),
    /// The operating system's keyring, under this name.
    Keyring(String),
    /// A passphrase that is asked for; the file holds the salt and the cost (Argon2id).
    Passphrase(String),
}

/// What holds for every secret that does not say otherwise.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The age at which a token is overdue.
    pub max_age: Span,
    /// How long both tokens live side by side, watched, before anybody may revoke.
    pub soak: Span,
    /// The least time between the two answers that prove a death. 30 s, except on loopback.
    pub proof_interval: Span,
    /// How long the old token may go on answering before a person is told.
    pub proof_timeout: Span,
    /// How long a consumer may take to come up on the new token before a person is told.
    pub adopt_timeout: Span,
    /// How many times one call is tried before a person is told.
    pub attempts_max: u32,
    /// How long after a rotation a secret counts as watched.
    pub watch: Span,
    /// How long a task may wait for a person before it is overdue.
    pub task_deadline: Span,
    /// For how long a task is somebody's who has taken it.
    pub claim: Span,
    /// The least role for a secret.
    pub role: String,
    /// The least role for agreeing to a revocation, where that is not the secret's.
    pub approve_role: Option<String>,
    /// Where whoever starts a rotation may not agree to its revocation.
    pub second_person: SecondPerson,
}

impl Policy {
    /// [`Policy::task_deadline`] where nothing is said.
    pub const TASK_DEADLINE: Span = Span::from_secs(4 * 3_600);
    /// [`Policy::claim`] where nothing is said.
    pub const CLAIM: Span = Span::from_secs(1_800);
}

/// Where whoever starts a rotation may not agree to its revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondPerson {
    /// Nowhere.
    Never,
    /// Everywhere.
    Always,
    /// In these environments.
    In(Vec<String>),
}

impl SecondPerson {
    /// Whether it is so in an environment.
    #[must_use]
    pub fn holds_in(&self, environment: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::In(environments) => environments.iter().any(|one| one == environment),
        }
    }
}

/// Where a value is found. Never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An environment variable of the engine. It is not passed on: the engine starts no children.
    Env(String),
    /// A file of mode 0600.
    File(String),
    /// The operating system's keyring, under this name.
    Keyring(String),
    /// A secret of this inventory: the engine logs in with a token that it rotates itself.
    Secret(SecretName),
}

/// A vendor's address, how to reach it, and the engine's login there.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name in the inventory.
    pub name: String,
    /// Which vendor's protocol it speaks.
    pub kind: ConnectionKind,
    /// Base address without a slash at the end; the vendor's own by default.
    pub url: String,
    /// Whether the name in its address may stand for an address of a private network.
    pub private: bool,
    /// How the engine logs in.
    pub auth: Auth,
    /// A certificate authority in PEM that is trusted besides the system's.
    pub ca: Option<String>,
    /// A proxy for this connection; the environment's proxies hold otherwise.
    pub proxy: Option<String>,
    /// The longest that one call may take.
    pub timeout: Span,
}

/// Which vendor's protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionKind {
    /// `https://api.postmarkapp.com`
    Postmark,
    /// `https://api.heroku.com`
    Heroku,
    /// `https://api.github.com`, or `https://HOST/api/v3` of an own server.
    Github,
    /// `https://app.infisical.com/api`, or `<host>/api` of an own server.
    Infisical,
}

/// How the engine logs in at a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// No login: the token under rotation speaks for itself (Postmark).
    None,
    /// One token.
    Token(Source),
    /// A machine identity (Infisical's universal auth).
    Client {
        /// The identity's client id.
        id: Source,
        /// The identity's client secret.
        secret: Source,
    },
}

/// Who mints, lists, checks and revokes tokens.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its name in the inventory.
    pub name: String,
    /// The connection it is reached by.
    pub via: String,
    /// Which kind, with what only that kind needs.
    pub kind: IssuerKind,
}

/// The kinds of issuers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerKind {
    /// Server tokens of one Postmark server. People create and delete them in the dashboard.
    PostmarkServer {
        /// The server's name, which every token of it answers with.
        server: String,
        /// Where people go.
        dashboard: String,
    },
    /// Tokens of a whole Postmark account. People create and delete them on its page, and no API
    /// lists them.
    PostmarkAccount {
        /// The name of a server that this account has, by which it is told from other accounts.
        server: String,
        /// Where people go.
        dashboard: String,
    },
    /// Heroku OAuth authorizations.
    HerokuAuthorization {
        /// The e-mail address that every token of the account answers with.
        account: String,
        /// What a new token may do.
        scope: Vec<String>,
        /// After how long a new token ends by itself, if the rotation never comes.
        expires_in: Option<Span>,
    },
}

impl IssuerKind {
    /// The `kind` that the inventory names it by.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::PostmarkServer { .. } => "postmark-server",
            Self::PostmarkAccount { .. } => "postmark-account",
            Self::HerokuAuthorization { .. } => "heroku-authorization",
        }
    }

    /// Who every token of it answers as.
    #[must_use]
    pub fn identity(&self) -> Cow<'_, str> {
        match self {
            Self::PostmarkServer { server, .. } => Cow::Borrowed(server),
            Self::PostmarkAccount { server, .. } => Cow::Owned(account_of(server)),
            Self::HerokuAuthorization { account, .. } => Cow::Borrowed(account),
        }
    }

    /// The least role for a secret that names none; the policy's where this says nothing.
    #[must_use]
    pub fn usual_role(&self) -> Option<&'static str> {
        matches!(self, Self::PostmarkAccount { .. }).then_some("superadmin")
    }
}

/// What the Postmark account that has this server is called: no API tells an account's name.
#[must_use]
pub fn account_of(server: &str) -> String {
    format!("the account of {server}")
}

/// Where the current value of a secret is kept.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its name in the inventory.
    pub name: String,
    /// Which kind, with what only that kind needs.
    pub kind: StoreKind,
}

/// The kinds of stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A project and environment of Infisical.
    Infisical {
        /// The connection it is reached by.
        via: String,
        /// The project's id.
        project: String,
        /// The environment's slug.
        environment: String,
        /// The folder.
        path: String,
        /// Which generation of the secrets API is spoken, 3 or 4.
        api: u8,
    },
    /// A local file, sealed with the installation's key.
    Sealed {
        /// The file.
        file: String,
    },
}

/// A secret, as the inventory describes it.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Its name.
    pub name: SecretName,
    /// The file that describes it, as people are shown it.
    pub file: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The issuer's name.
    pub issuer: String,
    /// The store's name.
    pub store: String,
    /// The key in the store.
    pub store_key: String,
    /// The age at which it is overdue.
    pub max_age: Span,
    /// How long both tokens live side by side before anybody may revoke.
    pub soak: Span,
    /// The least role for everything that is done to it.
    pub role: String,
    /// What its steps ask of people besides.
    pub gates: Gates,
    /// How the current token is recognised at the issuer, where the engine has not minted it:
    /// the description of its authorization.
    pub old_description: Option<String>,
    /// Other live tokens at the issuer that somebody answers for: handles, or fingerprints in
    /// the short or the long form. All others are shown as unknown in every plan.
    pub known: Vec<String>,
    /// What a person is told for creating a token, instead of the issuer's own words.
    pub create_text: Option<String>,
    /// What a person is told for revoking one, instead of the issuer's own words.
    pub revoke_text: Option<String>,
    /// The places that hold a copy.
    pub consumers: Vec<Consumer>,
    /// Places that could hold one and do not; runbooks name them.
    pub not_enabled: Vec<Consumer>,
    /// Looks at the world that must succeed on the new token, after the consumers have it.
    pub probes: Vec<Probe>,
}

/// A place that holds a copy of the token and uses it.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its identity in plans, journal and audit.
    pub id: ConsumerId,
    /// What people call it.
    pub label: String,
    /// The names it holds the token under; all are written in one go.
    pub keys: Vec<String>,
    /// Whether it serves production. Those that do not go first.
    pub production: bool,
    /// Which kind, with what only that kind needs.
    pub kind: ConsumerKind,
}

/// The kinds of consumers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerKind {
    /// Config vars of a Heroku app.
    HerokuConfig {
        /// The connection it is reached by.
        via: String,
        /// The app's name.
        app: String,
    },
    /// A secret of GitHub Actions or Dependabot.
    GithubSecret {
        /// The connection it is reached by.
        via: String,
        /// Where it is kept.
        scope: GithubScope,
    },
    /// A dotenv file on this machine.
    Dotenv {
        /// The file.
        path: String,
    },
    /// A person's own machine, which nobody reaches: the person fetches each value themselves.
    Workstation {
        /// Who works there.
        member: String,
        /// The file there, a dotenv file; `~/` is the person's home.
        path: String,
    },
}

/// Where GitHub keeps a secret. Each place has a key pair of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GithubScope {
    /// Actions secrets of a repository `owner/name`.
    Repository(String),
    /// Actions secrets of an environment of a repository. They shadow the repository's.
    Environment(String, String),
    /// Actions secrets of an organisation.
    Organisation(String),
    /// Dependabot secrets of a repository; its workflows see only these.
    Dependabot(String),
}

impl Inventory {
    /// The secret of that name.
    #[must_use]
    pub fn secret(&self, name: &SecretName) -> Option<&Secret> {
        self.secrets.get(name)
    }

    /// The names that a person may have meant by a text: an exact name, or every name with this
    /// key when the environment was left out.
    #[must_use]
    pub fn matching(&self, text: &str) -> Vec<&SecretName> {
        self.secrets.keys().filter(|name| name.to_string() == text || name.key() == text).collect()
    }
}
