//! Goal: a power cut loses nothing that was acknowledged, and leaves nothing half. Method: every
//! operation on the disk is written down, and cuts keep any part of what was not synced. A sample
//! here; ten thousand cuts with `ROLLOVER_FULL=1`.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::process::Command;

use e2e::appends::{self, Cuts, Syncs};
use e2e::full;

fn cut(disk: Syncs, cuts: usize) -> Cuts {
    let child = || {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(this);
        child.args(["power::the_process_whose_power_is_cut", "--exact", "--nocapture"]);
        Ok(child)
    };
    appends::sweep(child, disk, cuts, 1).expect("the story is lived")
}

#[test]
fn the_journal_keeps_what_it_acknowledged() {
    let cuts = if full() { 10_000 } else { 200 };
    let sum = cut(Syncs::Honest, cuts);
    println!(
        "{} operations, {} cuts, {} left less than was shown, {} acknowledged steps, {} with one more, {} wrong",
        sum.ops,
        sum.tried,
        sum.torn,
        sum.acknowledged,
        sum.ahead,
        sum.wrong.len()
    );
    assert!(
        sum.wrong.is_empty(),
        "{}",
        sum.wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n")
    );
    assert_eq!(sum.tried, cuts);
    // The cuts cut: otherwise they show nothing.
    assert!(sum.torn * 3 > sum.tried, "hardly anything was lost");
    assert!(sum.ahead > 0, "no cut struck between a sync and its word");
}

/// Goal: the test above could fail. Method: a disk that only says that it has synced the log.
#[test]
fn a_disk_that_lies_is_found_out() {
    let sum = cut(Syncs::Lies, 60);
    assert!(sum.wrong.len() > 10, "{} of {} cuts were noticed", sum.wrong.len(), sum.tried);
}

/// Not a test of its own: the process that the test above starts.
#[test]
fn the_process_whose_power_is_cut() {
    appends::live_if_asked().expect("every step succeeds");
}
