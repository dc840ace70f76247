//! A team that does everything right, and one that does a single thing wrong, for each check.
//!
//! The good team passes every check. Each bad one differs from it in one thing, fails the check
//! that is about it, and no other.

use std::collections::{BTreeMap, BTreeSet};

use domain::posture::{
    Beside, CHECKS, Facts, GithubFacts, Looked, SecretFacts, ServerFacts, Spot, TreeFacts, Verdict,
    WebhookFacts, judge,
};
use domain::{Fingerprint, SecretName};

use crate::Result;

/// A team and the one check that it fails.
pub struct Sample {
    /// The check.
    pub check: &'static str,
    /// What is wrong.
    pub what: &'static str,
    /// The team.
    pub facts: Facts,
}

/// What is wrong with the checks.
#[derive(Default, Debug)]
pub struct Wrong {
    /// Samples whose own check did not fail.
    pub missed: Vec<String>,
    /// Checks that failed where nothing was wrong.
    pub false_alarms: Vec<String>,
}

/// Judges every sample.
///
/// # Errors
/// A check has no sample.
pub fn tried() -> Result<(usize, Wrong)> {
    let mut wrong = Wrong::default();
    let good = judge(&good()?);
    for one in good.judgements.iter().filter(|one| one.verdict != Verdict::Pass) {
        wrong
            .false_alarms
            .push(format!("good: {} is {:?}: {:?}", one.check, one.verdict, one.evidence));
    }
    let samples = samples()?;
    for check in CHECKS {
        if !samples.iter().any(|sample| sample.check == check.id) {
            return Err(format!("`{}` has no bad sample", check.id));
        }
    }
    for sample in &samples {
        for one in judge(&sample.facts).judgements {
            let failed = one.verdict == Verdict::Fail;
            let named = format!("{} ({}): {}", sample.check, sample.what, one.check);
            match (one.check == sample.check, failed) {
                (true, false) => wrong.missed.push(format!("{named} is {:?}", one.verdict)),
                (false, true) => wrong.false_alarms.push(format!("{named}: {:?}", one.evidence)),
                _ => {}
            }
        }
    }
    Ok((samples.len() + 1, wrong))
}

fn name(environment: &str, key: &str) -> Result<SecretName> {
    SecretName::new(environment, key).map_err(|error| error.to_string())
}

fn secret(environment: &str, key: &str, number: u8) -> Result<SecretFacts> {
    let heroku = key.starts_with("HEROKU");
    Ok(SecretFacts {
        name: name(environment, key)?,
        owner: Some("team-mail".into()),
        fingerprint: Some(Fingerprint::from_bytes([number; 16])),
        consumers: vec![(format!("heroku:acme-{environment}"), environment == "prod")],
        manages: key.contains("ACCOUNT"),
        beside: vec![
            beside("DATABASE_URL", None, false),
            beside("POSTMARK_ACCOUNT_URL", None, false),
            beside(key, Some(name(environment, key)?), true),
        ],
        age_days: Some(12),
        max_age_days: 90,
        unread: Vec::new(),
        unknown_tokens: Looked::Seen(0),
        scope: heroku.then(|| vec!["read-protected".into()]),
        expires: heroku.then_some(true),
    })
}

fn beside(name: &str, of: Option<SecretName>, fits: bool) -> Beside {
    Beside { name: name.into(), file: "worker.env".into(), of, fits }
}

fn server(name: &str, environment: &str, sandbox: bool) -> ServerFacts {
    ServerFacts {
        name: name.into(),
        environments: BTreeSet::from([environment.to_owned()]),
        beyond_production: false,
        sandbox: Looked::Seen(sandbox),
        webhooks: Looked::Seen(vec![WebhookFacts { id: 1, https: true, authenticated: true }]),
    }
}

/// A commit of an action.
const COMMIT: &str = "11bd71901bbe5b1630ceea73d27597364c9af683";

fn files() -> BTreeMap<String, String> {
    let workflow = format!(
        "on: push\njobs:\n  deploy:\n    env:\n      HEROKU_API_KEY: ${{{{ secrets.HEROKU_API_KEY }}}}\n    steps:\n      \
         - uses: actions/checkout@{COMMIT} # v4\n      - run: ./deploy\n"
    );
    let files = [
        (".gitignore", ".env*\n!.env.example\nconfig/secrets.json\n".to_owned()),
        (
            ".env.example",
            "POSTMARK_SERVER_TOKEN=\nHEROKU_API_KEY=your-key-here\nLOG_LEVEL=info\n".to_owned(),
        ),
        (".github/workflows/deploy.yml", workflow),
        ("package.json", "{ \"dependencies\": { \"postmark\": \"^4.0.0\" } }\n".to_owned()),
        (
            "src/mail.js",
            "const client = new ServerClient(process.env.POSTMARK_SERVER_TOKEN);\n\
             client.send(mail).catch((error) => console.error('postmark', error.code));\n\
             // never: rejectUnauthorized: false\n"
                .to_owned(),
        ),
        (
            "deploy.sh",
            "printf 'X: %s' \"$T\" | curl -sS -H @- https://api.example.com\n".to_owned(),
        ),
    ];
    files.map(|(path, text)| (path.to_owned(), text)).into()
}

/// A team that does everything right.
///
/// # Errors
/// Never; for the sake of names.
pub fn good() -> Result<Facts> {
    Ok(Facts {
        tree: Looked::Seen(TreeFacts {
            files: files(),
            tracked: Looked::Seen(files().into_keys().collect()),
            hooks: BTreeMap::from([("pre-commit".into(), "exec gitleaks protect\n".into())]),
            needed: vec!["POSTMARK_SERVER_TOKEN".into(), "HEROKU_API_KEY".into()],
        }),
        in_tree: Looked::Seen(Vec::new()),
        in_history: Looked::Seen(Vec::new()),
        in_shell: Looked::Seen(Vec::new()),
        secrets: vec![
            secret("prod", "POSTMARK_SERVER_TOKEN", 1)?,
            secret("staging", "POSTMARK_SERVER_TOKEN", 2)?,
            secret("prod", "HEROKU_API_KEY", 3)?,
            secret("prod", "POSTMARK_ACCOUNT_TOKEN", 4)?,
        ],
        servers: vec![server("acme-prod", "prod", false), server("acme-staging", "staging", true)],
        repositories: vec![GithubFacts {
            name: "acme/api".into(),
            public: Looked::Seen(false),
            scanning: Looked::Seen(true),
            environments: Looked::Seen(vec![("production".into(), true)]),
        }],
        private: vec![("worker.env".into(), 0o600)],
    })
}

type Spoil = Box<dyn Fn(&mut Facts)>;

fn spot(file: &str) -> Looked<Vec<Spot>> {
    Looked::Seen(vec![Spot { file: file.into(), line: 12, what: "a Postmark token, live".into() }])
}

/// Changes a file of the tree.
fn text(file: &'static str, text: &'static str) -> Spoil {
    Box::new(move |facts| {
        if let Looked::Seen(tree) = &mut facts.tree {
            tree.files.insert(file.into(), text.into());
        }
    })
}

fn of_tree(spoil: impl Fn(&mut TreeFacts) + 'static) -> Spoil {
    Box::new(move |facts| {
        if let Looked::Seen(tree) = &mut facts.tree {
            spoil(tree);
        }
    })
}

fn of_secret(spoil: impl Fn(&mut SecretFacts) + 'static) -> Spoil {
    Box::new(move |facts| facts.secrets.iter_mut().take(1).for_each(&spoil))
}

fn of_heroku(spoil: impl Fn(&mut SecretFacts) + 'static) -> Spoil {
    Box::new(move |facts| facts.secrets.iter_mut().skip(2).for_each(&spoil))
}

fn of_server(spoil: impl Fn(&mut ServerFacts) + 'static) -> Spoil {
    Box::new(move |facts| facts.servers.iter_mut().take(1).for_each(&spoil))
}

fn of_github(spoil: impl Fn(&mut GithubFacts) + 'static) -> Spoil {
    Box::new(move |facts| facts.repositories.iter_mut().for_each(&spoil))
}

/// For each check one or more teams that fail it alone.
///
/// # Errors
/// Never; for the sake of names.
pub fn samples() -> Result<Vec<Sample>> {
    let spoilt: Vec<(&'static str, &'static str, Spoil)> =
        [repository(), code(), installation(), vendors()].into_iter().flatten().collect();
    spoilt
        .into_iter()
        .map(|(check, what, spoil)| {
            let mut facts = good()?;
            spoil(&mut facts);
            Ok(Sample { check, what, facts })
        })
        .collect()
}

fn repository() -> Vec<(&'static str, &'static str, Spoil)> {
    vec![
        ("tokens-in-code", "in a file", Box::new(|facts| facts.in_tree = spot("config/mail.js"))),
        ("tokens-in-history", "in a commit", Box::new(|facts| facts.in_history = spot("old.js"))),
        ("env-ignored", "no rule", text(".gitignore", "node_modules\n")),
        (
            "env-ignored",
            "taken back",
            text(".gitignore", ".env*\nconfig/secrets.json\n!.env.local\n"),
        ),
        (
            "env-tracked",
            "the file itself",
            of_tree(|tree| {
                tree.tracked = Looked::Seen(BTreeSet::from([".env".to_owned()]));
            }),
        ),
        (
            "env-tracked",
            "one of an environment",
            of_tree(|tree| {
                tree.tracked = Looked::Seen(BTreeSet::from(["api/.env.production".to_owned()]));
            }),
        ),
        ("example-file", "a name is missing", text(".env.example", "HEROKU_API_KEY=\n")),
        (
            "example-values",
            "a value",
            text(
                ".env.example",
                "POSTMARK_SERVER_TOKEN=0b234567-89ab-4cde-8f01-23456789abcd\nHEROKU_API_KEY=\n",
            ),
        ),
        ("hooks", "none", of_tree(|tree| tree.hooks.clear())),
        (
            "hooks",
            "another",
            of_tree(|tree| {
                tree.hooks.insert("pre-commit".into(), "exec prettier\n".into());
            }),
        ),
        (
            "official-packages",
            "one that steals",
            text("package.json", "{ \"dependencies\": { \"postmark-mcp\": \"1.0.16\" } }\n"),
        ),
        ("official-packages", "somebody's", text("requirements.txt", "postmarker==1.0\n")),
        (
            "official-packages",
            "in a lock file",
            text(
                "yarn.lock",
                "postmark-client@^1.0.0:\n  resolved \"https://registry.yarnpkg.com/postmark-client-1.0.0.tgz\"\n",
            ),
        ),
    ]
}

fn code() -> Vec<(&'static str, &'static str, Spoil)> {
    vec![
        ("tls-verified", "Node.js", text("src/a.js", "agent = { rejectUnauthorized: false };\n")),
        ("tls-verified", "Python", text("a.py", "requests.post(url, verify=False)\n")),
        ("tls-verified", "Go", text("a.go", "tls.Config{InsecureSkipVerify: true}\n")),
        ("tls-verified", "a variable", text("run.sh", "export NODE_TLS_REJECT_UNAUTHORIZED=0\n")),
        ("tls-verified", "curl", text("run.sh", "curl -sS -k https://api.example.com\n")),
        ("errors-logged", "a request", text("src/a.js", "console.error(err.config);\n")),
        ("errors-logged", "the environment", text("a.py", "print(os.environ)\n")),
        (
            "tokens-in-arguments",
            "curl",
            text(
                "a.sh",
                "curl -H \"X-Postmark-Server-Token: $T\" https://api.postmarkapp.com/server\n",
            ),
        ),
        ("tokens-in-arguments", "gh", text("a.sh", "gh secret set NAME -b \"$NEW\"\n")),
        (
            "ci-prints-secrets",
            "echo",
            text(
                ".github/workflows/a.yml",
                "steps:\n  - run: echo ${{ secrets.HEROKU_API_KEY }}\n",
            ),
        ),
        (
            "ci-prints-secrets",
            "the environment",
            text(".github/workflows/a.yml", "steps:\n  - run: printenv\n"),
        ),
        (
            "actions-pinned",
            "a tag",
            text(".github/workflows/a.yml", "steps:\n  - uses: actions/checkout@v4\n"),
        ),
        (
            "actions-pinned",
            "a branch",
            text(
                ".github/workflows/a.yml",
                "steps:\n  - name: x\n    uses: \"some/action@main\"\n",
            ),
        ),
    ]
}

fn installation() -> Vec<(&'static str, &'static str, Spoil)> {
    vec![
        (
            "one-token-one-place",
            "staging beside production",
            of_secret(|secret| {
                secret.consumers.push(("heroku:acme-staging".into(), false));
            }),
        ),
        (
            "shared-token",
            "two secrets",
            Box::new(|facts| {
                let first = facts.secrets.first().and_then(|secret| secret.fingerprint);
                facts.secrets.iter_mut().for_each(|secret| secret.fingerprint = first);
            }),
        ),
        ("token-age", "overdue", of_secret(|secret| secret.age_days = Some(91))),
        ("unknown-tokens", "two", of_secret(|secret| secret.unknown_tokens = Looked::Seen(2))),
        ("owner", "nobody", of_secret(|secret| secret.owner = None)),
        (
            "private-files",
            "others read",
            Box::new(|facts| {
                facts.private.push(("operator.env".into(), 0o644));
            }),
        ),
        ("shell-history", "a line", Box::new(|facts| facts.in_shell = spot(".bash_history"))),
        (
            "account-tokens",
            "beside the server's",
            of_secret(|secret| {
                secret.beside.push(beside("POSTMARK_ACCOUNT_TOKEN", None, true));
            }),
        ),
        (
            "account-tokens",
            "under another name",
            Box::new(|facts| {
                let of = facts.secrets.iter().find(|secret| secret.manages);
                let of = of.map(|secret| secret.name.clone());
                facts.secrets[2].beside.push(beside("MAIL_KEY", of, true));
            }),
        ),
        ("scope-wide", "global", of_heroku(|secret| secret.scope = Some(vec!["global".into()]))),
        ("expiry", "never", of_heroku(|secret| secret.expires = Some(false))),
    ]
}

fn vendors() -> Vec<(&'static str, &'static str, Spoil)> {
    let hook = |https, authenticated| {
        move |server: &mut ServerFacts| {
            server.webhooks = Looked::Seen(vec![WebhookFacts { id: 7, https, authenticated }]);
        }
    };
    vec![
        (
            "separate-servers",
            "two environments",
            of_server(|server| {
                server.environments.insert("staging".into());
            }),
        ),
        (
            "separate-servers",
            "a consumer outside",
            of_server(|server| {
                server.beyond_production = true;
            }),
        ),
        (
            "sandbox-outside-production",
            "live",
            Box::new(|facts| {
                facts.servers.iter_mut().skip(1).for_each(|one| one.sandbox = Looked::Seen(false));
            }),
        ),
        ("production-live", "a sandbox", of_server(|server| server.sandbox = Looked::Seen(true))),
        ("webhooks-https", "plain", of_server(hook(false, true))),
        ("webhooks-authenticated", "anybody", of_server(hook(true, false))),
        ("secret-scanning", "off", of_github(|one| one.scanning = Looked::Seen(false))),
        (
            "environment-protected",
            "open",
            of_github(|one| {
                one.environments = Looked::Seen(vec![("production".into(), false)]);
            }),
        ),
        ("readers", "public", of_github(|one| one.public = Looked::Seen(true))),
    ]
}
