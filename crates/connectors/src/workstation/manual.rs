//! Workstations in a runbook.

use domain::Proof;
use domain::runbook::{ByHand, Claim, ConsumerManual, Failure, Shown};
use jiff::civil::date;

use crate::manual::quoted;

const CLAIMS: &[Claim] = &[Claim {
    says: "a value is fetched once, by the workstation's owner, and read back there",
    source: "this program",
    read: date(2026, 11, 27),
    shown: Shown::Proven("workstation:", Proof::Fingerprint),
    corrects: None,
}];

pub(crate) fn consumer(member: &str, path: &str, keys: &[String]) -> ConsumerManual {
    let file = match path.strip_prefix("~/") {
        Some(rest) => format!("~/{}", quoted(rest)),
        None => quoted(path),
    };
    let lines: Vec<String> =
        keys.iter().map(|key| format!("printf '{key}=%s\\n' \"$NEW\"")).collect();
    ConsumerManual {
        write: vec![ByHand::new(
            format!("{member}, at the own machine: the value read with `read -rs NEW`, never sent in a message"),
            vec![format!("umask 077; {{ {}; }} >> {file}", lines.join("; "))],
            "nothing is shown",
        )],
        check: vec![ByHand::new(
            format!("{member}: the last line of each name holds it; then open new shells"),
            keys.iter()
                .map(|key| {
                    format!(
                        "sed -n 's/^{key}=//p' {file} | tail -n 1 | tr -d '\\n' | cmp - <(printf %s \"$NEW\") && echo same"
                    )
                })
                .collect(),
            "same",
        )],
        back: vec![format!("{member}: by hand the same with the old token")],
        failures: vec![Failure::new(
            "a shell that was open still has the old token",
            "open a new one, or run the command with `rollover env run`, which asks the store",
        )],
        claims: CLAIMS,
    }
}
