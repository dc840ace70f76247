//! Goal: whatever changes behind everybody's back is noticed by the next look, and nothing is
//! noticed where nothing changed. Method: the lab's own hand plants each kind of drift at each
//! connector where it can occur, after a rotation. A sample here; all with `ROLLOVER_FULL=1`.

use std::collections::BTreeSet;
use std::path::Path;

use e2e::drifts::{PLANTINGS, sweep};
use e2e::{Pairing, full};

#[test]
fn every_planted_drift_is_noticed_by_the_next_look() {
    let pairings = match full() {
        true => Pairing::all(),
        false => Pairing::cover(),
    };
    let pairings = pairings.expect("every kind has its place in the lab");
    let swept = sweep(Path::new(env!("CARGO_BIN_EXE_rollover")), &pairings, 2, 4);
    let wrong: Vec<String> = swept.iter().flat_map(|one| one.wrong.clone()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let kinds: BTreeSet<&str> = swept.iter().flat_map(|one| one.planted.clone()).collect();
    assert_eq!(kinds.len(), PLANTINGS.len(), "some kinds fit nowhere");
    assert!(swept.iter().all(|one| one.noticed == one.planted.len() && one.alarms == 0));
}
