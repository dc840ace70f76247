//! Goal: nobody does what is not theirs, in any state, and nobody is kept from what is. Method: a
//! sample of all commands, people and states, compared with a table written by hand; all of them
//! with `ROLLOVER_FULL=1`, and in `cargo xtask figures --full roles`.

use std::path::Path;

use e2e::{full, roles};

#[test]
fn what_is_forbidden_is_refused_and_what_is_not_is_not() {
    let every = if full() { 1 } else { 23 };
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let matrix = roles::matrix(binary, every, 3).expect("every scene can be set");
    assert!(matrix.successes.is_empty(), "{}", matrix.successes.join("\n"));
    assert!(matrix.refusals.is_empty(), "{}", matrix.refusals.join("\n"));
    assert!(matrix.refused > 0 && matrix.forbidden < matrix.tried, "{matrix:?}");
    assert_eq!(matrix.refused, matrix.forbidden);
}
