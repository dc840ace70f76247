//! Goal: a live token that nobody answers for goes, and is proven dead, and nothing else changes;
//! whoever uses it, or might, stops that. Method: both kinds of issuers against the lab, with a token
//! that somebody has made there. The kills at every instant are the matrix's.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use e2e::bench::LogsIn;
use e2e::crashes::open_rotation;
use e2e::{Before, Bench, Ended, HEROKU, Operator, POSTMARK, Pairing, SERVER, Secret, Stage};
use lab::SecretLook;
use serde_json::Value;

const REASON: &str = "left by a script of last year";
const STAGING: &str = "acme-api-staging";
const MINUTE: Duration = Duration::from_secs(60);

/// A lab in which rollover logs in at Heroku with a token of its own, and Heroku shows its tokens.
fn stage() -> Stage {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    let token = stage.lab().credentials().heroku_management_token;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(stage.directory().join("credentials/heroku"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, token.as_bytes()))
        .expect("written");
    let own = "auth = { file = \"credentials/heroku\" }";
    let shared = "auth = { secret = \"prod/HEROKU_API_KEY\" }";
    stage.edit("rollover.toml", |text| text.replace(shared, own)).expect("edited");
    stage.lab().knobs(|knobs| knobs.heroku.list_tokens = SecretLook::Visible);
    stage
}

fn run(stage: &Stage, args: &[&str], code: i32) -> Ended {
    stage.rollover(args).run().and_then(|ended| ended.is(code)).expect("the expected end")
}

/// A token that somebody has made at Heroku: its value and its fingerprint.
fn made(stage: &Stage, about: &str) -> (String, String) {
    let value = stage.lab().add_heroku_authorization(about, &["global"], None);
    (value, listed(&plan(stage), about, "fingerprint"))
}

/// A fingerprint as people read it.
fn short(print: &str) -> String {
    format!("{}-{}", &print[..4], &print[4..8])
}

fn plan(stage: &Stage) -> Value {
    let all = run(stage, &["plan", HEROKU.name, "--json"], 0).json().expect("JSON");
    all["plans"][0]["plan"].clone()
}

/// What is said of the authorization with this description.
fn listed(plan: &Value, about: &str, what: &str) -> String {
    let all = plan["baseline"].as_array().expect("a list");
    let it = all
        .iter()
        .find(|one| one["description"] == about)
        .unwrap_or_else(|| panic!("{about} is not listed: {plan}"));
    it[what].as_str().expect("it is told").to_owned()
}

fn remove<'a>(secret: &'a Secret, token: &'a str) -> Vec<&'a str> {
    vec!["secret", "remove", secret.name, token, "--reason", REASON]
}

fn begin(stage: &Stage, token: &str) -> String {
    let mut args = remove(&HEROKU, token);
    args.extend(["--yes", "--no-wait"]);
    let _waits_for_the_agreement = run(stage, &args, 10);
    open_rotation(stage).expect("it is open")
}

#[test]
fn a_token_of_an_api_is_removed_and_the_secret_is_as_it_was() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let (value, id) = made(&stage, "a script");
    let shown = run(&stage, &["secret", "import"], 0);
    for words in ["secret adopt SECRET ", "secret remove SECRET "] {
        assert!(shown.stdout.contains(&format!("{words}{}", short(&id))), "{words}: {shown}");
    }
    let mut plan = remove(&HEROKU, &id);
    plan.push("--plan");
    let plan = run(&stage, &plan, 0);
    for words in
        ["nobody answers for it", "a script", "point of no return", "token.remove.completed"]
    {
        assert!(plan.stdout.contains(words), "{words}: {plan}");
    }
    assert!(stage.lab().inspect().heroku_honours(&value), "a plan changes nothing");

    let mut args = remove(&HEROKU, &id);
    args.extend(["--confirm", HEROKU.name, "--no-wait"]);
    let ended = run(&stage, &args, 0);
    assert!(ended.stdout.contains("is removed at the issuer, and proven dead"), "{ended}");
    for told in [&shown, &plan, &ended] {
        assert!(!format!("{}{}", told.stdout, told.stderr).contains(&value), "it shows a value");
    }
    assert!(!stage.lab().inspect().heroku_honours(&value), "FALSE DONE: it answers");
    before.nothing_created(&stage).expect("no other token went or came");
    before.nobody_out(&stage, &HEROKU).expect("nobody lost theirs");
    let audit = run(&stage, &["audit", "ls", "-n", "500", "--json"], 0);
    for words in ["token.remove.started", "token.remove.completed", REASON] {
        assert!(audit.stdout.contains(words), "{words}: {audit}");
    }
    assert!(!audit.stdout.contains("secret.rotate."), "{audit}");

    // It is known to be dead, and the secret's own token is what it was.
    let status = run(&stage, &["status", HEROKU.name, "--check"], 0);
    assert!(!status.stdout.contains("decommissioned"), "{status}");
    let _ = run(&stage, &["drift", HEROKU.name, "--check"], 0);
    let gone = run(&stage, &args, 1);
    assert!(gone.stderr.contains("the issuer lists no live token"), "{gone}");
    let left = stage.directory().join("left.txt");
    fs::write(&left, format!("TOKEN={value}\n")).expect("written");
    let scan = stage.rollover(&["scan", &left.display().to_string()]).run().expect("it ends");
    assert!(scan.stdout.contains("proven dead"), "{scan}");
    stage.lab().set_config_var(STAGING, HEROKU.key, Some(&value));
    let drift = run(&stage, &["drift", HEROKU.name, "--check"], 3);
    assert!(drift.stdout.contains("(proven-dead); it is DEAD"), "{drift}");
    stage.lab().set_config_var(STAGING, HEROKU.key, Some(&before.old));
    let rotate = ["rotate", HEROKU.name, "--confirm", HEROKU.name, "--no-wait"];
    let _ = run(&stage, &rotate, 0);
    let world = stage.lab().inspect();
    assert!(!world.heroku_honours(&before.old), "what was rotated is the secret's own");
}

#[test]
fn a_token_that_people_delete_is_asked_for_and_seen_dead() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let value = stage.lab().add_postmark_token(SERVER).expect("there is room");
    let shown = run(&stage, &["secret", "import", "--json"], 0).json().expect("JSON");
    let strangers = shown["unknown_tokens"].as_array().expect("a list");
    let it = strangers.iter().find(|one| one["issuer"] == "postmark-acme-prod").expect("it");
    let print = it["token"]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    let operator = Operator::at(&stage).expect("an operator");
    let mut args = remove(&POSTMARK, &print);
    args.extend(["--confirm", POSTMARK.name, "--wait"]);
    let ended = stage.rollover(&args).heard_by(operator.ear()).run();
    let ended = ended.and_then(|ended| ended.is(0)).expect("it ends");
    assert_eq!(operator.leave().expect("the operator could do it"), 1, "one click");
    assert!(ended.stdout.contains("is removed at the issuer"), "{ended}");
    let world = stage.lab().inspect();
    assert!(!world.postmark_honours(&value), "FALSE DONE: it answers");
    assert!(world.postmark_honours(&before.old), "the right one was deleted");
    before.nothing_created(&stage).expect("no other token went or came");
    before.nobody_out(&stage, &POSTMARK).expect("nobody lost theirs");
}

#[test]
fn what_is_in_use_or_cannot_be_seen_is_not_removed() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let (value, id) = made(&stage, "a script");
    let plan = plan(&stage);
    let current = plan["old"]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    let login = listed(&plan, "acme-rollover-management", "fingerprint");
    let handle = listed(&plan, "a script", "handle");
    let (beginning, _) = handle.rsplit_once('-').expect("a UUID");
    let refused = |token: &str, code: i32, words: &[&str]| {
        let mut args = remove(&HEROKU, token);
        args.extend(["--yes", "--no-wait"]);
        let ended = run(&stage, &args, code);
        assert!(ended.stderr.contains("cannot be rid of this token now"), "{ended}");
        assert!(words.iter().all(|words| ended.stderr.contains(words)), "{words:?}: {ended}");
    };
    refused(&current, 1, &["it is the token of prod/HEROKU_API_KEY", "rollover rotate"]);
    refused(&login, 1, &["rollover itself logs in with this token"]);
    refused("no-such-token", 1, &["lists no live token `no-such-token`", "secret import"]);

    stage.lab().set_config_var(STAGING, HEROKU.key, Some(&value));
    refused(&id, 1, &["heroku:acme-api-staging of prod/HEROKU_API_KEY holds it"]);
    stage.lab().set_config_var(STAGING, HEROKU.key, Some(&before.old));

    let began = run(&stage, &["rotate", POSTMARK.name, "--yes", "--no-wait"], 10);
    assert!(!began.stderr.is_empty());
    let open = open_rotation(&stage).expect("it is open");
    let marker = format!("rollover {open} {}", POSTMARK.name);
    let _value = stage.lab().add_heroku_authorization(&marker, &["global"], None);
    let all = stage.lab().inspect().heroku_authorizations();
    let marked = all.iter().find(|one| one.description == marker).expect("it is there");
    let (marked, _) = marked.id.rsplit_once('-').expect("a UUID");
    refused(marked, 1, &[&format!("the marker of {open}"), "run show"]);

    stage.lab().knobs(|knobs| knobs.heroku.list_tokens = SecretLook::Absent);
    let by_hand = "run `heroku authorizations:revoke ID`";
    refused(beginning, 1, &["does not show the value", by_hand, "lists it no more"]);
    stage.lab().knobs(|knobs| knobs.heroku.list_tokens = SecretLook::Visible);

    let _ = run(&stage, &["secret", "adopt", HEROKU.name, &id, "--yes"], 0);
    refused(&id, 1, &["it is `known` to prod/HEROKU_API_KEY", "take it out of `known`"]);

    let bare = run(&stage, &["secret", "remove", HEROKU.name, &id, "--yes"], 2);
    assert!(bare.stderr.contains("--reason"), "{bare}");
    assert!(stage.lab().inspect().heroku_honours(&value), "nothing was done to it");
    before.nobody_out(&stage, &HEROKU).expect("nor to anybody");
}

/// Goal: what is dead, or somebody else's, or might be another than was meant is refused, and nothing
/// is begun or changed. Method: a token that is listed and over, two ids that begin alike, and an
/// inventory whose account is not the login's; then the record of everything that was asked.
#[test]
fn what_is_dead_or_meant_by_nobody_or_of_somebody_else_is_not_removed() {
    let stage = stage();
    let over = stage.lab().add_heroku_authorization("a script that is gone", &["global"], Some(30));
    let dead = listed(&plan(&stage), "a script that is gone", "fingerprint");
    let (value, id) = made(&stage, "a script");
    let handle = listed(&plan(&stage), "a script", "handle");
    let twin = stage.lab().add_heroku_twin(&handle, "its twin").expect("it is made");
    let (alike, _) = handle.rsplit_once('-').expect("a UUID");
    stage.lab().advance(MINUTE);
    let before = Before::of(&stage, &HEROKU).expect("a token");
    stage.lab().forget_requests();
    let refused = |token: &str, words: &[&str]| {
        let mut args = remove(&HEROKU, token);
        args.extend(["--yes", "--no-wait"]);
        for args in [&args, &[&remove(&HEROKU, token)[..], &["--plan"]].concat()] {
            let ended = run(&stage, args, 1);
            assert!(ended.stderr.contains("cannot be rid of this token now"), "{ended}");
            assert!(words.iter().all(|words| ended.stderr.contains(words)), "{words:?}: {ended}");
            for value in [&value, &twin, &over] {
                assert!(!ended.stderr.contains(value.as_str()), "it shows a value");
            }
        }
    };

    refused(&dead, &["it is dead already, although the issuer lists it", "lists may lag behind"]);
    refused(alike, &["2 live tokens", alike, "or its fingerprint"]);
    let by_print = [&remove(&HEROKU, &id)[..], &["--plan"]].concat();
    let planned = run(&stage, &by_print, 0);
    assert!(planned.stdout.contains("a script"), "its fingerprint means it alone: {planned}");

    let email = stage.lab().credentials().heroku_email;
    stage
        .edit("rollover.toml", |text| text.replace(&email, "somebody.else@example.com"))
        .expect("edited");
    let answers = format!("it answers as `{email}`, and the issuer is `somebody.else@example.com`");
    refused(&id, &[&answers, "correct the issuer in the inventory"]);

    let none = open_rotation(&stage).expect_err("nothing was begun");
    assert!(none.contains("no rotation is open"), "{none}");
    let audit = run(&stage, &["audit", "ls", "-n", "500"], 0);
    assert!(!audit.stdout.contains("token.remove."), "{audit}");
    let asked = stage.lab().requests();
    assert!(asked.iter().any(|one| one.path.starts_with("/oauth/authorizations")), "{asked:?}");
    // A login at the store makes a session and changes nothing else.
    let ours = asked.iter().filter(|one| !one.from_app && !one.path.ends_with("/login"));
    let changed: Vec<_> = ours.filter(|one| one.took_effect).collect();
    assert!(changed.is_empty(), "{changed:?}");
    before.nothing_created(&stage).expect("no token went or came");
    before.nobody_out(&stage, &HEROKU).expect("nobody lost theirs");
}

#[test]
fn who_takes_it_up_during_the_watch_stops_it_at_the_last_look() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let (value, id) = made(&stage, "a script");
    let run_id = begin(&stage, &id);
    stage.lab().set_config_var(STAGING, HEROKU.key, Some(&value));
    let agree = ["run", "resume", &run_id, "--confirm", HEROKU.name, "--no-wait"];
    let ended = run(&stage, &agree, 11);
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert!(all.contains("heroku:acme-api-staging of prod/HEROKU_API_KEY holds it"), "{ended}");
    assert!(ended.stdout.contains("nothing was removed"), "{ended}");
    let world = stage.lab().inspect();
    assert!(world.heroku_honours(&value), "OUTAGE: somebody used it");
    assert_eq!(
        world.config_vars(STAGING).get(HEROKU.key),
        Some(&value),
        "and nobody is written to"
    );
    stage.lab().set_config_var(STAGING, HEROKU.key, Some(&before.old));

    // So does somebody who answers for it.
    let run_id = begin(&stage, &id);
    let _ = run(&stage, &["secret", "adopt", HEROKU.name, &id, "--yes"], 0);
    let agree = ["run", "resume", &run_id, "--confirm", HEROKU.name, "--no-wait"];
    let ended = run(&stage, &agree, 11);
    assert!(ended.stdout.contains("it is known to prod/HEROKU_API_KEY"), "{ended}");
    assert!(stage.lab().inspect().heroku_honours(&value), "it lives");
}

#[test]
fn it_is_watched_for_days_and_can_be_called_off() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let (value, id) = made(&stage, "a script");
    let (_, other) = made(&stage, "another script");
    let mut args = remove(&HEROKU, &id);
    args.extend(["--watch", "7d", "--confirm", HEROKU.name, "--no-wait"]);
    let left = run(&stage, &args, 10);
    assert!(left.stderr.contains("waits: soak until "), "{left}");
    let run_id = open_rotation(&stage).expect("it is open");
    let again = run(&stage, &args, 10);
    assert!(again.stderr.contains(&format!("going on with {run_id}")), "{again}");
    let shown = run(&stage, &["secret", "import"], 0);
    let being = format!("it is being removed: rollover run show {run_id}");
    assert!(shown.stdout.contains(&being), "{shown}");
    let drift = run(&stage, &["drift", HEROKU.name], 0);
    assert!(!drift.stdout.contains("(\"a script\")"), "somebody is at it: {drift}");
    // Its secret's own token is not touched, so consumers can be brought in step meanwhile.
    stage.lab().set_config_var(STAGING, HEROKU.key, Some(&value));
    let drift = run(&stage, &["drift", HEROKU.name, "--check"], 3);
    assert!(drift.stdout.contains("which nobody here knows"), "{drift}");
    let _ = run(&stage, &["secret", "sync", HEROKU.name, "--yes"], 0);
    before.nobody_out(&stage, &HEROKU).expect("everybody is on the secret's own");

    let mut second = remove(&HEROKU, &other);
    second.extend(["--yes", "--no-wait"]);
    let second = run(&stage, &second, 1);
    assert!(second.stderr.contains(&format!("{run_id} is open, and removes fp")), "{second}");
    let rotate = run(&stage, &["rotate", HEROKU.name, "--yes", "--no-wait"], 1);
    assert!(rotate.stderr.contains("it is the removal of a token"), "{rotate}");
    let back = run(&stage, &["run", "rollback", &run_id, "--no-wait"], 11);
    assert!(back.stdout.contains("nothing was removed, and nothing was changed"), "{back}");
    assert!(stage.lab().inspect().heroku_honours(&value), "it lives");
    let shown = run(&stage, &["secret", "import"], 0);
    assert!(
        shown.stdout.contains(&format!("secret remove SECRET {}", short(&id))),
        "again: {shown}"
    );
    let rotate = ["rotate", HEROKU.name, "--confirm", HEROKU.name, "--no-wait"];
    let _ = run(&stage, &rotate, 0);
}

#[test]
fn a_secret_that_is_out_of_use_stays_so() {
    let stage = stage();
    let end = ["secret", "decommission", HEROKU.name, "--reason", REASON, "--confirm", HEROKU.name];
    let _ = run(&stage, &[&end[..], &["--no-wait"]].concat(), 0);
    let value = stage.lab().add_heroku_authorization("a script", &["global"], None);
    let shown = run(&stage, &["secret", "import", "--json"], 0).json().expect("JSON");
    let strangers = shown["unknown_tokens"].as_array().expect("a list");
    let it = strangers.iter().find(|one| one["token"]["description"] == "a script").expect("it");
    let id = it["token"]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    let mut args = remove(&HEROKU, &id);
    args.extend(["--confirm", HEROKU.name, "--no-wait"]);
    let _ = run(&stage, &args, 0);
    assert!(!stage.lab().inspect().heroku_honours(&value), "FALSE DONE: it answers");
    let status = run(&stage, &["status", HEROKU.name, "--check"], 0);
    assert!(status.stdout.contains("decommissioned"), "{status}");
}

#[test]
fn where_the_issuer_has_no_list_it_is_said_how_a_person_does_it() {
    let all = Pairing::all().expect("every kind has its place in the lab");
    let account = all.into_iter().find(|one| one.issuer.kind() == "postmark-account");
    let pairing = account.expect("it is registered");
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let bench = Bench::new(binary, pairing, LogsIn::WithItsOwn).expect("a bench");
    let name = pairing.secret();
    let args = ["secret", "remove", &name, "3f9a12c7", "--reason", REASON, "--yes", "--no-wait"];
    let ended = bench.rollover(&args).run().and_then(|ended| ended.is(1)).expect("refused");
    assert!(ended.stderr.contains("neither who holds it nor its death"), "{ended}");
    assert!(ended.stderr.contains("revoke it by hand: "), "{ended}");
}
