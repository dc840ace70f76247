//! `rollover rotate --due`, called every hour for years, on a clock that is only counted.
//!
//! What is called is what the command asks: is it due, and is it closed? A rotation takes a while,
//! and its token is a new one from its end on.

use domain::Span;
use domain::schedule::{Freeze, Schedule, Slot, Window};
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::Result;

/// Zones with every kind of clock change: both hemispheres, half hours, none at all, a day that
/// was left out, Ramadan.
pub const ZONES: [&str; 30] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Moscow",
    "Europe/Istanbul",
    "America/New_York",
    "America/Los_Angeles",
    "America/Denver",
    "America/Phoenix",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Caracas",
    "America/Havana",
    "America/Asuncion",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Johannesburg",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Gaza",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Kiritimati",
];

/// Windows as people have them.
pub const WINDOWS: [&[&str]; 4] = [
    &[],
    &["mon-thu 09:00-16:00"],
    &["sat 22:00-02:00", "tue 10:00-12:00"],
    // Over the hour that most clock changes leave out or repeat.
    &["daily 01:30-03:30"],
];

const SECRETS: [(&str, u64); 4] =
    [("prod/A", 90), ("prod/B", 30), ("staging/C", 14), ("prod/D", 365)];

/// How long a rotation takes.
const TAKES: SignedDuration = SignedDuration::from_mins(20);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Years {
    /// How often the command was called.
    pub calls: u64,
    /// How many rotations began.
    pub rotations: u64,
    /// Those that did not begin in the window they were placed in.
    pub missed: Vec<String>,
    /// Those that began again although the token was fresh.
    pub doubled: Vec<String>,
    /// Those that began in a freeze or outside of the windows.
    pub outside: Vec<String>,
    /// Tokens that grew too old although a window was early enough.
    pub overdue: Vec<String>,
}

/// So many years in one zone, with one set of windows and a freeze at the end of each year.
///
/// # Errors
/// A zone or a window that is none.
pub fn years(zone: &str, windows: &[&str], years: i16) -> Result<Years> {
    let zone = TimeZoneDatabase::bundled().get(zone).map_err(|error| error.to_string())?;
    let parsed: std::result::Result<Vec<Window>, _> =
        windows.iter().map(|text| text.parse()).collect();
    let schedule = Schedule {
        zone: zone.clone(),
        windows: parsed.map_err(|error| error.to_string())?,
        freezes: (2025..2027 + years).filter_map(freeze).collect(),
        jitter: Span::from_secs(5 * 86_400),
        ..Schedule::default()
    };
    let mut sum = Years::default();
    for (name, days) in SECRETS {
        live(&schedule, &zone, name, Span::from_secs(days * 86_400), years, &mut sum)?;
    }
    Ok(sum)
}

fn freeze(year: i16) -> Option<Freeze> {
    let (from, to) = (Date::new(year, 12, 18).ok()?, Date::new(year + 1, 1, 4).ok()?);
    Some(Freeze { from, to, why: "year end".into() })
}

fn live(
    schedule: &Schedule,
    zone: &TimeZone,
    name: &str,
    max_age: Span,
    years: i16,
    sum: &mut Years,
) -> Result<()> {
    let mut since: Timestamp = "2026-03-02T10:00:00Z".parse().map_err(|_| "no moment")?;
    let end = since + SignedDuration::from_hours(24 * 365 * i64::from(years));
    let mut slot = schedule.slot(name, since, max_age);
    let mut call = first_call(since, zone)?;
    while call.timestamp() < end {
        let now = call.timestamp();
        sum.calls += 1;
        // What the command asks; the slot of one token is always the same.
        if slot.start <= now && schedule.closed(now).is_none() {
            let told = format!("{name} in {}, placed {}, begun {now}", zone_name(zone), slot.start);
            judge(schedule, &slot, since, max_age, now, &told, sum);
            since = now + TAKES;
            slot = schedule.slot(name, since, max_age);
        }
        call = call.checked_add(1.hour()).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The first of the calls at seven minutes past each hour.
fn first_call(since: Timestamp, zone: &TimeZone) -> Result<Zoned> {
    let next = since.to_zoned(zone.clone()).with().minute(7).second(0).build();
    next.map_err(|error| error.to_string())
}

fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("?").to_owned()
}

fn judge(
    schedule: &Schedule,
    slot: &Slot,
    since: Timestamp,
    max_age: Span,
    now: Timestamp,
    told: &str,
    sum: &mut Years,
) {
    sum.rotations += 1;
    let hour = SignedDuration::from_hours(1);
    // Without windows it is to begin with the next call.
    let within = match slot.end.filter(|_| !schedule.windows.is_empty()) {
        Some(end) => now < end,
        None => now.duration_since(slot.start) <= hour,
    };
    if !within {
        sum.missed.push(told.to_owned());
    }
    let age = now.duration_since(since).as_millis();
    if age < i128::from(max_age.millis()) / 2 && !slot_is_early(slot, since, max_age) {
        sum.doubled.push(told.to_owned());
    }
    if schedule.closed(now).is_some() {
        sum.outside.push(told.to_owned());
    }
    if now > slot.due + hour && !slot.late {
        sum.overdue.push(told.to_owned());
    }
}

/// Whether a freeze before its time has moved it into the first half of its life.
fn slot_is_early(slot: &Slot, since: Timestamp, max_age: Span) -> bool {
    let age = slot.start.duration_since(since).as_millis();
    age < i128::from(max_age.millis()) / 2
}
