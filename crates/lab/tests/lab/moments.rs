//! Moments, the request log, and what the lab refuses to be.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use lab::{Lab, LabConfig, LabError, MomentKind, Vendor, Verdict};
use serde_json::{Value, json};

use crate::support::World;

/// Before: no effect yet. After: the effect is there, the answer is not sent until the hook returns.
#[tokio::test]
async fn both_moments_of_a_request_are_seen_in_order() {
    let world = World::new().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    world.lab.on_moment(Box::new(move |moment| {
        sink.lock().expect("unpoisoned").push(moment);
    }));
    world.manage("POST", "/oauth/authorizations", json!({})).await;
    world.manage("GET", "/apps", Value::Null).await;
    let seen = seen.lock().expect("unpoisoned").clone();
    let kinds: Vec<_> =
        seen.iter().map(|moment| (moment.moment, moment.kind, moment.took_effect)).collect();
    assert_eq!(
        kinds,
        [
            (0, MomentKind::Before, false),
            (1, MomentKind::After, true),
            (2, MomentKind::Before, false),
            (3, MomentKind::After, false),
        ]
    );
    assert_eq!(
        (seen[0].vendor, seen[0].method.as_str(), seen[0].path.as_str()),
        (Vendor::Heroku, "POST", "/oauth/authorizations")
    );
    assert_eq!(seen[0].request, seen[1].request);
}

/// A request that is lost before has no effect; one whose answer is lost has.
#[tokio::test]
async fn a_verdict_loses_the_request_or_the_answer() {
    for (kind, effect) in [(MomentKind::Before, 0), (MomentKind::After, 1)] {
        let world = World::new().await;
        world.lab.on_moment_decide(Box::new(move |moment| {
            if moment.kind == kind { Verdict::Lost } else { Verdict::Go }
        }));
        let token = world.it.heroku_management_token.clone();
        let seen = world.try_heroku(&token, "POST", "/oauth/authorizations", &json!({})).await;
        assert!(seen.is_err());
        assert_eq!(world.lab.inspect().heroku_authorizations().len(), 3 + effect);
    }
}

/// A client that is gone at the first moment does not undo its request: it had arrived.
#[tokio::test]
async fn what_has_arrived_is_carried_out() {
    let world = World::new().await;
    let (arrived, mut when_arrived) = tokio::sync::mpsc::unbounded_channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (done, mut when_done) = tokio::sync::mpsc::unbounded_channel();
    world.lab.on_moment(Box::new(move |moment| match moment.kind {
        MomentKind::Before => {
            arrived.send(()).expect("somebody listens");
            wait.lock().expect("unpoisoned").recv().expect("a word");
        }
        MomentKind::After => done.send(()).expect("somebody listens"),
    }));
    {
        let asked = world.manage("POST", "/oauth/authorizations", json!({}));
        tokio::select! {
            _ = asked => panic!("the hook holds the request"),
            _ = when_arrived.recv() => {}
        }
    }
    go.send(()).expect("the hook waits");
    when_done.recv().await.expect("the effect");
    assert_eq!(world.lab.inspect().heroku_authorizations().len(), 4);
}

/// The log knows what happened, and no token.
#[tokio::test]
async fn the_log_has_no_tokens() {
    let world = World::new().await;
    let token = world.it.heroku_management_token.clone();
    world.manage("POST", "/oauth/authorizations", json!({})).await;
    world.manage("GET", &format!("/apps/{token}"), Value::Null).await;
    let records = world.lab.requests();
    assert_eq!((records[0].status, records[0].took_effect), (Some(201), true));
    assert_eq!((records[1].status, records[1].path.as_str()), (Some(404), "/apps/[token]"));
    assert!(records[0].ended.is_some());
    assert!(!serde_json::to_string(&records).expect("JSON").contains(&token));
    let counters = world.lab.counters();
    assert_eq!((counters.requests[&Vendor::Heroku], counters.effects[&Vendor::Heroku]), (2, 1));
}

/// The lab hands out tokens; it does not do so to the network.
#[tokio::test]
async fn only_loopback_is_listened_on() {
    for address in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)]
    {
        let config = LabConfig { address: IpAddr::V4(address), ..LabConfig::default() };
        assert!(matches!(Lab::start(config).await, Err(LabError::NotLoopback(_))));
    }
}

/// After a reset the world is as it was seeded, with the same values.
#[tokio::test]
async fn a_reset_puts_everything_back() {
    let world = World::new().await;
    let path = format!("/oauth/authorizations/{}", world.it.heroku_api_key_id);
    world.manage("DELETE", &path, Value::Null).await;
    assert!(!world.lab.inspect().heroku_honours(&world.it.heroku_api_key));
    world.lab.reset();
    assert!(world.lab.inspect().heroku_honours(&world.it.heroku_api_key));
    assert!(world.lab.requests().is_empty());
}
