//! Goal: the installation's key can be replaced at any time, and no crash of it costs anything; an
//! older copy of the database is always noticed, and what was open in it comes to an end that the
//! world agrees with. Method: killed at the N-th instant, run again, and everything that was sealed
//! is opened; copied at the N-th instant, gone on with, and put back. A sample here; all of it
//! with `ROLLOVER_FULL=1`.

use std::path::Path;

use e2e::{HEROKU, POSTMARK, Secret, full, rekeys, set_backs};

#[test]
fn a_key_is_replaced_and_killed_at_any_instant() {
    let step = if full() { 1 } else { 5 };
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let sum = rekeys::sweep(binary, step).expect("the sweep runs");
    println!("{} kills, {} right, {} torn keys told", sum.tried, sum.right, sum.torn);
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert!(sum.tried > 5 && sum.torn == 8);
}

fn put_back(secret: &Secret, step: u64) {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let cases = set_backs::cases(secret, if full() { 1 } else { step });
    let sum = set_backs::sweep(binary, secret, &cases, 4).expect("the sweep runs");
    println!(
        "{}: {} copies, {} detected; {} went on, {} abandoned, {} without an open rotation",
        secret.name, sum.tried, sum.detected, sum.went_on, sum.abandoned, sum.closed
    );
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
}

#[test]
fn an_older_copy_is_noticed_at_every_age() {
    put_back(&HEROKU, 19);
}

#[test]
fn an_older_copy_is_noticed_where_a_person_has_a_part() {
    put_back(&POSTMARK, 41);
}
