//! Goal: the installation's key can be replaced at any time, and no crash of it costs anything.
//! Method: killed at the N-th instant, run again, and everything that was sealed is opened. A
//! sample here; all of it with `ROLLOVER_FULL=1`.

use std::path::Path;

use e2e::{full, rekeys};

#[test]
fn a_key_is_replaced_and_killed_at_any_instant() {
    let step = if full() { 1 } else { 5 };
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let sum = rekeys::sweep(binary, step).expect("the sweep runs");
    println!("{} kills, {} right, {} torn keys told", sum.tried, sum.right, sum.torn);
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert!(sum.tried > 5 && sum.torn == 8);
}
