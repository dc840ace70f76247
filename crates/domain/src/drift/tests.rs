//! A good world gives no finding; each thing that is wrong with one gives its own, and what was
//! not seen gives neither.

use super::*;
use crate::Handle;
use crate::inventory::{Inventory, SourceFile, load};

const MAIN: &str = r#"schema = 1
org = "acme"
state = { database = "rollover.db", key = { file = "rollover.key" } }
[connections.heroku]
kind = "heroku"
auth = { file = "login" }
[connections.github]
kind = "github"
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
[[consumers]]
kind = "heroku-config"
via = "heroku"
app = "api"
[[consumers]]
kind = "github-secret"
via = "github"
repo = "acme/api"
"#;

fn fp(number: u8) -> Fingerprint {
    Fingerprint::from_bytes([number; 16])
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn alive(identity: &str) -> Liveness {
    Liveness::Alive { identity: identity.into() }
}

fn dead() -> Liveness {
    Liveness::Dead { evidence: "401".into() }
}

fn inventory() -> Inventory {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    load(&file("rollover.toml", MAIN), &[file("a.toml", SECRET)]).unwrap()
}

fn token(handle: &str, created: i64) -> LiveToken {
    let handle = Some(Handle(handle.into()));
    LiveToken { fingerprint: None, handle, description: None, created: Some(at(created)) }
}

/// A world in which everything is as it should be: fp 1 is current, fp 2 was before it, fp 3 is
/// that of another environment.
fn good() -> Looked {
    let running = |wrote| Ok(Running { wrote, ..Running::default() });
    Looked {
        at: at(1_000),
        store: StoreLook::Holds { fingerprint: fp(1), managed: None },
        live: alive("ops@example.com"),
        tokens: Ok(Some(vec![token("h-1", 100), token("h-other", 50)])),
        consumers: vec![
            ConsumerLook {
                id: "heroku:api".into(),
                holding: Holding::Token(fp(1)),
                held: None,
                running: running(Wrote::NotKnown),
            },
            ConsumerLook {
                id: "github:acme/api".into(),
                holding: Holding::Unreadable(Some(at(110))),
                held: None,
                running: running(Wrote::Ours(at(110))),
            },
        ],
        login_is_current: false,
        memory: Memory {
            current: Some(fp(1)),
            handle: Some(Handle("h-1".into())),
            since: Some(at(120)),
            tokens: vec![
                (fp(1), Whose::Current),
                (fp(2), Whose::Former("proven-dead".into())),
                (fp(3), Whose::Of("staging/HEROKU_API_KEY".parse().unwrap())),
            ],
            handles: vec![
                (Handle("h-1".into()), Whose::Current),
                (Handle("h-2".into()), Whose::Former("proven-dead".into())),
            ],
            answered: vec!["h-other".into()],
            ..Memory::default()
        },
    }
}

fn report(looked: &Looked) -> Report {
    let inventory = inventory();
    judge(&inventory, inventory.secrets.values().next().unwrap(), None, looked)
}

#[test]
fn a_good_world_has_nothing_to_tell() {
    let report = report(&good());
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let standings: Vec<Standing> = report.consumers.iter().map(|one| one.standing).collect();
    assert_eq!(standings, [Standing::InStep, Standing::Written]);
}

type Spoil = fn(&mut Looked);

fn running(looked: &mut Looked, consumer: usize) -> &mut Running {
    looked.consumers[consumer].running.as_mut().unwrap()
}

fn holds(looked: &mut Looked, number: u8, says: Option<Liveness>) {
    looked.consumers[0].holding = Holding::Token(fp(number));
    looked.consumers[0].held = says;
}

/// Out of use: nobody holds anything.
fn decommissioned(looked: &mut Looked) {
    looked.memory.use_ends = Some(UseEnds::Since(at(800)));
    looked.memory.current = None;
    looked.store = StoreLook::Empty;
    looked.live = Liveness::Unknown { why: "the store gave no token".into() };
    looked.tokens = Ok(None);
    looked.consumers[0].holding = Holding::Nothing;
    looked.consumers[1].holding = Holding::Unreadable(None);
}

#[test]
fn of_a_secret_that_is_out_of_use_nothing_is_missed() {
    let mut looked = good();
    decommissioned(&mut looked);
    let report = report(&looked);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.count(Standing::InStep), report.decommissioned), (2, Some(at(800))));
}

const SPOILT: [(&str, Kind, Grade, Spoil); 30] = [
    ("former", Kind::HoldsFormer, Grade::Drift, |it| holds(it, 2, Some(dead()))),
    ("foreign", Kind::HoldsForeign, Grade::Drift, |it| holds(it, 3, None)),
    ("foreign by what it answers", Kind::HoldsForeign, Grade::Drift, |it| {
        holds(it, 9, Some(alive("else@example.com")));
    }),
    ("unknown", Kind::HoldsUnknown, Grade::Drift, |it| holds(it, 9, None)),
    ("mixed", Kind::Mixed, Grade::Drift, |it| {
        it.consumers[0].holding = Holding::Mixed(vec![Some(fp(1)), None]);
    }),
    ("missing", Kind::Missing, Grade::Drift, |it| it.consumers[0].holding = Holding::Nothing),
    ("deleted", Kind::Missing, Grade::Drift, |it| {
        it.consumers[1].holding = Holding::Unreadable(None);
    }),
    ("had again", Kind::HoldsAgain, Grade::Drift, |it| {
        decommissioned(it);
        holds(it, 2, Some(dead()));
    }),
    ("written again", Kind::HoldsAgain, Grade::Drift, |it| {
        decommissioned(it);
        it.consumers[1].holding = Holding::Unreadable(Some(at(900)));
    }),
    ("stored again", Kind::HoldsAgain, Grade::Drift, |it| {
        decommissioned(it);
        it.store = StoreLook::Holds { fingerprint: fp(2), managed: None };
    }),
    ("shadowed", Kind::Shadowed, Grade::Drift, |it| {
        it.consumers[1].holding = Holding::Shadowed("environment `production`".into());
    }),
    ("written since", Kind::WrittenSince, Grade::Drift, |it| {
        running(it, 1).wrote = Wrote::Somebody(at(900));
    }),
    ("stale", Kind::Unseen, Grade::Unknown, |it| running(it, 1).wrote = Wrote::Before(at(9))),
    ("never written by us", Kind::Unreadable, Grade::Note, |it| {
        running(it, 1).wrote = Wrote::NotKnown;
    }),
    ("older dyno", Kind::RunsOlder, Grade::Drift, |it| {
        running(it, 0).older = vec![("web.1".into(), Some(fp(2)))];
    }),
    ("not in force", Kind::NotInForce, Grade::Drift, |it| {
        running(it, 0).waits = Some("v9 is pending".into());
    }),
    ("refused", Kind::Refused, Grade::Drift, |it| {
        it.consumers[0].holding = Holding::Refused("404".into());
    }),
    ("no answer", Kind::Unseen, Grade::Unknown, |it| {
        it.consumers[0].holding = Holding::Unknown("503".into());
    }),
    ("dynos not seen", Kind::Unseen, Grade::Unknown, |it| {
        it.consumers[0].running = Err("503".into());
    }),
    ("store moved", Kind::HoldsUnknown, Grade::Drift, |it| {
        it.store = StoreLook::Holds { fingerprint: fp(9), managed: None };
    }),
    ("store set back", Kind::HoldsFormer, Grade::Drift, |it| {
        it.store = StoreLook::Holds { fingerprint: fp(2), managed: None };
    }),
    ("store of another", Kind::HoldsForeign, Grade::Drift, |it| {
        it.store = StoreLook::Holds { fingerprint: fp(3), managed: None };
    }),
    ("store empty", Kind::Missing, Grade::Drift, |it| it.store = StoreLook::Empty),
    ("store taken over", Kind::Managed, Grade::Drift, |it| {
        let managed = Some("Infisical".into());
        it.store = StoreLook::Holds { fingerprint: fp(1), managed };
    }),
    ("store silent", Kind::Unseen, Grade::Unknown, |it| {
        it.store = StoreLook::Unknown("503".into());
    }),
    ("dead", Kind::Dead, Grade::Drift, |it| it.live = dead()),
    ("somebody else", Kind::OtherIdentity, Grade::Drift, |it| it.live = alive("x@example.com")),
    ("token made since", Kind::UnknownToken, Grade::Drift, |it| {
        it.tokens.as_mut().unwrap().as_mut().unwrap().push(token("h-9", 500));
    }),
    ("token of long ago", Kind::UnknownToken, Grade::Note, |it| {
        it.tokens.as_mut().unwrap().as_mut().unwrap().push(token("h-9", 5));
    }),
    ("risen", Kind::Revived, Grade::Drift, |it| {
        it.tokens.as_mut().unwrap().as_mut().unwrap().push(token("h-2", 5));
    }),
];

/// Goal: each row spoils one thing and is found as one thing, with its grade; drift has a way to
/// put it right.
#[test]
fn each_thing_that_is_wrong_is_found_as_what_it_is() {
    for (name, kind, grade, spoil) in SPOILT {
        let mut looked = good();
        spoil(&mut looked);
        let found = report(&looked).findings;
        let told: Vec<(Kind, Grade)> = found.iter().map(|one| (one.kind, one.grade)).collect();
        assert_eq!(told, [(kind, grade)], "{name}: {found:?}");
        assert!(grade != Grade::Drift || found[0].fix.is_some(), "{name}");
        assert!(grade != Grade::Unknown || found[0].fix.is_none(), "{name}");
    }
    let tried: Vec<Kind> = SPOILT.iter().map(|(_, kind, ..)| *kind).collect();
    assert!(Kind::ALL.iter().all(|kind| tried.contains(kind)));
}

#[test]
fn every_word_is_the_one_that_is_serialized() {
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.word()));
    }
}

/// Goal: while a rotation is open both of its tokens are right, and nothing else is.
#[test]
fn an_open_rotation_may_have_either_token_anywhere() {
    let mut looked = good();
    looked.memory.open = Some((RotationId("r-1".into()), vec![fp(1), fp(7)]));
    looked.store = StoreLook::Holds { fingerprint: fp(7), managed: None };
    running(&mut looked, 1).wrote = Wrote::Somebody(at(900));
    assert!(report(&looked).findings.is_empty());
    holds(&mut looked, 9, None);
    let found = report(&looked).findings;
    assert_eq!(found[0].kind, Kind::HoldsUnknown);
    assert_eq!(found[0].fix.as_deref(), Some("rollover run resume r-1"));
}

#[test]
fn what_a_dead_login_is_told_says_nothing_of_the_place() {
    let mut looked = good();
    (looked.login_is_current, looked.live) = (true, dead());
    looked.consumers[0].holding = Holding::Refused("401".into());
    let report = report(&looked);
    let kinds: Vec<Kind> = report.findings.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Dead, Kind::Unseen]);
}

#[test]
fn where_the_issuer_has_few_places_each_unknown_token_is_drift() {
    let mut looked = good();
    looked.tokens.as_mut().unwrap().as_mut().unwrap().push(token("h-9", 5));
    let inventory = inventory();
    let report = judge(&inventory, inventory.secrets.values().next().unwrap(), Some(3), &looked);
    assert!(report.drifted());
    assert!(report.findings[0].fix.as_ref().unwrap().contains("h-9"));
}

/// Goal: told once when it comes, not again, and once when it is gone; what was not seen meanwhile
/// changes nothing; the state is what the records say.
#[test]
fn a_drift_is_told_once_when_it_comes_and_once_when_it_is_gone() {
    let mut spoilt = good();
    holds(&mut spoilt, 2, None);
    let mut unseen = spoilt.clone();
    unseen.consumers[0].holding = Holding::Unknown("503".into());
    let mut blind = spoilt.clone();
    blind.store = StoreLook::Unknown("503".into());
    let mut records = Vec::new();
    for (looked, found, gone) in [
        (&good(), 0, 0),
        (&spoilt, 1, 0),
        (&spoilt, 0, 0),
        (&unseen, 0, 0),
        (&blind, 0, 0),
        (&spoilt, 0, 0),
        (&good(), 0, 1),
        (&good(), 0, 0),
        (&spoilt, 1, 0),
    ] {
        let changes = State::of(&records).changes(&[report(looked)]);
        assert_eq!((changes.found.len(), changes.gone.len()), (found, gone));
        records.extend(changes.records("ops-1", looked.at));
    }
    let words: Vec<&str> = records.iter().map(|record| record.action.as_str()).collect();
    assert_eq!(words, ["secret.drift.found", "secret.drift.gone", "secret.drift.found"]);
    let state = State::of(&records);
    let found = report(&spoilt);
    assert_eq!(state.since(&found.secret, &found.findings[0]), Some(at(1_000)));
    assert!(!serde_json::to_string(&records).unwrap().is_empty());
}
