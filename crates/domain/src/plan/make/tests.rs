//! From a good world a plan follows; each thing that is wrong with the world is its own refusal.

use super::*;
use crate::inventory::{SourceFile, load};
use crate::{Baseline, Doer, IssuerSeen, Overlap, Shape, Span};

const MAIN: &str = r#"schema = 1
org = "acme"
state = { database = "rollover.db", key = { file = "rollover.key" } }
[connections.heroku]
kind = "heroku"
auth = { file = "login" }
[issuers.heroku-acme]
kind = "heroku-authorization"
via = "heroku"
account = "ops@example.com"
[stores.local]
kind = "sealed"
file = "secrets.sealed"
"#;

const SECRET: &str = r#"name = "HEROKU_API_KEY"
environment = "prod"
issuer = "heroku-acme"
store = { in = "local" }
known = ["h-known"]
[old]
description = "the platform token"
[[consumers]]
kind = "heroku-config"
via = "heroku"
app = "acme-api-prod"
[[consumers]]
kind = "heroku-config"
via = "heroku"
app = "acme-api-staging"
production = false
"#;

static PROFILE: Profile = Profile {
    kind: "heroku-authorization",
    title: "Heroku",
    overlap: Overlap::Coexist(3),
    creates: Doer::Api,
    revokes: Doer::Api,
    lists: true,
    reads_siblings: true,
    shape: Shape::Heroku,
    activation_max: Span::from_secs(30),
    usual_names: &[],
    traces: crate::Traces { words: &[], ids: &[] },
};

fn fp(number: u8) -> Fingerprint {
    Fingerprint::from_bytes([number; 16])
}

fn listed(handle: &str, description: &str) -> LiveToken {
    LiveToken {
        fingerprint: None,
        handle: Some(Handle(handle.into())),
        description: Some(description.into()),
        created: None,
    }
}

/// A world in which nothing is wrong.
fn good() -> Observed {
    let seen = |id: &str| ConsumerSeen { id: id.into(), holding: Holding::Token(fp(1)) };
    Observed {
        at: jiff::Timestamp::UNIX_EPOCH,
        open: None,
        remembered: None,
        store: StoreSeen::Holds { fingerprint: fp(1), version: "7".into() },
        old: Liveness::Alive { identity: "ops@example.com".into() },
        issuer: IssuerSeen {
            tokens: vec![listed("h-old", "the platform token"), listed("h-known", "another one")],
            listed: true,
            mint: Mint::Allowed,
            page: None,
        },
        consumers: vec![seen("heroku:acme-api-prod"), seen("heroku:acme-api-staging")],
        login_is_old: false,
        loose_logins: Vec::new(),
        decommissioned: None,
        shared_with: None,
    }
}

fn make(observed: &Observed, mode: Mode) -> Result<Plan, PlanError> {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let inventory = load(&file("rollover.toml", MAIN), &[file("a.toml", SECRET)]).unwrap();
    let secret = inventory.secrets.values().next().unwrap();
    let consumers = vec![(true, true); 2];
    let declared = Declared { profile: &PROFILE, create_text: Vec::new(), consumers };
    Plan::make(&inventory, secret, mode, declared, observed, RotationId("r-1".into()))
}

#[test]
fn a_plan_leaves_no_choice() {
    let plan = make(&good(), Mode::Scheduled).unwrap();
    assert_eq!(plan.old.handle, Some(Handle("h-old".into())));
    assert_eq!(plan.issuer.marker, "rollover r-1 prod/HEROKU_API_KEY");
    let order: Vec<&str> = plan.consumers.iter().map(|part| part.id.as_str()).collect();
    assert_eq!(order, ["heroku:acme-api-staging", "heroku:acme-api-prod"]);
    assert!(plan.unknown.is_empty() && plan.warnings.is_empty());
    assert!(plan.steps().iter().any(|step| step.step == "revoke" && step.after_no_return));
}

#[test]
fn each_thing_that_is_wrong_is_its_own_refusal() {
    type Spoil = fn(&mut Observed);
    let rows: [(&str, Spoil); 13] = [
        ("loose-login", |world| world.loose_logins.push("heroku".into())),
        ("shared", |world| world.shared_with = "prod/OTHER".parse().ok()),
        ("already-open", |world| world.open = Some(RotationId("r-0".into()))),
        ("store-empty", |world| world.store = StoreSeen::Empty),
        ("store-refuses", |world| world.store = StoreSeen::Refuses("no".into())),
        ("unseen", |world| world.store = StoreSeen::Unknown("HTML".into())),
        ("old-token-dead", |world| world.old = Liveness::Dead { evidence: "401".into() }),
        ("other-identity", |world| {
            world.old = Liveness::Alive { identity: "somebody@example.com".into() };
        }),
        ("slots-full", |world| world.issuer.tokens.push(listed("h-3", "third"))),
        ("may-not-mint", |world| world.issuer.mint = Mint::Refused("scope".into())),
        ("handle-unknown", |world| {
            world.issuer.tokens.remove(0);
        }),
        ("handle-ambiguous", |world| {
            world.issuer.tokens[1] = listed("h-2", "the platform token");
        }),
        ("consumer-refuses", |world| world.consumers[0].holding = Holding::Refused("404".into())),
    ];
    for (code, spoil) in rows {
        let mut world = good();
        spoil(&mut world);
        let error = make(&world, Mode::Scheduled).unwrap_err();
        let codes: Vec<&str> = error.refusals.iter().map(Refusal::code).collect();
        assert_eq!(codes, [code]);
        assert!(!error.refusals[0].hint().is_empty());
    }
}

#[test]
fn a_dead_token_can_be_repaired() {
    let mut world = good();
    world.old = Liveness::Dead { evidence: "401".into() };
    assert_eq!(make(&world, Mode::Repair).unwrap().mode, Mode::Repair);
}

#[test]
fn a_remembered_handle_wins_over_a_description() {
    let mut world = good();
    let handle = Some(Handle("h-new".into()));
    let since = jiff::Timestamp::UNIX_EPOCH;
    world.remembered = Some(Baseline { fingerprint: fp(1), handle: handle.clone(), since });
    assert_eq!(make(&world, Mode::Scheduled).unwrap().old.handle, handle);
}

#[test]
fn unknown_tokens_and_drift_are_shown_and_left_alone() {
    let mut world = good();
    world.issuer.tokens[1] = listed("h-x", "whose?");
    world.consumers[0].holding = Holding::Token(fp(9));
    let plan = make(&world, Mode::Scheduled).unwrap();
    assert_eq!(plan.unknown.len(), 1);
    assert!(plan.warnings.iter().any(|warning| warning.contains("brought in step")));
}

#[test]
fn an_emergency_hurries_and_owes_another_where_the_leaked_token_could_read() {
    let plan = make(&good(), Mode::Emergency).unwrap();
    assert_eq!(plan.limits.soak, Span::from_millis(0));
    assert!(plan.consumers.iter().all(|consumer| consumer.wave == 0));
    assert_eq!(plan.owes_reissue(), PROFILE.reads_siblings);
    assert!(!make(&good(), Mode::Reissue).unwrap().owes_reissue());
}

#[test]
fn revoking_first_names_whom_it_hits_and_never_the_own_login() {
    let mut world = good();
    let plan = make(&world, Mode::RevokeFirst).unwrap();
    let hit = plan.warnings.iter().find(|warning| warning.contains("OUT OF SERVICE")).unwrap();
    assert!(hit.contains("heroku:acme-api-prod") && hit.contains("heroku:acme-api-staging"));
    let steps = plan.steps();
    let place = |name: &str| steps.iter().position(|step| step.step == name).unwrap();
    assert!(place("approve") < place("revoke") && place("revoke") < place("create"));
    assert!(steps[place("create")].after_no_return);
    world.login_is_old = true;
    let error = make(&world, Mode::RevokeFirst).unwrap_err();
    assert!(error.refusals.contains(&Refusal::LoginRevoked));
}
