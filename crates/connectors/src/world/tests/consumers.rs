//! What consumers put on the wire.

use super::*;

/// An app whose config vars change when they are written.
fn app() -> impl Fn(&Asked) -> Told + Send + Sync + 'static {
    let held = Mutex::new((OLD.to_owned(), 411));
    move |asked| {
        let mut held = held.lock().unwrap();
        if asked.line.starts_with("PATCH") {
            let body: BTreeMap<String, String> = serde_json::from_str(&asked.body).unwrap();
            *held = (body["K"].clone(), held.1 + 1);
        }
        let (value, version) = &*held;
        let remaining = "ratelimit-remaining: 4321\r\n".to_owned();
        match asked.line.rsplit('/').next().unwrap() {
            "config-vars" => (200, remaining, format!(r#"{{"K":"{value}","OTHER":"x"}}"#)),
            "releases" => told(
                206,
                &format!(r#"[{{"version":{version},"status":"succeeded","current":true}}]"#),
            ),
            _ => told(
                200,
                &format!(
                    r#"[{{"name":"web.1","type":"web","state":"up","release":{{"version":{version}}}}}]"#
                ),
            ),
        }
    }
}

#[tokio::test]
async fn heroku_writes_once_and_only_what_differs() {
    let kind = ConsumerKind::HerokuConfig { via: "c".into(), app: "api".into() };
    let built = build(app(), move |it| used_by(it, std::slice::from_ref(&kind)));
    let consumer = built.consumer();
    let held = consumer.look().await.unwrap();
    assert!(matches!(held, Held::Values(held) if held == [Some(Token::from(OLD))]));
    built.vendor.asked();
    assert_eq!(consumer.write(&Token::from(NEW)).await.unwrap().0, "v412");
    let asked = built.vendor.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(
        lines,
        ["GET /apps/api/config-vars", "PATCH /apps/api/config-vars", "GET /apps/api/releases"]
    );
    assert_eq!(asked[1].body, format!(r#"{{"K":"{NEW}"}}"#));
    assert!(asked[2].headers.contains("range: version ..; order=desc,max=10"));
    assert_eq!(consumer.write(&Token::from(NEW)).await.unwrap().0, "v412", "nothing is sent");
    assert_eq!(built.vendor.lines(), ["GET /apps/api/config-vars", "GET /apps/api/releases"]);
    let adopted = consumer.adopted(&Token::from(NEW), Some("v412")).await.unwrap();
    assert_eq!(adopted, Adoption::ByFingerprint("v412, 1 of 1 dynos up".into()));
    assert_eq!(
        built.vendor.lines(),
        ["GET /apps/api/config-vars", "GET /apps/api/dynos", "GET /apps/api/releases"]
    );
    let differs = consumer.adopted(&Token::from(OLD), None).await.unwrap();
    assert!(matches!(differs, Adoption::Differs(_)));
    assert_eq!(built.world.quotas["c"].remaining(), Some(4321));
}

const PUBLIC: &str = r#"{"key_id":"k-1","key":"hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs="}"#;

fn secret(more: &str) -> String {
    format!(
        r#"{{"name":"K","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z"{more}}}"#
    )
}

fn github(scope: GithubScope) -> ConsumerKind {
    ConsumerKind::GithubSecret { via: "c".into(), scope }
}

#[tokio::test]
async fn github_sees_an_environment_that_shadows_unless_the_inventory_has_it() {
    let tell = |asked: &Asked| match asked.line.split('?').next().unwrap() {
        "GET /repos/acme/api/actions/secrets/public-key" => told(200, PUBLIC),
        "GET /repos/acme/api/environments" => told(200, r#"{"environments":[{"name":"prod"}]}"#),
        "GET /repos/acme/api/environments/prod/secrets" => {
            told(200, r#"{"secrets":[{"name":"K"}]}"#)
        }
        _ => told(200, &secret("")),
    };
    let repository = || github(GithubScope::Repository("acme/api".into()));
    let environment = github(GithubScope::Environment("acme/api".into(), "prod".into()));
    let alone = build(tell, |it| used_by(it, &[repository()]));
    let held = alone.consumer().look().await.unwrap();
    assert!(matches!(&held, Held::Shadowed(why) if why.contains("`prod` has its own K")));
    let both = build(tell, |it| used_by(it, &[repository(), environment.clone()]));
    let held = both.consumer().look().await.unwrap();
    assert!(matches!(held, Held::Unreadable(Some(at)) if at.to_string() == "2026-01-02T00:00:00Z"));
}

#[tokio::test]
async fn github_keeps_who_may_use_an_organisations_secret() {
    let tell = |asked: &Asked| match asked.line.split('?').next().unwrap() {
        "GET /orgs/acme/actions/secrets/public-key" => told(200, PUBLIC),
        "GET /orgs/acme/actions/secrets/K" => told(200, &secret(r#","visibility":"selected""#)),
        "GET /orgs/acme/actions/secrets/K/repositories" => {
            told(200, r#"{"total_count":2,"repositories":[{"id":7},{"id":9}]}"#)
        }
        _ => told(204, ""),
    };
    let kind = github(GithubScope::Organisation("acme".into()));
    let built = build(tell, move |it| used_by(it, std::slice::from_ref(&kind)));
    let receipt = built.consumer().write(&Token::from(NEW)).await.unwrap();
    assert_eq!(receipt.0, "updated 2026-01-02T00:00:00Z");
    let asked = built.vendor.asked();
    let put = asked.iter().find(|asked| asked.line.starts_with("PUT")).unwrap();
    assert_eq!(put.line, "PUT /orgs/acme/actions/secrets/K");
    assert!(
        put.body
            .contains(r#""key_id":"k-1","visibility":"selected","selected_repository_ids":[7,9]"#)
    );
    assert!(!put.body.contains(NEW));
    assert!(put.headers.contains("x-github-api-version: 2022-11-28"));
    let adopted = built.consumer().adopted(&Token::from(NEW), Some(&receipt.0)).await.unwrap();
    assert!(matches!(adopted, Adoption::ByWrite(_)));
    assert_eq!(built.vendor.lines(), ["GET /orgs/acme/actions/secrets/K"], "no runs to look at");
}

#[tokio::test]
async fn github_waits_for_runs_from_before_the_write() {
    let tell = |asked: &Asked| {
        if asked.line.starts_with("GET /repos/acme/api/actions/runs?status=waiting") {
            let run = r#"{"created_at":"2026-01-01T23:00:00Z"}"#;
            return told(200, &format!(r#"{{"total_count":1,"workflow_runs":[{run}]}}"#));
        }
        if asked.line.contains("/actions/runs?") {
            return told(200, r#"{"total_count":0,"workflow_runs":[]}"#);
        }
        told(200, &secret(""))
    };
    let kind = github(GithubScope::Dependabot("acme/api".into()));
    let built = build(tell, move |it| used_by(it, std::slice::from_ref(&kind)));
    let receipt = Some("updated 2026-01-02T00:00:00Z");
    let adopted = built.consumer().adopted(&Token::from(NEW), receipt).await.unwrap();
    assert_eq!(adopted, Adoption::NotYet("1 run still holds the value before".into()));
    let lines = built.vendor.lines();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[5], "GET /repos/acme/api/dependabot/secrets/K");
}

#[tokio::test]
async fn a_write_that_was_never_sent_is_not_in_doubt() {
    let kind = ConsumerKind::HerokuConfig { via: "c".into(), app: "api".into() };
    let built = build(|_| told(200, "<html>"), move |it| used_by(it, std::slice::from_ref(&kind)));
    let looked = built.consumer().look().await;
    assert!(matches!(looked, Err(Fault::Unsure { .. })));
    let written = built.consumer().write(&Token::from(NEW)).await;
    assert!(matches!(written, Err(Fault::Later { .. })), "{written:?}");
    assert_eq!(built.vendor.lines().len(), 2, "only the two looks");
}

#[tokio::test]
async fn a_lost_receipt_does_not_undo_a_write() {
    let kind = ConsumerKind::HerokuConfig { via: "c".into(), app: "api".into() };
    let app = app();
    let tell = move |asked: &Asked| match asked.line.ends_with("/releases") {
        true => told(503, ""),
        false => app(asked),
    };
    let built = build(tell, move |it| used_by(it, std::slice::from_ref(&kind)));
    let receipt = built.consumer().write(&Token::from(NEW)).await.unwrap();
    assert_eq!(receipt.0, "release unknown");
    let again = built.consumer().write(&Token::from(NEW)).await.unwrap();
    assert_eq!(again.0, "unchanged");
}
