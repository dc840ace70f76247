//! What every text for a person's hands holds to.

use std::process::Command;

use domain::inventory::{Inventory, SourceFile, load};
use domain::runbook::{ByHand, Manual};

use super::manual_of;

fn example() -> Inventory {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/acme");
    let file = |name: &str| {
        let path = format!("{root}/{name}");
        SourceFile { text: std::fs::read_to_string(&path).unwrap(), path }
    };
    let secrets = ["heroku-api-key", "postmark-account-token", "postmark-server-token"];
    let secrets = secrets.map(|name| file(&format!("secrets/{name}.toml")));
    load(&file("rollover.toml"), &secrets).unwrap()
}

fn manuals() -> Vec<Manual> {
    let inventory = example();
    inventory.secrets.values().map(|secret| manual_of(&inventory, secret).unwrap()).collect()
}

fn commands(manual: &Manual) -> Vec<String> {
    let issuer = &manual.issuer;
    let parts = [&issuer.confirm, &issuer.create, &issuer.validate, &issuer.in_use];
    let more = [&issuer.revoke, &issuer.prove, &manual.store.write, &manual.probes];
    let consumers = manual.consumers.iter().flat_map(|(_, one)| [&one.write, &one.check]);
    let all = parts.into_iter().chain(more).chain(consumers);
    all.flatten().flat_map(|way: &ByHand| way.commands.clone()).collect()
}

/// Goal: whoever follows a runbook by hand shows no value to `ps` or to the history. Method: in
/// every command of the examples, a variable that holds a value is an argument of `printf`, or is
/// filled or emptied.
#[test]
fn a_value_is_given_to_printf_and_to_nothing_else() {
    let mut seen = 0;
    for command in manuals().iter().flat_map(commands) {
        for variable in ["OLD", "NEW", "LOGIN"] {
            for form in [format!("\"${variable}\""), format!("\"${{{variable}: -4}}\"")] {
                let mut rest = command.as_str();
                while let Some(at) = rest.find(&form) {
                    let before = &rest[..at];
                    let call = before.rsplit(['|', ';', '(', '{']).next().unwrap().trim();
                    assert!(call.starts_with("printf "), "{variable} in: {command}");
                    assert_eq!(call.matches('%').count(), 1, "{command}");
                    rest = &rest[at + form.len()..];
                    seen += 1;
                }
            }
            let bare = format!("${variable}");
            let quoted = command.matches(&format!("\"{bare}\"")).count();
            assert_eq!(command.matches(&bare).count(), quoted, "unquoted in: {command}");
        }
        for word in ["config:set", "-b \"", "--body", "-X POST -H 'X-Postmark"] {
            assert!(!command.contains(word), "{command}");
        }
    }
    assert!(seen > 20, "only {seen} uses of values were looked at");
}

/// Goal: the commands are commands. Method: bash reads them without running them; where there is
/// no bash nothing is said.
#[test]
fn bash_understands_every_command() {
    for command in manuals().iter().flat_map(commands) {
        match Command::new("bash").args(["-n", "-c", &command]).output() {
            Ok(read) => assert!(read.status.success(), "{command}: {read:?}"),
            Err(_) => return,
        }
    }
}

#[test]
fn words_are_quoted_where_they_must_be() {
    assert_eq!(super::quoted("acme-api-prod"), "acme-api-prod");
    assert_eq!(super::quoted("it's"), "'it'\\''s'");
    assert_eq!(super::quoted("$(x)"), "'$(x)'");
    assert_eq!(super::quoted(""), "''");
}
