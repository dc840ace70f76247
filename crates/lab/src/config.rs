//! How a lab is started: addresses, clock, organisation; and what can go wrong with that.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Org;

/// One of the simulated vendors, or the pages for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Transactional mail; issuer of server tokens.
    Postmark,
    /// Apps and dynos; issuer of platform tokens and consumer of both.
    Heroku,
    /// Actions secrets and workflow runs.
    Github,
    /// The secret store.
    Infisical,
    /// Pages for people, the control API and the demo apps.
    Dashboard,
}

impl Vendor {
    /// Every listener, in the order in which fixed ports are given out.
    pub const ALL: [Self; 5] =
        [Self::Postmark, Self::Heroku, Self::Github, Self::Infisical, Self::Dashboard];

    /// The lower-case name, as used on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postmark => "postmark",
            Self::Heroku => "heroku",
            Self::Github => "github",
            Self::Infisical => "infisical",
            Self::Dashboard => "dashboard",
        }
    }

    /// The vendor of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.name() == name)
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the lab's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockMode {
    /// The machine's clock, plus whatever was added by [`crate::Clock::advance`].
    Real,
    /// Time stands still until [`crate::Clock::advance`] is called.
    Explicit,
}

/// Everything that is decided before a lab starts.
#[derive(Clone)]
pub struct LabConfig {
    /// The address to listen on; anything but `127.0.0.1` or `::1` is refused.
    pub address: IpAddr,
    /// `None`: five free ports. `Some(p)`: `p` to `p + 4` in the order of [`Vendor::ALL`].
    pub base_port: Option<u16>,
    /// Real or explicit time.
    pub clock: ClockMode,
    /// How long a dyno is `starting` before it is `up`.
    pub dyno_start: Duration,
    /// How long a queued workflow run waits for a runner.
    pub run_queue: Duration,
    /// How long a workflow run then takes.
    pub run_duration: Duration,
    /// The organisation that exists when the lab starts.
    pub seed: Org,
    /// A Unix socket on which the GitHub simulator also answers plain HTTP (for `gh`).
    pub github_socket: Option<PathBuf>,
    /// Where to write addresses, the control token and the seeded credentials (mode 0600).
    pub state_file: Option<PathBuf>,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            base_port: None,
            clock: ClockMode::Real,
            dyno_start: Duration::from_millis(300),
            run_queue: Duration::from_millis(200),
            run_duration: Duration::from_millis(500),
            seed: Org::acme(),
            github_socket: None,
            state_file: None,
        }
    }
}

/// The addresses of a running lab, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urls {
    /// Base of the Postmark API.
    pub postmark: String,
    /// Base of the Heroku Platform API.
    pub heroku: String,
    /// Base of the GitHub API; it also answers under `/api/v3`.
    pub github: String,
    /// Host of Infisical; its API lives under `/api`.
    pub infisical: String,
    /// Pages for people, the control API under `/lab/`, the demo apps under `/apps/`.
    pub dashboard: String,
}

impl Urls {
    /// The base address of one listener.
    #[must_use]
    pub fn of(&self, vendor: Vendor) -> &str {
        match vendor {
            Vendor::Postmark => &self.postmark,
            Vendor::Heroku => &self.heroku,
            Vendor::Github => &self.github,
            Vendor::Infisical => &self.infisical,
            Vendor::Dashboard => &self.dashboard,
        }
    }

    /// The page with the API tokens of a Postmark server.
    #[must_use]
    pub fn postmark_tokens_page(&self, server: u64) -> String {
        format!("{}/postmark/servers/{server}/api-tokens", self.dashboard)
    }

    /// The page with the API tokens of the Postmark account, under the vendor's own path.
    #[must_use]
    pub fn postmark_account_page(&self) -> String {
        format!("{}/api_tokens", self.dashboard)
    }

    /// The page with the authorizations of the Heroku account.
    #[must_use]
    pub fn heroku_applications_page(&self) -> String {
        format!("{}/heroku/account/applications", self.dashboard)
    }

    /// The health endpoint of a simulated app.
    #[must_use]
    pub fn app_health(&self, app: &str) -> String {
        format!("{}/apps/{app}/health", self.dashboard)
    }

    /// The address at which a simulated app sends a test mail when it is asked to.
    #[must_use]
    pub fn app_test_mail(&self, app: &str) -> String {
        format!("{}/apps/{app}/api/notifications/test-email", self.dashboard)
    }
}

/// Why a lab could not start.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The lab hands out tokens to whoever asks; it never listens beyond loopback.
    #[error("the lab listens on loopback only, not on {0}")]
    NotLoopback(IpAddr),
    /// The five fixed ports do not fit below 65536.
    #[error("base port {0} leaves no room for five ports")]
    BasePort(u16),
    /// A listener could not be opened.
    #[error("failed to listen for {vendor} on {address}")]
    Listen {
        /// Which simulator.
        vendor: Vendor,
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The state file could not be written.
    #[error("failed to write the lab's state to {}", path.display())]
    StateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The seed refers to something that it does not define.
    #[error("the lab's organisation is inconsistent: {0}")]
    Seed(String),
}
