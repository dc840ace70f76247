//! Postmark account tokens.
//!
//! An account holds up to three tokens side by side. No endpoint creates, deletes or lists one:
//! people do it on the account's page API Tokens, and enter the new one. A token is asked about by
//! `GET /servers`, which tells no account's name; so an account is known by a server that it has.
//! A token that Postmark does not know is answered with HTTP 401 and `ErrorCode` 10, and so is a
//! server's: whether it is one is asked with the other header before it is called dead. An
//! account token reads the tokens of every server of its account, and no other account token.
//!
//! <https://postmarkapp.com/developer/api/servers-api>,
//! <https://postmarkapp.com/support/article/1008-what-are-the-account-and-server-api-tokens>; the
//! page's address stands in the README of Postmark's own Python client.

use std::sync::Arc;

use async_trait::async_trait;
use domain::inventory::account_of;
use domain::{Doer, Handle, Liveness, Overlap, Profile, Shape, Span, Token, Traces};
use serde::Deserialize;

use super::{UNKNOWN_TOKEN, knows_no_such_token, said, server_as};
use crate::http::{Answer, Http, Request};
use crate::{Fault, Found, Issuer, Listing, MintOrder, MintRight, Minted};

/// What Postmark declares.
pub(crate) const PROFILE: Profile = Profile {
    kind: "postmark-account",
    title: "Postmark account token",
    overlap: Overlap::Coexist(3),
    creates: Doer::Operator,
    revokes: Doer::Operator,
    lists: false,
    reads_siblings: false,
    shape: Shape::Uuid,
    activation_max: Span::from_secs(30),
    usual_names: &["POSTMARK_ACCOUNT_TOKEN", "POSTMARK_ACCOUNT_API_TOKEN"],
    traces: Traces {
        words: &["postmark_account", "postmark-account", "postmarkaccount", "postmark account"],
        ids: &["messageid", "pmmessageid", "originalmessageid"],
    },
};

/// How many servers one answer may hold, by Postmark's own limit.
const SERVERS_MAX: &str = "500";

/// The tokens of one Postmark account.
pub(crate) struct PostmarkAccount {
    http: Arc<Http>,
    server: String,
    identity: String,
    page: String,
}

impl PostmarkAccount {
    /// `server` is the name of a server that the account has.
    pub(crate) fn new(http: Arc<Http>, server: String, dashboard: &str) -> Self {
        let (identity, page) = (account_of(&server), page_of(dashboard));
        Self { http, server, identity, page }
    }

    fn by_hand(&self, call: &str) -> Fault {
        self.http
            .refusal(call, "Postmark has no API for it; a person does it on the account's page")
    }
}

/// The account's page with its tokens.
pub(crate) fn page_of(dashboard: &str) -> String {
    format!("{}/api_tokens", dashboard.trim_end_matches('/'))
}

/// `GET /servers` for the servers of this name, as this token. Postmark searches for a part of it.
pub(crate) fn servers_named(server: &str, token: &Token) -> Request {
    Request::get(&["servers"])
        .query("count", SERVERS_MAX)
        .query("offset", "0")
        .query("name", server)
        .header("accept", "application/json")
        .token("x-postmark-account-token", "", token)
}

#[async_trait]
impl Issuer for PostmarkAccount {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn look(&self, token: &Token) -> Liveness {
        let looked = match self.http.send(servers_named(&self.server, token)).await {
            Ok(answer) => read_look(&answer, &self.server),
            Err(fault) => return Liveness::Unknown { why: fault.why().to_owned() },
        };
        if !looked.is_dead() {
            return looked;
        }
        // A server's token is refused in the same words, and lives.
        let as_server = match server_as(&self.http, token).await {
            Ok(answer) => super::read_look(&answer),
            Err(fault) => Liveness::Unknown { why: fault.why().to_owned() },
        };
        asked_as_both(looked, as_server)
    }

    fn expected_identity(&self) -> &str {
        &self.identity
    }

    async fn list(&self, _with: &Token) -> Result<Listing, Fault> {
        Ok(Listing { complete: false, tokens: Arc::default(), page: Some(self.page.clone()) })
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
            format!("open it as an owner or admin of {}", self.identity),
            "press Generate another token; where three are there, delete one first that nobody uses"
                .to_owned(),
            "delete no token that is in use; up to three live side by side".to_owned(),
        ]
    }

    fn how_to_revoke(&self, which: &str) -> Vec<String> {
        vec![
            format!("open it as an owner or admin of {}", self.identity),
            format!("delete the token {which}"),
            "delete also what was generated for this rotation and was never entered: nobody else \
             can see it"
                .to_owned(),
            "delete no other token; this cannot be undone".to_owned(),
        ]
    }
}

/// What a token is that is none of an account: dead only where it is none of a server either.
fn asked_as_both(as_account: Liveness, as_server: Liveness) -> Liveness {
    match as_server {
        Liveness::Dead { .. } => as_account,
        Liveness::Alive { identity } => {
            Liveness::Alive { identity: format!("a server token, of {identity}") }
        }
        unknown @ Liveness::Unknown { .. } => unknown,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Servers {
    total_count: u64,
    servers: Vec<Server>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Server {
    name: String,
}

/// Whose token was accepted: the account that has the server, or another. `None` where the answer
/// does not tell, because it is no list or not the whole of it.
pub(crate) fn read_account(answer: &Answer, server: &str) -> Option<String> {
    let Servers { total_count, servers } = answer.json()?;
    if servers.iter().any(|one| one.name == server) {
        return Some(account_of(server));
    }
    let whole = u64::try_from(servers.len()).is_ok_and(|count| count >= total_count);
    whole.then(|| format!("an account without {server}"))
}

/// `GET /servers`: alive as an account, dead by 401 and `ErrorCode` 10, else unknown.
fn read_look(answer: &Answer, server: &str) -> Liveness {
    if knows_no_such_token(answer) {
        return Liveness::Dead { evidence: format!("401 ErrorCode {UNKNOWN_TOKEN}") };
    }
    if answer.status != 200 {
        return Liveness::Unknown { why: answer.failure(said(answer).as_ref()).why().to_owned() };
    }
    match read_account(answer, server) {
        Some(identity) => Liveness::Alive { identity },
        None => Liveness::Unknown { why: answer.nonsense("the servers").why().to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{answer, fixture};

    const A: &str = "01234567-89ab-cdef-0123-456789abcdef";
    const DEAD: &str =
        r#"{"ErrorCode":10,"Message":"Request does not contain a valid Account token."}"#;

    fn look(status: u16, body: &str) -> Liveness {
        read_look(&answer("Postmark", status, body), "acme-prod")
    }

    fn alive(identity: &str) -> Liveness {
        Liveness::Alive { identity: identity.into() }
    }

    #[test]
    fn an_account_is_known_by_a_server_that_it_has() {
        let list = |total: u64, names: &[&str]| {
            let servers: Vec<_> = names
                .iter()
                .map(|name| format!(r#"{{"ID":1,"Name":"{name}","ApiTokens":["{A}"]}}"#))
                .collect();
            look(200, &format!(r#"{{"TotalCount":{total},"Servers":[{}]}}"#, servers.join(",")))
        };
        let ours = alive("the account of acme-prod");
        assert_eq!(list(1, &["acme-prod"]), ours);
        // The vendor searches for a part of the name, so others may be beside it.
        assert_eq!(list(2, &["acme-prod-eu", "acme-prod"]), ours);
        assert_eq!(list(900, &["acme-prod"]), ours);
        let other = alive("an account without acme-prod");
        for (total, names) in [(0, &[][..]), (1, &["acme-prod-eu"]), (1, &["Acme-Prod"])] {
            assert_eq!(list(total, names), other, "{names:?}");
        }
        assert!(
            matches!(list(501, &["acme-prod-eu"]), Liveness::Unknown { .. }),
            "the rest of the list was not seen"
        );
    }

    #[test]
    fn only_the_vendors_own_words_are_a_death_and_only_a_list_is_alive() {
        assert_eq!(look(401, DEAD), Liveness::Dead { evidence: "401 ErrorCode 10".into() });
        for (status, body) in [
            (200, ""),
            (200, "{}"),
            (200, "<html>"),
            (200, r#"{"TotalCount":1}"#),
            (200, r#"{"TotalCount":1,"Servers":null}"#),
            (200, r#"{"TotalCount":0,"Servers":[{"Name":7}]}"#),
            (200, DEAD),
            (401, r#"{"ErrorCode":401,"Message":"Sender signature not confirmed."}"#),
            (401, "<html>Unauthorized</html>"),
            (403, DEAD),
            (404, DEAD),
            (422, r#"{"ErrorCode":600,"Message":"count"}"#),
            (429, ""),
            (500, DEAD),
            (503, ""),
            (302, ""),
        ] {
            assert!(matches!(look(status, body), Liveness::Unknown { .. }), "{status} {body}");
        }
        let everywhere = format!(
            r#"{{"ErrorCode":12,"Message":"{A}","TotalCount":1,"Servers":[{{"Name":"{A}","ApiTokens":["{A}"]}}]}}"#
        );
        for status in [200, 301, 400, 401, 403, 404, 422, 429, 500] {
            assert!(!look(status, &everywhere).to_string().contains(A), "{status}");
        }
    }

    #[test]
    fn what_is_not_known_to_be_no_servers_token_is_not_called_dead() {
        let dead = look(401, DEAD);
        let unknown = Liveness::Unknown { why: "no answer".into() };
        assert_eq!(asked_as_both(dead.clone(), dead.clone()), dead);
        assert_eq!(asked_as_both(dead.clone(), unknown.clone()), unknown);
        assert_eq!(asked_as_both(dead, alive("acme-prod")), alive("a server token, of acme-prod"));
    }

    #[test]
    fn the_shared_fixtures_are_understood() {
        let fixture = |name: &str| fixture(&format!("postmark/{name}.json"));
        assert!(look(401, &fixture("401.code10")).is_dead());
        assert!(look(200, &fixture("servers.200")).is_alive());
        for (status, name) in [(422, "422.code300"), (429, "429"), (503, "503.code100")] {
            assert!(matches!(look(status, &fixture(name)), Liveness::Unknown { .. }), "{name}");
        }
    }

    #[test]
    fn people_are_sent_to_the_accounts_page() {
        for (dashboard, page) in [
            ("https://account.postmarkapp.com", "https://account.postmarkapp.com/api_tokens"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api_tokens"),
        ] {
            assert_eq!(page_of(dashboard), page);
        }
    }
}
