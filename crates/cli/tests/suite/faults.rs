//! Goal: nothing that a vendor does to us loses a token, puts anybody out of service or makes us
//! call a living token dead. Method: every fault of the lab's menu at every call of a rotation,
//! once; then the vendor is well again and the rotation comes to its end. A sample here; all of
//! it with `ROLLOVER_FULL=1`.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]
#![expect(clippy::print_stdout, reason = "what was tried is part of what a test tells")]

use std::path::Path;

use e2e::faults::{calls, cases, sweep};
use e2e::{HEROKU, POSTMARK, Secret, full};

/// One case in so many is tried; primes, so that each fault of the menu comes up.
fn every_fault_at_every_call(secret: &Secret, one_in: usize) {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let calls = calls(binary, secret).expect("an undisturbed run completes");
    let mut cases = cases(&calls);
    if !full() {
        cases = cases.into_iter().step_by(one_in).collect();
    }
    let sum = sweep(binary, secret, &cases, 4).expect("the sweep runs");
    println!(
        "{}: {} calls, {} faults, {} struck, ends {:?}, {} requests, {} refused",
        secret.name,
        calls.len(),
        sum.tried,
        sum.struck,
        sum.ends,
        sum.requests,
        sum.refused
    );
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    // Only a token that comes or goes can be late.
    assert!(sum.struck * 10 > sum.tried * 6, "the faults hit nothing");
    assert_eq!(sum.refused, 0);
}

#[test]
fn a_rotation_by_api() {
    every_fault_at_every_call(&HEROKU, 31);
}

#[test]
fn a_rotation_with_an_operator() {
    every_fault_at_every_call(&POSTMARK, 37);
}
