//! The list of checks.

use std::fmt;

use serde::Serialize;

use super::{Facts, code, installation, packages, repository, vendors};

/// How bad it is where a check fails.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to have.
    Low,
    /// It makes other mistakes worse.
    Medium,
    /// It is one step from a leak or an outage.
    High,
    /// It is a leak.
    Critical,
}

impl Severity {
    /// How much a check of it counts.
    #[must_use]
    pub fn weight(self) -> u32 {
        match self {
            Self::Low => 1,
            Self::Medium => 3,
            Self::High => 5,
            Self::Critical => 10,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// What came of a check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is not so.
    Fail,
    /// It was not looked at, or nobody told.
    Unknown,
    /// It is so.
    Pass,
    /// There is nothing that it could be said of.
    NotApplicable,
}

/// What was seen, and where. Never a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Evidence {
    /// What.
    pub what: String,
    /// In which file, from the directory that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// On which line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

impl Evidence {
    pub(super) fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), file: None, line: None }
    }

    pub(super) fn at(what: impl Into<String>, file: &str, line: usize) -> Self {
        Self { what: what.into(), file: Some(file.into()), line: (line > 0).then_some(line) }
    }
}

/// A verdict with what it rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen.
    pub evidence: Vec<Evidence>,
}

impl Judged {
    pub(super) fn pass(what: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, evidence: vec![Evidence::of(what)] }
    }

    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, evidence: vec![Evidence::of(why)] }
    }

    pub(super) fn not_applicable(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotApplicable, evidence: vec![Evidence::of(why)] }
    }

    /// A fail where there is something, a pass otherwise.
    pub(super) fn unless(found: Vec<Evidence>, otherwise: impl Into<String>) -> Self {
        match found.is_empty() {
            true => Self::pass(otherwise),
            false => Self { verdict: Verdict::Fail, evidence: found },
        }
    }
}

/// One check.
pub struct Check {
    /// The name on the command line, in JSON and of its page.
    pub id: &'static str,
    /// What holds where it passes.
    pub title: &'static str,
    /// How bad it is where it does not.
    pub severity: Severity,
    /// What to do, in one line.
    pub fix: &'static str,
    /// Where the rule is from.
    pub reference: &'static str,
    /// The decision.
    pub judge: fn(&Facts) -> Judged,
}

macro_rules! checks {
    ($($id:literal, $severity:ident, $title:literal, $fix:literal, $reference:literal, $judge:expr;)+) => {
        /// Every check, by family.
        pub const CHECKS: &[Check] = &[$(Check {
            id: $id,
            title: $title,
            severity: Severity::$severity,
            fix: $fix,
            reference: $reference,
            judge: $judge,
        }),+];
    };
}

checks! {
    "tokens-in-code", Critical, "no token stands in the working tree",
        "replace it by a name from the environment, then treat it as leaked",
        "OWASP ASVS 5.0 13.3.1; Secrets Management Cheat Sheet", repository::tokens_in_code;
    "tokens-in-history", Critical, "no token stands in the history",
        "revoke it first; then purge the history",
        "OWASP ASVS 5.0 13.3.1; Secrets Management Cheat Sheet", repository::tokens_in_history;
    "env-ignored", High, ".gitignore keeps files with values out",
        "rollover posture --fix",
        "OWASP ASVS 5.0 13.3.1; Secrets Management Cheat Sheet", repository::env_ignored;
    "env-tracked", Critical, "no file with values is under version control",
        "git rm --cached FILE, then treat what was in it as leaked",
        "OWASP ASVS 5.0 13.3.1, 13.4.1", repository::env_tracked;
    "example-file", Low, "an example file names what is needed",
        "rollover template env --output .env.example",
        "OWASP ASVS 5.0 13.1.4; Secrets Management Cheat Sheet", repository::example_file;
    "example-values", High, "example files hold no values",
        "rollover template check shows where",
        "OWASP ASVS 5.0 13.3.1", repository::example_values;
    "hooks", Medium, "a hook looks for tokens before a commit",
        "rollover posture --fix, or rollover hook install",
        "OWASP Secrets Management Cheat Sheet; CI/CD Security Cheat Sheet", repository::hooks;
    "official-packages", High, "packages for the vendors are the vendors' own",
        "replace it by the vendor's own package; rotate what the other has seen",
        "OWASP ASVS 5.0 15.1.1, 15.2.4", packages::official;
    "tls-verified", Critical, "nothing switches the check of certificates off",
        "remove the switch; trust a private authority by name instead",
        "OWASP ASVS 5.0 12.3.1, 12.3.2; Transport Layer Security Cheat Sheet", code::tls_verified;
    "errors-logged", Medium, "errors are logged without requests and environments",
        "log status and code alone; never the request, its headers or the environment",
        "OWASP ASVS 5.0 16.2.5; Logging Cheat Sheet", code::errors_logged;
    "tokens-in-arguments", Medium, "no script passes a token as an argument",
        "give it on standard input or in a file: `curl -H @-`, `gh secret set NAME < FILE`",
        "CWE-214; OWASP ASVS 5.0 14.2.1", code::tokens_in_arguments;
    "ci-prints-secrets", High, "no workflow prints its secrets or its environment",
        "remove the line; secrets reach a program by its environment alone",
        "OWASP ASVS 5.0 16.2.5; CI/CD Security Cheat Sheet", code::ci_prints_secrets;
    "actions-pinned", Medium, "actions of others are pinned by commit",
        "write the full commit behind the @, with the version in a comment",
        "OWASP CI/CD Security Cheat Sheet; CVE-2025-30066", code::actions_pinned;
    "one-token-one-place", Medium, "production and the rest have tokens of their own",
        "make a secret of its own for the other environment",
        "OWASP ASVS 5.0 13.3.2; Secrets Management Cheat Sheet", installation::one_token_one_place;
    "shared-token", High, "no two secrets hold the same token",
        "rotate one of them: each then has its own",
        "OWASP ASVS 5.0 13.3.2", installation::shared_token;
    "token-age", High, "no token is older than its policy",
        "rollover rotate NAME",
        "OWASP ASVS 5.0 13.3.4; NIST SP 800-57 part 1, 5.3", installation::token_age;
    "unknown-tokens", High, "every live token at the issuer is known",
        "find out who uses it; name it as `known`, or delete it at the issuer",
        "OWASP ASVS 5.0 13.3.2; Secrets Management Cheat Sheet", installation::unknown_tokens;
    "owner", Low, "every secret has somebody who answers for it",
        "write `owner` into the secret's file",
        "OWASP Secrets Management Cheat Sheet", installation::owner;
    "private-files", High, "files with values are their owner's alone",
        "chmod 600 FILE",
        "OWASP ASVS 5.0 13.3.2; CWE-732", installation::private_files;
    "shell-history", High, "no token of ours stands in a shell's history",
        "delete the line and rotate the token; tokens are read from standard input here",
        "CWE-214, CWE-538", installation::shell_history;
    "account-tokens", High, "programs hold no account token",
        "give the program a server token; keep the account's where servers are managed",
        "OWASP ASVS 5.0 13.3.2, 8.2.1", installation::account_tokens;
    "scope-wide", Medium, "Heroku tokens may no more than they need",
        "narrow `scope` of the issuer, then rollover rotate NAME",
        "OWASP ASVS 5.0 13.3.2", installation::scope_wide;
    "expiry", Medium, "Heroku tokens end by themselves if no rotation comes",
        "write `expires_in` into the issuer, a while behind `max_age`",
        "OWASP ASVS 5.0 13.3.4", installation::expiry;
    "separate-servers", High, "environments have Postmark servers of their own",
        "make a server for the other environment, with tokens of its own",
        "OWASP ASVS 5.0 13.3.2; Secrets Management Cheat Sheet", vendors::separate_servers;
    "sandbox-outside-production", Medium, "servers outside production are sandboxes",
        "make the server anew with the kind Sandbox; a server's kind does not change",
        "OWASP ASVS 5.0 13.3.2", vendors::sandbox_outside;
    "production-live", High, "production's server delivers",
        "make the server anew with the kind Live; a server's kind does not change",
        "rollover doctor --explain sandbox", vendors::production_live;
    "webhooks-https", High, "webhooks go to https alone",
        "change the address of the webhook",
        "OWASP ASVS 5.0 12.2.1", vendors::webhooks_https;
    "webhooks-authenticated", High, "webhooks say who they are",
        "set basic authentication or a header of your own; Postmark has no signatures",
        "OWASP ASVS 5.0 6.2.1, 13.2.1", vendors::webhooks_authenticated;
    "secret-scanning", Medium, "GitHub looks for secrets in the repository",
        "switch secret scanning and push protection on in the repository's settings",
        "OWASP CI/CD Security Cheat Sheet", vendors::secret_scanning;
    "environment-protected", Medium, "environments with secrets are protected",
        "require reviewers, or limit the branches, in the environment's settings",
        "OWASP CI/CD Security Cheat Sheet", vendors::environment_protected;
    "readers", Medium, "a repository that holds secrets is not public",
        "make it private, or move its secrets to a repository that is",
        "OWASP ASVS 5.0 13.3.2; CI/CD Security Cheat Sheet", vendors::readers;
}
