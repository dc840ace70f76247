//! Goal: spikes are found, ordinary weeks are not called spikes, and the command tells of both.
//! Method: simulated years, and days that are planted into the lab's Postmark.

use std::path::Path;

use e2e::usage::simulated;
use e2e::{POSTMARK, Result, Stage};
use jiff::{Span, Timestamp, tz::TimeZone};

#[test]
fn planted_spikes_are_found_and_weeks_are_not_spikes() {
    let found = simulated(400);
    assert!(found.planted > 200, "{found:?}");
    assert_eq!(found.found, found.planted, "{found:?}");
    assert!(found.worst <= 1, "{found:?}");
}

#[test]
fn a_spike_and_hidden_copies_are_told() -> Result<()> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let lab = stage.lab();
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let before = |days: i64| today.saturating_sub(Span::new().days(days)).to_string();
    for days in 1..80 {
        lab.set_postmark_day("acme-prod", &before(days), [100, 2, 0, 0]);
    }
    let quiet = stage.rollover(&["usage", POSTMARK.name, "--check", "--ascii"]).run()?.is(0)?;
    assert!(quiet.stdout.contains("does not tell which of its tokens"), "{quiet}");
    assert!(quiet.stdout.is_ascii(), "{quiet}");
    lab.set_postmark_day("acme-prod", &before(2), [900, 2, 60, 0]);
    let picture = stage.directory().join("sent.svg").display().to_string();
    let loud =
        stage.rollover(&["usage", POSTMARK.name, "--check", "--svg", &picture]).run()?.is(3)?;
    assert!(loud.stdout.contains("900 sent, usual for this day of the week: 100"), "{loud}");
    assert!(loud.stdout.contains("60 API errors"), "{loud}");
    let drawn = std::fs::read_to_string(&picture).map_err(|error| error.to_string())?;
    assert!(drawn.starts_with("<svg") && drawn.contains("900"), "{drawn}");
    let all = stage.rollover(&["usage", "--json"]).run()?.is(0)?;
    assert!(all.json()?[0]["account"].is_string(), "{all}");
    Ok(())
}
