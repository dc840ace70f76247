//! Postmark's account tokens in a runbook.

use domain::runbook::{ByHand, Claim, Failure, IssuerManual, Shown};
use jiff::civil::date;

use super::account::page_of;
use crate::manual::{About, quoted};

const CLAIMS: &[Claim] = &[
    Claim {
        says: "an account holds up to three tokens at once",
        source: "Postmark's support pages",
        read: date(2026, 11, 21),
        shown: Shown::SideBySide,
        corrects: None,
    },
    Claim {
        says: "no endpoint creates, deletes or lists an account token; people do it on the \
               account's page API Tokens",
        source: "Postmark's API description, two official clients, support pages",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: None,
    },
    Claim {
        says: "that page is `https://account.postmarkapp.com/api_tokens`",
        source: "the README of Postmark's own Python client; nobody of ours has opened it",
        read: date(2026, 11, 27),
        shown: Shown::Never,
        corrects: None,
    },
    Claim {
        says: "`GET /servers` shows the live tokens of every server of the account, with their \
               values",
        source: "Postmark's API documentation and an official client's schema",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: None,
    },
    Claim {
        says: "a token that is not known is answered with 401 and `ErrorCode` 10, and so is a \
               server's token in the account's header",
        source: "Postmark's API documentation; recorded for server tokens only",
        read: date(2026, 11, 21),
        shown: Shown::Died,
        corrects: None,
    },
    Claim {
        says: "there is no grace period to be set, and tokens do not expire",
        source: "Postmark's support pages",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: None,
    },
];

pub(crate) fn issuer(about: About<'_>, url: &str, server: &str, dashboard: &str) -> IssuerManual {
    let (name, page) = (&about.secret.name, page_of(dashboard));
    let names = |variable: &str| servers_as(variable, url, server);
    IssuerManual {
        what: format!("account token of the Postmark account that has the server `{server}`"),
        not_in_scope: vec!["server tokens, each of which has a rotation of its own".into()],
        facts: vec![
            "up to three tokens live side by side: create the new one, give it to everybody, and \
             delete the old one last"
                .into(),
            "the account's page is the only way to make, see or delete a token; no API lists them, \
             so a person enters the new one, and what else lives there is not known"
                .into(),
            format!(
                "no API tells an account's name: it is known by its server `{server}`, and a token \
                 of an account without that server is refused"
            ),
            "an account token reads the tokens of every server of the account: where one leaked, \
             each of them is rotated after it is dead"
                .into(),
            "an account token reads no other account token, so a leaked one does not see its \
             replacement"
                .into(),
        ],
        needs: vec![
            format!("a login at {page} as an owner or admin of the account"),
            format!("the role `{}`", about.secret.role),
            "by hand also: bash, curl, jq".into(),
        ],
        confirm: vec![ByHand::new(
            "which account does the current token belong to?",
            vec!["read -rs OLD".into(), names("OLD")],
            format!(
                "`{server}` among the names. Never print the whole answer: it holds the live \
                 tokens of the servers"
            ),
        )],
        create: vec![ByHand::new(
            format!(
                "open {page}, press Generate another token; where three are there, delete one \
                 first that nobody uses. Then take it in, hidden:"
            ),
            vec!["read -rs NEW".into()],
            "nothing is shown",
        )],
        validate: vec![ByHand::new(
            "does the new token belong to the same account?",
            vec![names("NEW")],
            format!("`{server}` among the names, as before"),
        )],
        in_use: vec![ByHand::new(
            "have each program that manages servers do so, with what it does every day",
            Vec::new(),
            "no `401` and no `ErrorCode` 10 in its log since it was given the new token",
        )],
        revoke: vec![ByHand::new(
            format!(
                "open {page} and delete the OLD token. Compare its last four characters twice. \
                 Delete also what was generated for this rotation and is not in use:"
            ),
            vec!["printf '%s\\n' \"${OLD: -4}\"".into()],
            "the same four characters that the page shows",
        )],
        prove: vec![ByHand::new(
            "ask Postmark as the old token, twice, half a minute apart",
            vec![
                format!(
                    "printf 'X-Postmark-Account-Token: %s\\n' \"$OLD\" | curl -sS -o /dev/null -w \
                     '%{{http_code}}\\n' -H @- '{url}/servers?count=1&offset=0'"
                ),
                "unset OLD NEW".into(),
            ],
            "401. A 403, a 5xx or a page of HTML proves nothing",
        )],
        rollback_before: vec![
            "by hand: give every consumer the old token in the same way, put the store back, and \
             delete the new token on the account's page"
                .into(),
        ],
        rollback_after: vec![
            "the old token is gone; Postmark does not bring it back".into(),
            format!(
                "if the new one is broken: there is room for a fresh one beside it (two of three). \
                 `rollover rotate {name}` asks for it, validates it, gives it to everybody, and has \
                 the broken one deleted last"
            ),
            format!("if the new one is dead: `rollover rotate {name} --repair`"),
        ],
        audit: ["secret_name", "account", "old_fingerprint", "new_fingerprint"]
            .map(String::from)
            .to_vec(),
        failures: failures(server),
        claims: CLAIMS,
    }
}

/// The names of the servers that a token's account has; `printf` alone is given the value.
fn servers_as(variable: &str, url: &str, server: &str) -> String {
    format!(
        "printf 'X-Postmark-Account-Token: %s\\n' \"${variable}\" | curl -sS -H @- -H 'Accept: \
         application/json' -G -d count=500 -d offset=0 --data-urlencode {} {url}/servers | jq -r \
         '.Servers[].Name'",
        quoted(&format!("name={server}"))
    )
}

fn failures(server: &str) -> Vec<Failure> {
    vec![
        Failure::new(
            "three tokens are there already, and the page makes no further one",
            "delete one that nobody uses; rollover cannot tell which, because no API lists them",
        ),
        Failure::new(
            "the token that was entered is `alive as a server token`",
            "it was copied from a server's page: open the account's page API Tokens",
        ),
        Failure::new(
            format!("the token that was entered is `alive as an account without {server}`"),
            "it was generated in another account: delete it there, and log in to the right one; \
             where the server was renamed, name it anew as `server` of the issuer",
        ),
        Failure::new(
            "a second token was generated, because nobody knew whether the first was entered",
            "enter either; at the end delete the other by hand: no rotation sees it",
        ),
        Failure::new(
            "the wrong token was deleted, and the current one is dead",
            "`rollover rotate --repair` goes forward; there is nothing left to protect",
        ),
        Failure::new(
            "403 with a page of HTML",
            "a network between you and Postmark answered, not Postmark; it says nothing of the \
             token",
        ),
    ]
}
