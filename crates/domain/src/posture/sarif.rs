//! A report as SARIF 2.1.0, which code hosts and editors read.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Value, json};

use super::{CHECKS, Evidence, Report, Severity, Verdict};

/// The report as SARIF. `version` is that of the program.
#[must_use]
pub fn sarif(report: &Report, version: &str) -> Value {
    let rules: Vec<Value> = CHECKS
        .iter()
        .map(|check| {
            json!({
                "id": check.id,
                "shortDescription": { "text": check.title },
                "help": { "text": format!("{}. {}", check.fix, check.reference) },
                "defaultConfiguration": { "level": level(check.severity) },
                "properties": { "security-severity": severity(check.severity) },
            })
        })
        .collect();
    let failed = report.judgements.iter().filter(|one| one.verdict == Verdict::Fail);
    let results: Vec<Value> = failed
        .flat_map(|one| {
            one.evidence.iter().map(move |evidence| {
                json!({
                    "ruleId": one.check,
                    "level": level(one.severity),
                    "message": { "text": format!("{}; {}", evidence.what, one.fix) },
                    "locations": location(evidence),
                })
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "rollover", "version": version, "rules": rules } },
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// The number that code hosts sort by.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

fn location(evidence: &Evidence) -> Value {
    let Some(file) = &evidence.file else { return json!([]) };
    let line = evidence.line.unwrap_or(1);
    json!([{ "physicalLocation": {
        "artifactLocation": { "uri": file },
        "region": { "startLine": line },
    } }])
}
