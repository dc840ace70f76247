//! Goal: people see when a rotation is due and into which window it falls, and their calendars do.

use std::path::Path;

use e2e::{HEROKU, Stage};

const SCHEDULE: &str = "\n[schedule]\nzone = \"Europe/Berlin\"\nwindows = [\"mon-thu 09:00-16:00\"]\n\
    \n[[freezes]]\nfrom = \"2100-12-18\"\nto = \"2101-01-04\"\nwhy = \"year end\"\n";

#[test]
fn what_was_rotated_is_placed_into_a_window() {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    stage.edit("rollover.toml", |text| text + SCHEDULE).expect("edited");
    let run =
        |args: &[&str]| stage.rollover(args).run().and_then(|ended| ended.is(0)).expect("it lists");
    let before = run(&["schedule", "ls"]);
    assert!(before.stdout.contains("never rotated here"), "{before}");
    let _ = stage.rotate(&HEROKU).run().and_then(|ended| ended.is(0)).expect("it completes");
    let listed = run(&["schedule", "ls", "--json"]).json().expect("JSON");
    let placed = &listed["secrets"][0];
    assert_eq!((&placed["secret"], &placed["late"]), (&HEROKU.name.into(), &false.into()));
    assert!(placed["start"].as_str() < placed["overdue_at"].as_str(), "{placed}");
    let ics = run(&["schedule", "calendar", "--ics"]).stdout;
    assert!(
        ics.starts_with("BEGIN:VCALENDAR\r\n") && ics.contains("DTEND;VALUE=DATE:21010105\r\n")
    );
    assert!(ics.contains("UID:prod/HEROKU_API_KEY@acme.rollover\r\n"), "{ics}");
    let days = run(&["schedule", "calendar"]);
    assert!(days.stdout.contains("09:00  rotate prod/HEROKU_API_KEY"), "{days}");
    let wrong = stage.edit("rollover.toml", |text| text.replace("Berlin", "Berlim"));
    wrong.expect("edited");
    let refused = stage.rollover(&["config", "check"]).run().and_then(|ended| ended.is(2));
    let refused = refused.expect("it is refused");
    assert!(refused.stderr.contains("no time zone `Europe/Berlim`"), "{refused}");
}

#[test]
fn what_is_asked_for_every_hour_begins_once_and_in_its_window() {
    // Two years in a few zones here; ten in thirty are a figure.
    for zone in ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia"] {
        for windows in e2e::hourly::WINDOWS {
            let years = e2e::hourly::years(zone, windows, 2).expect("a zone and windows");
            let wrong = [years.missed, years.doubled, years.outside, years.overdue].concat();
            assert!(wrong.is_empty(), "{zone} {windows:?}: {wrong:?}");
            assert!(years.rotations > 90, "{zone} {windows:?}: {} rotations", years.rotations);
        }
    }
}
