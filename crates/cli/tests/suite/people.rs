//! Goal: whoever is no member looks at everything and changes nothing, and each refusal is in the
//! audit log. Method: the program's own help is walked; each command in it stands in one of two
//! lists here, and each that changes something is run by somebody who may not.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::collections::BTreeSet;
use std::path::Path;

use e2e::crashes::open_rotation;
use e2e::members::{NOBODY, denials, wait_for_denials, work_as};
use e2e::{Before, HEROKU, POSTMARK, Stage};

/// What only looks, and what has no installation to change: it makes one, or a lab, or puts hooks
/// into a repository.
const LOOKING: &[&str] = &[
    "audit key",
    "audit ls",
    "audit prove",
    "audit verify",
    "campaign ls",
    "campaign show",
    "completion",
    "config check",
    "demo",
    "fingerprint",
    "help-exit-codes",
    "init",
    "hook install",
    "hook status",
    "hook uninstall",
    "lab down",
    "lab fault add",
    "lab fault clear",
    "lab fault ls",
    "lab fault menu",
    "lab status",
    "lab up",
    "leak ls",
    "leak show",
    "notify ls",
    "plan",
    "runbook ls",
    "runbook render",
    "runbook show",
    "run ls",
    "run show",
    "schedule calendar",
    "schedule ls",
    "status",
    "support",
    "task ls",
    "task show",
    "template actions",
    "template check",
    "template compose",
    "template direnv",
    "template env",
    "template heroku-app-json",
    "template json",
    "usage",
];

/// What changes something: a command line, and the act that a refusal names. `ID` is an open
/// rotation of the Postmark token that waits for its new token.
const GUARDED: &[(&str, &[&str], &str)] = &[
    ("audit anchor", &["audit", "anchor", "--file", "anchor.txt"], "anchor"),
    ("backup", &["backup", "backup.age", "--passphrase-stdin"], "backup"),
    (
        "doctor",
        &[
            "doctor",
            POSTMARK.name,
            "--send-to",
            "a@example.com",
            "--from",
            "b@example.com",
            "--yes",
        ],
        "test-mail",
    ),
    ("campaign close", &["campaign", "close", "c-1"], "campaign"),
    (
        "campaign justify",
        &["campaign", "justify", "c-1", HEROKU.name, "--reason", "not in use"],
        "leak-respond",
    ),
    ("drift", &["drift", "--record"], "record-drift"),
    ("drift", &["drift", "--watch"], "record-drift"),
    ("env offer", &["env", "offer", HEROKU.name], "sync"),
    ("env pull", &["env", "pull", HEROKU.name], "env-pull"),
    ("env run", &["env", "run", HEROKU.name, "--", "env"], "env-pull"),
    ("leak close", &["leak", "close", "CASE"], "leak-respond"),
    ("leak note", &["leak", "note", "CASE", "told"], "leak-respond"),
    ("leak purge", &["leak", "purge", ".", "--case", "CASE", "--yes"], "purge"),
    ("leak respond", &["leak", "respond", HEROKU.name], "leak-respond"),
    ("notify flush", &["notify", "flush"], "notify"),
    ("notify test", &["notify", "test"], "notify"),
    ("posture", &["posture", "--fix", "--yes", "--offline"], "fix-posture"),
    ("reconcile", &["reconcile"], "reconcile"),
    ("rekey", &["rekey"], "rekey"),
    ("restore", &["restore", "backup.age"], "restore"),
    ("rotate", &["rotate", HEROKU.name, "--yes", "--no-wait"], "rotate"),
    ("rotate", &["rotate", HEROKU.name, "--emergency", "--yes", "--no-wait"], "emergency"),
    ("rotate", &["rotate", HEROKU.name, "--revoke-first", "--yes", "--no-wait"], "revoke-first"),
    ("rotate", &["rotate", HEROKU.name, "--repair", "--yes", "--no-wait"], "repair"),
    ("rotate", &["rotate", HEROKU.name, POSTMARK.name, "--yes", "--no-wait"], "campaign"),
    ("rotate", &["rotate", HEROKU.name, "--rehearse", "--yes", "--no-wait"], "rotate"),
    ("run resume", &["run", "resume", "ID", "--no-wait"], "resume"),
    ("run rollback", &["run", "rollback", "ID", "--no-wait"], "turn-back"),
    ("runbook validate", &["runbook", "validate", HEROKU.name], "validate-runbook"),
    ("scan", &["scan", "--learn"], "learn"),
    (
        "secret decommission",
        &["secret", "decommission", HEROKU.name, "--reason", "not in use", "--yes", "--no-wait"],
        "decommission",
    ),
    (
        "secret remove",
        &["secret", "remove", HEROKU.name, "ID", "--reason", "nobody's", "--yes", "--no-wait"],
        "remove-token",
    ),
    ("secret adopt", &["secret", "adopt", POSTMARK.name, "UNKNOWN", "--yes"], "import"),
    ("secret sync", &["secret", "sync", HEROKU.name, "--yes"], "sync"),
    ("secret import", &["secret", "import", POSTMARK.name, "--token-stdin"], "import"),
    ("task claim", &["task", "claim", "ID.create"], "create"),
    ("task fail", &["task", "fail", "ID.create", "--why", "I cannot"], "create"),
    ("task release", &["task", "release", "ID.create"], "create"),
    ("task done", &["task", "done", "ID.create"], "create"),
    ("task done", &["task", "done", "ID.create", "--token-stdin"], "enter-token"),
];

fn stage() -> Stage {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage")
}

/// Every command under one, as its help lists them.
fn leaves(stage: &Stage, path: &[String], found: &mut BTreeSet<String>) {
    let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
    args.push("--help");
    let help = stage.rollover(&args).run().and_then(|ended| ended.is(0)).expect("its help");
    let listed = help.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names: Vec<String> = listed
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect();
    if names.is_empty() {
        found.insert(path.join(" "));
    }
    for name in names {
        let mut path = path.to_vec();
        path.push(name);
        leaves(stage, &path, found);
    }
}

/// The id of a case, from what opening it printed.
fn case_of(json: &str) -> String {
    let shown: serde_json::Value = serde_json::from_str(json).expect("JSON");
    shown["case"]["id"].as_str().expect("the case's id").to_owned()
}

#[test]
fn every_command_looks_only_or_asks_who_runs_it() {
    let stage = stage();
    let mut found = BTreeSet::new();
    leaves(&stage, &[], &mut found);
    let guarded = GUARDED.iter().map(|(path, ..)| *path);
    let known: BTreeSet<String> =
        LOOKING.iter().copied().chain(guarded).map(str::to_owned).collect();
    assert_eq!(found, known, "a command that is in neither list, or in a list and not there");
}

#[test]
fn nobody_changes_anything_and_each_refusal_is_in_the_audit_log() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    work_as(&stage, "ops-1").expect("a member");
    let opened = stage.rollover(&["leak", "respond", POSTMARK.name, "--json"]).run();
    let opened = opened.and_then(|ended| ended.is(12)).expect("a case is open");
    let case = case_of(&opened.stdout);
    let begin = ["rotate", POSTMARK.name, "--yes", "--no-wait"];
    let _ = stage.rollover(&begin).run().and_then(|ended| ended.is(10)).expect("it waits");
    let id = open_rotation(&stage).expect("a rotation is open");
    work_as(&stage, NOBODY).expect("nobody");
    for looks in [&["status"][..], &["task", "ls"], &["run", "show", &id], &["audit", "verify"]] {
        let _ = stage.rollover(looks).run().and_then(|ended| ended.is(0)).expect("it looks");
    }
    let mut expected = Vec::new();
    for (_, args, act) in GUARDED {
        let args: Vec<String> =
            args.iter().map(|word| word.replace("ID", &id).replace("CASE", &case)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ended = stage.rollover(&args).input("x").run().and_then(|ended| ended.is(5));
        let ended = ended.expect("refused");
        assert!(ended.stderr.contains("only members may change something"), "{ended}");
        assert!(ended.stderr.contains("ops-1") || ended.stderr.contains("admin-1"), "{ended}");
        assert!(!ended.stderr.contains("in no audit log"), "{ended}");
        expected.push((*act).to_owned());
    }
    let found = denials(&stage).expect("the log");
    let acts: Vec<String> = found.iter().map(|(_, act)| act.clone()).collect();
    assert_eq!(acts, expected);
    assert!(found.iter().all(|(who, _)| who.contains("uid ")), "{found:?}");
    before.nobody_out(&stage, &POSTMARK).expect("nobody is out of service");
    assert_eq!(open_rotation(&stage).expect("still open"), id);
    let _ = stage.rollover(&["audit", "verify"]).run().and_then(|e| e.is(0)).expect("whole");
}

#[test]
fn a_refusal_is_in_the_log_while_another_process_holds_the_lease() {
    let stage = stage();
    work_as(&stage, "ops-1").expect("a member");
    let mut first =
        stage.rollover(&["rotate", POSTMARK.name, "--yes", "--wait"]).start().expect("it starts");
    first.wait_for("YOUR STEP").expect("it waits for a person");
    let id = open_rotation(&stage).expect("a rotation is open");
    work_as(&stage, NOBODY).expect("nobody");
    let args = ["run", "rollback", &id];
    let _ = stage.rollover(&args).run().and_then(|ended| ended.is(5)).expect("refused");
    let found = wait_for_denials(&stage, 1).expect("it comes into the log");
    assert_eq!(found[0].1, "turn-back");
    assert!(!first.has_ended(), "the other process goes on");
    let _ = stage.rollover(&["audit", "verify"]).run().and_then(|e| e.is(0)).expect("whole");
}

#[test]
fn the_environment_makes_nobody_a_member() {
    let stage = stage();
    work_as(&stage, NOBODY).expect("nobody");
    stage
        .edit("rollover.toml", |text| {
            text.replacen("users = [\"uid:", "users = [\"alpha\", \"uid:", 1)
        })
        .expect("a user by name");
    let run = stage.rollover(&["rotate", POSTMARK.name, "--yes", "--no-wait"]);
    let run = run.env("USER", "alpha").env("LOGNAME", "alpha").env("SUDO_USER", "alpha");
    let ended = run.run().and_then(|ended| ended.is(5)).expect("refused");
    assert!(!ended.stderr.contains("alpha"), "{ended}");
}

#[test]
fn a_role_decides_over_each_secret_and_what_may_not_be_is_told_with_whom_to_ask() {
    let stage = stage();
    work_as(&stage, "ops-1").expect("a member");
    let status = stage.rollover(&["status"]).run().and_then(|ended| ended.is(0)).expect("status");
    assert!(status.stderr.contains("you are ops-1 (ops)"), "{status}");
    let args = ["rotate", HEROKU.name, "--yes", "--no-wait"];
    let ended = stage.rollover(&args).run().and_then(|ended| ended.is(5)).expect("refused");
    assert!(ended.stderr.contains("this needs the role superadmin"), "{ended}");
    assert!(ended.stderr.contains("admin-1, admin-2"), "{ended}");
    work_as(&stage, "admin-1").expect("a member");
    let _ = stage.rollover(&args).run().and_then(|ended| ended.is(10)).expect("it waits");
    let log = stage.rollover(&["audit", "ls"]).run().and_then(|ended| ended.is(0)).expect("log");
    assert!(log.stdout.contains("admin-1"), "{log}");
}
