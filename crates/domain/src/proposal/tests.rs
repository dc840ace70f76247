//! What is proposed, and that the inventory takes it.

use super::*;
use crate::inventory::{SourceFile, load};

const MAIN: &str = r#"schema = 1
org = "acme"
[state]
database = "rollover.db"
key = { file = "k" }
[connections.p]
kind = "postmark"
[connections.h]
kind = "heroku"
auth = { file = "h" }
[connections.g]
kind = "github"
auth = { file = "g" }
[issuers.mail]
kind = "postmark-server"
via = "p"
server = "acme"
[issuers.other]
kind = "postmark-server"
via = "p"
server = "other"
[stores.s]
kind = "sealed"
file = "s"
"#;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

fn print(byte: u8) -> Fingerprint {
    Fingerprint::from_bytes([byte; 16])
}

fn seen(place: Spot, held: Option<u8>) -> Sighting {
    Sighting {
        place,
        name: "POSTMARK_SERVER_TOKEN".into(),
        kind: "postmark-server".into(),
        held: held.map(print),
        issuer: None,
        secret: None,
        updated: None,
    }
}

fn app(name: &str, held: u8) -> Sighting {
    seen(Spot::App("h".into(), name.into()), Some(held))
}

fn repository(updated: &str) -> Sighting {
    let place = Spot::Repository("g".into(), "acme/api".into());
    Sighting { updated: Some(updated.parse().unwrap()), ..seen(place, None) }
}

/// What is proposed for an inventory of these files, once it was seen that it can be read.
fn proposed(files: &[SourceFile], sightings: &[Sighting]) -> (Vec<Proposal>, Vec<Addition>) {
    let main = file("rollover.toml", MAIN);
    let inventory = load(&main, files).unwrap();
    let taken = files.iter().map(|file| file.path.clone()).collect();
    let (proposals, additions) = propose(&inventory, sightings, &taken);
    let mut all = files.to_vec();
    all.extend(proposals.iter().map(|one| file(&one.file, &one.text)));
    if let Err(wrong) = load(&main, &all) {
        panic!("{wrong:?}\n{proposals:#?}");
    }
    (proposals, additions)
}

#[test]
fn places_with_one_token_are_one_secret_and_others_are_others() {
    let sightings = [
        app("acme-api", 1),
        Sighting { name: "MAIL_TOKEN".into(), ..app("acme-web", 1) },
        app("acme-api-staging", 2),
        seen(Spot::Dotenv(".env".into()), Some(2)),
        app("acme-old", 3),
    ];
    let (proposals, additions) = proposed(&[], &sightings);
    assert!(additions.is_empty());
    let files: Vec<&str> = proposals.iter().map(|one| one.file.as_str()).collect();
    let expected = [
        "secrets/postmark-server-token.toml",
        "secrets/staging-postmark-server-token.toml",
        "secrets/prod-2-postmark-server-token.toml",
    ];
    assert_eq!(files, expected);
    assert!(proposals[0].text.contains("acme-web") && proposals[0].text.contains("MAIL_TOKEN"));
    assert!(proposals[1].text.contains("path = \".env\""));
    assert!(proposals[2].notes.iter().any(|note| note.contains("which environment")));
    assert!(proposals[0].notes.iter().any(|note| note.contains("see whether `issuer` is right")));
}

#[test]
fn what_cannot_be_read_is_proposed_switched_off_with_its_age() {
    let (proposals, _) = proposed(&[], &[app("acme-api", 1), repository("2026-02-01T00:00:00Z")]);
    let [one] = proposals.as_slice() else { panic!("{proposals:?}") };
    assert!(one.text.contains("enabled = false   # cannot be read, written 2026-02-01T00:00:00Z"));
    let two = [app("acme-api", 1), app("acme-old", 3), repository("2026-02-01T00:00:00Z")];
    let (proposals, _) = proposed(&[], &two);
    assert_eq!(proposals.len(), 3, "nobody can see with which of two it goes");
}

#[test]
fn what_the_inventory_names_is_not_proposed_and_what_its_secret_has_elsewhere_is_said() {
    let known = file(
        "secrets/postmark-server-token.toml",
        "name = \"POSTMARK_SERVER_TOKEN\"\nenvironment = \"prod\"\nissuer = \"mail\"\nstore = { in = \"s\" }\n\
         [[consumers]]\nkind = \"heroku-config\"\nvia = \"h\"\napp = \"acme-api\"\n",
    );
    let name: SecretName = "prod/POSTMARK_SERVER_TOKEN".parse().unwrap();
    let forgotten = Sighting { secret: Some(name), ..app("acme-cron", 1) };
    let listed = Sighting { issuer: Some("other".into()), ..app("acme-web", 2) };
    let (proposals, additions) = proposed(&[known], &[app("acme-api", 1), forgotten, listed]);
    let [one] = proposals.as_slice() else { panic!("{proposals:?}") };
    assert!(one.file == "secrets/prod-2-postmark-server-token.toml", "nothing is overwritten");
    assert!(one.text.contains("issuer = \"other\"") && one.notes.len() == 1);
    let [one] = additions.as_slice() else { panic!("{additions:?}") };
    assert!(one.text.contains("app = \"acme-cron\"") && one.file.ends_with("token.toml"));
}

#[test]
fn names_that_a_workflow_reads() {
    let text = "env:\n  A: ${{ secrets.FIRST }}\n  B: ${{secrets['second']}} # secrets are kept\n\
                secrets: inherit\nC: ${{ secrets.GITHUB_TOKEN }}\n";
    let names: Vec<String> = names_in_workflow(text).into_iter().collect();
    assert_eq!(names, ["FIRST", "GITHUB_TOKEN", "SECOND"]);
}
