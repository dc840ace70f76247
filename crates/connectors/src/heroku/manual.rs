//! Heroku's authorizations and config vars in a runbook.

use domain::inventory::ProbeKind;
use domain::runbook::{ByHand, Claim, ConsumerManual, Failure, IssuerManual, Shown};
use domain::{Proof, Seen};
use jiff::civil::date;

use crate::manual::{About, quoted};

const ACCEPT: &str = "-H 'Accept: application/vnd.heroku+json; version=3'";

const CLAIMS: &[Claim] = &[
    Claim {
        says: "an account may have many authorizations at once",
        source: "the Platform API's schema",
        read: date(2026, 11, 21),
        shown: Shown::SideBySide,
        corrects: None,
    },
    Claim {
        says: "`POST /oauth/authorizations` makes one and answers its token, this once, and its id",
        source: "the Platform API's schema",
        read: date(2026, 11, 21),
        shown: Shown::Created(Seen::Minted),
        corrects: None,
    },
    Claim {
        says: "making one needs a login, which is a token itself",
        source: "the Platform API's documentation",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: Some(
            "An older runbook concludes that a person has to run the command; the engine logs in \
             with the token that it rotates, and a person only agrees to the revocation",
        ),
    },
    Claim {
        says: "there is a rotate: `heroku authorizations:rotate` replaces a token in place",
        source: "the schema (`regenerate-tokens`), and Heroku's own command line calls it",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: Some(
            "An older runbook says that there is none. It is the wrong verb all the same: nothing \
             promises that the old token lives on for a moment, so create and then revoke",
        ),
    },
    Claim {
        says: "a revoked authorization's token is answered with 401 `unauthorized`",
        source: "the Platform API's documentation",
        read: date(2026, 11, 21),
        shown: Shown::Died,
        corrects: None,
    },
    Claim {
        says: "a revoked authorization does not come back",
        source: "the Platform API's documentation",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: None,
    },
];

const CONFIG_CLAIMS: &[Claim] = &[
    Claim {
        says: "setting config vars makes one release and restarts the app once, whatever their number",
        source: "Heroku's documentation of config vars",
        read: date(2026, 11, 21),
        shown: Shown::Written("heroku:"),
        corrects: None,
    },
    Claim {
        says: "a dyno has the config vars of the release that it was started on",
        source: "Heroku's documentation of config vars",
        read: date(2026, 11, 21),
        shown: Shown::Proven("heroku:", Proof::Fingerprint),
        corrects: None,
    },
];

pub(crate) fn issuer(about: About<'_>, url: &str, account: &str, scope: &[String]) -> IssuerManual {
    let name = &about.secret.name;
    IssuerManual {
        what: format!("Heroku authorization of `{account}`"),
        not_in_scope: vec!["the token of a login by `heroku login` or of the account page".into()],
        facts: vec![
            "the token is the secret; the authorization's id is what it is revoked by. Both are \
             kept"
                .into(),
            "many authorizations live side by side: create the new one, give it to everybody, \
             revoke the old one last"
                .into(),
            "creating one needs a login that may do so, which is a token itself: the one that is \
             rotated, or a management token that lives longer and is rotated by hand"
                .into(),
            "every write of config vars restarts the app, about 30 s of dynos coming and going; \
             all names of an app are set at once, so each restarts once"
                .into(),
            "Heroku has a rotate, which replaces in place; it is not used, because nobody would \
             have the new token yet"
                .into(),
        ],
        needs: vec![
            "a login of scope `global`: the token itself while it lives; by hand `heroku login` on \
             a workstation that you trust"
                .into(),
            format!("the role `{}`", about.secret.role),
            "by hand also: bash, curl, jq, gh".into(),
        ],
        confirm: confirm(about, url),
        create: create(about, url, scope),
        validate: validate(about, url),
        in_use: in_use(about),
        revoke: revoke(url),
        prove: vec![ByHand::new(
            "ask Heroku as the old token, twice, half a minute apart",
            vec![
                as_token("OLD", url, "account -o /dev/null -w '%{http_code}\\n'"),
                "unset OLD NEW LOGIN; rm -f new.json".into(),
            ],
            "401. A 403 proves nothing: it is a living token of another scope",
        )],
        rollback_before: vec![
            "by hand: set the old value in every app again, which restarts it (or `heroku \
             ps:restart -a APP`), put the store and CI back, and revoke the new authorization"
                .into(),
        ],
        rollback_after: vec![
            "the old token cannot be restored: Heroku does not keep revoked authorizations".into(),
            format!(
                "if the new one is broken: `rollover rotate {name}` makes a further one, gives it \
                 to everybody and revokes the broken one"
            ),
            format!(
                "if no login works any more: `heroku login`, `heroku authorizations` to see what \
                 lives, create one by hand, `rollover secret import {name} --token-stdin`"
            ),
        ],
        audit: [
            "secret_name",
            "old_authorization_id",
            "new_authorization_id",
            "method",
            "old_fingerprint",
            "new_fingerprint",
        ]
        .map(String::from)
        .to_vec(),
        failures: failures(),
        claims: CLAIMS,
    }
}

/// A reading call as a token of a variable.
fn as_token(variable: &str, url: &str, rest: &str) -> String {
    format!(
        "printf 'Authorization: Bearer %s\\n' \"${variable}\" | curl -sS -H @- {ACCEPT} {url}/{rest}"
    )
}

fn confirm(about: About<'_>, url: &str) -> Vec<ByHand> {
    let described = about.secret.old_description.as_ref().map(|text| format!(", here `{text}`"));
    vec![
        ByHand::new(
            "which authorization is the old one? List them",
            vec!["heroku authorizations".into()],
            format!(
                "one line whose description is that of the token{}. Note its id: the old one is \
                 revoked by it",
                described.unwrap_or_default()
            ),
        ),
        ByHand::new(
            "does the current token answer?",
            vec!["read -rs OLD".into(), as_token("OLD", url, "account | jq -r .email")],
            "the account's e-mail address",
        ),
    ]
}

fn create(about: About<'_>, url: &str, scope: &[String]) -> Vec<ByHand> {
    let key = about.secret.name.key();
    let org = &about.inventory.org;
    let make = |scope: &str| {
        format!(
            "umask 077; heroku authorizations:create --description \"{org} {key} $(date +%F)\" \
             --scope {scope} --json > new.json"
        )
    };
    let quoted_scope: Vec<String> = scope.iter().map(|word| format!("\"{word}\"")).collect();
    vec![
        ByHand::new(
            "create one; a description with the date tells it from the old one",
            vec![
                make(&scope.join(",")),
                "jq -r .id new.json".into(),
                "NEW=$(jq -r .access_token.token new.json)".into(),
            ],
            "the new id. The token is shown this once: it is in `new.json`, which only you can read",
        ),
        ByHand::new(
            "or with a narrower scope, which is better where no consumer needs `global`",
            vec![make("read-protected,write-protected")],
            "as above",
        ),
        ByHand::new(
            "or over the API, where the command line is not at hand",
            vec![
                "read -rs LOGIN; umask 077".into(),
                format!(
                    "printf 'Authorization: Bearer %s\\n' \"$LOGIN\" | curl -sS -X POST -H @- {ACCEPT} \
                     -H 'Content-Type: application/json' --data '{{\"description\":\"{org} {key}\",\
                     \"scope\":[{}]}}' -o new.json -w '%{{http_code}}\\n' {url}/oauth/authorizations",
                    quoted_scope.join(",")
                ),
            ],
            "201",
        ),
    ]
}

fn validate(about: About<'_>, url: &str) -> Vec<ByHand> {
    let mut ways = vec![ByHand::new(
        "does the new token answer as the same account?",
        vec![as_token("NEW", url, "account | jq -r .email")],
        "the account's e-mail address",
    )];
    if let Some(app) = about.apps().first() {
        let read =
            as_token("NEW", url, &format!("apps/{}/config-vars | jq 'keys | length'", quoted(app)));
        ways.push(ByHand::new(
            "may it do what its consumers do? Read an app's config, and count",
            vec![read],
            "a number that is not 0. Never print the answer itself: it holds every secret of the app",
        ));
    }
    ways
}

fn in_use(about: About<'_>) -> Vec<ByHand> {
    let smoke = |repository: &String| {
        let repository = quoted(repository);
        ByHand::new(
            "let CI use it: a deployment to staging, watched",
            vec![
                format!("gh workflow run deploy-staging.yml -f sanity=true --repo {repository}"),
                format!("gh run watch --exit-status --repo {repository}"),
            ],
            "success",
        )
    };
    if about.has_probe(|kind| matches!(kind, ProbeKind::Workflow { .. })) {
        return Vec::new();
    }
    about.repositories().iter().map(smoke).collect()
}

fn revoke(url: &str) -> Vec<ByHand> {
    vec![
        ByHand::new(
            "revoke the old authorization by its id, not by its token",
            vec!["heroku authorizations:revoke OLD_AUTHORIZATION_ID".into()],
            "the old description, revoked",
        ),
        ByHand::new(
            "or over the API, logged in with the new token",
            vec![format!(
                "printf 'Authorization: Bearer %s\\n' \"$NEW\" | curl -sS -X DELETE -H @- {ACCEPT} -o \
                 /dev/null -w '%{{http_code}}\\n' {url}/oauth/authorizations/OLD_AUTHORIZATION_ID"
            )],
            "200",
        ),
    ]
}

fn failures() -> Vec<Failure> {
    vec![
        Failure::new(
            "nobody can create an authorization: every login is dead",
            "`heroku login` as a person; one cannot rotate Heroku's tokens without any login",
        ),
        Failure::new(
            "only the token was noted, not the authorization's id",
            "find the id by its description: `heroku authorizations`; rollover keeps both",
        ),
        Failure::new(
            "the answer to the creation was lost",
            "look for the description before you make another; rollover finds it by its marker",
        ),
        Failure::new(
            "403 for a call of a consumer",
            "the scope is too narrow for it; the token lives",
        ),
        Failure::new("429", "4,500 calls an hour and account are allowed; wait, nothing is lost"),
        Failure::new(
            "`heroku authorizations:rotate` was run by somebody",
            "the token was replaced in place and everybody is on a dead one: `rollover rotate \
             --repair`",
        ),
    ]
}

pub(crate) fn consumer(url: &str, app: &str, keys: &[String]) -> ConsumerManual {
    let app = quoted(app);
    let fields: Vec<String> = keys.iter().map(|key| format!("{key}: .")).collect();
    let write = format!(
        "printf %s \"$NEW\" | jq -Rs '{{{}}}' | curl -sS -o /dev/null -w '%{{http_code}}\\n' -X PATCH \
         -H @<(printf 'Authorization: Bearer %s\\n' \"$LOGIN\") {ACCEPT} -H 'Content-Type: \
         application/json' --data @- {url}/apps/{app}/config-vars",
        fields.join(", ")
    );
    let same = keys.iter().map(|key| {
        format!(
            "printf 'Authorization: Bearer %s\\n' \"$LOGIN\" | curl -sS -H @- {ACCEPT} \
             {url}/apps/{app}/config-vars | jq -j .{key} | cmp - <(printf %s \"$NEW\") && echo same"
        )
    });
    ConsumerManual {
        write: vec![ByHand::new(
            format!(
                "Heroku app {app}: all names in one write (`config:set` would show the value to \
                 `ps`; `$LOGIN` is a token of `heroku auth:token`)"
            ),
            vec!["read -rs LOGIN".into(), write],
            "200, and one restart",
        )],
        check: vec![ByHand::new(
            format!("Heroku app {app}"),
            same.chain([format!("heroku releases -n 1 -a {app}; heroku ps -a {app}")]).collect(),
            "same; the newest release is this write's, and every dyno is up since",
        )],
        back: vec![format!(
            "Heroku app {app}: by hand the same write with the old token, then `heroku ps:restart -a {app}` if a dyno is older than it"
        )],
        failures: vec![
            Failure::new(
                "an app does not come up after the write",
                "`heroku logs`; both tokens live, so `rollover run rollback` costs one restart more",
            ),
            Failure::new(
                "a release is rolled back after the rotation",
                "it brings the dead token back; `rollover status` shows the app as out of step, \
                 and one more rotation or write mends it",
            ),
            Failure::new(
                "each name was set by a command of its own, and the app restarted each time",
                "set all names in one write",
            ),
        ],
        claims: CONFIG_CLAIMS,
    }
}
