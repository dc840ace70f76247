//! What a Postmark server did: its days, and whom its mails went to.

use std::collections::BTreeMap;

use connectors::Fault;
use domain::SecretName;
use domain::usage::{Counted, Counts, Mail, Measure, New, news, whole};
use jiff::civil::Date;
use serde_json::json;

use super::{Told, Window};
use crate::fail::Result;

pub(super) fn told(
    window: &Window<'_>,
    name: &SecretName,
    server: &str,
    days: std::result::Result<BTreeMap<Date, Counts>, Fault>,
    mails: std::result::Result<Vec<Mail>, Fault>,
) -> Result<Told> {
    let (from, to) = (window.from, window.today);
    let mut told = Told {
        lines: vec![format!("{name}   Postmark server {server}, {from} to {to}")],
        object: json!({ "secret": name, "server": server, "from": from, "to": to }),
        unusual: false,
    };
    match days {
        Err(fault) => told.lines.push(format!("  not seen: {fault}")),
        Ok(days) => {
            let mut measures = Vec::new();
            for measure in Measure::ALL {
                let all = whole(&days, measure, from, to);
                let found = window.series(&mut told, measure.title(), &all, Counted::Mails);
                if measure == Measure::Sent {
                    window.drawn(&format!("{server}: mails sent"), &all, &found)?;
                }
                measures.push(json!({ "measure": measure, "days": all, "spikes": found }));
            }
            told.object["measures"] = json!(measures);
            told.lines.extend(window.scale());
        }
    }
    match mails {
        Err(fault) => told.lines.push(format!("  mails not seen: {fault}")),
        Ok(mails) => {
            let found = news(&mails, window.since());
            told.lines.push(format!("  {} mails searched for new recipients", mails.len()));
            told.unusual |= found.iter().any(|new| new.bcc);
            told.lines.extend(found.iter().map(new_line));
            told.object["new"] = json!(found);
        }
    }
    told.lines
        .push("  Postmark counts by server: it does not tell which of its tokens was used.".into());
    Ok(told)
}

fn new_line(new: &New) -> String {
    match new.bcc {
        true => format!(
            "  (!) hidden copies to {} since {:.0}: {} mail(s)",
            new.domain, new.since, new.mails
        ),
        false => format!("      first mails to {} at {:.0}: {}", new.domain, new.since, new.mails),
    }
}
