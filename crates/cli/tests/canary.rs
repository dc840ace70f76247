//! Goal: no value of a token ever leaves the program except to where it belongs. Method: one life
//! of an installation with a kill, faults and mistakes in it; then every value is looked for in
//! everything that was printed, in the database at every stage, in every file and in the process
//! table. The search itself is proven first, by planted values.

use std::path::Path;

use e2e::canary::self_test;
use e2e::leaks::hunt;

#[test]
fn the_search_finds_what_is_planted() {
    let (found, planted) = self_test().expect("the places can be planted");
    assert_eq!(found, planted);
    assert!(planted > 50, "{planted}");
}

#[test]
fn no_value_is_where_it_may_not_be() {
    let search =
        hunt(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("the life goes as it should");
    println!("{:?} values and forms, places {:?}", search.size(), search.places);
    assert!(search.hits.is_empty(), "{:#?}", search.hits);
    for kind in ["output", "database", "inventory and database", "cmdline"] {
        assert!(
            search.places.get(kind).is_some_and(|count| *count > 3),
            "{kind}: {:?}",
            search.places
        );
    }
}
