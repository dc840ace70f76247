//! What the two runbooks that this project began with say: every step, note, line of the way back
//! and mode of failure, in our words and with our names; and where a rendered runbook says it.
//!
//! The list is made from those runbooks and not from the pages, so a page that loses a step does
//! not pass for whole.

/// One thing that an original says.
pub struct Item {
    /// What it says.
    pub original: &'static str,
    /// The heading under which the page has to say it; its beginning, without number.
    pub under: &'static str,
    /// What has to stand there, all of it.
    pub says: &'static [&'static str],
}

/// An original, and the secret of the example whose runbook takes its place.
pub struct Original {
    /// The secret.
    pub secret: &'static str,
    /// Everything that it says.
    pub items: &'static [Item],
}

const fn item(original: &'static str, under: &'static str, says: &'static [&'static str]) -> Item {
    Item { original, under, says }
}

const HEAD: &str = "Runbook";
const FACTS: &str = "What shapes it";
const NEEDS: &str = "Before you begin";
const CONFIRM: &str = "Confirm the current token";
const CREATE: &str = "Create the new token";
const VALIDATE: &str = "Validate the new token";
const STORE: &str = "Store it";
const PROPAGATE: &str = "Give it to every consumer";
const WORKS: &str = "See that it works";
const RECEIPT: &str = "Say what arrived";
const REVOKE: &str = "Revoke the old token";
const PROVE: &str = "Prove that it is dead";
const AUDIT: &str = "Write the audit record";
const BEFORE: &str = "Before the revocation";
const AFTER: &str = "After the revocation";
const FAILURES: &str = "Failure modes";
const CLAIMS: &str = "What it rests on";

/// The Postmark server token.
const POSTMARK: &[Item] = &[
    item("the mode is operator-assisted", HEAD, &["**Mode:** operator-assisted"]),
    item("when it was last validated", HEAD, &["**Last validated:**"]),
    item("how it was validated", HEAD, &["**Validation method:** read-only-docs"]),
    item("how long it takes on average", HEAD, &["**Average duration:**"]),
    item("the role is ops", HEAD, &["**Required role:** ops"]),
    item("what it applies to", HEAD, &["**Applies to:** `POSTMARK_SERVER_TOKEN`", "`acme-prod`"]),
    item("the API uses it", HEAD, &["API (staging), API (prod)"]),
    item(
        "account tokens are out of scope; a superadmin does them, and where",
        HEAD,
        &["**Not in scope:** account tokens", "superadmin", "Account > API Tokens"],
    ),
    item("up to three tokens a server", FACTS, &["up to three tokens live side by side"]),
    item(
        "create, propagate, then delete",
        FACTS,
        &["create the new one, give it to everybody, and delete the old one last"],
    ),
    item(
        "no grace period; coexistence is the pattern",
        FACTS,
        &["no grace period to be set", "several tokens live side by side is all there is"],
    ),
    item("only the dashboard makes tokens", FACTS, &["the dashboard is the only way"]),
    item(
        "1: ask as the current token",
        CONFIRM,
        &["printf 'X-Postmark-Server-Token: %s\\n' \"$OLD\" | curl", "/server"],
    ),
    item("1: it answers with the server's name", CONFIRM, &["Expect: `acme-prod`"]),
    item(
        "2: open the dashboard and select the server",
        CREATE,
        &["open https://account.postmarkapp.com", "select the server `acme-prod`"],
    ),
    item("2: generate another token", CREATE, &["press Generate another token"]),
    item("2: take its value in", CREATE, &["read -rs NEW"]),
    item(
        "3: ask as the new token",
        VALIDATE,
        &["printf 'X-Postmark-Server-Token: %s\\n' \"$NEW\" | curl", "/server"],
    ),
    item("3: the same name and id as in step 1", VALIDATE, &["the same id and name as before"]),
    item("3: one token more than before", VALIDATE, &["(.ApiTokens | length)", "one token more"]),
    item(
        "3: send a test mail to an address one controls",
        WORKS,
        &[
            "test mail: a mail to ops@example.com with the new token",
            "/email",
            "Token rotation validation",
        ],
    ),
    item("3: it is answered with a message id", WORKS, &["`MessageID`, which is a UUID"]),
    item("3: confirm its receipt", RECEIPT, &["test mail: looks into the mailbox"]),
    item(
        "4: write it to the secret manager, by project and environment",
        STORE,
        &["infisical secrets set", "--projectId acme-backend --env prod"],
    ),
    item(
        "5: the API on production and staging",
        PROPAGATE,
        &["heroku:acme-api-prod", "heroku:acme-api-staging", "/apps/acme-api-prod/config-vars"],
    ),
    item(
        "5: the notification service, where it is one of its own",
        PROPAGATE,
        &["Notification service", "/apps/acme-notifications-prod/config-vars"],
    ),
    item(
        "5: CI only where it sends mail, which it rarely does",
        PROPAGATE,
        &[
            "not enabled, so left alone: GitHub Actions",
            "only if it uses the token",
            "gh secret set POSTMARK_SERVER_TOKEN",
        ],
    ),
    item(
        "6: the app has restarted",
        "See that each runs on it",
        &["heroku ps -a acme-api-prod", "every dyno is up since"],
    ),
    item(
        "6: have the app send a mail, real or marked as a test",
        WORKS,
        &["mail from the API: the application sends a mail", "/api/notifications/test-email"],
    ),
    item("6: confirm its receipt", RECEIPT, &["mail from the API: looks into the mailbox"]),
    item("6: the app answers with the message id", WORKS, &["the mail's id in `message_id`"]),
    item(
        "6: the app's log of Postmark",
        WORKS,
        &["the log of acme-api-prod", "-a acme-api-prod | grep -i postmark"],
    ),
    item(
        "6: no 401 and no InvalidAPIToken in it",
        WORKS,
        &["says nothing of postmark with `401` or `InvalidAPIToken`"],
    ),
    item(
        "7: delete the old token in the dashboard",
        REVOKE,
        &["open https://account.postmarkapp.com", "delete the OLD token"],
    ),
    item(
        "7: the old token is answered with 401",
        PROVE,
        &["printf 'X-Postmark-Server-Token: %s\\n' \"$OLD\"", "'%{http_code}\\n'", "Expect: 401"],
    ),
    item("8: the audit record and its actor", AUDIT, &["`secret.rotate.completed` with its actor"]),
    item("8: its context", AUDIT, &["`secret_name`", "`server_name`", "`method`"]),
    item("until the deletion both tokens are valid", BEFORE, &["both tokens are valid until then"]),
    item(
        "the way back: the old value everywhere again",
        BEFORE,
        &["give every consumer the old token", "put the store back"],
    ),
    item("the way back: restart the app", BEFORE, &["`heroku ps:restart -a acme-api-prod`"]),
    item("after the deletion the old token is gone", AFTER, &["the old token is gone"]),
    item(
        "then: a fresh token, validated, propagated, the broken one deleted",
        AFTER,
        &["generates it, validates it, gives it to everybody", "the broken one deleted last"],
    ),
    item("there is room for it: two of three", AFTER, &["two of three"]),
];

/// The Heroku platform token.
const HEROKU: &[Item] = &[
    item("its mode", HEAD, &["**Mode:**"]),
    item("when it was last validated", HEAD, &["**Last validated:**"]),
    item("how it was validated", HEAD, &["**Validation method:** read-only-docs"]),
    item(
        "a rehearsal on production with a way back is feasible",
        BEFORE,
        &["a rehearsal on production", "`dry-run-on-prod-with-rollback`"],
    ),
    item("how long it takes on average", HEAD, &["**Average duration:**"]),
    item("the role is superadmin", HEAD, &["**Required role:** superadmin"]),
    item(
        "what it applies to",
        HEAD,
        &["**Applies to:** `HEROKU_API_KEY`, `HEROKU_PLATFORM_API_TOKEN`"],
    ),
    item(
        "the console, the pipeline and CI use it",
        HEAD,
        &["Console", "Rotation pipeline", "GitHub Actions (deploy workflows)"],
    ),
    item(
        "an authorization is made by the command line or over the API",
        CREATE,
        &["heroku authorizations:create", "-X POST", "/oauth/authorizations"],
    ),
    item(
        "making one needs a login, which is a token itself; hence a person",
        CLAIMS,
        &["making one needs a login, which is a token itself", "a person only agrees"],
    ),
    item(
        "before: logged in on a workstation one trusts",
        NEEDS,
        &["`heroku login` on a workstation that you trust"],
    ),
    item("1: list the authorizations", CONFIRM, &["heroku authorizations"]),
    item(
        "1: find the old one by its description",
        CONFIRM,
        &["whose description is that of the token", "`acme-api-prod-platform-token`"],
    ),
    item("1: note its id, for the revocation", CONFIRM, &["Note its id"]),
    item(
        "2: create another, described with the date",
        CREATE,
        &["--description", "$(date +%F)", "a description with the date"],
    ),
    item("2: with scope global", CREATE, &["--scope global"]),
    item(
        "2: the answer has the token and the id",
        CREATE,
        &["jq -r .id new.json", "jq -r .access_token.token new.json"],
    ),
    item("2: the token is shown once", CREATE, &["The token is shown this once"]),
    item(
        "2: a narrower scope where global is not needed",
        CREATE,
        &["--scope read-protected,write-protected", "better where no consumer needs `global`"],
    ),
    item(
        "2: the same over the API",
        CREATE,
        &["where the command line is not at hand", "\"scope\":[\"global\"]"],
    ),
    item(
        "3: ask as the new token",
        VALIDATE,
        &["printf 'Authorization: Bearer %s\\n' \"$NEW\"", "/account | jq -r .email"],
    ),
    item("3: the account's address", VALIDATE, &["the account's e-mail address"]),
    item(
        "3: may it do what its consumers do",
        VALIDATE,
        &["may it do what its consumers do", "/config-vars | jq 'keys | length'"],
    ),
    item("3: a count that is not zero", VALIDATE, &["a number that is not 0"]),
    item(
        "4: write it to the secret manager, by project and environment",
        STORE,
        &["infisical secrets set", "--projectId acme-backend --env prod"],
    ),
    item(
        "5: the API on production and staging",
        PROPAGATE,
        &["heroku:acme-api-prod", "heroku:acme-api-staging", "/apps/acme-api-prod/config-vars"],
    ),
    item(
        "5: the console",
        PROPAGATE,
        &["heroku:acme-console-prod", "/apps/acme-console-prod/config-vars"],
    ),
    item("5: CI's deploy workflows", PROPAGATE, &["gh secret set HEROKU_API_KEY --repo acme/api"]),
    item("5: the rotation pipeline", PROPAGATE, &["heroku:acme-rotation-pipeline"]),
    item("5: the operator's own shell", PROPAGATE, &["Operator's shell"]),
    item(
        "6: each write restarts the app",
        "See that each runs on it",
        &["heroku ps -a acme-api-prod"],
    ),
    item("6: a health page that asks Heroku", WORKS, &["/health", "`heroku_api` is `ok`"]),
    item(
        "6: or a deployment to staging with the new token",
        WORKS,
        &[
            "a run of deploy-staging.yml of acme/api ends in success",
            "gh workflow run deploy-staging.yml -f sanity=true",
        ],
    ),
    item("6: watched to its success", WORKS, &["gh run watch", "Expect: success"]),
    item("7: revoke by the old id", REVOKE, &["heroku authorizations:revoke OLD_AUTHORIZATION_ID"]),
    item(
        "7: the same over the API",
        REVOKE,
        &["-X DELETE", "/oauth/authorizations/OLD_AUTHORIZATION_ID"],
    ),
    item(
        "7: the old token is answered with 401",
        PROVE,
        &["printf 'Authorization: Bearer %s\\n' \"$OLD\"", "/account", "Expect: 401"],
    ),
    item("8: the audit record and its actor", AUDIT, &["`secret.rotate.completed` with its actor"]),
    item(
        "8: its context",
        AUDIT,
        &["`secret_name`", "`old_authorization_id`", "`new_authorization_id`", "`method`"],
    ),
    item(
        "many authorizations live side by side",
        FACTS,
        &["many authorizations live side by side"],
    ),
    item(
        "until the revocation the old one is valid",
        BEFORE,
        &["both tokens are valid until then"],
    ),
    item(
        "the way back: the old value everywhere again",
        BEFORE,
        &["set the old value in every app"],
    ),
    item("the way back: restart the app", BEFORE, &["`heroku ps:restart -a acme-api-prod`"]),
    item("after the revocation nothing brings it back", AFTER, &["cannot be restored"]),
    item(
        "then: make another, and see what lives",
        AFTER,
        &["makes a further one", "`heroku authorizations` to see what lives"],
    ),
    item(
        "it cannot be rotated without any login",
        FAILURES,
        &["one cannot rotate Heroku's tokens without any login"],
    ),
    item(
        "or with a management token that is rotated by hand",
        FACTS,
        &["a management token that lives longer and is rotated by hand"],
    ),
    item(
        "each write of config vars restarts: about 30 s an app",
        FACTS,
        &["restarts the app, about 30 s"],
    ),
    item(
        "several keys at once, so that it restarts once",
        FACTS,
        &["set at once, so each restarts once"],
    ),
    item(
        "the token is the secret, the id is the handle; keep both",
        FACTS,
        &["the authorization's id is what it is revoked by", "Both are kept"],
    ),
    item(
        "there is no rotate command: contradicted, and still the wrong verb",
        CLAIMS,
        &[
            "there is a rotate",
            "An older runbook says that there is none",
            "create and then revoke",
        ],
    ),
];

/// The two originals.
pub const ORIGINALS: [Original; 2] = [
    Original { secret: "prod/POSTMARK_SERVER_TOKEN", items: POSTMARK },
    Original { secret: "prod/HEROKU_API_KEY", items: HEROKU },
];

impl Original {
    /// What a page in Markdown does not say in its place.
    #[must_use]
    pub fn missing(&self, page: &str) -> Vec<&'static str> {
        let sections = sections(page);
        let said = |item: &&Item| {
            let mut under = sections.iter().filter(|(heading, _)| heading.starts_with(item.under));
            under.any(|(_, text)| item.says.iter().all(|words| text.contains(words)))
        };
        self.items.iter().filter(|item| !said(item)).map(|item| item.original).collect()
    }
}

/// The page's headings without their numbers, each with what stands under it.
fn sections(page: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut in_code = false;
    for line in page.lines() {
        in_code ^= line.starts_with("```");
        if line.starts_with('#') && !in_code {
            let heading = line.trim_start_matches(['#', ' ']);
            let heading = heading.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            sections.push((heading.trim().to_owned(), String::new()));
        } else if let Some((_, text)) = sections.last_mut() {
            text.push_str(&line.replace("\\_", "_").replace("\\[", "[").replace("\\]", "]"));
            text.push('\n');
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_in_another_place_is_missing() {
        const ONE: &[Item] = &[item("it is stored", STORE, &["infisical"])];
        let original = Original { secret: "x", items: ONE };
        assert!(original.missing("# R\n### 4. Store it\ninfisical\n").is_empty());
        assert_eq!(original.missing("# R\n### 5. Give it\ninfisical\n"), ["it is stored"]);
        assert_eq!(
            original.missing("### 4. Store it\n```sh\n# infisical\n```\n### 5\n"),
            [] as [&str; 0]
        );
    }
}
