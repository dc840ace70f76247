//! What changed since the last look, so that each drift is told once when it comes and once when
//! it is gone.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Finding, Grade, Kind, Place, Report, Standing};
use crate::SecretName;
use crate::audit::Record;

/// The audit's word for a drift that came.
pub const FOUND: &str = "secret.drift.found";
/// The audit's word for a drift that is gone.
const GONE: &str = "secret.drift.gone";

/// The drift that is known of, as the audit log tells it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct State(BTreeMap<(SecretName, String), Known>);

/// One drift that is known of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Where, as the audit has it.
    pub place: String,
    /// What, as a stable word.
    pub kind: String,
    /// Which token it is about.
    pub token: Option<String>,
    /// Since when it is known.
    pub since: Timestamp,
}

/// What changed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// What came.
    pub found: Vec<(SecretName, Finding)>,
    /// What is gone.
    pub gone: Vec<(SecretName, Known)>,
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.gone.is_empty()
    }

    /// Their audit records.
    #[must_use]
    pub fn records(&self, actor: &str, at: Timestamp) -> Vec<Record> {
        let record = |action: &str, secret: &SecretName, context| Record {
            at,
            action: action.into(),
            actor: actor.into(),
            secret: Some(secret.clone()),
            rotation: None,
            context,
        };
        let found = self.found.iter().map(|(secret, finding)| {
            let mut context = BTreeMap::from([
                ("kind".into(), finding.kind.word().to_owned()),
                ("place".into(), finding.place.to_string()),
                ("what".into(), finding.what.clone()),
            ]);
            context.extend(finding.token.clone().map(|token| ("token".into(), token)));
            context.extend(finding.because.clone().map(|why| ("because".into(), why)));
            record(FOUND, secret, context)
        });
        let gone = self.gone.iter().map(|(secret, known)| {
            let mut context = BTreeMap::from([
                ("kind".into(), known.kind.clone()),
                ("place".into(), known.place.clone()),
            ]);
            context.extend(known.token.clone().map(|token| ("token".into(), token)));
            record(GONE, secret, context)
        });
        found.chain(gone).collect()
    }
}

impl State {
    /// The state that a log's records lead to; records of other things are passed over.
    #[must_use]
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut state = Self::default();
        for record in records {
            state.tell(record);
        }
        state
    }

    /// One more record.
    pub fn tell(&mut self, record: &Record) {
        let Some(secret) = &record.secret else { return };
        let word = |name: &str| record.context.get(name).cloned();
        let (Some(kind), Some(place)) = (word("kind"), word("place")) else { return };
        let known = Known { place, kind, token: word("token"), since: record.at };
        let key = (secret.clone(), key(&known.place, &known.kind, known.token.as_deref()));
        match record.action.as_str() {
            FOUND => drop(self.0.entry(key).or_insert(known)),
            GONE => drop(self.0.remove(&key)),
            _ => {}
        }
    }

    /// What reports change in it. A place that could not be looked at keeps what was known of it,
    /// and so does a secret that is not among the reports.
    #[must_use]
    pub fn changes(&self, reports: &[Report]) -> Changes {
        let mut changes = Changes::default();
        for report in reports {
            let told: BTreeMap<String, &Finding> = report
                .findings
                .iter()
                .filter(|finding| finding.grade == Grade::Drift)
                .map(|finding| {
                    let place = finding.place.to_string();
                    (key(&place, finding.kind.word(), finding.token.as_deref()), finding)
                })
                .collect();
            let before: Vec<(&String, &Known)> = self
                .0
                .iter()
                .filter(|((secret, _), _)| *secret == report.secret)
                .map(|((_, key), known)| (key, known))
                .collect();
            for (key, finding) in &told {
                if !before.iter().any(|(known, _)| *known == key) {
                    changes.found.push((report.secret.clone(), (*finding).clone()));
                }
            }
            for (key, known) in before {
                if !told.contains_key(key) && was_seen(report, &known.place) {
                    changes.gone.push((report.secret.clone(), known.clone()));
                }
            }
        }
        changes
    }

    /// Since when a finding is known; `None` if it is new.
    #[must_use]
    pub fn since(&self, secret: &SecretName, finding: &Finding) -> Option<Timestamp> {
        let place = finding.place.to_string();
        let key = key(&place, finding.kind.word(), finding.token.as_deref());
        self.0.get(&(secret.clone(), key)).map(|known| known.since)
    }
}

fn key(place: &str, kind: &str, token: Option<&str>) -> String {
    format!("{place}\n{kind}\n{}", token.unwrap_or_default())
}

/// Whether a place was looked at and could be judged. An open rotation counts the issuer's tokens
/// itself, and its own writes come to what cannot be read back.
fn was_seen(report: &Report, place: &str) -> bool {
    let judged = |stands: &super::Stands| {
        stands.consumer.as_str() != place || stands.standing != Standing::Unknown
    };
    if !report.consumers.iter().all(judged) {
        return false;
    }
    if report.rotation.is_some() && place.starts_with("issuer ") {
        return false;
    }
    let unseen = |finding: &Finding| {
        finding.kind == Kind::Unseen
            && (finding.place.to_string() == place
                // Without the store nothing is known of what it would be compared with.
                || (matches!(finding.place, Place::Store(_)) && report.stored.is_none()))
    };
    !report.findings.iter().any(unseen)
}
