//! Every fault kind: what the client sees, and whether the effect was committed.

use std::time::{Duration, Instant};

use lab::{FaultKind, FaultRule, Vendor};
use serde_json::{Value, json};

use crate::support::{Answer, World, load};

const CREATE: &str = "/oauth/authorizations";

/// Asks for an authorization under a fault; answers what the client saw and how many were made.
async fn create_under(world: &World, kind: FaultKind) -> (Result<Answer, hyper::Error>, usize) {
    let before = world.lab.inspect().heroku_authorizations().len();
    world.lab.fault(FaultRule::new(Vendor::Heroku, kind).on("POST", CREATE).times(1));
    let token = world.it.heroku_management_token.clone();
    let seen = world.try_heroku(&token, "POST", CREATE, &json!({ "description": "x" })).await;
    let made = world.lab.inspect().heroku_authorizations().len() - before;
    (seen, made)
}

/// Faults before the effect leave the world alone.
#[tokio::test]
async fn faults_before_have_no_effect() {
    let world = World::new().await;
    let (seen, made) = create_under(&world, FaultKind::Status429 { retry_after: Some(7) }).await;
    let seen = seen.expect("an answer");
    assert_eq!((seen.header("retry-after"), made), (Some("7"), 0));
    seen.is(429, "heroku/429.json");
    let (seen, made) = create_under(&world, FaultKind::Error5xxBefore { status: 503 }).await;
    seen.expect("an answer").is(503, "heroku/503.json");
    assert_eq!(made, 0);
    let (seen, made) = create_under(&world, FaultKind::DropBefore).await;
    assert!(seen.is_err());
    assert_eq!(made, 0);
    let (seen, made) = create_under(&world, FaultKind::Html403).await;
    let seen = seen.expect("an answer");
    assert_eq!((seen.status, made), (403, 0));
    assert_eq!(seen.header("content-type"), Some("text/html; charset=utf-8"));
    let (seen, made) = create_under(&world, FaultKind::Garbage).await;
    let seen = seen.expect("an answer");
    assert_eq!((seen.status, seen.json(), made), (200, Value::Null, 0));
}

/// Faults after the effect leave an authorization that the client does not know of.
#[tokio::test]
async fn faults_after_commit_the_effect() {
    let world = World::new().await;
    let (seen, made) = create_under(&world, FaultKind::Error5xxAfter { status: 500 }).await;
    assert_eq!((seen.expect("an answer").status, made), (500, 1));
    let (seen, made) = create_under(&world, FaultKind::DropAfter).await;
    assert!(seen.is_err());
    assert_eq!(made, 1);
    let (seen, made) = create_under(&world, FaultKind::ResetInBody).await;
    assert!(seen.is_err());
    assert_eq!(made, 1);
    let (seen, made) = create_under(&world, FaultKind::DuplicateDelivery).await;
    assert_eq!((seen.expect("an answer").status, made), (201, 2));
}

/// A hang lasts until the client gives up; the effect is there or not.
#[tokio::test]
async fn hangs_last_until_the_client_gives_up() {
    let world = World::new().await;
    for (kind, effect) in [(FaultKind::HangBefore, 0), (FaultKind::HangAfter, 1)] {
        let before = world.lab.inspect().heroku_authorizations().len();
        world.lab.fault(FaultRule::new(Vendor::Heroku, kind).on("POST", CREATE).times(1));
        let asked = world.manage("POST", CREATE, json!({}));
        assert!(tokio::time::timeout(Duration::from_millis(200), asked).await.is_err());
        let made = world.lab.inspect().heroku_authorizations().len() - before;
        assert_eq!(made, effect);
    }
}

/// The connection ends now, the effect comes with the lab's time.
#[tokio::test]
async fn a_late_effect_comes_later() {
    let world = World::new().await;
    let (seen, made) = create_under(&world, FaultKind::LateEffect { ms: 1_000 }).await;
    assert!(seen.is_err());
    assert_eq!(made, 0);
    let before = world.lab.inspect().heroku_authorizations().len();
    world.advance_ms(1_000);
    assert_eq!(world.lab.inspect().heroku_authorizations().len(), before + 1);
}

/// Revoked and gone from the list, and honoured for a while.
#[tokio::test]
async fn a_late_revocation_honours_the_dead() {
    let world = World::new().await;
    world
        .lab
        .fault(FaultRule::new(Vendor::Heroku, FaultKind::LateRevocation { ms: 5_000 }).times(1));
    assert_eq!(
        world.manage("GET", "/apps", Value::Null).await.status,
        200,
        "does not use the rule up"
    );
    let path = format!("{CREATE}/{}", world.it.heroku_api_key_id);
    assert_eq!(world.manage("DELETE", &path, Value::Null).await.status, 200);
    assert_eq!(world.manage("GET", &path, Value::Null).await.status, 404);
    let old = world.it.heroku_api_key.clone();
    assert_eq!(world.heroku(&old, "GET", "/account", Value::Null).await.status, 200);
    world.advance_ms(5_000);
    assert_eq!(
        world.heroku(&old, "GET", "/account", Value::Null).await.is(401, "heroku/401.json"),
        load("heroku/401.json")
    );
}

/// Made and listed, and refused for a while; also for a token that a person makes.
#[tokio::test]
async fn a_late_activation_refuses_the_new() {
    let world = World::new().await;
    world
        .lab
        .fault(FaultRule::new(Vendor::Postmark, FaultKind::LateActivation { ms: 5_000 }).times(1));
    let new = world.lab.operator().generate_token("acme-prod").await.expect("a token");
    assert_eq!(world.postmark(&new, "GET", "/server", Value::Null).await.status, 401);
    world.advance_ms(5_000);
    assert_eq!(world.postmark(&new, "GET", "/server", Value::Null).await.status, 200);
}

/// Reads show the past while writes show the present.
#[tokio::test]
async fn a_stale_read_shows_the_past() {
    let world = World::new().await;
    let rule = FaultRule::new(Vendor::Heroku, FaultKind::StaleRead { ms: 5_000 });
    world.lab.fault(rule.on("GET", "/config-vars"));
    world.advance_ms(10_000);
    let path = "/apps/acme-api-prod/config-vars";
    let written = world.manage("PATCH", path, json!({ "HEROKU_API_KEY": "new" })).await.json();
    assert_eq!(written["HEROKU_API_KEY"], "new");
    let read = world.manage("GET", path, Value::Null).await.json();
    assert_eq!(read["HEROKU_API_KEY"], json!(world.it.heroku_api_key));
    world.advance_ms(5_001);
    let read = world.manage("GET", path, Value::Null).await.json();
    assert_eq!(read["HEROKU_API_KEY"], "new");
}

/// Latency is real, and adds up over the rules.
#[tokio::test]
async fn latency_is_real() {
    let world = World::new().await;
    world.lab.fault(FaultRule::everywhere(FaultKind::Latency { ms: 60 }));
    world.lab.fault(FaultRule::new(Vendor::Heroku, FaultKind::Latency { ms: 60 }).times(1));
    let start = Instant::now();
    world.manage("GET", "/apps", Value::Null).await;
    assert!(start.elapsed() >= Duration::from_millis(120));
    let record = world.lab.requests().pop().expect("a record");
    assert_eq!(record.faults, ["latency", "latency"]);
}

/// Each vendor says "too many" and "out of order" in its own words.
#[tokio::test]
async fn every_vendor_has_its_own_429_and_503() {
    let world = World::new().await;
    world.lab.fault(FaultRule::everywhere(FaultKind::Status429 { retry_after: None }).times(4));
    let token = world.it.postmark_server_token.clone();
    let answer = world.postmark(&token, "GET", "/server", Value::Null).await;
    answer.is(429, "postmark/429.json");
    assert_eq!(answer.header("retry-after"), None);
    world.manage("GET", "/apps", Value::Null).await.is(429, "heroku/429.json");
    world.github("GET", "/user", Value::Null).await.is(429, "github/429.secondary.json");
    world.infisical("", "GET", "/api/status", Value::Null).await.is(429, "infisical/429.json");
    world.lab.fault(FaultRule::everywhere(FaultKind::Error5xxBefore { status: 503 }).times(1));
    world
        .postmark(&token, "GET", "/server", Value::Null)
        .await
        .is(503, "postmark/503.code100.json");
}
