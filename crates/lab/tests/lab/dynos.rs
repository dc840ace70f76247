//! Heroku: config vars, releases and dynos, and which process holds which value when.

use std::time::Duration;

use lab::{AppKnobs, ReleasePhase};
use serde_json::{Value, json};

use crate::support::{World, ask, load};

const APP: &str = "acme-api-prod";
const CONFIG: &str = "/apps/acme-api-prod/config-vars";

fn states(world: &World) -> Vec<(String, u64)> {
    world.lab.inspect().dynos(APP).into_iter().map(|dyno| (dyno.state, dyno.release)).collect()
}

fn app_knobs(world: &World, turn: impl FnOnce(&mut AppKnobs)) {
    world.lab.knobs(|knobs| turn(knobs.heroku.apps.entry(APP.to_owned()).or_default()));
}

/// One PATCH of several keys is one release and one restart; the old value lives until the dyno ends.
#[tokio::test]
async fn a_patch_releases_and_restarts_once() {
    let world = World::new().await;
    let change = load("heroku/config-vars.patch.request.json");
    let body = world.manage("PATCH", CONFIG, change).await.json();
    assert_eq!(
        (&body["HEROKU_API_KEY"], body.get("LOG_LEVEL")),
        (&json!("HRKU-EXAMPLE-0001"), None)
    );
    assert!(body["POSTMARK_SERVER_TOKEN"].is_string(), "the whole map is answered");
    let seen = world.lab.inspect();
    assert_eq!((seen.releases(APP).len(), seen.restarts(APP).len()), (2, 1));
    assert_eq!(seen.restarts("acme-api-staging").len(), 0);
    assert_eq!(states(&world), [("starting".to_owned(), 2), ("starting".to_owned(), 2)]);
    let dynos = world.manage("GET", "/apps/acme-api-prod/dynos", Value::Null).await;
    assert_eq!(dynos.is(200, "heroku/dynos.starting.200.json")[0]["state"], "starting");
    world.advance_ms(300);
    assert_eq!(states(&world), [("up".to_owned(), 2), ("up".to_owned(), 2)]);
    let env = world.lab.inspect().dynos(APP).remove(0).env;
    assert_eq!(env["HEROKU_API_KEY"], "HRKU-EXAMPLE-0001");
}

/// Nothing changed, nothing released, unless the knob says otherwise.
#[tokio::test]
async fn an_unchanged_patch_is_a_knob() {
    let world = World::new().await;
    let same = json!({ "LOG_LEVEL": "info" });
    world.manage("PATCH", CONFIG, same.clone()).await;
    assert_eq!(world.lab.inspect().restarts(APP).len(), 0);
    world.lab.knobs(|knobs| knobs.heroku.release_when_unchanged = true);
    world.manage("PATCH", CONFIG, same).await;
    assert_eq!(world.lab.inspect().restarts(APP).len(), 1);
    for bad in [json!({ "A-B": "1" }), json!({ "__A": "1" }), json!({ "A": {} })] {
        world.manage("PATCH", CONFIG, bad).await.is(422, "heroku/422.json");
    }
}

/// The newest release by `Range`, old values by version, and the way back.
#[tokio::test]
async fn releases_keep_old_values_and_roll_back() {
    let world = World::new().await;
    let old = world.it.heroku_api_key.clone();
    world.manage("PATCH", CONFIG, json!({ "HEROKU_API_KEY": "new" })).await;
    let bearer = format!("Bearer {}", world.it.heroku_management_token);
    let headers = [
        ("accept", crate::support::HEROKU_ACCEPT),
        ("authorization", bearer.as_str()),
        ("range", "version ..; order=desc,max=1"),
    ];
    let base = world.lab.urls().heroku;
    let answer = ask(&base, "GET", "/apps/acme-api-prod/releases", &headers, Value::Null).await;
    let body = answer.is(206, "heroku/releases.206.json");
    assert_eq!(
        (&body[0]["version"], &body[0]["description"]),
        (&json!(2), &json!("Set HEROKU_API_KEY config vars"))
    );
    assert_eq!(answer.header("next-range"), Some("version ]2..; order=desc,max=1"));
    let then = world.manage("GET", "/apps/acme-api-prod/releases/1/config-vars", Value::Null).await;
    assert_eq!(then.json()["HEROKU_API_KEY"], json!(old));
    let back =
        world.manage("POST", "/apps/acme-api-prod/releases", json!({ "release": "v1" })).await;
    assert_eq!(back.is(201, "heroku/releases.rollback.201.json")["version"], 3);
    assert_eq!(world.lab.inspect().config_vars(APP)["HEROKU_API_KEY"], old);
    assert_eq!(world.lab.inspect().restarts(APP).len(), 2);
}

/// With preboot, old dynos serve on until the new ones have been up for a while.
#[tokio::test]
async fn preboot_overlaps() {
    let world = World::new().await;
    app_knobs(&world, |knobs| knobs.preboot = Some(Duration::from_secs(60)));
    world.manage("PATCH", CONFIG, json!({ "A": "1" })).await;
    world.advance_ms(300);
    let both = states(&world);
    assert_eq!(both.len(), 4);
    assert!(both.iter().all(|(state, _)| state == "up"));
    world.advance_ms(60_000);
    assert_eq!(states(&world), [("up".to_owned(), 2), ("up".to_owned(), 2)]);
}

/// A release phase holds the release back, or ends it.
#[tokio::test]
async fn the_release_phase_decides() {
    let world = World::new().await;
    app_knobs(&world, |knobs| knobs.release_phase = ReleasePhase::Succeeds(Duration::from_secs(5)));
    world.manage("PATCH", CONFIG, json!({ "A": "1" })).await;
    let releases = world.manage("GET", "/apps/acme-api-prod/releases", Value::Null).await;
    let releases = releases.is(200, "heroku/releases.pending.206.json");
    assert_eq!(
        (&releases[1]["status"], &releases[1]["current"]),
        (&json!("pending"), &json!(false))
    );
    assert_eq!(states(&world), [("up".to_owned(), 1), ("up".to_owned(), 1)]);
    world.advance_ms(5_000);
    assert_eq!(states(&world), [("starting".to_owned(), 2), ("starting".to_owned(), 2)]);
    world.advance_ms(300);
    app_knobs(&world, |knobs| knobs.release_phase = ReleasePhase::Fails(Duration::from_secs(5)));
    world.manage("PATCH", CONFIG, json!({ "A": "2" })).await;
    world.advance_ms(5_000);
    assert_eq!(states(&world), [("up".to_owned(), 2), ("up".to_owned(), 2)]);
    assert_eq!(world.lab.inspect().config_vars(APP)["A"], "1");
    assert_eq!(world.lab.inspect().releases(APP)[2].status, "failed");
}

/// A slow dyno comes up late, a crashing one never.
#[tokio::test]
async fn dynos_may_be_slow_or_crash() {
    let world = World::new().await;
    app_knobs(&world, |knobs| {
        knobs.slow.insert("web.1".to_owned(), Duration::from_secs(10));
        knobs.crashed.insert("web.2".to_owned());
    });
    let answer = world.manage("DELETE", "/apps/acme-api-prod/dynos", Value::Null).await;
    answer.is(202, "heroku/dynos.restart.202.json");
    world.advance_ms(300);
    assert_eq!(states(&world), [("starting".to_owned(), 1), ("crashed".to_owned(), 1)]);
    world.advance_ms(10_000);
    assert_eq!(states(&world), [("up".to_owned(), 1), ("crashed".to_owned(), 1)]);
    assert_eq!(world.lab.inspect().restarts(APP).len(), 1);
    world.manage("DELETE", "/apps/acme-api-prod/dynos/web.1", Value::Null).await;
    assert_eq!(world.lab.inspect().restarts(APP).len(), 2);
    assert_eq!(
        world.manage("DELETE", "/apps/acme-api-prod/dynos/web.9", Value::Null).await.status,
        404
    );
}

/// The recent lines of an app's log, by a URL that needs no token.
#[tokio::test]
async fn log_sessions_show_recent_lines() {
    let world = World::new().await;
    world.manage("PATCH", CONFIG, json!({ "A": "1" })).await;
    world.advance_ms(300);
    let body = json!({ "lines": 50, "tail": false });
    let made = world.manage("POST", "/apps/acme-api-prod/log-sessions", body).await;
    let made = made.is(201, "heroku/log-sessions.201.json");
    let url = made["logplex_url"].as_str().expect("a url");
    let base = world.lab.urls().heroku;
    let path = url.strip_prefix(&base).expect("on the lab");
    let lines = ask(&base, "GET", path, &[], Value::Null).await.text();
    assert!(lines.contains("heroku[web.1]: State changed from starting to up"), "{lines}");
    assert!(lines.contains("app[api]: Set A config vars by user ops@example.com"), "{lines}");
    world.advance_ms(300_000);
    let over = ask(&base, "GET", path, &[], Value::Null).await;
    assert_eq!(over.status, 404, "the URL shows nothing any more after five minutes");
}
