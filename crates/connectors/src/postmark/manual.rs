//! Postmark's server tokens in a runbook.

use domain::Seen;
use domain::inventory::ProbeKind;
use domain::runbook::{ByHand, Claim, Failure, IssuerManual, Shown};
use jiff::civil::date;

use crate::manual::{About, quoted};

const CLAIMS: &[Claim] = &[
    Claim {
        says: "a server holds up to three tokens at once",
        source: "Postmark's support pages",
        read: date(2026, 11, 21),
        shown: Shown::SideBySide,
        corrects: None,
    },
    Claim {
        says: "no endpoint creates or deletes a token; people do it in the dashboard",
        source: "Postmark's API description, two official clients, support pages",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: None,
    },
    Claim {
        says: "`GET /server` lists the live tokens of the server, with their values",
        source: "Postmark's API documentation and an official client's schema",
        read: date(2026, 11, 21),
        shown: Shown::Listed,
        corrects: Some(
            "An older runbook has the new token copied from the page; nobody has to, and it says \
             nothing of a leaked token that reads its replacement",
        ),
    },
    Claim {
        says: "a new token appears in that list as soon as it was generated",
        source: "follows from the one above",
        read: date(2026, 11, 21),
        shown: Shown::Created(Seen::Watched),
        corrects: None,
    },
    Claim {
        says: "a token that is not known is answered with 401 and `ErrorCode` 10",
        source: "Postmark's API documentation, and one recorded answer",
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
    let name = &about.secret.name;
    IssuerManual {
        what: format!("server token of the Postmark server `{server}`"),
        not_in_scope: vec![
            "account tokens, which make servers: a `superadmin` rotates them under Account > API \
             Tokens"
                .into(),
            "SMTP tokens".into(),
        ],
        facts: vec![
            "up to three tokens live side by side: create the new one, give it to everybody, and \
             delete the old one last"
                .into(),
            "there is no grace period to be set; that several tokens live side by side is all \
             there is"
                .into(),
            "the dashboard is the only way to make or delete a token".into(),
            "every token of a server can list all of them, so a leaked one reads its replacement: \
             then rotate with `--emergency`"
                .into(),
        ],
        needs: vec![
            format!("a login at {dashboard} that may see the server `{server}`"),
            format!("the role `{}`", about.secret.role),
            "by hand also: bash, curl, jq, and an address of yours that receives mail".into(),
        ],
        confirm: vec![ByHand::new(
            "which server does the current token belong to?",
            vec!["read -rs OLD".into(), server_as("OLD", url)],
            format!(
                "`{server}`, its id, and 1 or 2 tokens. Never print the whole answer: it holds \
                 the live tokens"
            ),
        )],
        create: vec![ByHand::new(
            format!(
                "open {dashboard}, select the server `{server}`, open its tab API Tokens, press \
                 Generate another token. Delete nothing. Then take it in, hidden:"
            ),
            vec!["read -rs NEW".into()],
            "nothing is shown",
        )],
        validate: validate(about, url),
        in_use: in_use(about),
        revoke: vec![ByHand::new(
            format!(
                "open {dashboard}, the server `{server}`, API Tokens, and delete the OLD token. \
                 Compare its last four characters twice:"
            ),
            vec!["printf '%s\\n' \"${OLD: -4}\"".into()],
            "the same four characters that the page shows",
        )],
        prove: vec![ByHand::new(
            "ask Postmark as the old token, twice, half a minute apart",
            vec![
                format!(
                    "printf 'X-Postmark-Server-Token: %s\\n' \"$OLD\" | curl -sS -o /dev/null -w \
                     '%{{http_code}}\\n' -H @- {url}/server"
                ),
                "unset OLD NEW".into(),
            ],
            "401. A 403, a 5xx or a page of HTML proves nothing",
        )],
        rollback_before: vec![
            "by hand: give every consumer the old token in the same way, restart what does not \
             restart by itself, put the store back, and delete the new token in the dashboard"
                .into(),
        ],
        rollback_after: vec![
            "the old token is gone; Postmark does not bring it back".into(),
            format!(
                "if the new one is broken: there is room for a fresh one beside it (two of three). \
                 `rollover rotate {name}` generates it, validates it, gives it to everybody, and \
                 has the broken one deleted last"
            ),
            format!(
                "if the new one is dead: `rollover rotate {name} --repair`; the token has to be \
                 entered, because a dead one lists nothing"
            ),
        ],
        audit: ["secret_name", "server_name", "method", "old_fingerprint", "new_fingerprint"]
            .map(String::from)
            .to_vec(),
        failures: failures(name.key()),
        claims: CLAIMS,
    }
}

fn validate(about: About<'_>, url: &str) -> Vec<ByHand> {
    let mut ways = vec![ByHand::new(
        "does the new token belong to the same server?",
        vec![server_as("NEW", url)],
        "the same id and name as before, and one token more",
    )];
    if !about.has_probe(|kind| matches!(kind, ProbeKind::TestMail { .. })) {
        ways.push(ByHand::new(
            "send a test mail through the new token, to an address of yours",
            vec![test_mail(url)],
            "0 and a `MessageID`, which is a UUID. Confirm that it has arrived in the inbox",
        ));
    }
    ways
}

fn server_as(variable: &str, url: &str) -> String {
    format!(
        "printf 'X-Postmark-Server-Token: %s\\n' \"${variable}\" | curl -sS -H @- \
         -H 'Accept: application/json' {url}/server | jq -r '.ID, .Name, (.ApiTokens | length)'"
    )
}

fn test_mail(url: &str) -> String {
    format!(
        "printf 'X-Postmark-Server-Token: %s\\n' \"$NEW\" | curl -sS -X POST -H @- \
         -H 'Content-Type: application/json' --data '{{\"From\":\"noreply@example.com\",\
         \"To\":\"ops@example.com\",\"Subject\":\"Token rotation validation\",\
         \"TextBody\":\"Sent with the new token.\"}}' {url}/email | jq -r '.ErrorCode, .MessageID'"
    )
}

/// What programs that send mail show, where the inventory has no probe that sees it.
fn in_use(about: About<'_>) -> Vec<ByHand> {
    let mut ways = Vec::new();
    if !about.has_probe(|kind| matches!(kind, ProbeKind::AppMail { .. })) {
        ways.push(ByHand::new(
            "have each app send a mail, a real one or one that is marked as a test, by an endpoint \
             of its own if it has one",
            vec![
                "curl -sS -X POST -H 'Content-Type: application/json' --data \
                 '{\"to\":\"ops@example.com\",\"subject\":\"rotation validation\"}' \
                 https://api.example.com/api/notifications/test-email"
                    .into(),
            ],
            "the mail arrives in the inbox; the app's log has the `MessageID` that Postmark answered",
        ));
    }
    let log_of = |app: &str| {
        let is = |kind: &ProbeKind| matches!(kind, ProbeKind::Log { app: seen, .. } if seen == app);
        about.secret.probes.iter().any(|probe| is(&probe.kind))
    };
    let logs: Vec<String> = about
        .apps()
        .into_iter()
        .filter(|app| !log_of(app))
        .map(|app| format!("heroku logs -n 500 -a {} | grep -i postmark", quoted(app)))
        .collect();
    if !logs.is_empty() {
        let expect = "no `401` and no `InvalidAPIToken` since the restart";
        ways.push(ByHand::new("what do the apps' logs say of Postmark?", logs, expect));
    }
    ways
}

fn failures(key: &str) -> Vec<Failure> {
    vec![
        Failure::new(
            "three tokens are live already",
            "delete one that nobody uses; `rollover plan` names those that it does not know",
        ),
        Failure::new(
            "the new token answers as another server",
            "it was generated in the wrong place: delete it there, `rollover run rollback`, begin \
             again",
        ),
        Failure::new(
            "the list of tokens is masked, so that the new one cannot be seen to appear",
            "enter it at the hidden prompt, or with `rollover task done ID --token-stdin`",
        ),
        Failure::new(
            "the wrong token was deleted, and the current one is dead",
            "`rollover rotate --repair` goes forward; there is nothing left to protect",
        ),
        Failure::new(
            "an app logs `401` or `InvalidAPIToken` after its restart",
            format!(
                "it reads another name than `{key}`, or another value: roll back, and look at its code"
            ),
        ),
        Failure::new(
            "403 with a page of HTML",
            "a network between you and Postmark answered, not Postmark; it says nothing of the \
             token",
        ),
        Failure::new(
            "422 with `ErrorCode` 400, 401, 405, 412 or 413 when sending",
            "the token is right, the sender or the account is not",
        ),
    ]
}
