//! A mail that is sent with a new token, to see that it sends.
//!
//! `POST /email` answers 200 with `ErrorCode` 0 and a `MessageID`. A 422 says that the token is
//! right and something else is not: the sender (400, 401), the account (405, 412, 413), the
//! recipient (406). The literal `POSTMARK_API_TEST` in the place of a token is answered with `Test
//! job accepted`, and nothing is sent. There is no key against sending twice: a mail whose answer
//! was lost is looked for among the messages, by the metadata that it carries.
//!
//! <https://postmarkapp.com/developer/api/email-api>,
//! <https://postmarkapp.com/developer/api/messages-api>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::email::{DRY, Email, Sent, evidence, signed};
use super::said;
use crate::http::{Answer, Http, Request};
use crate::{Fault, ProbeOrder, Prober, Receipt, Sight};

/// 422 with one of these: the token is right, and the account or the sender is not.
const NOT_THE_TOKEN: [i64; 5] = [400, 401, 405, 412, 413];

/// How far the vendor's clock may be behind ours, where one mail is told from an earlier one.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// From whom, to whom.
pub(crate) struct TestMail {
    pub(crate) http: Arc<Http>,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) stream: String,
}

#[async_trait]
impl Prober for TestMail {
    async fn send(&self, order: &ProbeOrder<'_>) -> Result<Receipt, Fault> {
        let email = Email {
            from: &self.from,
            to: &self.to,
            subject: &self.subject,
            text_body: &format!("Sent with the new token, for {}.\n", order.marker),
            message_stream: &self.stream,
            tag: "rollover",
            metadata: BTreeMap::from([("rollover", order.marker)]),
        };
        read_sent(&self.http.send(email.with(order.token)).await?)
    }

    async fn find(&self, order: &ProbeOrder<'_>) -> Result<Option<Receipt>, Fault> {
        let request = Request::get(&["messages", "outbound"])
            .query("count", "10")
            .query("offset", "0")
            .query("messagestream", &self.stream)
            .query("metadata_rollover", order.marker);
        let answer = self.http.send(signed(request, order.token)).await?;
        read_found(&answer, order.since)
    }

    async fn look(&self, _order: &ProbeOrder<'_>) -> Result<Sight, Fault> {
        Err(self.http.refusal("looking at a mail", "its answer was all there is to see"))
    }
}

/// `POST /email`.
fn read_sent(answer: &Answer) -> Result<Receipt, Fault> {
    let Some(sent) = answer.json::<Sent>().filter(|_| answer.status == 200) else {
        return Err(explained(answer));
    };
    match sent {
        Sent { error_code: 0, message, .. } if message == DRY => {
            Err(answer.refused("200, but it was taken as a test and nothing was sent"))
        }
        Sent { error_code: 0, message_id: Some(id), .. } => receipt(answer, &id),
        Sent { error_code: 0, .. } => Err(answer.nonsense("a `MessageID`")),
        Sent { error_code, .. } => Err(answer.refused(format!("200 with ErrorCode {error_code}"))),
    }
}

/// An answer that is no success; a 422 often speaks of something else than the token.
fn explained(answer: &Answer) -> Fault {
    let code = answer.json::<Sent>().map(|sent| sent.error_code);
    match answer.failure(said(answer).as_ref()) {
        Fault::Refused { why, .. } if code.is_some_and(|code| NOT_THE_TOKEN.contains(&code)) => {
            answer.refused(format!("{why}; the token is right, the account or the sender is not"))
        }
        _ if answer.status == 200 => answer.nonsense("a `MessageID`"),
        fault => fault,
    }
}

fn receipt(answer: &Answer, id: &str) -> Result<Receipt, Fault> {
    evidence(id).map(Receipt).ok_or_else(|| answer.nonsense("a `MessageID`"))
}

/// `GET /messages/outbound`: the newest mail of this order that is not an earlier one.
fn read_found(answer: &Answer, since: Timestamp) -> Result<Option<Receipt>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Message {
        #[serde(rename = "MessageID")]
        message_id: String,
        received_at: Timestamp,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Page {
        messages: Vec<Message>,
    }
    if answer.status != 200 {
        return Err(answer.failure(said(answer).as_ref()));
    }
    let page: Page = answer.json().ok_or_else(|| answer.nonsense("a list of messages"))?;
    let earliest = since.saturating_sub(CLOCK_SKEW).unwrap_or(since);
    let found = page.messages.into_iter().find(|message| message.received_at >= earliest);
    found.map(|message| receipt(answer, &message.message_id)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{answer, change, fixture};

    const ID: &str = "0a129aee-e1cd-480d-b08d-4f48548ff48d";

    fn sent(status: u16, body: &str) -> Result<Receipt, Fault> {
        read_sent(&change("Postmark", status, body))
    }

    #[test]
    fn a_mail_is_sent_only_where_it_has_an_id() {
        let body = |message: &str| {
            format!(
                r#"{{"ErrorCode":0,"Message":"{message}","MessageID":"{ID}","To":"a@b.example"}}"#
            )
        };
        assert_eq!(sent(200, &body("OK")).unwrap().0, format!("MessageID {ID}"));
        assert!(matches!(sent(200, &body(DRY)), Err(Fault::Refused { .. })), "nothing was sent");
        for body in ["", "{}", r#"{"ErrorCode":0,"Message":"OK"}"#, "<html>"] {
            assert!(matches!(sent(200, body), Err(Fault::Unsure { .. })), "{body}");
        }
        let odd = r#"{"ErrorCode":0,"Message":"OK","MessageID":"HRKU-something"}"#;
        let fault = sent(200, odd).unwrap_err();
        assert!(!fault.to_string().contains("HRKU"), "{fault}");
    }

    #[test]
    fn what_is_refused_says_whether_it_is_the_token() {
        let refused = |status, code: u32| {
            let body = format!(r#"{{"ErrorCode":{code},"Message":"no"}}"#);
            match sent(status, &body) {
                Err(Fault::Refused { why, .. }) => why,
                other => panic!("{status} {code}: {other:?}"),
            }
        };
        for code in [400, 401, 405, 412, 413] {
            assert!(refused(422, code).contains("the token is right"), "{code}");
        }
        for (status, code) in [(401, 10), (422, 300), (422, 406), (422, 1226)] {
            assert!(!refused(status, code).contains("the token is right"), "{code}");
        }
        assert!(matches!(sent(429, ""), Err(Fault::Later { .. })));
        assert!(matches!(sent(403, "<html>"), Err(Fault::Later { .. })));
        assert!(matches!(sent(500, ""), Err(Fault::Unsure { .. })));
    }

    #[test]
    fn the_shared_fixtures_are_understood() {
        let body = |name: &str| fixture(&format!("postmark/{name}.json"));
        assert!(sent(200, &body("email.200")).unwrap().0.starts_with("MessageID "));
        let dry = sent(200, &body("email.dry.200"));
        assert!(matches!(dry, Err(Fault::Refused { why, .. }) if why.contains("as a test")));
        for name in ["422.code300", "422.code400", "422.code406"] {
            assert!(matches!(sent(422, &body(name)), Err(Fault::Refused { .. })), "{name}");
        }
        let found = answer("Postmark", 200, &body("messages-outbound.200"));
        assert!(read_found(&found, Timestamp::UNIX_EPOCH).unwrap().is_some());
    }

    #[test]
    fn a_mail_of_an_earlier_order_is_not_this_one() {
        let since: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let found = |at: &str| {
            let body = format!(
                r#"{{"TotalCount":1,"Messages":[{{"MessageID":"{ID}","ReceivedAt":"{at}"}}]}}"#
            );
            read_found(&answer("Postmark", 200, &body), since).unwrap()
        };
        assert!(found("2026-11-27T12:00:01.1234567Z").is_some());
        assert!(found("2026-11-27T11:59:00.0000000Z").is_some(), "clocks differ");
        assert!(found("2026-11-27T11:50:00.0000000Z").is_none());
        let none = read_found(&answer("Postmark", 200, r#"{"Messages":[]}"#), since);
        assert!(none.unwrap().is_none());
    }
}
