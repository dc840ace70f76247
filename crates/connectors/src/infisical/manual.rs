//! Infisical in a runbook.

use domain::runbook::{ByHand, Claim, Failure, Shown, StoreManual};
use jiff::civil::date;

use crate::manual::quoted;

const CLAIMS: &[Claim] = &[
    Claim {
        says: "a write that was taken can be read back at once, as the next version",
        source: "Infisical's source",
        read: date(2026, 11, 21),
        shown: Shown::Stored,
        corrects: None,
    },
    Claim {
        says: "with an approval policy, 200 means that nothing is stored yet",
        source: "Infisical's source",
        read: date(2026, 11, 21),
        shown: Shown::Never,
        corrects: None,
    },
];

pub(crate) fn store(key: &str, project: &str, environment: &str, path: &str) -> StoreManual {
    let place = format!(
        "--projectId {} --env {} --path {}",
        quoted(project),
        quoted(environment),
        quoted(path)
    );
    StoreManual {
        write: vec![
            ByHand::new(
                "write it to the secret manager from a file that only you can read",
                vec![
                    format!("umask 077; printf '{key}=%s\\n' \"$NEW\" > new.env"),
                    format!("infisical secrets set --file new.env {place} --silent; rm -f new.env"),
                ],
                "created or updated",
            ),
            ByHand::new(
                "read it back",
                vec![format!(
                    "infisical secrets get {key} {place} --plain --silent | tr -d '\\n' | cmp - \
                     <(printf %s \"$NEW\") && echo same"
                )],
                "same. If it is not, an approval may be waiting in Infisical",
            ),
        ],
        failures: vec![
            Failure::new(
                "the write waits for an approval in Infisical",
                "approve it there, then `rollover run resume ID`; nobody has the new token before",
            ),
            Failure::new(
                "three logins were refused within 30 seconds",
                "Infisical locks the identity for 300 seconds; do not try again before",
            ),
        ],
        claims: CLAIMS,
    }
}
