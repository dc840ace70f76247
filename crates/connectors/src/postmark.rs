//! Postmark server tokens.
//!
//! A server holds up to three tokens side by side. No endpoint creates or deletes one: people do
//! it in the dashboard. `GET /server` answers as the server that a token belongs to, and lists
//! all tokens of that server, so a leaked token can read its replacement. A token that Postmark
//! does not know is answered with HTTP 401 and `ErrorCode` 10; the text beside it has changed
//! over the years and is not looked at.
//!
//! <https://postmarkapp.com/developer/api/server-api>,
//! <https://postmarkapp.com/developer/api/overview#error-codes>

pub(crate) mod account;
pub(crate) mod account_manual;
pub(crate) mod email;
pub(crate) mod manual;
pub(crate) mod test_mail;

use std::sync::Arc;

use async_trait::async_trait;
use domain::inventory::{AddressUse, address};
use domain::{Doer, Handle, Liveness, Overlap, Profile, Shape, Span, Token, Traces};
use serde::Deserialize;

use crate::hidden::Hidden;
use crate::http::{Answer, Http, Request, Said};
use crate::shown::shown;
use crate::{Fault, Found, Issuer, ListedToken, Listing, MintOrder, MintRight, Minted};

/// What Postmark declares.
pub(crate) const PROFILE: Profile = Profile {
    kind: "postmark-server",
    title: "Postmark server token",
    overlap: Overlap::Coexist(3),
    creates: Doer::Operator,
    revokes: Doer::Operator,
    lists: true,
    reads_siblings: true,
    shape: Shape::Uuid,
    activation_max: Span::from_secs(30),
    usual_names: &["POSTMARK_SERVER_TOKEN", "POSTMARK_API_TOKEN", "POSTMARK_API_KEY"],
    traces: Traces {
        words: &["postmark"],
        ids: &["messageid", "pmmessageid", "originalmessageid"],
    },
};

/// The one error code that says "I do not know this token".
const UNKNOWN_TOKEN: i64 = 10;

/// The tokens of one Postmark server.
pub(crate) struct PostmarkServer {
    http: Arc<Http>,
    server: String,
    dashboard: String,
}

impl PostmarkServer {
    /// `server` is the name that every token of it answers with.
    pub(crate) fn new(http: Arc<Http>, server: String, dashboard: String) -> Self {
        Self { http, server, dashboard }
    }

    fn by_hand(&self, call: &str) -> Fault {
        self.http.refusal(call, "Postmark has no API for it; a person does it in the dashboard")
    }
}

#[async_trait]
impl Issuer for PostmarkServer {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn look(&self, token: &Token) -> Liveness {
        match server_as(&self.http, token).await {
            Ok(answer) => read_look(&answer),
            Err(fault) => Liveness::Unknown { why: fault.why().to_owned() },
        }
    }

    fn expected_identity(&self) -> &str {
        &self.server
    }

    async fn list(&self, with: &Token) -> Result<Listing, Fault> {
        let listing = read_list(&server_as(&self.http, with).await?, with)?;
        let page = listing.page.filter(|page| is_theirs(page, &self.dashboard));
        Ok(Listing { page, ..listing })
    }

    async fn may_mint(&self) -> MintRight {
        MintRight::Allowed
    }

    async fn create(&self, _order: &MintOrder) -> Result<Minted, Fault> {
        Err(self.by_hand("creating a token"))
    }

    async fn find(&self, _marker: &str) -> Result<Vec<Found>, Fault> {
        Err(self.by_hand("finding a token by its description"))
    }

    async fn revoke(&self, _handle: &Handle) -> Result<(), Fault> {
        Err(self.by_hand("deleting a token"))
    }

    fn how_to_create(&self) -> Vec<String> {
        vec![
            format!("open {} and choose the server `{}`", self.dashboard, self.server),
            "open its tab API Tokens and press Generate another token".to_owned(),
            "delete no token yet; up to three live side by side".to_owned(),
        ]
    }

    fn how_to_revoke(&self, which: &str) -> Vec<String> {
        vec![
            format!("open {} and choose the server `{}`", self.dashboard, self.server),
            format!("open its tab API Tokens and delete the token {which}"),
            "delete no other token; this cannot be undone".to_owned(),
        ]
    }
}

/// `GET /server` with the token as a server's.
async fn server_as(http: &Http, token: &Token) -> Result<Answer, Fault> {
    let request = Request::get(&["server"]).header("accept", "application/json").token(
        "x-postmark-server-token",
        "",
        token,
    );
    http.send(request).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Server {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tokens {
    #[serde(default)]
    api_tokens: Option<Vec<Option<Hidden>>>,
    #[serde(default)]
    server_link: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    error_code: i64,
    #[serde(default)]
    message: String,
}

fn said(answer: &Answer) -> Option<Said> {
    let Envelope { error_code, message } = answer.json()?;
    Some(Said { code: format!("ErrorCode {error_code}"), message })
}

fn knows_no_such_token(answer: &Answer) -> bool {
    answer.status == 401
        && answer.json::<Envelope>().is_some_and(|said| said.error_code == UNKNOWN_TOKEN)
}

/// `GET /server`: alive as the server's name, dead by 401 and `ErrorCode` 10, else unknown.
fn read_look(answer: &Answer) -> Liveness {
    if knows_no_such_token(answer) {
        return Liveness::Dead { evidence: "401 ErrorCode 10".to_owned() };
    }
    if answer.status != 200 {
        return Liveness::Unknown { why: answer.failure(said(answer).as_ref()).why().to_owned() };
    }
    match answer.json::<Server>() {
        Some(server) if !server.name.is_empty() => {
            Liveness::Alive { identity: shown(&server.name) }
        }
        _ => Liveness::Unknown { why: answer.nonsense("a server's name").why().to_owned() },
    }
}

/// `GET /server`: the tokens, complete only if every one is readable and the token that was used
/// for asking is among them.
fn read_list(answer: &Answer, with: &Token) -> Result<Listing, Fault> {
    if answer.status != 200 {
        return Err(answer.failure(said(answer).as_ref()));
    }
    let answered: Tokens = answer.json().ok_or_else(|| answer.nonsense("a server"))?;
    let listed = answered.api_tokens.unwrap_or_default();
    let readable = |token: &Token| PROFILE.shape.fits(token.expose());
    let tokens: Vec<Option<Token>> =
        listed.into_iter().map(|entry| entry.map(|Hidden(token)| token).filter(readable)).collect();
    // Header values are compared without case by Postmark, so a token may be written either way.
    let same = |token: &Token| token.expose().eq_ignore_ascii_case(with.expose());
    let complete = tokens.iter().all(Option::is_some) && tokens.iter().flatten().any(same);
    let tokens = tokens
        .into_iter()
        .map(|token| ListedToken {
            token,
            handle: None,
            description: None,
            created: None,
            scope: Vec::new(),
        })
        .collect();
    let page = answered.server_link.map(|link| shown(&link));
    Ok(Listing { complete, tokens, page })
}

/// Whether a page that an answer names is one of Postmark's, or of the dashboard that the
/// inventory names. People are sent there; we go to no link of an answer.
fn is_theirs(page: &str, dashboard: &str) -> bool {
    let host = |text: &str| {
        let address = address(text, AddressUse::Dashboard).ok()?;
        Some((address.host_str()?.to_owned(), address.port_or_known_default()))
    };
    let Some((name, port)) = host(page) else { return false };
    let vendor = name == "postmarkapp.com" || name.ends_with(".postmarkapp.com");
    (vendor && port == Some(443)) || host(dashboard) == Some((name, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{answer, fixture};

    const A: &str = "01234567-89ab-cdef-0123-456789abcdef";
    const B: &str = "11111111-2222-3333-4444-555555555555";
    const DEAD: &str =
        r#"{"ErrorCode":10,"Message":"Request does not contain a valid Server token."}"#;

    fn look(status: u16, body: &str) -> Liveness {
        read_look(&answer("Postmark", status, body))
    }

    fn list(status: u16, body: &str) -> Result<Listing, Fault> {
        read_list(&answer("Postmark", status, body), &Token::from(A))
    }

    #[test]
    fn alive_is_only_a_server_with_a_name() {
        let body = format!(r#"{{"ID":1,"Name":"acme-prod","ApiTokens":["{A}"],"Color":"blue"}}"#);
        assert_eq!(look(200, &body), Liveness::Alive { identity: "acme-prod".into() });
        for body in ["", "{}", r#"{"Name":""}"#, r#"{"Name":7}"#, "<html>", "null", "OK"] {
            assert!(matches!(look(200, body), Liveness::Unknown { .. }), "{body}");
        }
    }

    #[test]
    fn dead_is_only_401_with_error_code_10() {
        assert_eq!(look(401, DEAD), Liveness::Dead { evidence: "401 ErrorCode 10".into() });
        let other = r#"{"ErrorCode":10,"Message":"The Server Token you provided was invalid."}"#;
        assert!(look(401, other).is_dead(), "the text does not matter");
        for (status, body) in [
            (401, r#"{"ErrorCode":401,"Message":"Sender signature not confirmed."}"#),
            (401, "<html>Unauthorized</html>"),
            (401, ""),
            (403, DEAD),
            (403, "<html>blocked</html>"),
            (404, DEAD),
            (407, ""),
            (422, r#"{"ErrorCode":405,"Message":"Not allowed to send."}"#),
            (429, r#"{"ErrorCode":429,"Message":"Rate limit exceeded."}"#),
            (500, DEAD),
            (503, ""),
            (302, ""),
        ] {
            assert!(matches!(look(status, body), Liveness::Unknown { .. }), "{status} {body}");
        }
    }

    #[test]
    fn a_list_is_complete_only_when_every_token_is_readable() {
        let whole = list(200, &format!(r#"{{"Name":"s","ApiTokens":["{A}","{B}"]}}"#)).unwrap();
        assert!(whole.complete);
        assert_eq!(whole.tokens[1].token, Some(Token::from(B)));
        for body in [
            r#"{"Name":"s"}"#.to_owned(),
            r#"{"Name":"s","ApiTokens":null}"#.to_owned(),
            r#"{"Name":"s","ApiTokens":[]}"#.to_owned(),
            format!(r#"{{"Name":"s","ApiTokens":["{A}","11111111-****-****-****-********5555"]}}"#),
            format!(r#"{{"Name":"s","ApiTokens":["{A}",null]}}"#),
            format!(r#"{{"Name":"s","ApiTokens":["{B}"]}}"#),
        ] {
            assert!(!list(200, &body).unwrap().complete, "{body}");
        }
        let masked = r#"{"Name":"s","ApiTokens":["********-****"]}"#;
        assert_eq!(list(200, masked).unwrap().tokens[0].token, None);
    }

    #[test]
    fn people_are_sent_to_the_servers_own_page_and_to_nobody_elses() {
        let (vendor, lab) = ("https://account.postmarkapp.com", "http://127.0.0.1:8080/x");
        for (page, dashboard, theirs) in [
            ("https://postmarkapp.com/servers/1/streams", vendor, true),
            ("https://account.postmarkapp.com/servers/1/credentials", vendor, true),
            ("http://127.0.0.1:8080/postmark/servers/1/streams", lab, true),
            ("http://127.0.0.1:8081/postmark/servers/1/streams", lab, false),
            ("http://127.0.0.1:8080/postmark/servers/1/streams", vendor, false),
            ("https://postmarkapp.com.example/servers/1", vendor, false),
            ("https://notpostmarkapp.com/servers/1", vendor, false),
            ("https://postmarkapp.com:8443/servers/1", vendor, false),
            ("http://postmarkapp.com/servers/1", vendor, false),
            ("javascript:alert(1)", vendor, false),
            ("", vendor, false),
        ] {
            assert_eq!(is_theirs(page, dashboard), theirs, "{page}");
        }
        let body = format!(
            r#"{{"Name":"s","ApiTokens":["{A}"],"ServerLink":"https://postmarkapp.com/servers/1"}}"#
        );
        let page = list(200, &body).unwrap().page;
        assert_eq!(page.as_deref(), Some("https://postmarkapp.com/servers/1"));
    }

    #[test]
    fn faults_of_a_list() {
        assert!(matches!(list(401, DEAD), Err(Fault::Refused { .. })));
        assert!(matches!(list(403, "<html>"), Err(Fault::Later { .. })));
        assert!(matches!(list(429, ""), Err(Fault::Later { .. })));
        assert!(matches!(list(500, ""), Err(Fault::Later { .. })));
        assert!(matches!(list(200, "<html>"), Err(Fault::Unsure { .. })));
    }

    #[test]
    fn the_shared_fixtures_are_understood() {
        let look = |status, name: &str| look(status, &fixture(&format!("postmark/{name}.json")));
        let alive = Liveness::Alive { identity: "acme-prod".into() };
        assert_eq!(look(200, "server.200"), alive);
        assert!(look(401, "401.code10").is_dead());
        for (status, name) in [(422, "422.code300"), (429, "429"), (503, "503.code100")] {
            assert!(matches!(look(status, name), Liveness::Unknown { .. }));
        }
        let with = Token::from("00000000-0000-4000-8000-000000000001");
        for (name, complete, count) in [
            ("server.200", true, 1),
            ("server.two-tokens.200", true, 2),
            ("server.masked.200", false, 1),
            ("server.absent.200", false, 0),
        ] {
            let body = fixture(&format!("postmark/{name}.json"));
            let listing = read_list(&answer("Postmark", 200, &body), &with).unwrap();
            assert_eq!((listing.complete, listing.tokens.len()), (complete, count), "{name}");
        }
    }

    #[test]
    fn no_answer_shows_a_token_whatever_field_it_stands_in() {
        let everywhere = format!(
            r#"{{"ErrorCode":10,"Name":"{A}","Message":"{A}","ApiTokens":["{A}"],"ServerLink":"{A}"}}"#
        );
        for status in [200, 301, 400, 401, 403, 404, 422, 429, 500] {
            let text = format!("{:?} {:?}", look(status, &everywhere), list(status, &everywhere));
            assert!(!text.contains(A), "{text}");
            assert!(!look(status, &everywhere).to_string().contains(A));
        }
        let other_code = everywhere.replace(":10", ":12");
        assert!(!format!("{:?}", list(401, &other_code)).contains(A));
    }
}
