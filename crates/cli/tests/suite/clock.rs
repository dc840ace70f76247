//! Goal: a clock that is set by a day, either way, revokes nothing early and proves nothing that
//! is not so, whether the program runs meanwhile or not. Method: the clock under the real program
//! is set at each of its calls, and between each of its deaths and the same command run again; the
//! true times are the lab's. A sample here; all of it with `ROLLOVER_FULL=1`.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]
#![expect(clippy::print_stdout, reason = "what was tried is part of what a test tells")]

use std::path::Path;

use e2e::clocks::{Case, DAY, requests, sweep};
use e2e::shim::Shim;
use e2e::{HEROKU, POSTMARK, Secret, Stage, full};

/// Instants at which each rotation can be killed, or few less.
const INSTANTS: u64 = 260;
const INSTANTS_OPERATOR: u64 = 160;

fn set(secret: &Secret, kind: fn(u64, i64) -> Case, last: u64, first: u64, step: usize) {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let cases: Vec<Case> = if full() {
        (1..=last).flat_map(|at| [kind(at, DAY), kind(at, -DAY)]).collect()
    } else {
        let points = (first..=last).step_by(step);
        points.zip([DAY, -DAY].into_iter().cycle()).map(|(at, by)| kind(at, by)).collect()
    };
    let sum = sweep(binary, secret, &cases, 4).expect("the sweep runs");
    println!(
        "{}: {} cases, {} struck, {} early, {} false proofs",
        secret.name, sum.tried, sum.struck, sum.early, sum.false_proofs
    );
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert!(sum.struck * 10 > sum.tried * 6, "the clock was hardly set");
}

fn calls(secret: &Secret) -> u64 {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    requests(binary, secret).expect("an undisturbed run completes")
}

/// Goal: a rotation that ended while the clock was a day ahead is not taken for the end of one
/// that was killed today.
#[test]
fn an_end_in_the_future_is_not_the_end_of_todays_rotation() {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    let shim = Shim::build(&stage.directory()).expect("a C compiler");
    shim.set_clock(DAY).expect("it can be set");
    let ended = shim.off_the_clock(stage.rotate(&HEROKU)).run();
    let _ = ended.and_then(|ended| ended.is(0)).expect("it completes");
    // Right after it began, and before it did.
    for point in [24, 4] {
        assert!(stage.rotate(&HEROKU).crash_at(point).run().expect("it starts").was_killed());
        let again = stage.rotate(&HEROKU).run().and_then(|ended| ended.is(0)).expect("goes on");
        assert!(again.stderr.contains("ok   revoke"), "{again}");
    }
}

#[test]
fn while_a_rotation_by_api_runs() {
    set(&HEROKU, Case::Running, calls(&HEROKU), 3, 13);
}

#[test]
fn while_a_rotation_with_an_operator_runs() {
    set(&POSTMARK, Case::Running, calls(&POSTMARK), 8, 17);
}

#[test]
fn while_nothing_runs() {
    set(&HEROKU, Case::Between, INSTANTS, 17, 19);
}

#[test]
fn while_nothing_runs_and_an_operator_waits() {
    set(&POSTMARK, Case::Between, INSTANTS_OPERATOR, 9, 23);
}
