//! Exhaustive check of the real machine: every interleaving of a small world.
//!
//! Goal: no reachable state breaks an invariant of `docs/safety.md`, and from every state the
//! rotation can still come to an end. Method: the states of [`World`] (an issuer, a store, a few
//! consumers, the journal and the calls in flight) are explored breadth first, with a budget of
//! crashes, faults and drifts. What is explored is [`Rotation`] itself, the code that runs; only
//! the driver and the vendors are modelled. Each guard is then switched off in turn, and the
//! shortest story of what goes wrong must be found.

mod explore;
pub(super) mod world;

use explore::{Report, explore};
use world::{Guard, World};

fn check(world: World) -> Report {
    explore(world, 4_000_000)
}

fn sound(consumers: u8, crashes: u8, faults: u8, drifts: u8) -> Report {
    let report = check(World::new(consumers).with_budget(crashes, faults, drifts));
    if let Some(story) = &report.violation {
        panic!("{story}");
    }
    assert!(report.complete, "the exploration was cut off at {} states", report.states);
    eprintln!(
        "model: {consumers} consumers, {crashes} crashes, {faults} faults, {drifts} drifts: {} states, {} ends",
        report.states, report.ends
    );
    report
}

#[test]
fn an_undisturbed_rotation_ends_completed() {
    let report = sound(2, 0, 0, 0);
    assert!(report.ends > 0);
}

#[test]
fn crashes_faults_and_turning_back_break_no_invariant() {
    sound(2, 1, 1, 1);
    sound(3, 1, 0, 0);
    // The larger worlds take minutes: `ROLLOVER_FULL=1 cargo test -p domain model`.
    if std::env::var_os("ROLLOVER_FULL").is_some() {
        sound(2, 2, 2, 1);
        sound(3, 1, 1, 0);
    }
}

#[test]
fn an_operator_issuer_breaks_no_invariant() {
    let report = check(World::new(2).with_budget(2, 2, 0).by_operator());
    if let Some(story) = &report.violation {
        panic!("{story}");
    }
    assert!(report.complete);
}

/// Each guard, switched off, must be missed.
#[test]
fn every_guard_is_needed() {
    for guard in Guard::ALL {
        let world = World::new(2).with_budget(1, 1, 1).without(guard);
        let report = check(world);
        let story = report.violation.unwrap_or_else(|| panic!("{guard:?} is not missed"));
        eprintln!("model: without {guard:?}, caught in {} steps\n{story}", story.lines().count());
    }
}
