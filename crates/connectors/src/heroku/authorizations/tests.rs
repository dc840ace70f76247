//! Reading of Heroku's answers about authorizations: every documented error, and nonsense.

use super::*;
use crate::http::tests::{answer, answer_with, change, fixture};

const TOKEN: &str = "HRKU-01234567-89ab-cdef-0123-456789abcdef";
const ID: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
const BAD: &str = r#"{"id":"unauthorized","message":"Invalid credentials provided."}"#;
const NONE: &str = r#"{"id":"unauthorized","message":"There were no credentials in your `Authorization` header. Try `Authorization: Bearer <OAuth access token>`."}"#;
const SCOPE: &str = r#"{"id":"forbidden","message":"The scope of this OAuth authorization does not allow access to this resource."}"#;
const GONE: &str =
    r#"{"resource":"authorization","id":"not_found","message":"Couldn't find that."}"#;
const LIMIT: &str = r#"{"id":"rate_limit","message":"Your account reached the API rate limit"}"#;

fn look(status: u16, body: &str) -> Liveness {
    read_look(&answer("Heroku", status, body))
}

fn authorization(token: &str) -> String {
    format!(
        r#"{{"id":"{ID}","description":"rollover r-1","scope":["global"],
            "created_at":"2026-01-02T03:04:05Z","access_token":{token},"user":{{"id":"u"}}}}"#
    )
}

fn shown_token() -> String {
    format!(r#"{{"id":"x","token":"{TOKEN}","expires_in":null}}"#)
}

#[test]
fn alive_is_only_an_account_with_an_address() {
    let alive = look(200, r#"{"id":"1","email":"ops@example.com","name":null}"#);
    assert_eq!(alive, Liveness::Alive { identity: "ops@example.com".into() });
    for body in ["", "{}", r#"{"email":null}"#, r#"{"email":""}"#, "<html>", "[]"] {
        assert!(matches!(look(200, body), Liveness::Unknown { .. }), "{body}");
    }
}

#[test]
fn dead_is_only_401_unauthorized_with_the_token_arrived() {
    assert_eq!(look(401, BAD), Liveness::Dead { evidence: "401 unauthorized".into() });
    for (status, body) in [
        (401, NONE),
        (401, ""),
        (401, "<html>"),
        (401, r#"{"id":"verification_needed","message":"x"}"#),
        (403, SCOPE),
        (403, BAD),
        (403, "<html>"),
        (404, GONE),
        (429, LIMIT),
        (500, BAD),
        (503, ""),
        (302, ""),
    ] {
        assert!(matches!(look(status, body), Liveness::Unknown { .. }), "{status} {body}");
    }
}

#[test]
fn a_page_with_values_masked_or_absent() {
    let masked = r#"{"token":"HRKU-AA****"}"#;
    for (access_token, value) in [
        (shown_token().as_str(), Some(Token::from(TOKEN))),
        (masked, None),
        ("null", None),
        (r#"{"token":null}"#, None),
        (r#"{"id":"x"}"#, None),
    ] {
        let body = format!("[{}]", authorization(access_token));
        let page = read_page(&answer("Heroku", 200, &body)).unwrap();
        let token = listed(page.authorizations.first().unwrap());
        assert_eq!(token.token, value);
        assert_eq!(token.handle, Some(Handle(ID.into())));
        assert_eq!(token.created, Some("2026-01-02T03:04:05Z".parse().unwrap()));
        assert_eq!(token.description.as_deref(), Some("rollover r-1"));
    }
    let bare = read_page(&answer("Heroku", 200, r#"[{"id":"i"}]"#)).unwrap();
    assert!(bare.next.is_none() && bare.authorizations.len() == 1);
}

#[test]
fn a_page_says_where_the_next_one_starts() {
    let next = [("next-range", "]i ..; max=500")];
    let page = read_page(&answer_with("Heroku", 206, &next, "[]")).unwrap();
    assert_eq!(page.next.as_deref(), Some("]i ..; max=500"));
    assert!(read_page(&answer("Heroku", 206, "[]")).unwrap().next.is_none());
}

#[test]
fn faults_of_a_page() {
    let fault = |status, body| read_page(&answer("Heroku", status, body)).err().unwrap();
    assert!(matches!(fault(401, BAD), Fault::Refused { .. }));
    assert!(matches!(fault(403, SCOPE), Fault::Refused { .. }));
    assert!(matches!(fault(403, "<html>"), Fault::Later { .. }));
    assert!(matches!(fault(429, LIMIT), Fault::Later { after: None, .. }));
    assert!(matches!(fault(503, ""), Fault::Later { .. }));
    assert!(matches!(fault(200, "[{"), Fault::Unsure { .. }));
    assert!(matches!(fault(200, "<html>"), Fault::Unsure { .. }));
}

#[test]
fn may_mint_is_as_unsure_as_the_answer() {
    let may = |status, body| read_may_mint(&answer("Heroku", status, body));
    assert_eq!(may(206, "[]"), MintRight::Allowed);
    assert!(matches!(may(403, SCOPE), MintRight::Refused(_)));
    assert!(matches!(may(401, BAD), MintRight::Refused(why) if why.contains("login")));
    for (status, body) in [(401, "<html>"), (403, "<html>"), (429, LIMIT), (500, ""), (200, "")] {
        assert!(matches!(may(status, body), MintRight::Unknown(_)), "{status} {body}");
    }
}

#[test]
fn created_needs_an_id_and_a_readable_token() {
    let create = |status, body: &str| read_create(&change("Heroku", status, body));
    let made = create(201, &authorization(&shown_token())).unwrap();
    assert_eq!((made.token, made.handle), (Token::from(TOKEN), Handle(ID.into())));
    for body in [
        authorization("null"),
        authorization(r#"{"token":"HRKU-****"}"#),
        "{}".to_owned(),
        String::new(),
        "<html>".to_owned(),
    ] {
        assert!(matches!(create(201, &body), Err(Fault::Unsure { .. })), "{body}");
    }
    assert!(matches!(create(403, SCOPE), Err(Fault::Refused { .. })));
    assert!(matches!(create(422, GONE), Err(Fault::Refused { .. })));
    assert!(matches!(create(403, "<html>"), Err(Fault::Later { .. })));
    assert!(matches!(create(429, LIMIT), Err(Fault::Later { .. })));
    assert!(matches!(create(500, BAD), Err(Fault::Unsure { .. })));
    assert!(matches!(create(503, ""), Err(Fault::Unsure { .. })));
    assert!(matches!(create(302, ""), Err(Fault::Unsure { .. })));
}

#[test]
fn gone_already_is_revoked() {
    let revoke = |status, body: &str| read_revoke(&change("Heroku", status, body));
    assert_eq!(revoke(200, &authorization("null")), Ok(()));
    assert_eq!(revoke(404, GONE), Ok(()));
    assert!(matches!(revoke(200, "<html>"), Err(Fault::Unsure { .. })));
    assert!(matches!(revoke(404, "<html>"), Err(Fault::Later { .. })));
    assert!(matches!(revoke(401, BAD), Err(Fault::Refused { .. })));
    assert!(matches!(revoke(502, "<html>"), Err(Fault::Unsure { .. })));
}

#[test]
fn a_marker_is_a_word_of_its_own() {
    let found = |description: &str| {
        let body = format!(r#"[{{"id":"{ID}","description":"{description}"}}]"#);
        let page = read_page(&answer("Heroku", 200, &body)).unwrap();
        marked(&page.authorizations, "rollover r-1").len()
    };
    assert_eq!(found("rollover r-1"), 1);
    assert_eq!(found("prod/X (rollover r-1), by ops"), 1);
    assert_eq!(found("rollover r-12"), 0);
    assert_eq!(found("rollover r-2"), 0);
}

#[test]
fn what_is_sent_for_a_new_one() {
    let order = MintOrder { marker: "rollover r-1".into() };
    let scope = ["read-protected".to_owned(), "write-protected".to_owned()];
    let sent = serde_json::to_string(&creation(&order, &scope, Some(Span::from_millis(1_500))));
    assert_eq!(
        sent.unwrap(),
        r#"{"description":"rollover r-1","scope":["read-protected","write-protected"],"expires_in":2}"#
    );
    let sent = serde_json::to_string(&creation(&order, &[], None)).unwrap();
    assert_eq!(sent, r#"{"description":"rollover r-1"}"#);
}

#[test]
fn no_answer_shows_a_token_whatever_field_it_stands_in() {
    let body = format!(
        r#"{{"id":"{TOKEN}","message":"{TOKEN}","email":"{TOKEN}","error":1,"url":"{TOKEN}",
            "description":"{TOKEN}","scope":["{TOKEN}"],"access_token":{{"token":"{TOKEN}"}}}}"#
    )
    .replace(r#""error":1,"#, "");
    let entry = format!(
        r#"[{{"id":"{ID}","description":"{TOKEN}","scope":["{TOKEN}"],
            "access_token":{{"token":"{TOKEN}"}}}}]"#
    );
    for status in [200, 201, 206, 301, 400, 401, 403, 404, 422, 429, 500] {
        let page = read_page(&answer("Heroku", status, &entry));
        let page: Result<Vec<_>, _> =
            page.map(|page| page.authorizations.iter().map(listed).collect());
        let text = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            look(status, &body),
            page,
            read_create(&change("Heroku", status, &body)),
            read_revoke(&change("Heroku", status, &body)),
            read_may_mint(&answer("Heroku", status, &body)),
        );
        assert!(!text.contains(&TOKEN[5..]), "{status}: {text}");
    }
}

#[test]
fn the_shared_fixtures_are_understood() {
    let body = |name: &str| fixture(&format!("heroku/{name}.json"));
    assert!(look(200, &body("account.200")).is_alive());
    assert!(look(401, &body("401")).is_dead());
    for (status, name) in [
        (401, "401.none"),
        (403, "403.scope"),
        (403, "403.two-factor"),
        (406, "406.missing-version"),
        (429, "429"),
        (503, "503"),
    ] {
        let unknown = look(status, &body(name));
        assert!(matches!(unknown, Liveness::Unknown { .. }), "{name}");
    }
    for name in ["authorizations.create.201", "authorizations.create-expiring.201"] {
        let minted = read_create(&change("Heroku", 201, &body(name))).unwrap();
        assert_eq!(minted.token, Token::from("HRKU-EXAMPLE-0000"));
    }
    let deleted = body("authorizations.delete.200");
    assert_eq!(read_revoke(&change("Heroku", 200, &deleted)), Ok(()));
    let page = read_page(&answer("Heroku", 200, &body("authorizations.list.200"))).unwrap();
    let entry = listed(page.authorizations.first().unwrap());
    assert!(entry.token.is_none() && entry.handle.is_some() && entry.scope == ["global"]);
    let two_factor = read_create(&change("Heroku", 403, &body("403.two-factor")));
    assert!(matches!(two_factor, Err(Fault::Refused { .. })));
}
