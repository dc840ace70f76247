//! Goal: a Postmark account token, which no API lists, is entered by a person, proven to be that
//! account's, and rotated to the proof of death; what cannot be known is not claimed. Method: the
//! lab's account page and its stand-in operator. Kills at every instant are `matrix`'s, refusals
//! at every call `every_step`'s.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::fs;
use std::path::Path;

use e2e::bench::LogsIn;
use e2e::matrix::open_rotation;
use e2e::{Bench, Ended, Facts, Pairing};
use lab::{StandIn, TokenPick, TokensOf};
use serde_json::Value;

const NAME: &str = "prod/POSTMARK_ACCOUNT_TOKEN";
/// What is said where the issuer shows no list.
const UNKNOWN: &str = "is not known";

/// An account token in Infisical, used by a Heroku app.
fn bench() -> Bench {
    let all = Pairing::all().expect("every kind has its place in the lab");
    let ours = |one: &Pairing| {
        let kinds = (one.issuer.kind(), one.store.kind(), one.consumer.kind());
        kinds == ("postmark-account", "infisical", "heroku-config")
    };
    let pairing = all.into_iter().find(ours).expect("it is registered");
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    Bench::new(binary, pairing, LogsIn::WithItsOwn).expect("a bench")
}

fn run(bench: &Bench, args: &[&str], code: i32) -> Ended {
    bench.rollover(args).run().and_then(|ended| ended.is(code)).expect("the expected end")
}

fn hands(bench: &Bench) -> StandIn {
    bench.lab().operator()
}

fn generate(bench: &Bench) -> Result<String, String> {
    let made = bench.runtime().block_on(hands(bench).generate_of(&TokensOf::Account));
    made.map_err(|error| error.to_string())
}

fn delete(bench: &Bench, token: &str) {
    let pick = TokenPick::Is(token.to_owned());
    let deleted = bench.runtime().block_on(hands(bench).delete_of(&TokensOf::Account, &pick));
    deleted.expect("deleted");
}

/// A rotation that waits for the new token.
fn begun(bench: &Bench) -> String {
    let begun = run(bench, &["rotate", NAME, "--confirm", NAME, "--no-wait"], 10);
    let page = bench.lab().urls().postmark_account_page();
    for said in ["YOUR STEP", "--token-stdin", &page, "role superadmin"] {
        assert!(begun.stderr.contains(said), "{said}: {begun}");
    }
    open_rotation(bench).expect("one is open")
}

/// Enters a token, and goes on until it waits again or ends.
fn enter(bench: &Bench, id: &str, token: &str, code: i32) -> Ended {
    let task = format!("{id}.create");
    let noted = bench.rollover(&["task", "done", &task, "--token-stdin"]).input(token).run();
    let _ = noted.and_then(|ended| ended.is(0)).expect("noted");
    run(bench, &["run", "resume", id, "--no-wait"], code)
}

#[test]
fn a_rotation_with_an_operator_who_enters_the_token() {
    let bench = bench();
    let facts = Facts::of(&bench).expect("the world before");
    let operator = bench.operator().expect("an operator");
    let traffic = bench.traffic();
    let rotate = ["rotate", NAME, "--confirm", NAME, "--wait"];
    let run = bench.rollover(&rotate).heard_by(operator.ear()).run();
    let ended = run.and_then(|ended| ended.is(0)).expect("it completes");
    assert_eq!(operator.leave().expect("every click worked"), 2);
    assert!(ended.stderr.contains("entered"), "{ended}");
    // Nobody could see whether another one was made, so nothing is claimed of it.
    let page = bench.lab().urls().postmark_account_page();
    assert!(ended.stderr.contains(UNKNOWN) && ended.stderr.contains(&page), "{ended}");
    assert!(!ended.stderr.contains("nothing left behind"), "{ended}");
    assert_eq!(bench.end_traffic(traffic).total().refused, 0);
    facts.completed(&bench).expect("everything is right");
    // It was sealed in the inbox and in the journal, and is in no file and in no word.
    let new = bench.lab().inspect().infisical_value("prod", "POSTMARK_ACCOUNT_TOKEN");
    let new = new.expect("the store holds it");
    let mut looked = 0;
    for file in fs::read_dir(bench.directory()).expect("the directory").flatten() {
        let Ok(bytes) = fs::read(file.path()) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&new) && !text.contains(&facts.old), "{}", file.path().display());
        looked += 1;
    }
    assert!(looked > 2, "only {looked} files were looked at");
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!text.contains(&new) && !text.contains(&facts.old), "it shows a token");
}

#[test]
fn a_token_of_elsewhere_is_refused_with_what_it_is() {
    let bench = bench();
    let facts = Facts::of(&bench).expect("the world before");
    let id = begun(&bench);
    let new = generate(&bench).expect("a token");
    let known = bench.lab().credentials();
    let other = bench.lab().add_other_postmark_account("globex-mail");
    for (wrong, why) in [
        (other.as_str(), "alive as an account without acme-prod"),
        (known.postmark_server_token.as_str(), "alive as a server token, of acme-prod"),
        (facts.old.as_str(), "this is the old token"),
        ("01234567-89ab-cdef-0123-456789abcdef", "the token is dead (401 ErrorCode 10)"),
        ("HRKU-not-a-postmark-token-at-all", "not a Postmark account token"),
    ] {
        let ended = enter(&bench, &id, wrong, 10);
        assert!(ended.stderr.contains(why), "{why}: {ended}");
        assert!(!ended.stderr.contains(wrong), "it shows the token: {ended}");
        facts.nobody_out(&bench).expect("nobody is out of service");
    }
    let ended = enter(&bench, &id, &new.to_uppercase(), 10);
    let end = &facts.old[facts.old.len() - 4..];
    assert!(ended.stderr.contains(&format!("ends in {end}")), "{ended}");
    delete(&bench, &facts.old);
    let summary = run(&bench, &["run", "resume", &id, "--no-wait", "--json"], 0);
    let summary = summary.json().expect("a summary");
    assert_eq!((&summary["outcome"], &summary["unlisted"]), (&"completed".into(), &true.into()));
    assert_eq!(summary["unknown"], Value::Array(Vec::new()), "{summary}");
    facts.completed(&bench).expect("everything is right");
    let audit = run(&bench, &["audit", "ls", "--json"], 0).stdout;
    assert!(audit.contains("unlisted"), "the audit claims more than was seen: {audit}");
}

/// The page has room for three; with two others there is none for the new one, which nobody but
/// the page can tell. The rotation is turned back by the word that none was made.
#[test]
fn a_fourth_token_is_the_pages_to_refuse_and_then_it_goes_back() {
    let bench = bench();
    let others = [generate(&bench), generate(&bench)].map(|made| made.expect("room for three"));
    let facts = Facts::of(&bench).expect("the world before");
    let id = begun(&bench);
    let full = generate(&bench).expect_err("no room for four");
    assert!(full.contains("An account can have 3 API tokens"), "{full}");
    let back = run(&bench, &["run", "rollback", &id, "--no-wait"], 10);
    assert!(back.stderr.contains("create no token"), "{back}");
    assert!(back.stderr.contains("or say that none was"), "{back}");
    let _ = run(&bench, &["task", "done", &format!("{id}.create")], 0);
    let ended = run(&bench, &["run", "resume", &id, "--no-wait"], 11);
    assert!(ended.stderr.contains("no token was created"), "{ended}");
    assert!(ended.stderr.contains(UNKNOWN), "{ended}");
    facts.rolled_back(&bench).expect("everything is as before");
    let world = bench.lab().inspect();
    assert!(others.iter().all(|token| world.postmark_honours(token)), "others were touched");
}

/// A token that was made, and whose maker never came to enter it, is entered on the way back, so
/// that it dies and is proven dead.
#[test]
fn a_token_that_was_never_entered_is_taken_back() {
    let bench = bench();
    let facts = Facts::of(&bench).expect("the world before");
    let id = begun(&bench);
    let new = generate(&bench).expect("a token");
    let _ = run(&bench, &["run", "rollback", &id, "--no-wait"], 10);
    let asked = enter(&bench, &id, &new, 10);
    let end = &new[new.len() - 4..];
    assert!(asked.stderr.contains(&format!("ends in {end}")), "{asked}");
    delete(&bench, &new);
    let _ = run(&bench, &["run", "resume", &id, "--no-wait"], 11);
    facts.rolled_back(&bench).expect("everything is as before");
}

#[test]
fn once_everybody_has_it_a_rotation_is_turned_back_by_a_person_too() {
    let bench = bench();
    let facts = Facts::of(&bench).expect("the world before");
    let _ = run(&bench, &["rotate", NAME, "--yes", "--no-wait"], 10);
    let id = open_rotation(&bench).expect("one is open");
    let new = generate(&bench).expect("a token");
    let _ = enter(&bench, &id, &new, 10);
    let operator = bench.operator().expect("an operator");
    let back = bench.rollover(&["run", "rollback", &id, "--wait"]).heard_by(operator.ear()).run();
    let _ = back.and_then(|ended| ended.is(11)).expect("it goes back");
    assert_eq!(operator.leave().expect("the operator could do it"), 1);
    facts.rolled_back(&bench).expect("everything is as before");
}

/// A token was made and, with its maker in doubt whether it was entered, another one. The first
/// lives on where no look can see it; the task to delete says so, and nothing else is claimed.
#[test]
fn one_that_was_made_in_doubt_is_asked_for_and_not_denied() {
    let bench = bench();
    let facts = Facts::of(&bench).expect("the world before");
    let id = begun(&bench);
    let doubtful = generate(&bench).expect("a token");
    // Entered at a prompt of a process that died before it could seal it: nothing is known here.
    let asked = run(&bench, &["run", "resume", &id, "--no-wait"], 10);
    assert!(asked.stderr.contains("enter the new one"), "{asked}");
    let second = generate(&bench).expect("another one");
    let asked = enter(&bench, &id, &second, 10);
    assert!(asked.stderr.contains("was never entered"), "{asked}");
    delete(&bench, &facts.old);
    let ended = run(&bench, &["run", "resume", &id, "--no-wait"], 0);
    assert!(bench.lab().inspect().postmark_honours(&doubtful), "nobody deleted it");
    assert!(ended.stderr.contains(UNKNOWN), "{ended}");
    assert!(!ended.stderr.contains("nothing left behind"), "{ended}");
    delete(&bench, &doubtful);
    facts.completed(&bench).expect("everything is right");
}

/// A server's token in the account's place lives, whatever the account's API says to it, so no
/// plan takes it for dead; and the doctor names it.
#[test]
fn a_server_token_in_the_store_is_no_dead_account_token() {
    let bench = bench();
    let server = bench.lab().credentials().postmark_server_token;
    bench.lab().set_infisical_value("prod", "POSTMARK_ACCOUNT_TOKEN", Some(&server));
    for more in [&[][..], &["--repair"][..]] {
        let args = [&["rotate", NAME, "--yes", "--no-wait"][..], more].concat();
        let refused = bench.rollover(&args).run().expect("it runs");
        assert!(refused.code != Some(10), "it began: {refused}");
        let text = format!("{}{}", refused.stdout, refused.stderr);
        assert!(text.contains("a server token, of acme-prod"), "{refused}");
        assert!(!text.contains(&server), "it shows the token: {refused}");
    }
    let told = bench.rollover(&["doctor", NAME, "--json"]).run().expect("it runs");
    assert!(told.stdout.contains("\"server-token\""), "{told}");
    let other = bench.lab().add_other_postmark_account("globex-mail");
    bench.lab().set_infisical_value("prod", "POSTMARK_ACCOUNT_TOKEN", Some(&other));
    let told = bench.rollover(&["doctor", NAME]).run().expect("it runs");
    assert!(told.stdout.contains("an account without acme-prod"), "{told}");
}

/// Whoever holds an account token reads every server's tokens: a case of a leaked one names them.
#[test]
fn a_leaked_account_token_exposes_every_server_token() {
    let bench = bench();
    let (main, secret) = ("rollover.toml", "secrets/mail.toml");
    let path = bench.directory().join(main);
    let text = fs::read_to_string(&path).expect("the inventory");
    let server = |name: &str| {
        format!(
            "\n[issuers.{name}]\nkind = \"postmark-server\"\nvia = \"postmark\"\nserver = \"{name}\"\n"
        )
    };
    fs::write(&path, [text, server("acme-prod"), server("acme-alerts")].concat()).expect("written");
    let mail = "name = \"POSTMARK_SERVER_TOKEN\"\nenvironment = \"prod\"\nissuer = \"acme-prod\"\n\
                store = { in = \"it\" }\n\n[[consumers]]\nkind = \"heroku-config\"\nvia = \"heroku\"\n\
                app = \"acme-api-prod\"\n";
    fs::write(bench.directory().join(secret), mail).expect("written");
    let opened = run(&bench, &["leak", "respond", NAME], 12);
    let told = "it can read prod/POSTMARK_SERVER_TOKEN";
    assert!(opened.stderr.contains(told) && opened.stderr.contains("acme-prod"), "{opened}");
    let none = run(&bench, &["leak", "respond", "prod/POSTMARK_SERVER_TOKEN"], 12);
    assert!(!none.stderr.contains("it can read prod/POSTMARK_ACCOUNT_TOKEN"), "{none}");
}

/// An emergency keeps both side by side, and one rotation is enough.
#[test]
fn a_leaked_account_token_is_replaced_once() {
    let bench = bench();
    let facts = Facts::of(&bench).expect("the world before");
    let operator = bench.operator().expect("an operator");
    let rotate = ["rotate", NAME, "--emergency", "--confirm", NAME, "--wait"];
    let run = bench.rollover(&rotate).heard_by(operator.ear()).run();
    let ended = run.and_then(|ended| ended.is(0)).expect("it completes");
    let _ = operator.leave().expect("every click worked");
    // It reads no other account token, so there is nothing that it could have read.
    assert!(!ended.stderr.contains("could read its replacement"), "{ended}");
    facts.completed(&bench).expect("everything is right");
}

/// The runbook is rehearsed in a lab of the same shape, where the stand-in enters the token.
#[test]
fn its_runbook_validates_in_a_lab() {
    let bench = bench();
    let told = run(&bench, &["runbook", "validate", NAME, "--json"], 0).json().expect("an object");
    assert_eq!((&told["right"], &told["rotation"]["unlisted"]), (&true.into(), &true.into()));
    let shown = run(&bench, &["runbook", "show", NAME], 0);
    assert!(shown.stdout.contains("the account of acme-prod"), "{shown}");
}
