//! Goal: nobody does what is not theirs, in any state, and nobody is kept from what is. Method: a
//! sample of all commands, people and states, compared with a table written by hand; all of them
//! with `ROLLOVER_FULL=1`, and in `cargo xtask figures --full roles`.

use std::path::Path;

use domain::Act;
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

/// Goal: whoever looks up what they may do finds each act. Method: the table against the code.
#[test]
fn every_act_is_in_the_table() {
    let page = include_str!("../../../../docs/reference.md");
    let (_, table) = page.split_once("\n## Who may do what\n").expect("the table");
    let (table, _) = table.split_once("\n## ").expect("its end");
    let missing = |act: &Act| !table.contains(&format!("`{}`", act.word()));
    let missing: Vec<&str> =
        Act::ALL.iter().filter(|act| missing(act)).map(|act| act.word()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
