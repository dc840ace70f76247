//! GitHub's secrets in a runbook.

use domain::Proof;
use domain::inventory::GithubScope;
use domain::runbook::{ByHand, Claim, ConsumerManual, Failure, Shown};
use jiff::civil::date;

use crate::manual::quoted;

const CLAIMS: &[Claim] = &[
    Claim {
        says: "a secret cannot be read back; its time of update can",
        source: "GitHub's API description",
        read: date(2026, 11, 21),
        shown: Shown::Proven("github:", Proof::Write),
        corrects: None,
    },
    Claim {
        says: "a run reads a repository's secrets when it is queued, an environment's when its job starts",
        source: "GitHub's documentation of Actions",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: None,
    },
];

pub(crate) fn consumer(scope: &GithubScope, keys: &[String]) -> ConsumerManual {
    let (place, title, repository) = match scope {
        GithubScope::Repository(repo) => {
            (format!("--repo {}", quoted(repo)), format!("GitHub Actions of {repo}"), Some(repo))
        }
        GithubScope::Environment(repo, environment) => (
            format!("--repo {} --env {}", quoted(repo), quoted(environment)),
            format!("GitHub Actions of {repo}, environment {environment}"),
            Some(repo),
        ),
        GithubScope::Organisation(org) => {
            (format!("--org {}", quoted(org)), format!("GitHub Actions of {org}"), None)
        }
        GithubScope::Dependabot(repo) => (
            format!("--app dependabot --repo {}", quoted(repo)),
            format!("Dependabot of {repo}"),
            Some(repo),
        ),
    };
    let set = |key: &String| format!("printf %s \"$NEW\" | gh secret set {key} {place}");
    let mut check = vec![format!("gh secret list {place}")];
    if let Some(repository) = repository {
        let repository = quoted(repository);
        check.push(format!("gh run list --repo {repository} --status queued"));
        check.push(format!("gh run list --repo {repository} --status in_progress"));
    }
    ConsumerManual {
        write: vec![ByHand::new(
            format!("{title}: gh reads the value from standard input (`-b` would show it to `ps`)"),
            keys.iter().map(set).collect(),
            "set",
        )],
        check: vec![ByHand::new(
            title.clone(),
            check,
            "updated now, and no run that is older than the write: such a run still has the old token",
        )],
        back: vec![format!("{title}: by hand the same command with the old token")],
        failures: vec![
            Failure::new(
                "an environment has a secret of the same name",
                "it hides the repository's: name it as a consumer of its own, or remove it",
            ),
            Failure::new(
                "a run that was queued before the write is still going",
                "wait for its end, or cancel it, before the old token is revoked",
            ),
        ],
        claims: CLAIMS,
    }
}
