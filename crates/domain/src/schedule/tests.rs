//! Goal: no rotation is missed and none is doubled, across clock changes, freezes and leap days.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;

fn zone(name: &str) -> TimeZone {
    jiff::tz::TimeZoneDatabase::bundled().get(name).unwrap()
}

fn schedule(name: &str, windows: &[&str]) -> Schedule {
    Schedule {
        zone: zone(name),
        windows: windows.iter().map(|text| text.parse().unwrap()).collect(),
        ..Schedule::default()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const DAYS_90: Span = Span::from_secs(90 * 86_400);

/// Zones with every kind of clock change: both hemispheres, half hours, none at all, a day that
/// was left out, Ramadan.
const ZONES: [&str; 30] = [
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
    "America/Havana",
    "America/Asuncion",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/Lagos",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Asia/Jerusalem",
    "Asia/Beirut",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
];

#[test]
fn ten_years_in_thirty_zones_miss_nothing_and_double_nothing() {
    let mut rotations = 0;
    for name in ZONES {
        for windows in
            [&["mon-thu 09:00-16:00"][..], &["sun 01:30-02:45"], &["sat 23:00-03:30"], &[]]
        {
            let mut schedule = schedule(name, windows);
            schedule.jitter = Span::from_secs(5 * 86_400);
            schedule.freezes = (2026..2037)
                .map(|year| Freeze {
                    from: date(year, 12, 18),
                    to: date(year + 1, 1, 4),
                    why: "year end".into(),
                })
                .collect();
            let (mut since, end) = (at("2026-01-15T08:00:00Z"), at("2036-01-15T08:00:00Z"));
            while since < end {
                let slot = schedule.slot(name, since, DAYS_90);
                assert!(slot.start > since, "{name} {windows:?}: twice at {since}");
                assert!(
                    !slot.late && slot.start <= slot.due,
                    "{name} {windows:?}: missed at {since}"
                );
                assert_eq!(schedule.closed(slot.start), None, "{name} {windows:?}: {}", slot.start);
                // The same question has the same answer, whenever it is asked.
                assert_eq!(schedule.slot(name, since, DAYS_90), slot);
                since = slot.start;
                rotations += 1;
            }
        }
    }
    assert!(rotations > 30 * 4 * 35, "{rotations}");
    eprintln!("schedule: {rotations} rotations in 10 years, 30 zones, 4 kinds of windows");
}

#[test]
fn clock_changes_move_windows_and_swallow_none_that_remains() {
    // 2027-03-28 in Berlin: 02:00 becomes 03:00.
    let night = schedule("Europe/Berlin", &["sun 02:15-02:45"]);
    let first = night.openings(at("2027-03-27T00:00:00Z")).next().unwrap();
    assert_eq!(first.start, at("2027-03-28T01:15:00Z"), "03:15, the moment after the gap");
    // 2026-10-25: 03:00 becomes 02:00, so 02:15 comes twice; the first counts, once.
    let twice: Vec<Opening> = night.openings(at("2026-10-24T00:00:00Z")).take(2).collect();
    assert_eq!(twice[0].start, at("2026-10-25T00:15:00Z"));
    assert_eq!(twice[1].start, at("2026-11-01T01:15:00Z"));
    // Across the change a window of an hour before midnight to an hour after two is three hours.
    let across = schedule("Europe/Berlin", &["sat 23:00-03:00"]);
    let spring = across.openings(at("2027-03-27T12:00:00Z")).next().unwrap();
    assert_eq!(spring.end.duration_since(spring.start).as_hours(), 3);
    // Samoa left 2011-12-30 out: a window on that day was none.
    let apia = schedule("Pacific/Apia", &["fri 09:00-10:00"]);
    let after = apia.openings(at("2011-12-29T12:00:00Z")).next().unwrap();
    assert_eq!(after.start.to_zoned(zone("Pacific/Apia")).date(), date(2012, 1, 6));
}

#[test]
fn a_freeze_moves_a_rotation_before_it_and_says_why_it_is_closed() {
    let mut schedule = schedule("Europe/Berlin", &["mon-thu 09:00-16:00"]);
    schedule.freezes.push(Freeze {
        from: date(2026, 12, 18),
        to: date(2027, 1, 4),
        why: "year end".into(),
    });
    let slot = schedule.slot("prod/A", at("2026-09-29T07:00:00Z"), DAYS_90);
    assert_eq!(slot.start, at("2026-12-17T08:00:00Z"), "Thursday before it");
    assert!(schedule.closed(at("2026-12-24T10:00:00Z")).unwrap().contains("year end"));
    let why = schedule.closed(at("2026-12-12T10:00:00Z")).unwrap();
    assert!(why.contains("Mon 2026-12-14 09:00"), "{why}");
    // A window that reaches into a freeze ends where it begins.
    schedule.windows = vec!["thu 22:00-04:00".parse().unwrap()];
    let opening = schedule.openings(at("2026-12-17T12:00:00Z")).next().unwrap();
    assert_eq!(opening.end, at("2026-12-17T23:00:00Z"));
}

#[test]
fn where_no_window_is_early_enough_the_next_one_is_taken_and_called_late() {
    let mut schedule = schedule("UTC", &["mon 09:00-10:00"]);
    schedule.freezes.push(Freeze {
        from: date(2026, 1, 1),
        to: date(2026, 12, 31),
        why: "sold".into(),
    });
    let slot = schedule.slot("prod/A", at("2026-02-01T00:00:00Z"), DAYS_90);
    assert!(slot.late && slot.start == at("2027-01-04T09:00:00Z"), "{slot:?}");
}

#[test]
fn jitter_draws_apart_and_never_makes_late() {
    let mut schedule = schedule("UTC", &[]);
    schedule.jitter = Span::from_secs(7 * 86_400);
    let since = at("2026-01-01T00:00:00Z");
    let slots: Vec<Slot> =
        (0..100).map(|i| schedule.slot(&format!("prod/S{i}"), since, DAYS_90)).collect();
    let days: std::collections::BTreeSet<String> =
        slots.iter().map(|slot| slot.start.strftime("%F").to_string()).collect();
    assert_eq!(days.len(), 7);
    assert!(slots.iter().all(|slot| slot.start <= slot.due && slot.start > since));
}

#[test]
fn a_calendar_is_folded_escaped_and_keeps_its_ids() {
    let calendar = Calendar {
        org: "acme".into(),
        at: at("2026-11-21T12:00:00Z"),
        entries: vec![
            CalendarEntry::Rotation {
                name: "prod/KEY".into(),
                start: at("2027-02-08T08:00:00Z"),
                end: Some(at("2027-02-08T15:00:00Z")),
                note: format!("consumers: {}", "heroku:äcme; ".repeat(9)),
            },
            CalendarEntry::Freeze {
                from: date(2026, 12, 18),
                to: date(2027, 1, 4),
                why: "a, b".into(),
            },
        ],
    };
    let ics = calendar.ics();
    assert!(ics.lines().all(|line| line.len() <= 75), "{ics}");
    assert!(ics.ends_with("END:VCALENDAR\r\n") && !ics.replace("\r\n", "").contains('\n'));
    for line in [
        "UID:prod/KEY@acme.rollover",
        "DTSTART:20270208T080000Z",
        "DTSTART;VALUE=DATE:20261218",
        "DTEND;VALUE=DATE:20270105",
        "SUMMARY:freeze: a\\, b",
    ] {
        assert!(ics.contains(&format!("{line}\r\n")), "{line}: {ics}");
    }
    let unfolded = ics.replace("\r\n ", "");
    assert!(unfolded.contains("heroku:äcme\\; heroku:äcme"), "{unfolded}");
}
