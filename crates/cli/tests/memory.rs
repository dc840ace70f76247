//! Goal: a value is in the program's memory for as long as it is needed, and in no copy more.
//! Method: a rotation is looked into, by root, while it waits and when it is done. That the look
//! works is shown by the copies that are in use.

use std::path::Path;

use e2e::hardening::skipped;
use e2e::memory::{may_look, of_a_rotation};
use e2e::{HEROKU, POSTMARK, Result, Secret};

fn no_copy_is_left(secret: &Secret) -> Result<()> {
    if !may_look() {
        skipped("only root can look into the program's memory; try `unshare -r cargo test`");
        return Ok(());
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let moments = of_a_rotation(binary, secret)?;
    let mut seen = 0;
    for moment in &moments {
        for count in &moment.counts {
            let (when, name, places) = (&moment.when, count.name, &count.places);
            assert_eq!(count.left(), 0, "{when}: {name}: {places:#?}");
            seen += count.whole;
        }
    }
    assert!(seen >= 4, "the look sees nothing: {moments:?}");
    Ok(())
}

#[test]
fn no_copy_is_left_in_memory_of_a_rotation_by_api() -> Result<()> {
    no_copy_is_left(&HEROKU)
}

#[test]
fn no_copy_is_left_in_memory_of_a_rotation_with_an_operator() -> Result<()> {
    no_copy_is_left(&POSTMARK)
}
