//! Goal: no value of a token ever leaves the program except to where it belongs. Method: one life
//! of an installation with crashes, faults and mistakes in it; then every value is looked for in
//! everything that was printed, in the database at every stage, in every file, in the process table
//! and on the wire. The search itself is proven first, by planted values.

use std::path::Path;

use e2e::canary::{Sink, plant};
use e2e::hardening::{self, skipped};
use e2e::leaks::{hunt, trace};

const BINARY: &str = env!("CARGO_BIN_EXE_rollover");

#[test]
fn the_search_finds_what_is_planted_in_each_form_in_each_kind_of_place() {
    let sum = plant::everywhere().expect("the places can be planted");
    for (sink, why) in &sum.skipped {
        skipped(&format!("nothing planted in {}: {why}", sink.name()));
    }
    println!("{} planted, {} found, {} impossible", sum.planted, sum.found, sum.impossible);
    assert!(sum.missed.is_empty(), "{:#?}", sum.missed);
    assert_eq!(sum.found, sum.planted);
    assert_eq!(sum.sinks.len() + sum.skipped.len(), Sink::ALL.len());
    assert!(sum.planted > 500, "{}", sum.planted);
}

#[test]
fn no_value_is_where_it_may_not_be() {
    let search = hunt(Path::new(BINARY)).expect("the life goes as it should");
    println!("{:?} values and forms, places {:?}", search.size(), search.places);
    assert!(search.hits.is_empty(), "{:#?}", search.hits);
    for sink in Sink::ALL {
        let looked = search.places.contains_key(&sink);
        let elsewhere = sink == Sink::Started || sink == Sink::Terminal;
        assert!(looked || elsewhere, "nothing was looked at: {}", sink.name());
    }
}

#[test]
fn whatever_is_started_is_given_no_value() {
    let Some(traced) = trace(Path::new(BINARY)).expect("every command goes as it should") else {
        skipped("there is no strace that may trace: what is started was not looked at");
        return;
    };
    println!("{} commands, {} programs started", traced.commands, traced.calls);
    assert!(traced.search.hits.is_empty(), "{:#?}", traced.search.hits);
    assert!(traced.commands > 15, "{}", traced.commands);
    assert_eq!(traced.calls, traced.own, "the program starts no other");
}

/// Method: the program and one that does nothing for its own safety are looked at by another
/// process of their user.
#[test]
fn others_of_the_same_user_are_kept_out() {
    let Some((ours, plain)) = hardening::look(Path::new(BINARY)).expect("both run") else {
        skipped("root may not start anything as nobody here: nobody looked at the program");
        return;
    };
    assert_eq!(ours.core_limits, ("0".into(), "0".into()));
    assert_eq!(ours.readable, Vec::<&str>::new());
    assert_eq!(ours.owner, 0, "its entries in the process table are root's");
    assert_eq!(plain.owner, hardening::user(), "the look itself works");
    assert!(plain.readable.contains(&"environ"), "{:?}", plain.readable);
}
