//! What the audit log remembers of campaigns. That is all the memory they have: who belongs to
//! one, why it was begun, who is excused, and that it was closed. How far each rotation is stands
//! in the rotation's own journal.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::Record;
use crate::{CampaignId, Fingerprint, Mode, SecretName};

/// What every action of a campaign begins with.
pub const ACTIONS: &str = "campaign.";

const OPENED: &str = "campaign.opened";
const JUSTIFIED: &str = "campaign.justified";
const CLOSED: &str = "campaign.closed";

/// A campaign as it was opened, and what people have said of it since.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Opened {
    /// Its id.
    pub id: CampaignId,
    /// What was asked for, in a form that two runs of one command share.
    pub asked: String,
    /// In which mode its rotations are.
    pub mode: Mode,
    /// Why, where a person had to say so.
    pub reason: Option<String>,
    /// What is compromised, where that is why: `issuer:NAME` or `consumer:NAME`.
    pub compromised: Option<String>,
    /// Its secrets.
    pub members: BTreeSet<SecretName>,
    /// The token of each that was exposed, where one was.
    pub exposed: BTreeMap<SecretName, Fingerprint>,
    /// Who opened it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Secrets that need no rotation, and who says why.
    pub justified: BTreeMap<SecretName, String>,
    /// Who closed it, and when.
    pub closed: Option<(Timestamp, String)>,
}

impl Opened {
    /// The record that opens it.
    #[must_use]
    pub fn record(&self) -> Record {
        let members: Vec<String> = self.members.iter().map(ToString::to_string).collect();
        let exposed: Vec<String> =
            self.exposed.iter().map(|(name, fp)| format!("{name}={}", fp.hex())).collect();
        let mut context = BTreeMap::from([
            ("campaign".to_owned(), self.id.to_string()),
            ("asked".to_owned(), self.asked.clone()),
            ("mode".to_owned(), word(self.mode)),
            ("members".to_owned(), members.join(" ")),
        ]);
        let more = [
            ("reason", self.reason.clone()),
            ("compromised", self.compromised.clone()),
            ("exposed", (!exposed.is_empty()).then(|| exposed.join(" "))),
        ];
        context.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        of(OPENED, self.at, &self.by, context)
    }

    /// The record that excuses a secret.
    #[must_use]
    pub fn justify(&self, secret: &SecretName, why: &str, by: &str, at: Timestamp) -> Record {
        let context = BTreeMap::from([
            ("campaign".to_owned(), self.id.to_string()),
            ("member".to_owned(), secret.to_string()),
            ("reason".to_owned(), why.to_owned()),
        ]);
        of(JUSTIFIED, at, by, context)
    }

    /// The record that closes it.
    #[must_use]
    pub fn close(&self, by: &str, at: Timestamp) -> Record {
        of(CLOSED, at, by, BTreeMap::from([("campaign".to_owned(), self.id.to_string())]))
    }

    /// Every campaign that these records tell of, oldest first. What cannot be read is passed
    /// over: a newer program wrote it.
    #[must_use]
    pub fn all(records: &[Record]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for record in records {
            let said = |key: &str| record.context.get(key).cloned();
            let Some(id) = said("campaign").map(CampaignId) else { continue };
            if record.action == OPENED {
                all.extend(opened(id, record));
                continue;
            }
            let Some(own) = all.iter_mut().find(|one| one.id == id) else { continue };
            match record.action.as_str() {
                JUSTIFIED => {
                    if let Some(secret) = said("member").and_then(|name| name.parse().ok()) {
                        let why = said("reason").unwrap_or_default();
                        own.justified.insert(secret, format!("{}: {why}", record.actor));
                    }
                }
                CLOSED => own.closed = Some((record.at, record.actor.clone())),
                _ => {}
            }
        }
        all
    }
}

fn opened(id: CampaignId, record: &Record) -> Option<Opened> {
    let said = |key: &str| record.context.get(key).cloned();
    let listed = |key: &str| said(key).unwrap_or_default();
    let exposed = listed("exposed");
    let exposed = exposed.split_whitespace().filter_map(|pair| {
        let (name, fingerprint) = pair.split_once('=')?;
        Some((name.parse().ok()?, fingerprint.parse().ok()?))
    });
    Some(Opened {
        id,
        asked: said("asked")?,
        mode: serde_json::from_value(said("mode")?.into()).ok()?,
        reason: said("reason"),
        compromised: said("compromised"),
        members: listed("members").split_whitespace().filter_map(|it| it.parse().ok()).collect(),
        exposed: exposed.collect(),
        by: record.actor.clone(),
        at: record.at,
        justified: BTreeMap::new(),
        closed: None,
    })
}

fn of(action: &str, at: Timestamp, by: &str, context: BTreeMap<String, String>) -> Record {
    let (action, actor) = (action.to_owned(), by.to_owned());
    Record { at, action, actor, secret: None, rotation: None, context }
}

fn word(mode: Mode) -> String {
    let text = serde_json::to_value(mode).ok();
    text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_log_gives_back_what_was_opened_excused_and_closed() {
        let secret: SecretName = "prod/HEROKU_API_KEY".parse().unwrap();
        let mut campaign = Opened {
            id: CampaignId("c-1".into()),
            asked: "issuer:heroku-acme".into(),
            mode: Mode::Emergency,
            reason: Some("a laptop was stolen".into()),
            compromised: Some("issuer:heroku-acme".into()),
            members: BTreeSet::from([secret.clone(), "prod/OTHER".parse().unwrap()]),
            exposed: BTreeMap::from([(secret.clone(), Fingerprint::from_bytes([7; 16]))]),
            by: "ops-1".into(),
            at: Timestamp::UNIX_EPOCH,
            justified: BTreeMap::new(),
            closed: None,
        };
        let records = [
            campaign.record(),
            campaign.justify(&secret, "never left the vault", "ops-2", Timestamp::UNIX_EPOCH),
            campaign.close("ops-1", Timestamp::UNIX_EPOCH),
        ];
        assert_eq!(Opened::all(&records[..1]), std::slice::from_ref(&campaign));
        campaign.justified.insert(secret, "ops-2: never left the vault".into());
        campaign.closed = Some((Timestamp::UNIX_EPOCH, "ops-1".into()));
        assert_eq!(Opened::all(&records), [campaign]);
        assert!(records.iter().all(|record| record.action.starts_with(ACTIONS)));
    }
}
