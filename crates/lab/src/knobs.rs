//! Behaviour that the vendors' documents leave open, or that differs between accounts: a knob, never a fact.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a vendor shows values that it already handed out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Whole values.
    Full,
    /// The last characters behind a mask.
    Masked,
    /// The field is missing.
    Absent,
}

/// How Heroku's list of authorizations shows its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretLook {
    /// Whole tokens, as with the oldest accounts.
    Visible,
    /// Starred out.
    Masked,
    /// No `token` key.
    Absent,
}

/// A command that runs after a release is made and before its dynos start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleasePhase {
    /// There is none.
    None,
    /// It succeeds after that long; the release is `pending` meanwhile.
    Succeeds(Duration),
    /// It fails after that long, and the release never becomes current.
    Fails(Duration),
}

/// All the knobs of a lab.
#[derive(Clone, Debug, Default)]
pub struct Knobs {
    /// Postmark's.
    pub postmark: PostmarkKnobs,
    /// Heroku's.
    pub heroku: HerokuKnobs,
    /// GitHub's.
    pub github: GithubKnobs,
    /// Infisical's.
    pub infisical: InfisicalKnobs,
    /// How far the vendors' `Date` is ahead of this machine's clock, in seconds. Without it the
    /// header is the machine's own time.
    pub date_ahead: Option<i64>,
}

/// Whether a Postmark account may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It may.
    Allowed,
    /// It has no credits left (code 405).
    NoCredits,
    /// It waits for its approval: recipients have to share the domain of the sender (code 412).
    Pending,
    /// It may not send (code 413).
    Closed,
}

/// How a Heroku account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Well.
    Good,
    /// Bills are not paid (402).
    Delinquent,
    /// It is suspended (403 `suspended`).
    Suspended,
}

/// What is open about Postmark.
#[derive(Clone, Debug)]
pub struct PostmarkKnobs {
    /// How `ApiTokens` shows the tokens of a server.
    pub listing: Listing,
    /// Answer a sending address of an unknown domain with code 400, as a real account does.
    pub check_senders: bool,
    /// Whether deleting a server is enabled for the account (code 604 otherwise).
    pub may_delete_servers: bool,
    /// Whether the account may send.
    pub sending: Sending,
    /// Sending addresses that are known and not confirmed (code 401 inside of a 422).
    pub unconfirmed: BTreeSet<String>,
}

impl Default for PostmarkKnobs {
    fn default() -> Self {
        Self {
            listing: Listing::Full,
            check_senders: true,
            may_delete_servers: false,
            sending: Sending::Allowed,
            unconfirmed: BTreeSet::new(),
        }
    }
}

/// What is open about Heroku.
#[derive(Clone, Debug)]
pub struct HerokuKnobs {
    /// How tokens look in a list of authorizations.
    pub list_tokens: SecretLook,
    /// Whether a PATCH of config vars that changes nothing makes a release.
    pub release_when_unchanged: bool,
    /// How long the old token lives on after it was regenerated in place.
    pub regenerate_overlap: Duration,
    /// Whether `GET /account` wants the scope `identity` (or `global`).
    pub account_needs_identity: bool,
    /// Creating and deleting authorizations wants this second factor.
    pub two_factor_code: Option<String>,
    /// How the account stands.
    pub standing: Standing,
    /// Knobs of single apps, by name.
    pub apps: BTreeMap<String, AppKnobs>,
}

impl Default for HerokuKnobs {
    fn default() -> Self {
        Self {
            list_tokens: SecretLook::Absent,
            release_when_unchanged: false,
            regenerate_overlap: Duration::ZERO,
            account_needs_identity: true,
            two_factor_code: None,
            standing: Standing::Good,
            apps: BTreeMap::new(),
        }
    }
}

/// What differs between Heroku apps.
#[derive(Clone, Debug)]
pub struct AppKnobs {
    /// Old dynos keep serving until the new ones are up, and this much longer.
    pub preboot: Option<Duration>,
    /// The release phase.
    pub release_phase: ReleasePhase,
    /// Dynos that start slower than the others, by name.
    pub slow: BTreeMap<String, Duration>,
    /// Dynos that crash whenever they start, by name.
    pub crashed: BTreeSet<String>,
}

impl Default for AppKnobs {
    fn default() -> Self {
        Self {
            preboot: None,
            release_phase: ReleasePhase::None,
            slow: BTreeMap::new(),
            crashed: BTreeSet::new(),
        }
    }
}

/// What is open about GitHub.
#[derive(Clone, Debug)]
pub struct GithubKnobs {
    /// Whether a dispatch honours `return_run_details` (github.com does, older servers do not).
    pub run_details: bool,
    /// Whether jobs that use an environment wait until they are let in (`Lab::approve_waiting_runs`).
    pub environments_wait: bool,
    /// Whether secret scanning is enabled; its routes answer 404 otherwise.
    pub secret_scanning: bool,
    /// Whether everybody can read the repository.
    pub public: bool,
    /// Whether the environments have protection rules.
    pub environments_protected: bool,
    /// A run fails unless the tokens in its snapshot are honoured by their vendors.
    pub runs_use_tokens: bool,
    /// How long a run takes to appear in lists after its dispatch.
    pub run_appears_after: Duration,
}

impl Default for GithubKnobs {
    fn default() -> Self {
        Self {
            run_details: true,
            environments_wait: false,
            secret_scanning: true,
            public: false,
            environments_protected: false,
            runs_use_tokens: true,
            run_appears_after: Duration::ZERO,
        }
    }
}

/// What is open about Infisical.
#[derive(Clone, Debug)]
pub struct InfisicalKnobs {
    /// Writes ask for an approval (200 with `approval`) instead of taking effect.
    pub approval_policy: bool,
    /// How long an access token is good for.
    pub access_token_ttl: Duration,
    /// Requests a minute from one address.
    pub requests_per_minute: u32,
}

impl Default for InfisicalKnobs {
    fn default() -> Self {
        Self {
            approval_policy: false,
            access_token_ttl: Duration::from_secs(30 * 24 * 3600),
            requests_per_minute: 600,
        }
    }
}
