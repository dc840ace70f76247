//! Findings as SARIF 2.1.0, as code hosts and editors read them.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use domain::Profile;
use serde_json::{Value, json};

use crate::finding::{Finding, Place, PlaceKind};
use crate::sighting::{Confidence, What};

/// What is said of a finding besides what it says itself.
#[derive(Clone, Debug)]
pub struct Said {
    /// One sentence.
    pub message: String,
    /// Why it may stay, if it may.
    pub allowed: Option<String>,
}

/// The log of one run. `said` has one entry for each finding, in their order.
#[must_use]
pub fn log(version: &str, profiles: &[&Profile], findings: &[Finding], said: &[Said]) -> Value {
    let mut rules = vec![json!({
        "id": OURS,
        "name": "OwnToken",
        "shortDescription": { "text": "a token of this installation's inventory" },
        "help": { "text": "rotate it: rollover leak respond" },
        "defaultConfiguration": { "level": "error" },
    })];
    rules.extend(profiles.iter().map(|profile| {
        json!({
            "id": profile.kind,
            "shortDescription": { "text": format!("what looks like a {}", profile.title) },
            "help": { "text": "find out whose it is, and revoke it" },
            "defaultConfiguration": { "level": "warning" },
        })
    }));
    let results: Vec<Value> =
        findings.iter().zip(said).map(|(finding, said)| result(finding, said)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "rollover", "version": version, "rules": rules } },
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

const OURS: &str = "own-token";
/// More places of one token help nobody.
const PLACES_MAX: usize = 100;

fn result(finding: &Finding, said: &Said) -> Value {
    let (rule, level) = match finding.what {
        What::Ours => (OURS, "error"),
        What::Looks { issuer, confidence, .. } => {
            (issuer, if confidence == Confidence::Low { "note" } else { "warning" })
        }
    };
    let locations: Vec<Value> = finding.places.iter().take(PLACES_MAX).map(location).collect();
    let suppressions: Vec<Value> = said
        .allowed
        .iter()
        .map(|reason| json!({ "kind": "external", "status": "accepted", "justification": reason }))
        .collect();
    json!({
        "ruleId": rule,
        "level": level,
        "message": { "text": said.message },
        "locations": locations,
        "partialFingerprints": { "rolloverFingerprint/v1": finding.fingerprint.hex() },
        "suppressions": suppressions,
    })
}

fn location(place: &Place) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(place) } });
    if place.line > 0 {
        physical["region"] = json!({ "startLine": place.line, "startColumn": place.column.max(1) });
    }
    json!({ "physicalLocation": physical, "message": { "text": place.to_string() } })
}

/// The path as a relative reference (RFC 3986).
fn uri(place: &Place) -> String {
    let path = match (&place.commit, place.kind) {
        (Some(commit), PlaceKind::Commit) => format!(".git/commit/{commit}"),
        _ if place.path.is_empty() => ".git".to_owned(),
        _ => place.path.clone(),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/@+".contains(&byte);
    let mut uri = String::new();
    for byte in path.bytes() {
        if plain(byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
