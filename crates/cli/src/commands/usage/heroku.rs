//! What was done at a Heroku account: releases, authorizations, and who was not seen before.

use connectors::{Fault, RELEASES_MAX, ReleaseSeen};
use domain::SecretName;
use domain::usage::{Act, Counted, daily, newcomers};
use engine::Made;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Told, Window};
use crate::fail::Result;

/// So many releases of one app are shown.
const SHOWN: usize = 5;

pub(super) fn told(
    window: &Window<'_>,
    name: &SecretName,
    account: &str,
    authorizations: std::result::Result<Vec<Made>, Fault>,
    releases: &[(String, std::result::Result<Vec<ReleaseSeen>, Fault>)],
) -> Result<Told> {
    let (from, to) = (window.from, window.today);
    let mut told = Told {
        lines: vec![format!("{name}   Heroku account {account}, {from} to {to}")],
        object: json!({ "secret": name, "account": account, "from": from, "to": to }),
        unusual: false,
    };
    authorized(window, &mut told, authorizations);
    released(window, &mut told, account, releases)?;
    told.lines.extend(window.scale());
    told.lines.push("  Heroku tells of releases and authorizations, not of reads.".into());
    Ok(told)
}

/// Authorizations that live and were made in these days. What a rotation made is known, and is no
/// reason for alarm however much of it there is.
fn authorized(
    window: &Window<'_>,
    told: &mut Told,
    authorizations: std::result::Result<Vec<Made>, Fault>,
) {
    let all = match authorizations {
        Ok(all) => all,
        Err(fault) => return told.lines.push(format!("  authorizations not seen: {fault}")),
    };
    let others: Vec<Act> = all
        .iter()
        .filter(|one| !one.ours)
        .map(|one| Act { at: one.at, by: String::new() })
        .collect();
    let days = daily(&others, window.from, window.today);
    let spikes = window.series(told, "authorizations", &days, Counted::Acts);
    let new: Vec<&Made> = all.iter().filter(|one| one.at >= window.since()).collect();
    told.lines.extend(new.iter().map(|one| {
        let whose = if one.ours { ", by a rotation" } else { "" };
        format!("      made {:.0}: {}{whose}", one.at, one.description)
    }));
    told.object["authorizations"] = json!({ "live": all.len(), "days": days, "spikes": spikes });
    told.object["made"] = new
        .iter()
        .map(|one| json!({ "at": one.at, "description": one.description, "ours": one.ours }))
        .collect();
}

/// Releases of every app that is a consumer, as one series: a token that may write one may write
/// them all.
fn released(
    window: &Window<'_>,
    told: &mut Told,
    account: &str,
    releases: &[(String, std::result::Result<Vec<ReleaseSeen>, Fault>)],
) -> Result<()> {
    let seen: Vec<(&String, &Vec<ReleaseSeen>)> =
        releases.iter().filter_map(|(app, all)| Some((app, all.as_ref().ok()?))).collect();
    let act = |one: &ReleaseSeen| Act { at: one.at, by: one.by.clone() };
    let acts: Vec<Act> = seen.iter().flat_map(|(_, all)| all.iter().map(act)).collect();
    if !seen.is_empty() {
        let days = daily(&acts, known_from(window, &seen), window.today);
        let spikes = window.series(told, "releases", &days, Counted::Acts);
        window.drawn(&format!("{account}: releases"), &days, &spikes)?;
        told.object["releases"] = json!({ "days": days, "spikes": spikes });
    }
    let new = newcomers(&acts, window.since());
    told.unusual |= !new.is_empty();
    told.lines.extend(new.iter().map(|one| {
        format!("  (!) first seen {:.0}: {}, {} release(s)", one.since, one.by, one.acts)
    }));
    told.object["newcomers"] = json!(new);
    let mut apps = Vec::new();
    for (app, all) in releases {
        match all {
            Err(fault) => told.lines.push(format!("  {app}: releases not seen: {fault}")),
            Ok(all) => {
                let new: Vec<_> = all.iter().filter(|one| one.at >= window.since()).collect();
                told.lines.push(format!("  {app}: {} release(s) lately", new.len()));
                told.lines.extend(new.iter().take(SHOWN).map(|one| {
                    let (version, at) = (one.version, one.at);
                    format!("      v{version} {at:.0} {} by {}", one.description, one.by)
                }));
                apps.push(json!({ "app": app, "releases": new.len() }));
            }
        }
    }
    told.object["apps"] = json!(apps);
    Ok(())
}

/// From which day on all releases are known: where a list is cut, the days before its last are not
/// days without a release.
fn known_from(window: &Window<'_>, seen: &[(&String, &Vec<ReleaseSeen>)]) -> Date {
    let cut = seen.iter().filter(|(_, all)| all.len() >= RELEASES_MAX);
    let oldest = cut.filter_map(|(_, all)| all.last());
    let days = oldest.map(|one| one.at.to_zoned(TimeZone::UTC).date());
    days.fold(window.from, Date::max)
}
