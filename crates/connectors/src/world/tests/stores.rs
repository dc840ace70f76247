//! What stores put on the wire.

use super::*;

/// A server with one secret, whose first access token ends after one call.
fn infisical_server() -> impl Fn(&Asked) -> Told + Send + Sync + 'static {
    let state = Mutex::new((None::<String>, 0, 0));
    move |asked| {
        let mut state = state.lock().unwrap();
        if asked.line.starts_with("POST /api/v1/auth") {
            state.1 += 1;
            let body = format!(r#"{{"accessToken":"access-{}","expiresIn":7200}}"#, state.1);
            return told(200, &body);
        }
        state.2 += 1;
        if state.2 > 1 && asked.headers.contains("Bearer access-1") {
            let body =
                r#"{"statusCode":403,"error":"TokenError","message":"Your token has expired"}"#;
            return told(403, body);
        }
        if !asked.body.is_empty() {
            let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
            state.0 = body["secretValue"].as_str().map(str::to_owned);
        }
        match &state.0 {
            Some(value) => {
                told(200, &format!(r#"{{"secret":{{"secretValue":"{value}","version":1}}}}"#))
            }
            None => told(
                404,
                r#"{"statusCode":404,"error":"NotFound","message":"Secret with name 'K' not found"}"#,
            ),
        }
    }
}

#[tokio::test]
async fn infisical_logs_in_once_and_again_when_the_access_token_ended() {
    let built = build(infisical_server(), |it| {
        let mut it = issued_by(it, postmark());
        let kind = StoreKind::Infisical {
            via: "c".into(),
            project: "p 1".into(),
            environment: "prod".into(),
            path: "/".into(),
            api: 4,
        };
        it.stores.insert("s".into(), Keeps { name: "s".into(), kind });
        let login = || Source::File("login".into());
        let connection = it.connections.get_mut("c").unwrap();
        connection.url.push_str("/api");
        connection.auth = Auth::Client { id: login(), secret: login() };
        it
    });
    let store = built.world.stores["s"].clone();
    assert!(store.read("K").await.unwrap().is_none());
    let asked = built.vendor.asked();
    assert_eq!(asked[0].line, "POST /api/v1/auth/universal-auth/login");
    assert_eq!(asked[0].body, r#"{"clientId":"the-login","clientSecret":"the-login"}"#);
    assert!(asked[1].line.starts_with(
        "GET /api/v4/secrets/K?projectId=p+1&environment=prod&secretPath=%2F&type=shared"
    ));
    let ended = store.write("K", &Token::from(NEW)).await;
    assert!(matches!(ended, Err(Fault::Later { .. })), "{ended:?}");
    assert_eq!(built.vendor.asked().len(), 1, "nothing is repeated here");
    let written = store.write("K", &Token::from(NEW)).await.unwrap();
    assert_eq!(written, StoreWrite::Done("1".into()));
    let lines: Vec<String> = built.vendor.asked().into_iter().map(|it| it.line).collect();
    let starts = ["POST /api/v1/auth", "GET /api/v4", "POST /api/v4/secrets/K", "GET /api/v4"];
    assert_eq!(lines.len(), starts.len());
    assert!(lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{lines:?}");
    assert_eq!(store.write("K", &Token::from(NEW)).await.unwrap(), StoreWrite::Done("1".into()));
    assert_eq!(built.vendor.asked().len(), 1, "held already");
    assert_eq!(store.read("K").await.unwrap().unwrap().token, Token::from(NEW));
}

fn infisical(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Built {
    build(tell, |it| {
        let mut it = issued_by(it, postmark());
        let kind = StoreKind::Infisical {
            via: "c".into(),
            project: "p".into(),
            environment: "prod".into(),
            path: "/".into(),
            api: 3,
        };
        let name = "s".to_owned();
        it.stores.insert(name.clone(), Keeps { name, kind });
        it
    })
}

#[tokio::test]
async fn infisical_is_asked_again_after_a_write_and_believed() {
    let held = format!(r#"{{"secret":{{"secretValue":"{OLD}","version":3}}}}"#);
    let built = infisical(move |_| told(200, &held));
    let written = built.world.stores["s"].write("K", &Token::from(NEW)).await;
    assert!(matches!(written, Err(Fault::Unsure { .. })), "{written:?}");
    let asked = built.vendor.asked();
    assert_eq!(asked[1].line, "PATCH /v3/secrets/raw/K");
    assert!(asked[1].body.starts_with(r#"{"workspaceId":"p","#));
}

#[tokio::test]
async fn infisical_that_rotates_a_secret_itself_is_left_alone() {
    let held =
        format!(r#"{{"secret":{{"secretValue":"{OLD}","version":3,"isRotatedSecret":true}}}}"#);
    let built = infisical(move |_| told(200, &held));
    let written = built.world.stores["s"].write("K", &Token::from(NEW)).await;
    assert!(matches!(written, Err(Fault::Refused { .. })));
    assert_eq!(built.vendor.asked().len(), 1);
}

#[tokio::test]
async fn infisical_that_wants_an_approval_has_not_stored_it() {
    let held = format!(r#"{{"secret":{{"secretValue":"{OLD}","version":3}}}}"#);
    let built = infisical(move |asked| match asked.body.is_empty() {
        true => told(200, &held),
        false => told(200, r#"{"approval":{"id":"a-1"}}"#),
    });
    let written = built.world.stores["s"].write("K", &Token::from(NEW)).await;
    assert!(matches!(written, Ok(StoreWrite::PendingApproval(_))));
}
