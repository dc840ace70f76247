//! Goal: a sync may be killed at any instant and may lose any answer. Method: a consumer of each
//! kind drifts, the sync is killed at each instant at which it matters and run again, and the world
//! is compared with that after an undisturbed one. A sample here; all with `ROLLOVER_FULL=1`.

use std::path::Path;

use e2e::bench::LogsIn;
use e2e::syncs::sweep;
use e2e::{Bench, Pairing, full};

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rollover"))
}

#[test]
fn a_sync_is_killed_at_every_instant_and_run_again() {
    let pairings = Pairing::cover().expect("every kind has its place in the lab");
    let swept = sweep(binary(), &pairings, if full() { 1 } else { 4 }, 4);
    let wrong: Vec<String> = swept.iter().flat_map(|one| one.wrong.clone()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for one in &swept {
        println!("{} instants, {} kills, {} doubts", one.instants, one.kills, one.doubts);
        assert_eq!(one.right, one.kills + one.doubts);
        assert!(one.kills > 3, "a sync has more instants than that");
    }
}

/// Goal: what must not be spread is not, and nothing is written where a rotation is open.
#[test]
fn a_dead_token_is_never_spread_and_an_open_rotation_goes_first() {
    let pairings = Pairing::all().expect("every kind has its place in the lab");
    let heroku = |one: &&Pairing| !one.issuer.by_operator && one.consumer.app.is_some();
    let pairing = *pairings.iter().find(heroku).expect("there is one");
    let mut bench = Bench::new(binary(), pairing, LogsIn::WithItsOwn).expect("a bench");
    let (name, key) = (pairing.secret(), pairing.issuer.key);
    let old = (pairing.issuer.token)(&bench.lab().credentials());
    let sync = |bench: &Bench| bench.rollover(&["secret", "sync", &name, "--yes"]).run();
    let before = bench.everything().expect("the world");
    assert!(bench.lab().revoke_by_hand(&old));
    bench.lab().set_config_var("acme-api-prod", key, Some("something-else"));
    let refused = sync(&bench).expect("a run").is(1).expect("refused");
    assert!(refused.stderr.contains("already dead"), "{refused}");
    assert!(refused.stderr.contains("--repair"), "{refused}");
    bench.again().expect("put back");
    let other = bench.lab().credentials().heroku_read_only_token;
    bench.lab().set_infisical_value("prod", key, Some(&other));
    // Of what may not say who it is, nobody knows whose it is.
    let _ = sync(&bench).expect("a run").is(75).expect("not known");
    bench.again().expect("put back");
    let begun = bench.rollover(&["rotate", &name, "--yes", "--no-wait"]).run().expect("a run");
    let _ = begun.is(10).expect("it waits for the agreement");
    let refused = sync(&bench).expect("a run").is(1).expect("refused");
    assert!(refused.stderr.contains("still open"), "{refused}");
    bench.again().expect("put back");
    assert_eq!(bench.everything().expect("the world"), before);
    // Without a yes nothing is written, and the plan was shown.
    bench.lab().set_config_var("acme-api-prod", key, None);
    let asked = bench.rollover(&["secret", "sync", &name]).run().expect("a run");
    let asked = asked.is(10).expect("nobody can be asked");
    assert!(asked.stderr.contains("heroku:acme-api-prod"), "{asked}");
    let held = bench.lab().inspect().config_vars("acme-api-prod");
    assert!(!held.contains_key(key));
}
