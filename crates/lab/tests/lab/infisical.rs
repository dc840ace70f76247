//! Infisical: logins, the lock, both generations of routes, versions, and 200 that is not "stored".

use lab::{ClockMode, LabConfig, Org};
use serde_json::{Value, json};

use crate::support::{World, load};

const LOGIN: &str = "/api/v1/auth/universal-auth/login";

fn v3(world: &World, key: &str) -> String {
    format!(
        "/api/v3/secrets/raw/{key}?workspaceId={}&environment=prod&secretPath=/",
        world.it.infisical_project_id
    )
}

fn v4(world: &World, key: &str) -> String {
    format!("/api/v4/secrets/{key}?projectId={}&environment=prod", world.it.infisical_project_id)
}

fn v3_body(world: &World, value: &str) -> Value {
    let mut body = load("infisical/secret.v3.update.request.json");
    body["workspaceId"] = json!(world.it.infisical_project_id);
    body["secretValue"] = json!(value);
    body
}

fn v4_body(world: &World, value: &str) -> Value {
    let mut body = load("infisical/secret.v4.update.request.json");
    body["projectId"] = json!(world.it.infisical_project_id);
    body["secretValue"] = json!(value);
    body
}

/// With and without the trailing slash; the token ends with its time, in a 403.
#[tokio::test]
async fn a_login_gives_a_token_for_a_while() {
    let world = World::new().await;
    let secret = world.it.infisical_client_secret.clone();
    let slash = format!("{LOGIN}/");
    for path in [LOGIN, slash.as_str()] {
        world.login(path, &secret).await.is(200, "infisical/login.200.json");
    }
    let token = world.infisical_token().await;
    assert_eq!(
        world.infisical(&token, "GET", &v4(&world, "HEROKU_API_KEY"), Value::Null).await.status,
        200
    );
    world.advance_ms(30 * 24 * 3_600_000);
    let answer = world.infisical(&token, "GET", &v4(&world, "HEROKU_API_KEY"), Value::Null).await;
    assert_eq!(answer.is(403, "infisical/403.token.json")["error"], "TokenError");
    let answer =
        world.infisical("nonsense", "GET", &v4(&world, "HEROKU_API_KEY"), Value::Null).await;
    answer.is(403, "infisical/403.token.json");
}

/// Three bad tries lock the identity for five minutes, good tries included.
#[tokio::test]
async fn three_bad_logins_lock() {
    let world = World::new().await;
    let secret = world.it.infisical_client_secret.clone();
    for _ in 0..3 {
        world.login(LOGIN, "wrong").await.is(401, "infisical/401.credentials.json");
    }
    let locked = world.login(LOGIN, &secret).await.is(401, "infisical/401.locked.json");
    assert_eq!(locked["message"], load("infisical/401.locked.json")["message"]);
    world.advance_ms(300_000);
    assert_eq!(world.login(LOGIN, &secret).await.status, 200);
    for _ in 0..4 {
        world.login(LOGIN, "wrong").await;
        world.advance_ms(31_000);
    }
    assert_eq!(world.login(LOGIN, &secret).await.status, 200, "slow tries do not add up");
}

/// Create, read, update, read an older version, delete with a body; over both generations.
#[tokio::test]
async fn secrets_have_versions_over_both_editions() {
    let world = World::new().await;
    let token = world.infisical_token().await;
    let paths = [("/api/v3/secrets/raw", 3), ("/api/v4/secrets", 4)];
    for (prefix, edition) in paths {
        let body = |value: &str| {
            if edition == 3 { v3_body(&world, value) } else { v4_body(&world, value) }
        };
        let get = |key: &str| {
            if edition == 3 { v3(&world, key) } else { v4(&world, key) }
        };
        let path = format!("{prefix}/FRESH");
        let made = world
            .infisical(&token, "POST", &path, body("  one "))
            .await
            .is(200, "infisical/secret.get.200.json");
        assert_eq!(
            (&made["secret"]["version"], &made["secret"]["secretValue"]),
            (&json!(1), &json!("one"))
        );
        world
            .infisical(&token, "POST", &path, body("x"))
            .await
            .is(400, "infisical/400.exists.json");
        let two = world
            .infisical(&token, "PATCH", &path, body("two\n"))
            .await
            .is(200, "infisical/secret.update.200.json");
        assert_eq!(
            (&two["secret"]["version"], &two["secret"]["secretValue"]),
            (&json!(2), &json!("two\n"))
        );
        let one = world
            .infisical(&token, "GET", &format!("{}&version=1", get("FRESH")), Value::Null)
            .await
            .json();
        assert_eq!(one["secret"]["secretValue"], "one");
        let gone = world.infisical(&token, "DELETE", &path, body("")).await;
        assert_eq!(gone.status, 200, "{}", gone.text());
        world
            .infisical(&token, "GET", &get("FRESH"), Value::Null)
            .await
            .is(404, "infisical/404.secret.json");
        world
            .infisical(&token, "PATCH", &path, body("x"))
            .await
            .is(404, "infisical/404.secret.json");
    }
    let list =
        format!("/api/v4/secrets?projectId={}&environment=prod", world.it.infisical_project_id);
    let list = world
        .infisical(&token, "GET", &list, Value::Null)
        .await
        .is(200, "infisical/secrets.list.200.json");
    assert_eq!(list["secrets"].as_array().map(Vec::len), Some(2));
}

/// With an approval policy 200 means asked, not stored.
#[tokio::test]
async fn an_approval_holds_the_change_back() {
    let world = World::new().await;
    let token = world.infisical_token().await;
    world.lab.knobs(|knobs| knobs.infisical.approval_policy = true);
    let answer = world
        .infisical(&token, "PATCH", "/api/v4/secrets/HEROKU_API_KEY", v4_body(&world, "new"))
        .await;
    let body = answer.is(200, "infisical/approval.200.json");
    assert!(body.get("secret").is_none());
    let seen = world.lab.inspect();
    assert_eq!(
        seen.infisical_value("prod", "HEROKU_API_KEY"),
        Some(world.it.heroku_api_key.clone())
    );
    assert_eq!(seen.infisical_pending(), 1);
    assert!(world.lab.approve_infisical_change());
    assert_eq!(
        world.lab.inspect().infisical_value("prod", "HEROKU_API_KEY").as_deref(),
        Some("new")
    );
}

/// What Infisical rotates itself is not to be written by others.
#[tokio::test]
async fn a_rotated_secret_is_refused() {
    let mut seed = Org::acme();
    seed.infisical.secrets[1].is_rotated = true;
    let world =
        World::with(LabConfig { clock: ClockMode::Explicit, seed, ..LabConfig::default() }).await;
    let token = world.infisical_token().await;
    let seen = world.infisical(&token, "GET", &v4(&world, "HEROKU_API_KEY"), Value::Null).await;
    assert_eq!(
        seen.is(200, "infisical/secret.rotated.200.json")["secret"]["isRotatedSecret"],
        true
    );
    let answer = world
        .infisical(&token, "PATCH", "/api/v4/secrets/HEROKU_API_KEY", v4_body(&world, "x"))
        .await;
    answer.is(400, "infisical/400.rotated.json");
}

/// Missing fields, unknown places, too many requests.
#[tokio::test]
async fn errors_have_their_envelope() {
    let world = World::new().await;
    let token = world.infisical_token().await;
    let bad = json!({ "clientId": "x" });
    world.infisical("", "POST", LOGIN, bad).await.is(422, "infisical/422.json");
    assert_eq!(
        world
            .infisical(&token, "GET", "/api/v4/secrets/A?environment=prod", Value::Null)
            .await
            .status,
        422
    );
    let nowhere =
        format!("/api/v4/secrets/A?projectId={}&environment=moon", world.it.infisical_project_id);
    world
        .infisical(&token, "GET", &nowhere, Value::Null)
        .await
        .is(404, "infisical/404.secret.json");
    world.lab.knobs(|knobs| knobs.infisical.requests_per_minute = 1);
    let body =
        world.infisical(&token, "GET", &nowhere, Value::Null).await.is(429, "infisical/429.json");
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("Rate limit exceeded. Please try again in"))
    );
    world.advance_ms(60_000);
    assert_eq!(world.infisical(&token, "GET", &nowhere, Value::Null).await.status, 404);
}

/// The client secret is rotatable itself: make another, log in with it, revoke the first.
#[tokio::test]
async fn client_secrets_coexist_and_are_revoked() {
    let world = World::new().await;
    let token = world.infisical_token().await;
    let base = format!(
        "/api/v1/auth/universal-auth/identities/{}/client-secrets",
        world.it.infisical_identity_id
    );
    let made = world.infisical(&token, "POST", &base, json!({ "description": "rotation" })).await;
    let made = made.is(200, "infisical/client-secret.200.json");
    let new = made["clientSecret"].as_str().expect("a secret").to_owned();
    assert_eq!(world.login(LOGIN, &new).await.status, 200);
    let list = world.infisical(&token, "GET", &base, Value::Null).await.json();
    let first = list["clientSecretData"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        world
            .infisical(&token, "POST", &format!("{base}/{first}/revoke"), Value::Null)
            .await
            .status,
        200
    );
    let old = world.it.infisical_client_secret.clone();
    assert_eq!(world.login(LOGIN, &old).await.status, 401);
}

/// Several at once, all or none.
#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let world = World::new().await;
    let token = world.infisical_token().await;
    let mut body = json!({
        "projectId": world.it.infisical_project_id,
        "environment": "prod",
        "secrets": [
            { "secretKey": "HEROKU_API_KEY", "secretValue": "a" },
            { "secretKey": "NO_SUCH", "secretValue": "b" },
        ],
    });
    let answer = world.infisical(&token, "PATCH", "/api/v4/secrets/batch", body.clone()).await;
    assert_eq!(answer.status, 404);
    assert_eq!(world.lab.inspect().infisical_versions("prod", "HEROKU_API_KEY").len(), 1);
    body["secrets"][1]["secretKey"] = json!("POSTMARK_SERVER_TOKEN");
    let answer = world.infisical(&token, "PATCH", "/api/v4/secrets/batch", body).await;
    assert_eq!(answer.json()["secrets"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.lab.inspect().infisical_value("prod", "HEROKU_API_KEY").as_deref(), Some("a"));
}
