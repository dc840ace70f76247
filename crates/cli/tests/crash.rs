//! Goal: `kill -9` is safe at every instant. Method: the process kills itself at the N-th instant
//! at which a crash could matter, the same command is run again, and the world is compared with
//! that after an undisturbed run. A sample here; all of it with `ROLLOVER_FULL=1`.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]
#![expect(clippy::print_stdout, reason = "what was tried is part of what a test tells")]

use std::path::Path;

use e2e::crashes::{Sweep, What, sweep};
use e2e::full;

fn killed(what: What, first: u64, step: u64) -> Sweep {
    let (first, step) = if full() { (1, 1) } else { (first, step) };
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let sum = sweep(binary, what, first, step, 4).expect("the sweep runs");
    println!(
        "{what:?}: {} kills, {} right ({} after the last write), {} requests, {} refused",
        sum.tried, sum.right, sum.unheard, sum.requests, sum.refused
    );
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert_eq!(sum.refused, 0);
    sum
}

#[test]
fn a_rotation_by_api() {
    assert!(killed(What::Heroku, 5, 17).tried > 5);
}

#[test]
fn a_rotation_with_an_operator() {
    assert!(killed(What::Postmark, 3, 19).tried > 5);
}

#[test]
fn a_way_back() {
    assert!(killed(What::HerokuBack, 2, 13).tried > 3);
}
