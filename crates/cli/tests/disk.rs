//! Goal: no disk, however bad, and no power cut loses a step that was acknowledged, lets anything
//! happen at a vendor that is not written down, or leaves a person without advice. Method: each
//! operation of a rotation on the disk is the one that fails; then the disk is well again and the
//! same command is run again. A sample here; all of it with `ROLLOVER_FULL=1`.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]
#![expect(clippy::print_stdout, reason = "what was tried is part of what a test tells")]

use std::path::Path;

use e2e::disks::{Bad, Case, operations, sweep};
use e2e::{HEROKU, POSTMARK, Secret, full};

/// Every n-th operation, with each kind of case in turn.
fn at_operations(secret: &Secret, first: usize, step: usize, kinds: &[fn(usize) -> Case]) {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let count = operations(binary, secret).expect("an undisturbed run completes");
    let cases: Vec<Case> = if full() {
        (1..=count).flat_map(|at| kinds.iter().map(move |kind| kind(at))).collect()
    } else {
        let points = (first..=count).step_by(step);
        points.zip(kinds.iter().cycle()).map(|(at, kind)| kind(at)).collect()
    };
    let sum = sweep(binary, secret, &cases, 4).expect("the sweep runs");
    println!(
        "{}: {count} operations, {} cases, {} struck, {} of them unharmed, {} effects after",
        secret.name, sum.tried, sum.struck, sum.unharmed, sum.effects_after
    );
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert_eq!(sum.effects_after, 0);
    assert!(sum.struck * 10 > sum.tried * 8, "the faults hit nothing");
}

const BAD: [fn(usize) -> Case; 3] = [
    |at| Case::From(Bad::Full, at),
    |at| Case::From(Bad::Broken, at),
    |at| Case::From(Bad::ReadOnly, at),
];
const BAD_ONCE: [fn(usize) -> Case; 3] = [
    |at| Case::Once(Bad::Full, at),
    |at| Case::Once(Bad::Broken, at),
    |at| Case::Once(Bad::ReadOnly, at),
];
const CUT: [fn(usize) -> Case; 1] = [Case::Cut];

#[test]
fn a_disk_that_goes_bad() {
    at_operations(&HEROKU, 3, 43, &BAD);
}

#[test]
fn a_disk_that_goes_bad_under_an_operator() {
    at_operations(&POSTMARK, 20, 67, &BAD);
}

#[test]
fn a_disk_that_fails_once() {
    at_operations(&HEROKU, 5, 53, &BAD_ONCE);
}

#[test]
fn a_power_cut() {
    at_operations(&HEROKU, 7, 41, &CUT);
}
