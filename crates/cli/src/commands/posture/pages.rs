//! The pages of docs/posture, built in: what the documents say is what the program says.

use domain::posture::CHECKS;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::output::Output;

macro_rules! pages {
    ($($id:literal),+ $(,)?) => {
        /// Each check's page.
        const PAGES: &[(&str, &str)] = &[
            $(($id, include_str!(concat!("../../../../../docs/posture/", $id, ".md")))),+
        ];
    };
}

pages! {
    "tokens-in-code",
    "tokens-in-history",
    "env-ignored",
    "env-tracked",
    "example-file",
    "example-values",
    "hooks",
    "official-packages",
    "tls-verified",
    "errors-logged",
    "tokens-in-arguments",
    "ci-prints-secrets",
    "actions-pinned",
    "one-token-one-place",
    "shared-token",
    "token-age",
    "unknown-tokens",
    "owner",
    "private-files",
    "shell-history",
    "account-tokens",
    "scope-wide",
    "expiry",
    "separate-servers",
    "sandbox-outside-production",
    "production-live",
    "webhooks-https",
    "webhooks-authenticated",
    "secret-scanning",
    "environment-protected",
    "readers",
}

/// Prints the page of a check, or the list of all.
pub(super) fn explain(check: &str, output: Output) -> Result<Exit> {
    if check == "all" {
        let rows: Vec<Value> = CHECKS
            .iter()
            .map(|check| json!({ "check": check.id, "title": check.title, "severity": check.severity }))
            .collect();
        output.json(&rows)?;
        let line = |check: &domain::posture::Check| {
            format!("{:<8}  {:<26}  {}", check.severity.to_string(), check.id, check.title)
        };
        output.text(&CHECKS.iter().map(line).collect::<Vec<_>>().join("\n"))?;
        return Ok(Exit::Ok);
    }
    let Some((id, page)) = PAGES.iter().find(|(id, _)| *id == check) else {
        return Err(Fail::usage(format!("there is no check `{check}`"))
            .hint("`rollover posture --explain all` lists them"));
    };
    output.json(&json!({ "check": id, "page": page }))?;
    output.text(page.trim_end())?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_its_own_page() {
        let ids: Vec<&str> = PAGES.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, CHECKS.iter().map(|check| check.id).collect::<Vec<_>>());
        for (id, page) in PAGES {
            for part in ["# ", "## Why", "## How rollover sees it", "## What to do", "Reference: "]
            {
                assert!(page.contains(part), "{id} has no `{part}`");
            }
        }
    }
}
