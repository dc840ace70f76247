//! One mail through Postmark, as everybody here sends it: `POST /email`, and what a success says.
//!
//! 200 with `ErrorCode` 0 and a `MessageID` is a mail that was taken. The id is a UUID, as a token
//! is; it is evidence and no secret, so it is shown where a mail is proven.
//!
//! <https://postmarkapp.com/developer/api/email-api>

use std::collections::BTreeMap;

use domain::{Shape, Token};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::http::Request;

/// What a mail says that was accepted and not sent.
pub(crate) const DRY: &str = "Test job accepted";

/// A mail.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Email<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) text_body: &'a str,
    pub(crate) message_stream: &'a str,
    pub(crate) tag: &'a str,
    /// What it can be found by afterwards.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<&'static str, &'a str>,
}

impl Email<'_> {
    /// The request that sends it with a server token.
    pub(crate) fn with(&self, token: &Token) -> Request {
        signed(Request::change(Method::POST, &["email"]).json(self), token)
    }
}

/// A request with a server token.
pub(crate) fn signed(request: Request, token: &Token) -> Request {
    request.header("accept", "application/json").token("x-postmark-server-token", "", token)
}

/// What is answered.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Sent {
    pub(crate) error_code: i64,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(rename = "MessageID")]
    pub(crate) message_id: Option<String>,
}

/// A mail's id as evidence. It is a UUID, and nothing else is shown as one.
pub(crate) fn evidence(id: &str) -> Option<String> {
    let fits = Shape::Uuid.fits(&id.to_ascii_lowercase());
    fits.then(|| format!("MessageID {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_over_the_wire_is_what_postmark_documents() {
        let mut email = Email {
            from: "a@example.com",
            to: "b@example.com",
            subject: "s",
            text_body: "t",
            message_stream: "outbound",
            tag: "rollover",
            metadata: BTreeMap::from([("rollover", "r-1")]),
        };
        let expected = r#"{"From":"a@example.com","To":"b@example.com","Subject":"s","TextBody":"t","MessageStream":"outbound","Tag":"rollover","Metadata":{"rollover":"r-1"}}"#;
        assert_eq!(serde_json::to_string(&email).unwrap(), expected);
        email.metadata.clear();
        assert!(!serde_json::to_string(&email).unwrap().contains("Metadata"));
    }

    #[test]
    fn an_id_is_evidence_and_nothing_else_is_shown_as_one() {
        let id = "0A129AEE-e1cd-480d-b08d-4f48548ff48d";
        assert_eq!(evidence(id), Some(format!("MessageID {id}")));
        for odd in ["", "an-id", "HRKU-something", &format!("{id} and more")] {
            assert_eq!(evidence(odd), None, "{odd}");
        }
    }
}
