//! What every kind of connector is called: the list that tests and figures are derived from.
//!
//! A new kind does not compile before it has a line here, and with that line it is in the list:
//! whatever is tried with each connector is then tried with it, too, or fails for want of a
//! simulated vendor.

use domain::inventory::{ConsumerKind, GithubScope, IssuerKind, ProbeKind, StoreKind};

macro_rules! kinds {
    ($list:ident, $name:ident, $kind:ty, $what:literal: $($pattern:pat => $text:literal),+ $(,)?) => {
        #[doc = concat!("Every kind of ", $what, ".")]
        pub const $list: &[&str] = &[$($text),+];

        #[doc = concat!("What this kind of ", $what, " is called.")]
        #[must_use]
        pub fn $name(kind: &$kind) -> &'static str {
            match kind {
                $($pattern => $text),+
            }
        }
    };
}

kinds!(ISSUERS, issuer_kind, IssuerKind, "issuer":
    IssuerKind::PostmarkServer { .. } => "postmark-server",
    IssuerKind::PostmarkAccount { .. } => "postmark-account",
    IssuerKind::HerokuAuthorization { .. } => "heroku-authorization",
);

kinds!(STORES, store_kind, StoreKind, "store":
    StoreKind::Infisical { .. } => "infisical",
    StoreKind::Sealed { .. } => "sealed",
);

// GitHub's places differ in what is asked and in who reads them, so each counts.
kinds!(CONSUMERS, consumer_kind, ConsumerKind, "consumer":
    ConsumerKind::HerokuConfig { .. } => "heroku-config",
    ConsumerKind::GithubSecret { scope: GithubScope::Repository(_), .. } => "github-repository",
    ConsumerKind::GithubSecret { scope: GithubScope::Environment(..), .. } => "github-environment",
    ConsumerKind::GithubSecret { scope: GithubScope::Organisation(_), .. } => "github-organisation",
    ConsumerKind::GithubSecret { scope: GithubScope::Dependabot(_), .. } => "github-dependabot",
    ConsumerKind::Dotenv { .. } => "dotenv",
    ConsumerKind::Workstation { .. } => "workstation",
);

kinds!(PROBES, probe_kind, ProbeKind, "probe":
    ProbeKind::Health(_) => "health",
    ProbeKind::TestMail { .. } => "test-mail",
    ProbeKind::AppMail { .. } => "app-mail",
    ProbeKind::Log { .. } => "log",
    ProbeKind::Workflow { .. } => "workflow",
);
