//! Goal: no step can be broken, with any connector that is registered: run twice, refused in the
//! vendor's own words, undone twice, begun where the consumer holds nothing yet. Method: the
//! connectors' own list gives the pairings, the undisturbed run gives the calls. A sample of the
//! refusals here; all with `ROLLOVER_FULL=1`. Killed at every step: `matrix.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use e2e::{full, steps};

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rollover"))
}

#[test]
fn a_refusal_at_any_call_ends_right() {
    let (step, benches) = if full() { (1, 14) } else { (29, 6) };
    let refusals = steps::refused(binary(), step, benches).expect("every undisturbed way is right");
    let (mut wrong, mut ends) = (Vec::new(), BTreeMap::<_, usize>::new());
    for one in &refusals {
        match &one.end {
            Ok(end) => *ends.entry(format!("{:?} {end:?}", one.way)).or_default() += 1,
            Err(why) => wrong.push(format!(
                "{}, {:?}, {} {} #{} refused with {}: {why}",
                one.pairing, one.way, one.call.method, one.call.path, one.call.skip, one.status
            )),
        }
    }
    println!("{} refusals: {ends:?}", refusals.len());
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(refusals.iter().filter(|one| one.struck).count() * 10 > refusals.len() * 8);
    assert!(refusals.iter().all(|one| one.requests.1 == 0));
}

#[test]
fn what_is_over_can_be_run_and_undone_again() {
    let (ways, effects) = steps::twice(binary(), 6).expect("every way ends right, twice");
    println!("{ways} ways");
    assert_eq!(effects, 0, "a second run changed something");
}

#[test]
fn a_consumer_that_holds_nothing_yet_is_given_the_token() {
    let ways = steps::on_a_clean_slate(binary(), 6).expect("every way ends right");
    println!("{ways} ways");
}
