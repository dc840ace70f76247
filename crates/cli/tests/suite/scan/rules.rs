//! The scan as a library: every hiding place, and the labelled corpus.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use connectors::ALL_PROFILES;
use domain::{FingerprintKey, Token};
use e2e::{corpus, hiding};
use scan::git::Repository;
use scan::{How, Known, Limits, Nothing, Rules, Scanner, What, scan_history};

fn scanner(known: Arc<dyn Known>, strangers: bool) -> Scanner {
    Scanner::new(Arc::new(Rules {
        profiles: ALL_PROFILES,
        key: FingerprintKey::new([7; 32]),
        allow_key: None,
        known,
        strangers,
        keep_values: true,
        limits: Limits::default(),
    }))
}

fn knowing<'a>(tokens: impl Iterator<Item = &'a String>) -> Arc<dyn Known> {
    let mut maker = FingerprintKey::new([7; 32]).maker();
    Arc::new(tokens.map(|token| maker.of(token.as_bytes())).collect::<HashSet<_>>())
}

/// Goal: wherever a token of ours hides in a repository, it is found. Method: one token a place.
#[test]
fn every_hiding_place_is_found() {
    let home = tempfile::tempdir().unwrap();
    let hidden = hiding::build(home.path()).unwrap();
    assert!(hidden.len() >= 28, "{}", hidden.len());
    let known = knowing(hidden.iter().map(|one| &one.token));
    let repository = Repository::discover(&home.path().join("repository")).unwrap();
    let report = scan_history(&repository, &scanner(known, false), &How::default()).unwrap();
    let found: BTreeSet<String> = report
        .findings
        .iter()
        .filter_map(|finding| finding.value.as_ref().map(|value: &Token| value.expose().to_owned()))
        .collect();
    let missed: Vec<&str> =
        hidden.iter().filter(|one| !found.contains(&one.token)).map(|one| one.place).collect();
    assert!(missed.is_empty(), "missed: {missed:?}");
    assert_eq!(report.findings.len(), hidden.len());
    // A place is told without the value, also where the value is its name.
    for place in report.findings.iter().flat_map(|finding| &finding.places) {
        let told = place.to_string();
        assert!(hidden.iter().all(|one| !told.contains(&one.token)), "{told}");
    }
}

/// Goal: Postmark's two kinds of tokens have one form and are told apart by what stands beside
/// them. Method: a line of each sort.
#[test]
fn an_account_token_is_told_from_a_server_token() {
    let value = "3f9a12c7-90aa-4d21-8b77-51c0de5e71aa";
    for (text, kind) in [
        (format!("POSTMARK_SERVER_TOKEN={value}\n"), "postmark-server"),
        (format!("POSTMARK_API_TOKEN={value}\n"), "postmark-server"),
        (format!("X-Postmark-Server-Token: {value}\n"), "postmark-server"),
        (format!("POSTMARK_ACCOUNT_TOKEN={value}\n"), "postmark-account"),
        (format!("X-Postmark-Account-Token: {value}\n"), "postmark-account"),
        (format!("postmarkAccountToken: \"{value}\"\n"), "postmark-account"),
    ] {
        let mut found = Vec::new();
        scanner(Arc::new(Nothing), true).document(text.as_bytes(), None, &mut found);
        let told = found.first().map(|sighting| sighting.what);
        let What::Looks { issuer, .. } = told.unwrap_or(What::Ours) else {
            panic!("{text}: nothing that looks like one")
        };
        assert_eq!((issuer, found.len()), (kind, 1), "{text}");
    }
}

#[test]
fn ours_in_a_corpus_are_all_found_and_nothing_else_is() {
    for samples in [corpus::tuning(6), corpus::held_out(6)] {
        let known = knowing(samples.iter().flat_map(|sample| &sample.tokens));
        let score = corpus::score(&samples, scanner(known, true), true);
        assert!(score.tokens >= 150 && score.others >= 200, "{} {}", score.tokens, score.others);
        assert_eq!((score.found, score.wrong), (score.tokens, 0), "{:#?}", score.told);
    }
}

#[test]
fn others_in_a_corpus_are_told_from_what_looks_like_them() {
    for (part, samples) in [("tuning", corpus::tuning(6)), ("held out", corpus::held_out(6))] {
        let score = corpus::score(&samples, scanner(Arc::new(Nothing), true), false);
        let (recall, precision) = (score.recall(), score.precision());
        // What went wrong in the held-out part is not shown: whoever tunes by it holds out nothing.
        assert!(recall >= 95.0 && precision >= 95.0, "{part}: {recall:.1} {precision:.1}");
    }
}
