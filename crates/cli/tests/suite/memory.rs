//! Goal: a value is in the program's memory for as long as it is needed, and in no copy more.
//! Method: a rotation is looked into, by root, while it waits and when it is done. That the look
//! works is shown by the copies that are in use.

use std::path::Path;

use e2e::hardening::skipped;
use e2e::memory::{Wire, may_look, of_a_rotation, of_standard_input};
use e2e::{HEROKU, POSTMARK, Result, Secret};

const BINARY: &str = env!("CARGO_BIN_EXE_rollover");

fn can_look() -> bool {
    if !may_look() {
        skipped("only root can look into the program's memory; try `unshare -r cargo test`");
    }
    may_look()
}

fn no_copy_is_left(secret: &Secret, wire: Wire) -> Result<()> {
    if !can_look() {
        return Ok(());
    }
    let Some(moments) = of_a_rotation(Path::new(BINARY), secret, wire)? else {
        skipped("no openssl to make a certificate: memory was not looked into over TLS");
        return Ok(());
    };
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
    no_copy_is_left(&HEROKU, Wire::Plain)
}

#[test]
fn no_copy_is_left_in_memory_of_a_rotation_with_an_operator() -> Result<()> {
    no_copy_is_left(&POSTMARK, Wire::Plain)
}

#[test]
fn no_copy_is_left_in_memory_of_what_came_by_standard_input() -> Result<()> {
    if can_look() {
        let moment = of_standard_input(Path::new(BINARY))?;
        let left: usize = moment.counts.iter().map(e2e::memory::Count::left).sum();
        assert_eq!(left, 0, "{moment:#?}");
    }
    Ok(())
}

#[test]
fn no_copy_is_left_in_memory_over_tls() -> Result<()> {
    no_copy_is_left(&HEROKU, Wire::Tls)
}
