//! Goal: the demo shows both runbooks end to end, and its JSON says so. Method: run it, read it.

use std::path::Path;

use e2e::Rollover;
use serde_json::Value;

#[test]
fn both_runbooks_end_to_end() {
    let place = tempfile::tempdir().expect("a directory");
    let ended =
        Rollover::new(Path::new(env!("CARGO_BIN_EXE_rollover")), place.path(), place.path())
            .args(&["demo", "--json", "--requests", "1000"])
            .run()
            .and_then(|ended| ended.is(0))
            .expect("the demo succeeds");
    let report = ended.json().expect("JSON");
    let rotations = report["rotations"].as_array().expect("rotations");
    let names: Vec<&Value> = rotations.iter().map(|one| &one["secret"]).collect();
    assert_eq!(names, ["prod/POSTMARK_SERVER_TOKEN", "prod/HEROKU_API_KEY"]);
    for one in rotations {
        assert_eq!(one["outcome"], "completed");
        assert_eq!(one["old_token"]["proven_dead"], true);
        let answers = one["old_token"]["answers"].as_array().expect("answers");
        assert!(answers.len() >= 2, "{answers:?}");
        for consumer in one["consumers"].as_array().expect("consumers") {
            assert_eq!(consumer["in_step"], true, "{consumer}");
            assert_eq!(consumer["fingerprint"], one["new_fingerprint"], "{consumer}");
        }
        for (app, count) in one["restarts_per_app"].as_object().expect("restarts") {
            assert!(count.as_u64() <= Some(1), "{app} was restarted {count} times");
        }
    }
    assert_eq!(rotations[0]["restarts"], 2);
    assert_eq!(rotations[1]["restarts"], 4);
    assert!(report["traffic"]["requests"].as_u64() >= Some(1_000));
    assert_eq!(report["traffic"]["refused"], 0);
    assert_eq!(report["orphans"], 0);
    assert_eq!(report["audit"]["verified"], true);
    assert!(report["audit"]["events"].as_u64() > Some(20));
    let left: Vec<_> = std::fs::read_dir(place.path()).expect("the directory").collect();
    assert!(left.is_empty(), "something was left behind: {left:?}");
}
