//! Reading of Infisical's answers: logins, secrets, approvals, and every documented error.

use std::time::Duration;

use super::read::{entry, has_ended, is_missing, login, written};
use super::*;
use crate::http::tests::{answer, change, fixture};

const VALUE: &str = "HRKU-01234567-89ab-cdef-0123-456789abcdef";

fn error(status: u16, code: &str, message: &str) -> String {
    format!(r#"{{"reqId":"r","statusCode":{status},"message":"{message}","error":"{code}"}}"#)
}

fn secret(value: &str, more: &str) -> String {
    format!(
        r#"{{"secret":{{"id":"i","version":7,"type":"shared","secretKey":"K","secretValue":"{value}"{more}}}}}"#
    )
}

#[test]
fn a_login_gives_an_access_token_for_a_while() {
    let body = r#"{"accessToken":"eyJx.y.z","expiresIn":2592000,"accessTokenMaxTTL":2592000,"tokenType":"Bearer"}"#;
    let (access, lifetime) = login(&answer("Infisical", 200, body)).ok().unwrap();
    assert_eq!(access, Token::from("eyJx.y.z"));
    assert_eq!(lifetime, Duration::from_secs(86_400), "no longer than a day");
    assert!(matches!(login(&answer("Infisical", 200, "<html>")), Err(Fault::Unsure { .. })));
}

#[test]
fn a_failed_login_is_refused_and_a_locked_one_waits() {
    let fault = |status, code, message| {
        login(&answer("Infisical", status, &error(status, code, message))).err().unwrap()
    };
    assert!(matches!(fault(401, "Unauthorized", "Invalid credentials"), Fault::Refused { .. }));
    let expired = "Access denied due to expired client secret";
    assert!(matches!(fault(401, "Unauthorized", expired), Fault::Refused { .. }));
    let locked = "This identity auth method is temporarily locked, please try again later";
    let wait = Some(Duration::from_secs(300));
    let fault_of_lock = fault(401, "Unauthorized", locked);
    assert!(matches!(fault_of_lock, Fault::Later { after, .. } if after == wait));
    let limit = "Rate limit exceeded. Please try again in 17 seconds";
    let wait = Some(Duration::from_secs(17));
    let limited = fault(429, "RateLimitExceeded", limit);
    assert!(matches!(limited, Fault::Later { after, .. } if after == wait));
    let html = login(&answer("Infisical", 401, "<html>")).err().unwrap();
    assert!(matches!(html, Fault::Later { .. }));
}

#[test]
fn a_secret_and_its_version() {
    let found = entry(&answer("Infisical", 200, &secret(VALUE, ""))).ok().unwrap().unwrap();
    assert_eq!((found.version.as_str(), found.is_rotated), ("7", false));
    assert!(found.holds(&Token::from(VALUE)));
    let kept = entry(&answer("Infisical", 200, &secret(&format!("{VALUE}\\n"), ""))).ok().unwrap();
    assert!(kept.unwrap().holds(&Token::from(VALUE)), "one line end is kept by the server");
    let rotated = secret(VALUE, r#","isRotatedSecret":true"#);
    assert!(entry(&answer("Infisical", 200, &rotated)).ok().unwrap().unwrap().is_rotated);
    let hidden = secret("<hidden-by-infisical>", r#","secretValueHidden":true"#);
    assert!(matches!(entry(&answer("Infisical", 200, &hidden)), Err(Fault::Refused { .. })));
    for body in ["", "{}", "<html>", r#"{"secret":{}}"#, r#"{"approval":{}}"#] {
        let fault = entry(&answer("Infisical", 200, body)).err().unwrap();
        assert!(matches!(fault, Fault::Unsure { .. }), "{body}");
    }
}

#[test]
fn not_there_is_not_the_same_as_no_folder() {
    let none = error(404, "NotFound", "Secret with name 'K' not found");
    assert!(entry(&answer("Infisical", 404, &none)).ok().unwrap().is_none());
    assert!(is_missing(&answer("Infisical", 404, &none)));
    let folder = error(404, "NotFound", "Folder with path '/x' in environment 'prod' not found");
    assert!(matches!(entry(&answer("Infisical", 404, &folder)), Err(Fault::Refused { .. })));
    assert!(matches!(entry(&answer("Infisical", 404, "<html>")), Err(Fault::Later { .. })));
}

#[test]
fn an_ended_access_token_is_dropped_and_asked_for_anew() {
    let ended = answer("Infisical", 403, &error(403, "TokenError", "Your token has expired"));
    assert!(has_ended(&ended) && matches!(entry(&ended), Err(Fault::Later { .. })));
    let ended = change("Infisical", 403, &error(403, "TokenError", "Your token has expired"));
    assert!(matches!(written(&ended), Err(Fault::Later { .. })));
    let denied = answer("Infisical", 403, &error(403, "PermissionDenied", "no"));
    assert!(!has_ended(&denied) && matches!(entry(&denied), Err(Fault::Refused { .. })));
    assert!(!has_ended(&answer("Infisical", 403, "<html>")));
}

#[test]
fn two_hundred_is_not_stored() {
    let end = |status, body: &str| written(&change("Infisical", status, body));
    assert_eq!(end(200, &secret(VALUE, "")), Ok(Written::Stored));
    let waits = end(200, r#"{"approval":{"id":"a-1","status":"open"}}"#);
    assert!(matches!(waits, Ok(Written::Waits(why)) if why.contains("(a-1)")));
    assert!(matches!(end(200, r#"{"approval":{}}"#), Ok(Written::Waits(_))));
    for body in ["", "{}", "<html>", "null"] {
        assert!(matches!(end(200, body), Err(Fault::Unsure { .. })), "{body}");
    }
    let exists = error(400, "BadRequest", "Secret already exist");
    assert!(matches!(end(400, &exists), Err(Fault::Refused { .. })));
    let issues = r#"{"reqId":"r","statusCode":422,"error":"ValidationFailure","message":[{"code":"x","received":"v"}]}"#;
    assert!(
        matches!(end(422, issues), Err(Fault::Refused { why, .. }) if why == "422 ValidationFailure")
    );
    assert!(matches!(end(500, &error(500, "x", "y")), Err(Fault::Unsure { .. })));
    assert!(matches!(end(403, "<html>"), Err(Fault::Later { .. })));
}

#[test]
fn the_two_generations_of_the_api() {
    let place =
        |api| Place { project: "p".into(), environment: "prod".into(), path: "/".into(), api };
    assert_eq!(place(3).segments("K"), ["v3", "secrets", "raw", "K"]);
    assert_eq!(place(4).segments("K"), ["v4", "secrets", "K"]);
    let body = Body {
        workspace_id: None,
        project_id: Some("p"),
        environment: "prod",
        secret_path: "/",
        secret_value: Some(Exposed(&Token::from("v"))),
        kind: "shared",
    };
    assert_eq!(
        serde_json::to_string(&body).unwrap(),
        r#"{"projectId":"p","environment":"prod","secretPath":"/","secretValue":"v","type":"shared"}"#
    );
}

#[test]
fn no_answer_shows_a_token_whatever_field_it_stands_in() {
    for status in [200, 301, 400, 401, 403, 404, 422, 429, 500] {
        let body = format!(
            r#"{{"reqId":"{VALUE}","statusCode":{status},"message":"{VALUE}","error":"{VALUE}",
                "accessToken":"{VALUE}","expiresIn":"{VALUE}","approval":{{"id":"{VALUE}"}},
                "secret":{{"secretValue":"{VALUE}","version":1}}}}"#
        );
        let text = format!(
            "{:?} {:?} {:?}",
            login(&answer("Infisical", status, &body)).err(),
            entry(&answer("Infisical", status, &body)).err(),
            written(&change("Infisical", status, &body)),
        );
        assert!(!text.contains(&VALUE[5..]), "{text}");
    }
}

#[test]
fn the_shared_fixtures_are_understood() {
    let at = |status, name: &str| {
        answer("Infisical", status, &fixture(&format!("infisical/{name}.json")))
    };
    assert!(login(&at(200, "login.200")).is_ok());
    assert!(matches!(login(&at(401, "401.credentials")), Err(Fault::Refused { .. })));
    let locked = login(&at(401, "401.locked")).err().unwrap();
    let wait = Some(Duration::from_secs(300));
    assert!(matches!(locked, Fault::Later { after, .. } if after == wait));
    let held = entry(&at(200, "secret.get.200")).ok().unwrap().unwrap();
    assert!(held.holds(&Token::from("HRKU-EXAMPLE-0000")) && held.version == "3");
    assert!(entry(&at(200, "secret.rotated.200")).ok().unwrap().unwrap().is_rotated);
    assert!(entry(&at(404, "404.secret")).ok().unwrap().is_none());
    assert!(has_ended(&at(403, "403.token")));
    assert_eq!(written(&at(200, "secret.update.200")), Ok(Written::Stored));
    assert!(matches!(written(&at(200, "approval.200")), Ok(Written::Waits(_))));
    for name in ["400.exists", "400.rotated"] {
        assert!(matches!(written(&at(400, name)), Err(Fault::Refused { .. })));
    }
    assert!(matches!(written(&at(422, "422")), Err(Fault::Refused { .. })));
    let wait = Some(Duration::from_secs(60));
    assert!(matches!(written(&at(429, "429")), Err(Fault::Later { after, .. }) if after == wait));
}
