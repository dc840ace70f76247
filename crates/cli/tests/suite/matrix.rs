//! Goal: `kill -9` is safe at every instant, with every connector that is registered, in every
//! mode. Method: each pairing of an issuer, a store and a consumer rotates one secret in each mode
//! and is killed at the instants at which a crash could matter; the same command is run again, and
//! the world is compared with that after an undisturbed run. A sample here; all with
//! `ROLLOVER_FULL=1`, and with `ROLLOVER_CELL` besides those whose name has this text in it.

use std::path::Path;

use connectors::kinds::{CONSUMERS, ISSUERS, STORES};
use e2e::matrix::{Mode, cells, sample, sweep};
use e2e::{Pairing, full};

#[test]
fn every_pairing_in_every_mode() {
    let (mut cells, step, benches) = match full() {
        true => (cells().expect("every kind has its place in the lab"), 1, 14),
        false => (sample().expect("every kind has its place in the lab"), 29, 8),
    };
    let only = std::env::var("ROLLOVER_CELL").unwrap_or_default();
    cells.retain(|cell| cell.to_string().contains(&only));
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let swept = sweep(binary, &cells, step, benches);
    let mut wrong = Vec::new();
    for (cell, one) in cells.iter().zip(&swept) {
        println!(
            "{cell}: {} of {} instants, {} right, {:?}, {} requests, {} refused",
            one.kills, one.instants, one.right, one.about, one.requests, one.refused
        );
        wrong.extend(one.wrong.iter().cloned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let kills: usize = swept.iter().map(|one| one.kills).sum();
    let due = if full() && only.is_empty() { 5_000 } else { 2 * cells.len() };
    println!("{kills} kills");
    assert!(kills >= due, "{kills} kills only");
    assert!(swept.iter().all(|one| one.kills == one.right && one.refused == 0));
}

#[test]
fn the_sample_has_every_kind_and_every_mode() {
    let all = Pairing::all().expect("every kind has its place in the lab");
    assert_eq!(all.len(), ISSUERS.len() * STORES.len() * CONSUMERS.len());
    let sample = sample().expect("a sample");
    let has = |wanted: &dyn Fn(&e2e::matrix::Cell) -> bool| sample.iter().any(wanted);
    assert!(ISSUERS.iter().all(|kind| has(&|cell| cell.pairing.issuer.kind() == *kind)));
    assert!(STORES.iter().all(|kind| has(&|cell| cell.pairing.store.kind() == *kind)));
    assert!(CONSUMERS.iter().all(|kind| has(&|cell| cell.pairing.consumer.kind() == *kind)));
    assert!(Mode::ALL.iter().all(|mode| has(&|cell| cell.mode == *mode)));
}
