//! Dotenv files in a runbook.

use domain::Proof;
use domain::runbook::{ByHand, Claim, ConsumerManual, Failure, Shown};
use jiff::civil::date;

use crate::manual::quoted;

const CLAIMS: &[Claim] = &[Claim {
    says: "the file holds what was written; a program that read it before keeps the old value",
    source: "the usual readers of such files",
    read: date(2026, 11, 21),
    shown: Shown::Proven("dotenv:", Proof::Fingerprint),
    corrects: None,
}];

pub(crate) fn consumer(path: &str, keys: &[String]) -> ConsumerManual {
    let file = quoted(path);
    let pattern: Vec<String> =
        keys.iter().map(|key| format!("-e '^\\(export \\)*{key}='")).collect();
    let lines: Vec<String> =
        keys.iter().map(|key| format!("printf '{key}=%s\\n' \"$NEW\"")).collect();
    ConsumerManual {
        write: vec![ByHand::new(
            format!("file {path}: written beside it, then moved over it"),
            vec![
                format!(
                    "umask 077; {{ grep -v {} {file}; {}; }} > {file}.new && mv {file}.new {file}",
                    pattern.join(" "),
                    lines.join("; ")
                ),
            ],
            "nothing is shown",
        )],
        check: vec![ByHand::new(
            format!("file {path}; then restart what reads it"),
            keys.iter()
                .map(|key| {
                    format!(
                        "sed -n 's/^{key}=//p' {file} | tr -d '\\n' | cmp - <(printf %s \"$NEW\") && echo same"
                    )
                })
                .collect(),
            "same",
        )],
        back: vec![format!("file {path}: by hand the same with the old token; restart what reads it")],
        failures: vec![Failure::new(
            "a program still uses the old token after the rotation",
            "it read the file before the write: restart it; a shell has to be opened anew",
        )],
        claims: CLAIMS,
    }
}
