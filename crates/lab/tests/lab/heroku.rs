//! Heroku: authorizations, scopes, and the errors that mean something else than a dead token.

use lab::SecretLook;
use serde_json::{Value, json};

use crate::support::{HEROKU_ACCEPT, World, ask, load};

/// Create answers 201 with the token once; the list has no token; delete answers the object.
#[tokio::test]
async fn an_authorization_is_made_listed_and_revoked() {
    let world = World::new().await;
    let request = load("heroku/authorizations.create.request.json");
    let made = world.manage("POST", "/oauth/authorizations", request).await;
    let made = made.is(201, "heroku/authorizations.create.201.json");
    let (id, token) =
        (made["id"].as_str().expect("id"), made["access_token"]["token"].as_str().expect("token"));
    assert!(token.starts_with("HRKU-") && token.len() == 65);
    let list = world.manage("GET", "/oauth/authorizations", Value::Null).await;
    assert!(list.header("x-heroku-warning").is_some());
    let body = list.is(200, "heroku/authorizations.list.200.json");
    assert!(!body.to_string().contains("HRKU-"));
    world.lab.knobs(|knobs| knobs.heroku.list_tokens = SecretLook::Visible);
    let body = world
        .manage("GET", "/oauth/authorizations", Value::Null)
        .await
        .is(200, "heroku/authorizations.list-visible.200.json");
    assert!(body.to_string().contains(token));
    world.lab.knobs(|knobs| knobs.heroku.list_tokens = SecretLook::Absent);
    let path = format!("/oauth/authorizations/{id}");
    world.manage("GET", &path, Value::Null).await.is(200, "heroku/authorizations.info.200.json");
    let edited = world.manage("PATCH", &path, json!({ "description": "other" })).await.json();
    assert_eq!(edited["description"], "other");
    assert_eq!(world.heroku(token, "GET", "/apps", Value::Null).await.status, 200);
    world
        .manage("DELETE", &path, Value::Null)
        .await
        .is(200, "heroku/authorizations.delete.200.json");
    assert_eq!(
        world.heroku(token, "GET", "/apps", Value::Null).await.is(401, "heroku/401.json"),
        load("heroku/401.json")
    );
    assert_eq!(world.manage("DELETE", &path, Value::Null).await.status, 404);
}

/// The real command line sends a string for `expires_in` and no scope.
#[tokio::test]
async fn expiry_follows_the_clock_and_no_scope_is_global() {
    let world = World::new().await;
    let made = world.manage("POST", "/oauth/authorizations", json!({ "expires_in": "3600" })).await;
    let made = made.is(201, "heroku/authorizations.create-expiring.201.json");
    assert_eq!(
        (&made["scope"], &made["access_token"]["expires_in"]),
        (&json!(["global"]), &json!(3600))
    );
    let token = made["access_token"]["token"].as_str().expect("token");
    assert_eq!(world.heroku(token, "GET", "/account", Value::Null).await.status, 200);
    world.advance_ms(3_600_000);
    assert_eq!(world.heroku(token, "GET", "/account", Value::Null).await.status, 401);
    for bad in [
        json!({ "scope": ["everything"] }),
        json!({ "expires_in": "soon" }),
        json!({ "expires_in": 0 }),
    ] {
        world.manage("POST", "/oauth/authorizations", bad).await.is(422, "heroku/422.json");
    }
}

/// Regenerating keeps the id and kills the old token at once.
#[tokio::test]
async fn regenerate_replaces_in_place() {
    let world = World::new().await;
    let (id, old) = (&world.it.heroku_api_key_id, &world.it.heroku_api_key);
    let path = format!("/oauth/authorizations/{id}/actions/regenerate-tokens");
    let body = world
        .manage("POST", &path, Value::Null)
        .await
        .is(200, "heroku/authorizations.regenerate.200.json");
    assert_eq!(body["id"], json!(id));
    let new = body["access_token"]["token"].as_str().expect("token");
    assert_eq!(world.heroku(old, "GET", "/account", Value::Null).await.status, 401);
    assert_eq!(world.heroku(new, "GET", "/account", Value::Null).await.status, 200);
}

/// A token may revoke itself.
#[tokio::test]
async fn a_token_may_revoke_itself() {
    let world = World::new().await;
    let (id, token) = (&world.it.heroku_api_key_id, &world.it.heroku_api_key);
    let path = format!("/oauth/authorizations/{id}");
    assert_eq!(world.heroku(token, "DELETE", &path, Value::Null).await.status, 200);
    assert_eq!(world.heroku(token, "GET", &path, Value::Null).await.status, 401);
}

/// 403 is a live token without the scope.
#[tokio::test]
async fn scopes_are_enforced() {
    let world = World::new().await;
    let read = &world.it.heroku_read_only_token;
    assert_eq!(world.heroku(read, "GET", "/apps/acme-api-prod", Value::Null).await.status, 200);
    for (method, path) in [
        ("GET", "/apps/acme-api-prod/config-vars"),
        ("PATCH", "/apps/acme-api-prod/config-vars"),
        ("DELETE", "/apps/acme-api-prod/dynos"),
        ("GET", "/oauth/authorizations"),
        ("POST", "/oauth/authorizations"),
        ("GET", "/account"),
    ] {
        let body =
            world.heroku(read, method, path, Value::Null).await.is(403, "heroku/403.scope.json");
        assert_eq!(body, load("heroku/403.scope.json"), "{method} {path}");
    }
    let scope = json!({ "scope": ["read-protected", "write-protected"] });
    let made = world.manage("POST", "/oauth/authorizations", scope).await.json();
    let token = made["access_token"]["token"].as_str().expect("token");
    let path = "/apps/acme-api-prod/config-vars";
    world.heroku(token, "GET", path, Value::Null).await.is(200, "heroku/config-vars.200.json");
    assert_eq!(world.heroku(token, "PATCH", path, json!({ "A": "1" })).await.status, 200);
    let body =
        world.manage("GET", "/apps/globex-web", Value::Null).await.is(403, "heroku/403.app.json");
    assert_eq!(body, load("heroku/403.app.json"));
    let body = world
        .manage("GET", "/apps/no-such-app/config-vars", Value::Null)
        .await
        .is(404, "heroku/404.app.json");
    assert_eq!(body, load("heroku/404.app.json"));
}

/// Bearer and Basic; the version must be named, in any edition.
#[tokio::test]
async fn the_headers_are_read_as_the_clients_write_them() {
    let world = World::new().await;
    let base = world.lab.urls().heroku;
    let token = &world.it.heroku_api_key;
    let basic = format!("Basic {}", base64(&format!(":{token}")));
    let bearer = format!("Bearer {token}");
    for accept in [HEROKU_ACCEPT, "application/vnd.heroku+json; version=3.sdk"] {
        for authorization in [&basic, &bearer] {
            let headers = [("accept", accept), ("authorization", authorization.as_str())];
            let answer = ask(&base, "GET", "/account", &headers, Value::Null).await;
            answer.is(200, "heroku/account.200.json");
            assert!(answer.header("request-id").is_some());
        }
    }
    let headers = [("accept", "application/json"), ("authorization", bearer.as_str())];
    let body = ask(&base, "GET", "/account", &headers, Value::Null)
        .await
        .is(406, "heroku/406.missing-version.json");
    assert_eq!(body, load("heroku/406.missing-version.json"));
    let headers = [("accept", HEROKU_ACCEPT)];
    let body =
        ask(&base, "GET", "/account", &headers, Value::Null).await.is(401, "heroku/401.none.json");
    assert_eq!(body, load("heroku/401.none.json"));
}

/// The bucket counts down, says so, refuses, refills; asking for it is free.
#[tokio::test]
async fn the_rate_limit_counts_refuses_and_refills() {
    let world = World::new().await;
    world.lab.set_heroku_rate_remaining(2);
    let answer = world.manage("GET", "/apps", Value::Null).await;
    assert_eq!(answer.header("ratelimit-remaining"), Some("1"));
    let body = world
        .manage("GET", "/account/rate-limits", Value::Null)
        .await
        .is(200, "heroku/rate-limits.200.json");
    assert_eq!(body["remaining"], 1);
    assert_eq!(world.manage("GET", "/apps", Value::Null).await.status, 200);
    let body = world.manage("GET", "/apps", Value::Null).await.is(429, "heroku/429.json");
    assert_eq!(body, load("heroku/429.json"));
    world.advance_ms(60_000);
    let answer = world.manage("GET", "/apps", Value::Null).await;
    assert_eq!((answer.status, answer.header("ratelimit-remaining")), (200, Some("74")));
}

/// Where the knob says so, authorizations want a second factor.
#[tokio::test]
async fn a_second_factor_may_be_asked_for() {
    let world = World::new().await;
    world.lab.knobs(|knobs| knobs.heroku.two_factor_code = Some("123456".to_owned()));
    let answer = world.manage("POST", "/oauth/authorizations", json!({})).await;
    assert_eq!(answer.is(403, "heroku/403.two-factor.json")["id"], "two_factor");
    let bearer = format!("Bearer {}", world.it.heroku_management_token);
    let headers = [
        ("accept", HEROKU_ACCEPT),
        ("authorization", bearer.as_str()),
        ("heroku-two-factor-code", "123456"),
    ];
    let base = world.lab.urls().heroku;
    let answer = ask(&base, "POST", "/oauth/authorizations", &headers, json!({})).await;
    assert_eq!(answer.status, 201);
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
