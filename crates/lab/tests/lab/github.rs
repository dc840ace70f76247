//! GitHub: sealed secrets, runs that keep what they were queued with, and 404 in the place of 403.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dryoc::classic::crypto_box::crypto_box_seal;
use dryoc::constants::CRYPTO_BOX_SEALBYTES;
use lab::SecretScope;
use serde_json::{Value, json};

use crate::support::{Answer, World, ask, load};

const SECRETS: &str = "/repos/acme/api/actions/secrets";

async fn put(world: &World, secrets: &str, name: &str, value: &str, more: Value) -> Answer {
    let key = world.github("GET", &format!("{secrets}/public-key"), Value::Null).await;
    let key = key.is(200, "github/public-key.200.json");
    let public = BASE64.decode(key["key"].as_str().expect("a key")).expect("base64");
    let public: [u8; 32] = public.try_into().expect("32 bytes");
    let mut sealed = vec![0; value.len() + CRYPTO_BOX_SEALBYTES];
    crypto_box_seal(&mut sealed, value.as_bytes(), &public).expect("sealed");
    let mut body = json!({ "encrypted_value": BASE64.encode(sealed), "key_id": key["key_id"] });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    world.github("PUT", &format!("{secrets}/{name}"), body).await
}

/// 201 with an empty object, then 204; names in upper case; both prefixes; every scope has its own key.
#[tokio::test]
async fn secrets_are_written_in_every_scope_and_never_read() {
    let world = World::new().await;
    let org = json!({ "visibility": "all" });
    for (scope, path, more) in [
        (SecretScope::Repo, SECRETS, json!({})),
        (SecretScope::Repo, "/api/v3/repos/acme/api/actions/secrets", json!({})),
        (
            SecretScope::Environment("production".to_owned()),
            "/repos/acme/api/environments/production/secrets",
            json!({}),
        ),
        (SecretScope::Org, "/orgs/acme/actions/secrets", org.clone()),
        (SecretScope::Dependabot, "/repos/acme/api/dependabot/secrets", json!({})),
        (SecretScope::DependabotOrg, "/orgs/acme/dependabot/secrets", org),
    ] {
        let first = put(&world, path, "new_secret", "one", more.clone()).await;
        assert!(matches!(first.status, 201 | 204), "{path}: {}", first.text());
        if first.status == 201 {
            assert_eq!(first.body.as_ref(), b"{}");
        }
        let second = put(&world, path, "NEW_SECRET", "two", more).await;
        assert_eq!((second.status, second.body.len()), (204, 0));
        assert_eq!(world.lab.inspect().github_secret(&scope, "new_secret").as_deref(), Some("two"));
        world
            .github("GET", &format!("{path}/NEW_SECRET"), Value::Null)
            .await
            .is(200, "github/secret.get.200.json");
        let list =
            world.github("GET", path, Value::Null).await.is(200, "github/secrets.list.200.json");
        assert!(!list.to_string().contains("two"));
    }
    assert_eq!(
        world.github("DELETE", &format!("{SECRETS}/new_secret"), Value::Null).await.status,
        204
    );
    assert_eq!(
        world.github("DELETE", &format!("{SECRETS}/new_secret"), Value::Null).await.status,
        404
    );
    world
        .github("GET", "/orgs/acme/actions/secrets/NEW_SECRET", Value::Null)
        .await
        .is(200, "github/org-secret.get.200.json");
}

/// A stale key, a bad name, a box for somebody else.
#[tokio::test]
async fn what_cannot_be_stored_is_422() {
    let world = World::new().await;
    for bad in ["GITHUB_X", "1ABC", "A-B"] {
        assert_eq!(put(&world, SECRETS, bad, "x", json!({})).await.status, 422, "{bad}");
    }
    let key = world.github("GET", &format!("{SECRETS}/public-key"), Value::Null).await.json();
    world.lab.rotate_github_keys();
    let body = json!({ "encrypted_value": "c2VhbGVk", "key_id": key["key_id"] });
    world.github("PUT", &format!("{SECRETS}/A"), body).await.is(422, "github/422.key-id.json");
    let key = world.github("GET", &format!("{SECRETS}/public-key"), Value::Null).await.json();
    let body = json!({ "encrypted_value": "c2VhbGVk", "key_id": key["key_id"] });
    assert_eq!(world.github("PUT", &format!("{SECRETS}/A"), body).await.status, 422);
    let body = json!({ "key_id": key["key_id"] });
    assert_eq!(world.github("PUT", &format!("{SECRETS}/A"), body).await.status, 422);
    assert_eq!(
        put(&world, "/orgs/acme/actions/secrets", "A", "x", json!({})).await.status,
        422,
        "no visibility"
    );
}

/// 401 for a bad token, 404 for a good one without rights.
#[tokio::test]
async fn rights_show_as_404() {
    let world = World::new().await;
    world.github("GET", "/user", Value::Null).await.is(200, "github/user.200.json");
    let limits = world.github("GET", "/rate_limit", Value::Null).await;
    limits.is(200, "github/rate-limit.200.json");
    assert!(limits.header("x-ratelimit-remaining").is_some());
    let bad = world.github_as("ghp_no", "GET", SECRETS, Value::Null).await;
    assert_eq!(bad.is(401, "github/401.json"), load("github/401.json"));
    let powerless = &world.it.github_powerless_token;
    assert_eq!(world.github_as(powerless, "GET", "/user", Value::Null).await.status, 200);
    for path in [SECRETS, "/orgs/acme/actions/secrets", "/repos/acme/api"] {
        world.github_as(powerless, "GET", path, Value::Null).await.is(404, "github/404.json");
    }
    assert_eq!(ask(&world.lab.urls().github, "GET", "/meta", &[], Value::Null).await.status, 200);
}

async fn dispatch(world: &World, file: &str) -> u64 {
    let path = format!("/repos/acme/api/actions/workflows/{file}/dispatches");
    let body = world.github("POST", &path, load("github/dispatch.request.json")).await;
    body.is(200, "github/dispatch.200.json")["workflow_run_id"].as_u64().expect("an id")
}

/// Repository secrets are read when the run is queued: a write in between does not reach it.
#[tokio::test]
async fn a_run_keeps_the_repository_secrets_it_was_queued_with() {
    let world = World::new().await;
    let old = world.it.heroku_api_key.clone();
    let id = dispatch(&world, "deploy-staging.yml").await;
    let run = format!("/repos/acme/api/actions/runs/{id}");
    let queued = world.github("GET", &run, Value::Null).await.is(200, "github/run.queued.200.json");
    assert_eq!(queued["status"], "queued");
    put(&world, SECRETS, "HEROKU_API_KEY", "new", json!({})).await;
    world.advance_ms(200);
    let list = world
        .github(
            "GET",
            "/repos/acme/api/actions/runs?status=in_progress&event=workflow_dispatch",
            Value::Null,
        )
        .await;
    assert_eq!(list.is(200, "github/runs.list.200.json")["total_count"], 1);
    world.advance_ms(500);
    let done = world.github("GET", &run, Value::Null).await.is(200, "github/run.200.json");
    assert_eq!(done["conclusion"], "success");
    world.github("GET", &format!("{run}/jobs"), Value::Null).await.is(200, "github/jobs.200.json");
    assert_eq!(world.lab.inspect().github_runs()[0].secrets["HEROKU_API_KEY"], old);
    // The next run has the new value, which no vendor honours.
    let id = dispatch(&world, "deploy-staging.yml").await;
    world.advance_ms(700);
    let run = format!("/repos/acme/api/actions/runs/{id}");
    let done = world.github("GET", &run, Value::Null).await.is(200, "github/run.failure.200.json");
    assert_eq!(done["conclusion"], "failure");
}

/// Environment secrets are read when the job starts, and shadow the repository's.
#[tokio::test]
async fn a_run_reads_environment_secrets_when_its_job_starts() {
    let world = World::new().await;
    world.lab.knobs(|knobs| knobs.github.environments_wait = true);
    dispatch(&world, "deploy-production.yml").await;
    world.advance_ms(200);
    assert_eq!(world.lab.inspect().github_runs()[0].status, "waiting");
    let environment = "/repos/acme/api/environments/production/secrets";
    put(&world, environment, "HEROKU_API_KEY", "shadow", json!({})).await;
    world.lab.approve_waiting_runs();
    let run = world.lab.inspect().github_runs().remove(0);
    assert_eq!(run.status, "in_progress");
    assert_eq!(run.secrets["HEROKU_API_KEY"], "shadow");
    assert!(run.secrets.contains_key("DEPLOY_KEY"));
}

/// Without details a dispatch is 204; a bad ref or too many inputs are 422.
#[tokio::test]
async fn dispatches_are_checked() {
    let world = World::new().await;
    let path = "/repos/acme/api/actions/workflows/deploy-staging.yml/dispatches";
    assert_eq!(world.github("POST", path, json!({ "ref": "main" })).await.status, 204);
    assert_eq!(world.github("POST", path, json!({ "ref": "no-such" })).await.status, 422);
    assert_eq!(world.github("POST", path, json!({})).await.status, 422);
    let inputs: serde_json::Map<_, _> = (0..26).map(|n| (format!("i{n}"), json!("x"))).collect();
    assert_eq!(
        world.github("POST", path, json!({ "ref": "main", "inputs": inputs })).await.status,
        422
    );
    let missing = "/repos/acme/api/actions/workflows/none.yml/dispatches";
    assert_eq!(world.github("POST", missing, json!({ "ref": "main" })).await.status, 404);
}

/// An alert is found, resolved with a reason, and can keep its secret to itself.
#[tokio::test]
async fn alerts_are_resolved_with_a_reason() {
    let world = World::new().await;
    let number = world.lab.open_github_alert("heroku_api_key", "HRKU-EXAMPLE-0000");
    let path = format!("/repos/acme/api/secret-scanning/alerts/{number}");
    world.github("GET", &path, Value::Null).await.is(200, "github/alert.200.json");
    let hidden = world.github("GET", &format!("{path}?hide_secret=true"), Value::Null).await.json();
    assert!(hidden.get("secret").is_none());
    assert_eq!(world.github("PATCH", &path, json!({ "state": "resolved" })).await.status, 422);
    let body = world.github("PATCH", &path, load("github/alert.resolve.request.json")).await;
    assert_eq!(body.is(200, "github/alert.resolved.200.json")["state"], "resolved");
    let list =
        world.github("GET", "/repos/acme/api/secret-scanning/alerts?state=open", Value::Null).await;
    assert_eq!(list.json(), json!([]));
    world.lab.knobs(|knobs| knobs.github.secret_scanning = false);
    assert_eq!(world.github("GET", &path, Value::Null).await.status, 404);
}

/// A list names the pages around it, and nothing where it has one page.
#[tokio::test]
async fn a_list_has_links_between_its_pages() {
    let world = World::new().await;
    let list = "/repos/acme/api/actions/workflows";
    let link = |answer: &Answer| answer.header("link").map(str::to_owned);
    let whole = world.github("GET", list, Value::Null).await;
    assert_eq!(link(&whole), None);
    // All but one on the first of two pages.
    let size = whole.json()["total_count"].as_u64().unwrap() - 1;
    let first = world.github("GET", &format!("{list}?per_page={size}"), Value::Null).await;
    let page =
        |number: u32| format!("{}{list}?per_page={size}&page={number}", world.lab.urls().github);
    let expected = format!("<{}>; rel=\"next\", <{}>; rel=\"last\"", page(2), page(2));
    assert_eq!(link(&first), Some(expected));
    let last = world.github("GET", &format!("{list}?per_page={size}&page=2"), Value::Null).await;
    let expected = format!("<{}>; rel=\"prev\", <{}>; rel=\"first\"", page(1), page(1));
    assert_eq!(link(&last), Some(expected));
}

/// GraphQL answers with the fields that are asked for, and the hour's requests can be used up.
#[tokio::test]
async fn a_viewer_has_what_is_asked_for_until_the_hour_is_used_up() {
    let world = World::new().await;
    let ask = |query: &str| world.github("POST", "/graphql", json!({ "query": query }));
    let told = ask("query UserCurrent{viewer{login}}").await.json();
    assert_eq!(told["data"], json!({ "viewer": { "login": "acme-ops" } }));
    world.lab.set_github_rate_remaining(1);
    assert_eq!(world.github("GET", "/user", Value::Null).await.status, 200);
    let over = world.github("GET", "/user", Value::Null).await;
    assert_eq!((over.status, over.header("x-ratelimit-remaining")), (403, Some("0")));
}

/// Anybody may revoke leaked tokens, except somebody who is signed in.
#[tokio::test]
async fn leaked_tokens_are_revoked_by_anybody() {
    let world = World::new().await;
    let base = world.lab.urls().github;
    let body = json!({ "credentials": [world.it.github_token] });
    assert_eq!(world.github("POST", "/credentials/revoke", body.clone()).await.status, 403);
    assert_eq!(ask(&base, "POST", "/credentials/revoke", &[], body).await.status, 202);
    assert_eq!(world.github("GET", "/user", Value::Null).await.status, 401);
}
