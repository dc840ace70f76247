//! Orders and writes of small campaigns, and that a large one is planned in no time.

use super::*;
use crate::inventory::{SourceFile, load};
use crate::{
    ConsumerPart, Doer, Fingerprint, Gates, IssuerPart, Limits, OldToken, Overlap, RotationId,
    StorePart,
};

const MAIN: &str = r#"schema = 1
org = "acme"
state = { database = "rollover.db", key = { file = "rollover.key" } }
[connections.heroku]
kind = "heroku"
auth = { file = "login" }
[connections.postmark]
kind = "postmark"
[connections.infisical]
kind = "infisical"
auth = { client_id = { file = "id" }, client_secret = { file = "secret" } }
[issuers.heroku-acme]
kind = "heroku-authorization"
via = "heroku"
account = "ops@example.com"
[issuers.mail]
kind = "postmark-server"
via = "postmark"
server = "acme-prod"
[stores.vault]
kind = "infisical"
via = "infisical"
project = "p-1"
environment = "prod"
"#;

/// Environment, key, issuer, and the apps with whether they serve production.
type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, bool)]);

fn inventory(rows: &[Row<'_>]) -> Inventory {
    let files: Vec<SourceFile> = rows
        .iter()
        .enumerate()
        .map(|(i, (environment, key, issuer, apps))| {
            let mut text = format!(
                "name = \"{key}\"\nenvironment = \"{environment}\"\nissuer = \"{issuer}\"\n\
                 store = {{ in = \"vault\", key = \"{environment}_{key}\" }}\n"
            );
            for (app, production) in *apps {
                text.push_str(&format!(
                    "[[consumers]]\nkind = \"heroku-config\"\nvia = \"heroku\"\napp = \"{app}\"\n\
                     production = {production}\n"
                ));
            }
            SourceFile { path: format!("secrets/{i}.toml"), text }
        })
        .collect();
    let main = SourceFile { path: "rollover.toml".into(), text: MAIN.into() };
    load(&main, &files).unwrap()
}

fn plans(inventory: &Inventory, mode: Mode) -> Vec<Plan> {
    inventory
        .secrets
        .values()
        .map(|secret| {
            let by = if secret.issuer == "mail" { Doer::Operator } else { Doer::Api };
            let consumers = secret.consumers.iter().map(|consumer| ConsumerPart {
                id: consumer.id.clone(),
                label: consumer.label.clone(),
                keys: consumer.keys.clone(),
                wave: if mode.hurries() { 0 } else { u8::from(consumer.production) },
                reads_back: true,
                restarts: true,
                before: None,
                fetched_by: None,
            });
            Plan {
                id: RotationId(format!("r-{}", secret.name)),
                secret: secret.name.clone(),
                mode,
                issuer: IssuerPart {
                    name: secret.issuer.clone(),
                    title: "Issuer".into(),
                    identity: "acme".into(),
                    creates: by,
                    revokes: by,
                    overlap: Overlap::Unlimited,
                    reads_siblings: by == Doer::Operator,
                    marker: "r".into(),
                    listed: true,
                    activation_max: Span::from_secs(30),
                    create_text: Vec::new(),
                    page: None,
                },
                store: StorePart { name: "vault".into(), key: "K".into(), version: "1".into() },
                consumers: consumers.collect(),
                old: OldToken {
                    fingerprint: Fingerprint::from_bytes([0; 16]),
                    handle: None,
                    since: None,
                },
                baseline: Vec::new(),
                unknown: Vec::new(),
                probes: Vec::new(),
                limits: Limits {
                    probe_interval: Span::from_secs(1),
                    soak: Span::from_secs(600),
                    proof_interval: Span::from_secs(30),
                    proof_timeout: Span::from_secs(3_600),
                    adopt_timeout: Span::from_secs(60),
                    attempts_max: 8,
                    task_deadline: Span::from_secs(3_600),
                },
                role: "ops".into(),
                gates: Gates::default(),
                login_is_old: false,
                reason: None,
                audit_context: Vec::new(),
                warnings: Vec::new(),
                campaign: None,
            }
        })
        .collect()
}

fn made(rows: &[Row<'_>], mode: Mode) -> CampaignPlan {
    let inventory = inventory(rows);
    let plans = plans(&inventory, mode);
    CampaignPlan::make(&inventory, &plans.iter().collect::<Vec<_>>(), &Costs::default())
}

fn level(plan: &CampaignPlan, name: &str) -> u32 {
    plan.member(&name.parse().unwrap()).unwrap().level
}

const HEROKU: &str = "heroku-acme";

#[test]
fn one_restart_an_app_whatever_is_new_to_it() {
    let plan = made(
        &[
            ("prod", "A", HEROKU, &[("x", true), ("y", true)]),
            ("prod", "B", HEROKU, &[("x", true)]),
            ("prod", "C", HEROKU, &[("y", true)]),
        ],
        Mode::Scheduled,
    );
    assert_eq!((plan.restarts, plan.restarts_min), (2, 2));
    assert!(plan.writes.iter().all(|write| write.members.len() == 2));
    assert!(plan.members.iter().all(|member| member.level == 0 && member.over.is_empty()));
}

#[test]
fn staging_is_proven_before_production_and_whoever_is_written_with_it_waits_along() {
    let plan = made(
        &[
            ("prod", "A", HEROKU, &[("x", true)]),
            ("staging", "A", HEROKU, &[("x-staging", false)]),
            ("prod", "B", HEROKU, &[("x", true)]),
        ],
        Mode::Scheduled,
    );
    assert_eq!(level(&plan, "staging/A"), 0);
    assert_eq!((level(&plan, "prod/A"), level(&plan, "prod/B")), (1, 1));
    let (a, b) = (plan.member(&"prod/A".parse().unwrap()), plan.member(&"prod/B".parse().unwrap()));
    let staging: Vec<SecretName> = vec!["staging/A".parse().unwrap()];
    assert_eq!(a.unwrap().proven, staging);
    // B does not rest on it, so it goes on however that ended.
    assert_eq!((&b.unwrap().proven, &b.unwrap().over), (&Vec::new(), &staging));
    assert_eq!((plan.restarts, plan.restarts_min), (2, 2));
}

#[test]
fn a_leak_waits_for_nobody() {
    let plan = made(
        &[("prod", "A", HEROKU, &[("x", true)]), ("staging", "A", HEROKU, &[("y", false)])],
        Mode::Emergency,
    );
    assert!(plan.members.iter().all(|member| member.level == 0));
    assert_eq!((plan.restarts, plan.restarts_min), (2, 2));
}

#[test]
fn an_app_that_serves_production_for_one_secret_only_is_restarted_twice_and_nobody_waits_for_ever()
{
    // A goes to x before y, B to y before x: to wait for each other would never end.
    let plan = made(
        &[
            ("prod", "A", HEROKU, &[("x", false), ("y", true)]),
            ("prod", "B", HEROKU, &[("y", false), ("x", true)]),
        ],
        Mode::Scheduled,
    );
    assert_eq!((plan.restarts, plan.restarts_min), (4, 2));
    assert!(plan.writes.iter().all(|write| write.members.len() == 1));
}

#[test]
fn people_make_one_token_after_the_other_on_one_page() {
    let plan = made(
        &[
            ("prod", "A", "mail", &[("x", true)]),
            ("prod", "B", "mail", &[("x", true)]),
            ("prod", "C", HEROKU, &[("x", true)]),
        ],
        Mode::Emergency,
    );
    assert_eq!((level(&plan, "prod/A"), level(&plan, "prod/B")), (0, 1));
    assert_eq!(level(&plan, "prod/C"), 0, "a leak does not wait for a restart to be saved");
    let ops = &plan.people[0];
    assert_eq!((ops.creates, ops.revokes, ops.agrees), (4, 4, 5), "each leak is answered twice");
    assert!(plan.writes.iter().any(|write| write.turn.again));
}

#[test]
fn calls_beyond_what_is_left_are_waited_for() {
    let inventory = inventory(&[("prod", "A", HEROKU, &[("x", true)])]);
    let plans = plans(&inventory, Mode::Scheduled);
    let plans: Vec<&Plan> = plans.iter().collect();
    let plenty = CampaignPlan::make(&inventory, &plans, &Costs::default());
    let left = BTreeMap::from([("heroku".to_owned(), 1)]);
    let few = CampaignPlan::make(&inventory, &plans, &Costs { left, ..Costs::default() });
    let calls = |plan: &CampaignPlan| {
        plan.calls.iter().find(|one| one.connection == "heroku").cloned().unwrap()
    };
    assert_eq!(calls(&plenty).waits.millis(), 0);
    assert_eq!(calls(&few).waits.millis(), (calls(&few).calls - 1) * 800);
    assert_eq!(few.duration.millis() - plenty.duration.millis(), calls(&few).waits.millis());
}
