//! Exhaustive check of the real machine: every interleaving of a small world.
//!
//! Goal: no reachable state breaks an invariant of `docs/safety.md`, and from every reachable
//! state, left alone, the rotation comes to an end. Method: the states of [`World`] (an issuer, a
//! store, a few consumers, the journal, the calls in flight, a second engine, a copy of the
//! journal) are explored with a budget of crashes, faults, drifts, take-overs and set-backs. What is explored is [`Rotation`] itself, the
//! code that runs; only the driver and the vendors are modelled. Each guard is then switched off
//! in turn, and the shortest story of what goes wrong must be found.
//!
//! Lines that begin with `model:` are figures; `cargo xtask figures` reads them.

mod calls;
mod compact;
mod explore;
mod key;
mod known;
pub(super) mod plan;
mod set_back;
mod steps;
mod told;
mod world;

use std::collections::BTreeSet;
use std::time::Instant;

use explore::{Order, Report, explore};
use world::{Guard, World};

use crate::Mode;

/// More than any of these worlds has.
const STATES_MAX: usize = 60_000_000;

fn full() -> bool {
    std::env::var_os("ROLLOVER_FULL").is_some()
}

#[expect(clippy::disallowed_methods, reason = "it is told how long an exploration took")]
fn sound(what: &str, world: &World) -> Report {
    let started = Instant::now();
    let report = explore(world, Order::Depth, STATES_MAX);
    if let Some(story) = &report.violation {
        panic!("{what}: {story}");
    }
    assert!(report.complete, "{what}: the exploration was cut off at {} states", report.states);
    assert!(report.ends > 0);
    eprintln!(
        "model: {what}: {} states, {} steps, {} ends, {:.1} s",
        report.states,
        report.steps,
        report.ends,
        started.elapsed().as_secs_f64()
    );
    report
}

#[test]
fn an_undisturbed_rotation_ends_completed() {
    sound("4 consumers, undisturbed", &World::new(4));
}

#[test]
fn crashes_faults_and_turning_back_break_no_invariant() {
    sound("2 consumers, 2 crashes, 2 faults, 1 drift", &World::new(2).with_budget(2, 2, 1));
    sound("4 consumers, 1 crash, 1 fault", &World::new(4).with_budget(1, 1, 0));
    if full() {
        let world = World::new(3).with_budget(1, 1, 1).with_rivals(1);
        sound("3 consumers, 1 crash, 1 fault, 1 drift, two engines", &world);
        let world = World::new(4).with_budget(3, 3, 0).with_rivals(1);
        sound("4 consumers, 3 crashes, 3 faults, two engines", &world);
    }
}

#[test]
fn people_who_are_asked_again_break_no_invariant() {
    let impatient = |consumers| World::new(consumers).with_tries(2);
    sound("2 consumers, 1 crash, 3 faults, 2 tries", &impatient(2).with_budget(1, 3, 0));
    let world = World::new(2).with_budget(2, 2, 1).with_rivals(1).by_operator();
    sound("2 consumers, operators, 2 crashes, 2 faults, 1 drift, two engines", &world);
    if full() {
        sound("3 consumers, 1 crash, 3 faults, 2 tries", &impatient(3).with_budget(1, 3, 0));
        let world = World::new(4).with_budget(1, 2, 0).with_rivals(1).by_operator();
        sound("4 consumers, operators, 1 crash, 2 faults, two engines", &world);
    }
}

#[test]
fn every_mode_keeps_the_invariants() {
    let modes =
        [Mode::Emergency, Mode::RevokeFirst, Mode::Repair, Mode::Rehearsal, Mode::Decommission];
    for mode in modes {
        let world = |consumers| World::new(consumers).in_mode(mode);
        let what = |what| format!("{mode:?}, {what}");
        let small = world(2).with_budget(1, 1, 1).with_rivals(1);
        sound(&what("2 consumers, 1 crash, 1 fault, 1 drift, two engines"), &small);
        if full() {
            let large = world(4).with_budget(1, 2, 0).with_rivals(1);
            sound(&what("4 consumers, 1 crash, 2 faults, two engines"), &large);
        }
    }
}

#[test]
fn the_removal_of_a_token_that_nobody_answers_for_keeps_the_invariants() {
    let world = || World::new(0).in_mode(Mode::Removal);
    let disturbed = world().with_budget(2, 2, 2).with_rivals(1);
    sound("Removal, 2 crashes, 2 faults, 2 drifts, two engines", &disturbed);
    let by_operator = world().by_operator().with_budget(1, 2, 1).with_rivals(1);
    sound("Removal, operators, 1 crash, 2 faults, 1 drift, two engines", &by_operator);
    let impatient = world().with_tries(2).with_budget(1, 3, 1);
    sound("Removal, 1 crash, 3 faults, 1 drift, 2 tries", &impatient);
    let two = world().with_second_person().with_early_agreement().with_budget(1, 1, 1);
    sound("Removal, two people who agree early, 1 crash, 1 fault, 1 drift", &two);
    let back = world().with_budget(1, 1, 1).with_set_back();
    sound("Removal, 1 crash, 1 fault, 1 drift, the journal set back", &back);
}

#[test]
fn without_the_last_look_a_token_that_somebody_took_up_is_revoked() {
    let world = World::new(0).in_mode(Mode::Removal).with_budget(0, 0, 1);
    let blind = explore(&world.without(Guard::Verify), Order::Breadth, STATES_MAX);
    let story = blind.violation.expect("it is found").to_string();
    assert!(story.contains("somebody takes the token up"), "{story}");
}

#[test]
fn a_journal_that_is_set_back_breaks_no_invariant() {
    let world = World::new(2).with_budget(0, 1, 0).with_set_back();
    sound("2 consumers, 1 fault, the journal set back", &world);
    let world = World::new(1).with_probe().with_budget(0, 1, 0).with_set_back();
    sound("1 consumer, a probe, 1 fault, the journal set back", &world);
    let world = World::new(2).in_mode(Mode::Decommission).with_budget(0, 1, 0).with_set_back();
    sound("Decommission, 2 consumers, 1 fault, the journal set back", &world);
    let world = World::new(1).with_budget(0, 1, 1).with_set_back();
    sound("1 consumer, 1 fault, 1 drift, the journal set back", &world);
    let world = World::new(1).with_second_person().with_early_agreement();
    let world = world.with_budget(0, 1, 0).with_set_back();
    sound("1 consumer, two people who agree early, 1 fault, the journal set back", &world);
    if full() {
        let world = World::new(2).with_budget(1, 1, 1).with_set_back();
        sound("2 consumers, 1 crash, 1 fault, 1 drift, the journal set back", &world);
        for mode in [Mode::Emergency, Mode::RevokeFirst, Mode::Repair, Mode::Rehearsal] {
            let world = World::new(2).in_mode(mode).with_budget(0, 1, 0).with_set_back();
            sound(&format!("{mode:?}, 2 consumers, 1 fault, the journal set back"), &world);
        }
        let world = World::new(2).with_budget(0, 1, 0).with_set_back().by_operator();
        sound("2 consumers, operators, 1 fault, the journal set back", &world);
        let world = World::new(2).in_mode(Mode::Decommission).with_budget(1, 1, 1).with_set_back();
        sound("Decommission, 2 consumers, 1 crash, 1 fault, 1 drift, the journal set back", &world);
    }
}

#[test]
fn probes_break_no_invariant_and_are_never_passed_over() {
    let world = World::new(2).with_probe().with_budget(1, 1, 1).with_rivals(1);
    sound("2 consumers, a probe, 1 crash, 1 fault, 1 drift, two engines", &world);
    let world = World::new(1).with_probe().with_tries(2).with_budget(1, 3, 0);
    sound("1 consumer, a probe, 1 crash, 3 faults, 2 tries", &world);
    for mode in [Mode::Emergency, Mode::RevokeFirst, Mode::Repair, Mode::Rehearsal] {
        let world = World::new(1).in_mode(mode).with_probe().with_budget(1, 1, 1).with_rivals(1);
        sound(
            &format!("{mode:?}, 1 consumer, a probe, 1 crash, 1 fault, 1 drift, two engines"),
            &world,
        );
    }
    if full() {
        let world = World::new(3).with_probe().with_budget(2, 2, 1).with_rivals(1);
        sound("3 consumers, a probe, 2 crashes, 2 faults, 1 drift, two engines", &world);
    }
}

#[test]
fn where_two_people_are_needed_one_is_not_enough() {
    let world = World::new(2).with_budget(1, 1, 1).with_rivals(1).with_second_person();
    sound("2 consumers, 1 crash, 1 fault, 1 drift, two engines, two people", &world);
}

/// Goal: that consumers of one wave are taken for alike leaves out nothing. Method: small worlds are
/// walked through with each consumer told apart. What is found so is, up to the order of consumers,
/// what is found otherwise; and each guard is missed after as many steps.
#[test]
fn consumers_of_one_wave_are_alike() {
    let hurried = || World::new(2).in_mode(Mode::Emergency);
    for world in [
        World::new(3).with_budget(1, 0, 0),
        World::new(3).with_budget(0, 1, 0),
        hurried().with_budget(1, 1, 0).with_rivals(1),
        hurried().with_budget(0, 0, 1).with_set_back(),
    ] {
        let (whole, alike) = walk(&world.clone().unsorted());
        let report = explore(&world, Order::Depth, STATES_MAX);
        assert!(report.violation.is_none() && whole > alike, "{whole} states, {alike} alike");
        assert_eq!(report.states, alike);
    }
    for guard in Guard::ALL {
        let world = hurried().with_budget(1, 1, 1).with_rivals(1).without(guard);
        let steps = |world: &World| {
            let story = explore(world, Order::Breadth, STATES_MAX).violation;
            story.map(|story| story.lines().count())
        };
        let alike = steps(&world);
        assert!(alike.is_some(), "{guard:?} is not missed");
        assert_eq!(alike, steps(&world.unsorted()), "{guard:?}");
    }
}

/// How many states there are, and how many of them differ in more than the order of consumers.
fn walk(start: &World) -> (usize, usize) {
    let alike = |world: &World| World { sorted: true, ..world.clone() }.key();
    let mut waiting = vec![start.clone()];
    let mut seen = BTreeSet::from([start.key()]);
    let mut seen_alike = BTreeSet::from([alike(start)]);
    while let Some(world) = waiting.pop() {
        for (_, next) in world.steps() {
            if seen.insert(next.key()) {
                seen_alike.insert(alike(&next));
                waiting.push(next);
            }
        }
    }
    (seen.len(), seen_alike.len())
}

/// Each guard, switched off, must be missed.
#[test]
fn every_guard_is_needed() {
    eprintln!("model: {} guards switched off", Guard::ALL.len());
    for guard in Guard::ALL {
        let world = World::new(2).with_budget(1, 1, 1).with_rivals(1).without(guard);
        let report = explore(&world, Order::Breadth, STATES_MAX);
        let story = report.violation.unwrap_or_else(|| panic!("{guard:?} is not missed"));
        eprintln!(
            "model: without {guard:?}, caught in {} steps\n{story}\n",
            story.lines().count() - 2
        );
    }
}
