//! Goal: spikes are found, ordinary weeks are not called spikes, and the command tells of both.
//! Method: simulated years, and days that are planted into the lab's Postmark.

use std::path::Path;

use domain::usage::Counted;
use e2e::usage::simulated;
use e2e::{HEROKU, POSTMARK, Result, Stage};
use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};

#[test]
fn planted_spikes_are_found_and_weeks_are_not_spikes() {
    for counted in [Counted::Mails, Counted::Acts] {
        let found = simulated(counted, 400);
        assert!(found.planted > 200, "{counted:?} {found:?}");
        assert_eq!(found.found, found.planted, "{counted:?} {found:?}");
        assert!(found.worst <= 1, "{counted:?} {found:?}");
    }
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
    let drawn = loud.stdout.lines().filter(|line| line.contains('|'));
    assert!(drawn.clone().count() == 4, "{loud}");
    assert!(
        drawn.map(|line| line.chars().count()).max().is_some_and(|width| width <= 80),
        "{loud}"
    );
    let drawn = std::fs::read_to_string(&picture).map_err(|error| error.to_string())?;
    assert!(drawn.starts_with("<svg") && drawn.contains("900"), "{drawn}");
    let all = stage.rollover(&["usage", "--json"]).run()?.is(0)?;
    assert!(all.json()?[0]["account"].is_string(), "{all}");
    Ok(())
}

#[test]
fn what_is_done_at_heroku_has_a_baseline_too() -> Result<()> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let lab = stage.lab();
    let now = Timestamp::now();
    let at = |hours: i64| now - SignedDuration::from_hours(hours);
    let quiet: Vec<_> = (1..80).rev().map(|day| (at(24 * day), "ops@example.com")).collect();
    lab.set_heroku_past("acme-api-prod", &quiet);
    let usual = ["usage", HEROKU.name, "--check", "--ascii"];
    let told = stage.rollover(&usual).run()?.is(0)?;
    assert!(told.stdout.contains("of releases and authorizations, not of reads"), "{told}");
    assert!(told.stdout.lines().all(|line| line.chars().count() <= 80), "{told}");
    // Somebody who was never seen, and more than a usual day has.
    let night: Vec<_> = (0..15).map(|_| (at(30), "night@example.com")).collect();
    lab.set_heroku_past("acme-console-prod", &night);
    let told = stage.rollover(&usual).run()?.is(3)?;
    assert!(told.stdout.contains("releases, usual for this day of the week: 1"), "{told}");
    assert!(told.stdout.contains("night@example.com, 15 release(s)"), "{told}");
    // Authorizations that nobody here made are counted, those of a rotation are not.
    for number in 0..12 {
        let _token = lab.add_heroku_authorization(&format!("one more {number}"), &["read"], None);
    }
    let told = stage.rollover(&["usage", HEROKU.name, "--json"]).run()?.is(0)?.json()?;
    let spikes = &told[0]["authorizations"]["spikes"];
    assert_eq!(spikes.as_array().map(Vec::len), Some(1), "{told:#}");
    Ok(())
}
