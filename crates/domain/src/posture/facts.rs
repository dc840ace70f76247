//! What was seen of a team's repository, vendors and installation.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Fingerprint, SecretName};

/// Something that was looked at, or why not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Looked<T> {
    /// What was seen.
    Seen(T),
    /// Why it was not looked at.
    Not(String),
}

impl<T> Default for Looked<T> {
    fn default() -> Self {
        Self::Not("not looked".into())
    }
}

/// Everything that was seen.
#[derive(Clone, Default, Debug)]
pub struct Facts {
    /// The repository's files.
    pub tree: Looked<TreeFacts>,
    /// Tokens that stand in the working tree.
    pub in_tree: Looked<Vec<Spot>>,
    /// Tokens that stand in the history.
    pub in_history: Looked<Vec<Spot>>,
    /// Tokens of ours that stand in a shell's history.
    pub in_shell: Looked<Vec<Spot>>,
    /// The inventory's secrets.
    pub secrets: Vec<SecretFacts>,
    /// Postmark's servers.
    pub servers: Vec<ServerFacts>,
    /// GitHub's repositories.
    pub repositories: Vec<GithubFacts>,
    /// Files of the installation that hold values, with their modes.
    pub private: Vec<(String, u32)>,
}

/// A place where a token stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spot {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where there is none.
    pub line: usize,
    /// What it is, in words; never the value.
    pub what: String,
}

/// The files of a repository.
#[derive(Clone, Default, Debug)]
pub struct TreeFacts {
    /// Text files by their path from the root.
    pub files: BTreeMap<String, String>,
    /// Paths under version control.
    pub tracked: Looked<BTreeSet<String>>,
    /// Hooks that git runs here, by name, with their text.
    pub hooks: BTreeMap<String, String>,
    /// Names that the inventory's consumers need.
    pub needed: Vec<String>,
}

/// A secret of the inventory.
#[derive(Clone, Debug)]
pub struct SecretFacts {
    /// Its name.
    pub name: SecretName,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The token in its store.
    pub fingerprint: Option<Fingerprint>,
    /// Its consumers: what people call them, and whether they serve production.
    pub consumers: Vec<(String, bool)>,
    /// Whether its token manages an account, and so belongs where servers are managed only.
    pub manages: bool,
    /// The variables of the dotenv files that hold it, its own among them.
    pub beside: Vec<Beside>,
    /// Those of these files that could not be read, with why.
    pub unread: Vec<String>,
    /// How old its token is, in days, as far as it is remembered.
    pub age_days: Option<i64>,
    /// How old it may be, in days.
    pub max_age_days: i64,
    /// Live tokens at its issuer that nobody knows.
    pub unknown_tokens: Looked<usize>,
    /// What a new token may do, where its issuer has scopes.
    pub scope: Option<Vec<String>>,
    /// Whether a new token ends by itself, where its issuer can have it so.
    pub expires: Option<bool>,
}

/// A variable that stands in the same file as a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beside {
    /// Its name.
    pub name: String,
    /// The file.
    pub file: String,
    /// Whose token its value is, by the fingerprint, where it is one of ours.
    pub of: Option<SecretName>,
    /// Whether its value has the form of a Postmark token.
    pub fits: bool,
}

/// A Postmark server.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Its name.
    pub name: String,
    /// The environments whose secrets are its tokens.
    pub environments: BTreeSet<String>,
    /// Whether consumers outside production hold its tokens.
    pub beyond_production: bool,
    /// Whether it is a sandbox.
    pub sandbox: Looked<bool>,
    /// Where it tells of events.
    pub webhooks: Looked<Vec<WebhookFacts>>,
}

/// Where a Postmark server tells of events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookFacts {
    /// Its number.
    pub id: u64,
    /// Whether its address is https.
    pub https: bool,
    /// Whether it sends a login or a header of one's own.
    pub authenticated: bool,
}

/// A repository at GitHub.
#[derive(Clone, Debug)]
pub struct GithubFacts {
    /// `owner/name`.
    pub name: String,
    /// Whether everybody can read it.
    pub public: Looked<bool>,
    /// Whether secret scanning is on.
    pub scanning: Looked<bool>,
    /// Its environments, and whether each is protected.
    pub environments: Looked<Vec<(String, bool)>>,
}
