//! Mail through Postmark, with a server token of its own: `POST /email`. 200 with `ErrorCode` 0
//! and a `MessageID` is a mail that was taken; 401 with `ErrorCode` 10 is a token that is not
//! known. There is no key against sending twice; the id of the message goes along as metadata.
//!
//! <https://postmarkapp.com/developer/api/email-api>

use domain::Token;
use domain::notify::Message;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::Unsaid;
use crate::http::{Answer, Http, Request, Said};
use crate::shown::shown;

/// From whom, to whom, by which stream.
pub(super) struct Mail<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) stream: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Email<'a> {
    from: &'a str,
    to: &'a str,
    subject: String,
    text_body: String,
    message_stream: &'a str,
    tag: &'a str,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answered {
    error_code: i64,
    #[serde(default)]
    message: String,
    #[serde(rename = "MessageID")]
    message_id: Option<String>,
}

pub(super) async fn send(
    http: &Http,
    token: &Token,
    mail: &Mail<'_>,
    message: &Message,
) -> Result<String, Unsaid> {
    let email = Email {
        from: mail.from,
        to: mail.to,
        subject: message.title(),
        text_body: format!("{}\n\n{}\n", message.title(), message.lines().join("\n")),
        message_stream: mail.stream,
        tag: message.about.word(),
        metadata: Metadata { id: &message.id },
    };
    let request = Request::change(Method::POST, &["email"])
        .header("accept", "application/json")
        .token("x-postmark-server-token", "", token)
        .json(&email);
    read(&http.send(request).await?)
}

fn read(answer: &Answer) -> Result<String, Unsaid> {
    let answered = answer.json::<Answered>();
    match (answer.status, answered) {
        (200, Some(Answered { error_code: 0, message_id: Some(id), .. })) => Ok(shown(&id)),
        (401, Some(Answered { error_code: 10, .. })) => {
            Err(Unsaid::Dead("401 ErrorCode 10".into()))
        }
        (200, None) => Err(answer.nonsense("`MessageID`").into()),
        (200, Some(answered)) => {
            let why = format!("ErrorCode {}: {}", answered.error_code, shown(&answered.message));
            Err(answer.refused(why).into())
        }
        (_, answered) => {
            let said = answered.map(|answered| Said {
                code: format!("ErrorCode {}", answered.error_code),
                message: answered.message,
            });
            Err(answer.failure(said.as_ref()).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;
    use crate::http::tests::change;

    #[test]
    fn what_postmark_answers() {
        let read = |status, body| read(&change("Postmark", status, body));
        let sent = r#"{"ErrorCode":0,"Message":"OK","MessageID":"an-id"}"#;
        assert_eq!(read(200, sent).unwrap(), "an-id");
        let dead = r#"{"ErrorCode":10,"Message":"no"}"#;
        assert_eq!(read(401, dead), Err(Unsaid::Dead("401 ErrorCode 10".into())));
        let inactive = r#"{"ErrorCode":406,"Message":"inactive"}"#;
        assert!(matches!(read(422, inactive), Err(Unsaid::Fault(Fault::Refused { .. }))));
        assert!(matches!(read(403, "<html>"), Err(Unsaid::Fault(Fault::Later { .. }))));
        assert!(matches!(read(500, ""), Err(Unsaid::Fault(Fault::Unsure { .. }))));
    }
}
