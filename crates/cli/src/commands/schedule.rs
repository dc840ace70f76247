//! `rollover schedule`: when each rotation is due and into which window it falls. Reads the
//! inventory and the journal only; no vendor is asked.

use domain::SecretName;
use domain::schedule::{Calendar, CalendarEntry, Slot};
use jiff::Timestamp;
use serde_json::json;

use crate::args::{Global, Schedule};
use crate::commands::rotate::since;
use crate::exit::Exit;
use crate::fail::Result;
use crate::home::Home;
use crate::output::{Output, table};

/// A secret, and where its next rotation is placed; none while nobody knows how old its token is.
struct Placed {
    name: SecretName,
    max_age: domain::Span,
    since: Option<Timestamp>,
    slot: Option<Slot>,
    /// It is decommissioned: nothing of it is ever due.
    out_of_use: bool,
}

pub(crate) fn run(args: &Schedule, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let mut placed = Vec::new();
    for secret in home.inventory.secrets.values() {
        let since = since(&reader, &secret.name)?;
        let slot = since.map(|since| {
            home.inventory.schedule.slot(&secret.name.to_string(), since, secret.max_age)
        });
        let out_of_use = reader.decommissioned(&secret.name)?.is_some();
        let (name, max_age) = (secret.name.clone(), secret.max_age);
        placed.push(Placed { name, max_age, since, slot, out_of_use });
    }
    // What comes first is read first; what nobody knows comes last.
    placed.sort_by_key(|one| {
        (one.slot.as_ref().map_or(Timestamp::MAX, |slot| slot.start), one.name.to_string())
    });
    match args {
        Schedule::Ls => list(&home, &placed, output),
        Schedule::Calendar { ics } => calendar(&home, &placed, *ics, output),
    }
}

fn list(home: &Home, placed: &[Placed], output: Output) -> Result<Exit> {
    let now = Timestamp::now();
    let schedule = &home.inventory.schedule;
    let local =
        |at: Timestamp| at.to_zoned(schedule.zone.clone()).strftime("%a %F %H:%M %Z").to_string();
    let rows: Vec<Vec<String>> = placed
        .iter()
        .map(|one| {
            let slot = one.slot.as_ref();
            vec![
                one.name.to_string(),
                one.max_age.to_string(),
                match (one.out_of_use, slot) {
                    (true, _) => "-".into(),
                    (false, None) => "unknown".into(),
                    (false, Some(slot)) => local(slot.due),
                },
                slot.map_or_else(|| "-".into(), |slot| local(slot.start)),
                match (one.out_of_use, slot) {
                    (true, _) => "decommissioned",
                    (false, None) => "never rotated here",
                    (false, Some(slot)) => standing(slot, now),
                }
                .to_owned(),
            ]
        })
        .collect();
    output.text(&table(&["NAME", "MAX", "OVERDUE", "PLACED", "STANDS"], &rows))?;
    let closed = schedule.closed(now);
    match &closed {
        Some(why) => output.text(&format!("\nNow: closed, {why}"))?,
        None => output.text("\nNow: open")?,
    }
    let secrets: Vec<_> = placed
        .iter()
        .map(|one| {
            let slot = one.slot.as_ref();
            json!({
                "secret": one.name, "max_age": one.max_age, "since": one.since,
                "overdue_at": slot.map(|slot| slot.due), "warn_at": slot.map(|slot| slot.warn),
                "start": slot.map(|slot| slot.start), "end": slot.and_then(|slot| slot.end),
                "late": slot.map(|slot| slot.late),
                "stands": match one.out_of_use {
                    true => Some("decommissioned"),
                    false => slot.map(|slot| standing(slot, now)),
                },
            })
        })
        .collect();
    output.json(&json!({ "closed": closed, "secrets": secrets }))?;
    Ok(Exit::Ok)
}

/// One word for how urgent it is.
fn standing(slot: &Slot, now: Timestamp) -> &'static str {
    if slot.due <= now {
        "overdue"
    } else if slot.start <= now {
        "due"
    } else if slot.warn <= now {
        "soon"
    } else {
        "far"
    }
}

fn calendar(home: &Home, placed: &[Placed], ics: bool, output: Output) -> Result<Exit> {
    let schedule = &home.inventory.schedule;
    let mut entries: Vec<CalendarEntry> = placed
        .iter()
        .filter_map(|one| {
            let slot = one.slot.as_ref()?;
            let secret = home.inventory.secret(&one.name)?;
            let consumers: Vec<String> =
                secret.consumers.iter().map(|consumer| consumer.id.to_string()).collect();
            let due = slot.due.to_zoned(schedule.zone.clone());
            let note = format!(
                "rollover rotate {}\noverdue from {}\nrole {}\nconsumers: {}",
                one.name,
                due.strftime("%F"),
                secret.role,
                consumers.join(", ")
            );
            let (start, end) = (slot.start, slot.end);
            Some(CalendarEntry::Rotation { name: one.name.to_string(), start, end, note })
        })
        .collect();
    entries.extend(schedule.freezes.iter().map(|freeze| {
        let (from, to, why) = (freeze.from, freeze.to, freeze.why.clone());
        CalendarEntry::Freeze { from, to, why }
    }));
    if ics {
        let org = home.inventory.org.clone();
        let ics = Calendar { org, at: Timestamp::now(), entries }.ics();
        output.json(&json!({ "ics": ics }))?;
        output.file(&ics)?;
        return Ok(Exit::Ok);
    }
    let mut days: Vec<(jiff::civil::Date, String)> = entries
        .iter()
        .map(|entry| match entry {
            CalendarEntry::Rotation { name, start, .. } => {
                let local = start.to_zoned(schedule.zone.clone());
                (local.date(), format!("{}  rotate {name}", local.strftime("%H:%M")))
            }
            CalendarEntry::Freeze { from, to, why } => (*from, format!("freeze until {to}: {why}")),
        })
        .collect();
    days.sort();
    let mut month = None;
    for (day, what) in &days {
        if month != Some((day.year(), day.month())) {
            month = Some((day.year(), day.month()));
            output.text(&day.strftime("\n%B %Y").to_string())?;
        }
        output.text(&format!("  {}  {what}", day.strftime("%a %d")))?;
    }
    let days: Vec<_> = days.iter().map(|(day, what)| json!({ "day": day, "what": what })).collect();
    output.json(&days)?;
    Ok(Exit::Ok)
}
