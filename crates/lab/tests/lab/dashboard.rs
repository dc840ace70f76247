//! The pages for people, and the demo apps behind them.

use serde_json::{Value, json};

use crate::support::{World, ask};

/// Pages are HTML, name everything, and never change anything on a GET.
#[tokio::test]
async fn pages_are_html_and_reading_changes_nothing() {
    let world = World::new().await;
    let base = world.lab.urls().dashboard;
    let id = world.it.postmark_server_ids["acme-prod"];
    let tokens = format!("/postmark/servers/{id}/api-tokens");
    for path in ["/", "/postmark/servers", &tokens, "/api_tokens", "/heroku/account/applications"] {
        let answer = ask(&base, "GET", path, &[], Value::Null).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.text().starts_with("<!DOCTYPE html>"));
    }
    let index = ask(&base, "GET", "/", &[], Value::Null).await.text();
    for token in [&world.it.postmark_server_token, &world.it.postmark_account_token] {
        assert!(!index.contains(token), "the index shows endings only");
    }
    assert!(index.contains("acme-rotation-pipeline"));
    assert_eq!(ask(&base, "GET", "/no-such-page", &[], Value::Null).await.status, 404);
    assert!(world.lab.requests().iter().all(|record| !record.took_effect));
}

/// A form of another page is refused, and so is another name for loopback.
#[tokio::test]
async fn forms_and_hosts_of_others_are_refused() {
    let world = World::new().await;
    let base = world.lab.urls().dashboard;
    let id = world.it.postmark_server_ids["acme-prod"];
    let tokens = format!("/postmark/servers/{id}/api-tokens");
    for path in [&tokens, "/api_tokens", "/api_tokens/delete"] {
        assert_eq!(ask(&base, "POST", path, &[], Value::Null).await.status, 403);
    }
    assert_eq!(world.lab.inspect().live_postmark_account_tokens().len(), 1);
    assert_eq!(world.lab.inspect().postmark_tokens("acme-prod").len(), 1);
    let answer = crate::control::raw(
        &base,
        "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}

/// Health is computed by using the tokens of a running dyno.
#[tokio::test]
async fn health_tells_which_token_is_refused() {
    let world = World::new().await;
    let base = world.lab.urls().dashboard;
    let health = |app: &'static str| {
        let base = base.clone();
        async move { ask(&base, "GET", &format!("/apps/{app}/health"), &[], Value::Null).await }
    };
    let body = health("acme-api-prod").await.json();
    assert_eq!(
        (&body["status"], &body["postmark"], &body["heroku_api"]),
        (&json!("ok"), &json!("ok"), &json!("ok"))
    );
    assert_eq!(health("acme-console-prod").await.json()["postmark"], Value::Null);
    let path = format!("/oauth/authorizations/{}", world.it.heroku_api_key_id);
    world.manage("DELETE", &path, Value::Null).await;
    let body = health("acme-api-prod").await.json();
    assert_eq!(
        (&body["status"], &body["heroku_api"]),
        (&json!("degraded"), &json!("unauthorized"))
    );
    world.lab.cycle_dynos("acme-api-prod");
    assert_eq!(health("acme-api-prod").await.status, 503);
    assert_eq!(health("no-such-app").await.status, 404);
}

/// A test mail goes through Postmark, and the app's log says how it went.
#[tokio::test]
async fn a_test_mail_is_logged_by_the_app() {
    let world = World::new().await;
    let base = world.lab.urls().dashboard;
    let path = "/apps/acme-api-prod/api/notifications/test-email";
    let body = json!({ "to": "ops@example.com", "subject": "rotation validation" });
    let sent = ask(&base, "POST", path, &[], body.clone()).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let mails = world.lab.inspect().mails();
    assert_eq!(mails[0].subject, "rotation validation");
    let id = sent.json()["message_id"].as_str().expect("an id").to_owned();
    assert!(world.lab.inspect().logs("acme-api-prod").iter().any(|line| line.contains(&id)));
    let token = lab::TokenPick::Is(world.it.postmark_server_token.clone());
    world.lab.operator().delete_token("acme-prod", &token).await.expect("deleted");
    assert_eq!(ask(&base, "POST", path, &[], body).await.status, 502);
    let logs = world.lab.inspect().logs("acme-api-prod");
    assert!(logs.iter().any(|line| line.contains("postmark 401 InvalidAPIToken")), "{logs:?}");
}
