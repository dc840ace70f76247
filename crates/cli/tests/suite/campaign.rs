//! Goal: many rotations in one process are each as safe as one, and an app restarts once for all
//! of them. Method: a fleet in the lab is rotated by one command, undisturbed, killed, with a lost
//! answer, in a freeze; the truth is read from the lab.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::path::Path;

use e2e::fleet::{Fleet, Size};
use e2e::{Ended, full};
use lab::{FaultKind, FaultRule, Vendor};

fn fleet(size: Size) -> Fleet {
    Fleet::new(Path::new(env!("CARGO_BIN_EXE_rollover")), size).expect("a fleet")
}

fn run(fleet: &Fleet, args: &[&str], code: i32) -> Ended {
    fleet.rollover(args).run().and_then(|ended| ended.is(code)).expect("the expected end")
}

#[test]
fn many_secrets_are_one_restart_an_app_and_what_is_due_is_rotated_once() {
    let fleet = fleet(Size::of(12, 3));
    let before = fleet.tokens().expect("tokens");
    let planned = run(&fleet, &["plan", "--issuer", "it", "--json"], 0).json().expect("JSON");
    assert_eq!(planned["campaign"]["restarts"], 3, "{planned}");
    assert_eq!(planned["campaign"]["members"].as_array().map(Vec::len), Some(12));
    let ended = fleet.rotate_all().args(&["--json"]).run().and_then(|ended| ended.is(0));
    let ended = ended.expect("it completes");
    fleet.completed(&before, 1).expect("everything is right");
    let summary = Fleet::last_object(&ended.stdout).expect("a summary");
    assert_eq!(summary["members"].as_array().map(Vec::len), Some(12));
    // Nobody is told that a sibling's new token is unknown.
    let told = |one: &serde_json::Value| one["summary"]["unknown"].as_array().map(Vec::len);
    assert!(summary["members"].as_array().expect("members").iter().all(|it| told(it) == Some(0)));
    let listed = run(&fleet, &["campaign", "ls", "--json"], 0).json().expect("JSON");
    assert_eq!(listed[0]["over"], 12, "{listed}");
    let runs = run(&fleet, &["run", "ls", "--json"], 0).json().expect("JSON");
    let of_it = |one: &serde_json::Value| one["campaign"] == summary["campaign"];
    assert!(runs.as_array().expect("runs").iter().all(of_it), "{runs}");
    // All are fresh now.
    let due = run(&fleet, &["rotate", "--due", "--yes"], 0);
    assert!(due.stdout.contains("nothing is due"), "{due}");
}

#[test]
fn killed_at_any_instant_the_same_command_ends_it_and_no_app_restarts_twice() {
    let mut fleet = fleet(Size::of(6, 2));
    let log = fleet.log().display().to_string();
    let run = fleet.rotate_all().env("ROLLOVER_CRASH_LOG", &log).run();
    let _ = run.and_then(|ended| ended.is(0)).expect("undisturbed");
    let instants = std::fs::read_to_string(fleet.log()).expect("instants").lines().count();
    let (kills, step) = if full() { (instants, 1) } else { (12, instants.div_ceil(12)) };
    let mut wrong = Vec::new();
    let mut killed = 0;
    for point in (1..=instants).step_by(step).take(kills) {
        fleet.again().expect("a new take");
        let before = fleet.tokens().expect("tokens");
        let point = u64::try_from(point).expect("a number");
        let ended = fleet.rotate_all().crash_at(point).run().expect("it ran");
        if ended.was_killed() {
            killed += 1;
            fleet.nobody_out().expect("nobody is out of service");
            if ended.stdout.is_empty() {
                let again = fleet.rotate_all().run().and_then(|again| again.is(0));
                if let Err(why) = again {
                    wrong.push(format!("killed at {point}: {why}\n{ended}"));
                    continue;
                }
            }
        }
        if let Err(why) = fleet.completed(&before, 1) {
            wrong.push(format!("killed at {point}: {why}\n{ended}"));
        }
    }
    println!("{killed} kills of {instants} instants");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(killed >= kills / 2, "{killed} kills only");
}

#[test]
fn a_lost_answer_of_the_one_write_is_settled_by_each_and_not_repeated() {
    for kind in [FaultKind::DropAfter, FaultKind::DropBefore] {
        let fleet = fleet(Size::of(8, 2));
        let before = fleet.tokens().expect("tokens");
        let patch = FaultRule {
            method: Some("PATCH".into()),
            path: Some("/apps/acme-fleet-00/config-vars".into()),
            times: Some(1),
            ..FaultRule::new(Vendor::Heroku, kind)
        };
        fleet.lab().fault(patch);
        let _ = fleet.rotate_all().run().and_then(|ended| ended.is(0)).expect("it completes");
        fleet.completed(&before, 1).expect("everything is right");
    }
}

const FREEZE: &str = "[schedule]\nzone = \"UTC\"\n[[freezes]]\nfrom = \"2020-01-01\"\n\
                      to = \"2099-12-31\"\nwhy = \"for ever\"\n";

#[test]
fn nothing_that_is_due_begins_in_a_freeze_unless_somebody_says_why() {
    let fleet = fleet(Size { more: FREEZE.into(), ..Size::of(3, 1) });
    let _ = fleet.rotate_all().run().and_then(|ended| ended.is(0)).expect("a person may");
    // Their age is known now, and they are to be rotated every second.
    let path = fleet.directory().join("rollover.toml");
    let text = std::fs::read_to_string(&path).expect("the inventory");
    let text = text.replace("[policy]\n", "[policy]\nmax_age = \"1s\"\n");
    std::fs::write(&path, text).expect("the inventory");
    let before = fleet.tokens().expect("tokens");
    let closed = ["rotate", "--due", "--confirm", "all:3", "--no-wait"];
    let refused = loop {
        let ended = fleet.rollover(&closed).run().expect("it ran");
        if ended.code == Some(75) {
            break ended;
        }
        // The second is not over yet.
        assert!(ended.stdout.contains("nothing is due"), "{ended}");
    };
    assert!(refused.stderr.contains("for ever"), "{refused}");
    assert_eq!(fleet.tokens().expect("tokens"), before);
    let why = "the vendor asks for it";
    let _ = run(&fleet, &[&closed[..], &["--anyway", why]].concat(), 0);
    fleet.completed(&before, 2).expect("everything is right");
    let audit = run(&fleet, &["audit", "ls", "-n", "1000", "--json"], 0);
    assert!(audit.stdout.contains("schedule.overridden") && audit.stdout.contains(why));
}

#[test]
fn a_compromised_platform_is_closed_only_when_everything_is_answered_for() {
    let fleet = fleet(Size::of(4, 2));
    let before = fleet.tokens().expect("tokens");
    let what = ["rotate", "--compromised", "consumer:acme-fleet-00", "--reason", "broken into"];
    // Begun, and not agreed to.
    let _ = run(&fleet, &[&what[..], &["--yes", "--no-wait"]].concat(), 10);
    let listed = run(&fleet, &["campaign", "ls", "--json"], 0).json().expect("JSON");
    let id = listed[0]["campaign"]["id"].as_str().expect("an id").to_owned();
    let refused = run(&fleet, &["campaign", "close", &id], 1);
    assert!(
        refused.stderr.contains("TOKEN_000") && refused.stderr.contains("justify"),
        "{refused}"
    );
    let _ = run(&fleet, &[&what[..], &["--confirm", "all:2", "--no-wait"]].concat(), 0);
    let _ = run(&fleet, &["campaign", "close", &id], 0);
    let (now, world) = (fleet.tokens().expect("tokens"), fleet.lab().inspect());
    for secret in fleet.secrets() {
        let hit = secret.app == "acme-fleet-00";
        assert_eq!(world.heroku_honours(&before[&secret.key]), !hit, "{}", secret.key);
        assert_eq!(before[&secret.key] != now[&secret.key], hit, "{}", secret.key);
    }
    // Two rounds, because whoever held a token could read its replacement; one restart each.
    assert_eq!(fleet.restarts()["acme-fleet-00"], 2);
}

#[test]
fn an_exposed_secret_that_needs_no_rotation_is_justified() {
    let fleet = fleet(Size::of(2, 1));
    let what = ["rotate", "--compromised", "issuer:it", "--reason", "broken into", "--no-wait"];
    let _ = run(&fleet, &[&what[..], &["--yes"]].concat(), 10);
    let listed = run(&fleet, &["campaign", "ls", "--json"], 0).json().expect("JSON");
    let id = listed[0]["campaign"]["id"].as_str().expect("an id").to_owned();
    for key in ["TOKEN_000", "TOKEN_001"] {
        let args = ["campaign", "justify", &id, key, "--reason", "was never used"];
        let _ = run(&fleet, &args, 0);
    }
    let _ = run(&fleet, &["campaign", "close", &id], 0);
    let shown = run(&fleet, &["campaign", "show", &id], 0);
    assert!(shown.stdout.contains("was never used"), "{shown}");
}

#[test]
fn agreeing_to_several_needs_their_number() {
    let fleet = fleet(Size::of(3, 1));
    let before = fleet.tokens().expect("tokens");
    let refused = run(&fleet, &["rotate", "--issuer", "it", "--confirm", "all:4"], 2);
    assert!(refused.stderr.contains("all:3"), "{refused}");
    let unknown = run(&fleet, &["rotate", "--issuer", "of-nobody"], 2);
    assert!(unknown.stderr.contains("it has: it"), "{unknown}");
    assert_eq!(fleet.tokens().expect("tokens"), before);
}
