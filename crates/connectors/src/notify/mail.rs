//! Mail through Postmark, with a server token of its own. 401 with `ErrorCode` 10 is a token that
//! is not known. There is no key against sending twice; the id of the message goes along as
//! metadata.
//!
//! <https://postmarkapp.com/developer/api/email-api>

use std::collections::BTreeMap;

use domain::Token;
use domain::notify::Message;

use super::Unsaid;
use crate::http::{Answer, Http, Said};
use crate::postmark::email::{DRY, Email, Sent, evidence};
use crate::shown::shown;

/// From whom, to whom, by which stream.
pub(super) struct Mail<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) stream: &'a str,
}

pub(super) async fn send(
    http: &Http,
    token: &Token,
    mail: &Mail<'_>,
    message: &Message,
) -> Result<String, Unsaid> {
    let title = message.title();
    let email = Email {
        from: mail.from,
        to: mail.to,
        subject: &title,
        text_body: &format!("{title}\n\n{}\n", message.lines().join("\n")),
        message_stream: mail.stream,
        tag: message.about.word(),
        metadata: BTreeMap::from([("id", message.id.as_str())]),
    };
    read(&http.send(email.with(token)).await?)
}

/// A mail that was taken is said, whatever its id looks like: another try would say it twice.
fn read(answer: &Answer) -> Result<String, Unsaid> {
    match (answer.status, answer.json::<Sent>()) {
        (200, Some(Sent { error_code: 0, message, .. })) if message == DRY => {
            Err(answer.refused("200, but it was taken as a test and nothing was sent").into())
        }
        (200, Some(Sent { error_code: 0, message_id: Some(id), .. })) => {
            Ok(evidence(&id).unwrap_or_else(|| shown(&id)))
        }
        (401, Some(Sent { error_code: 10, .. })) => Err(Unsaid::Dead("401 ErrorCode 10".into())),
        (200, None | Some(Sent { error_code: 0, .. })) => {
            Err(answer.nonsense("a `MessageID`").into())
        }
        (200, Some(sent)) => {
            let why = format!("ErrorCode {}: {}", sent.error_code, shown(&sent.message));
            Err(answer.refused(why).into())
        }
        (_, sent) => {
            let said = sent.map(|sent| Said {
                code: format!("ErrorCode {}", sent.error_code),
                message: sent.message,
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
        let read = |status, body: &str| read(&change("Postmark", status, body));
        let sent = |id: &str, said: &str| {
            read(200, &format!(r#"{{"ErrorCode":0,"Message":"{said}","MessageID":"{id}"}}"#))
        };
        let id = "0a129aee-e1cd-480d-b08d-4f48548ff48d";
        assert_eq!(sent(id, "OK").unwrap(), format!("MessageID {id}"));
        let odd = sent("HRKU-0123456789abcdef", "OK").expect("it was taken all the same");
        assert!(!odd.contains("HRKU"), "{odd}");
        let dry = sent(id, DRY);
        assert!(matches!(dry, Err(Unsaid::Fault(Fault::Refused { .. }))), "nothing was sent");
        let nameless = read(200, r#"{"ErrorCode":0,"Message":"OK"}"#);
        assert!(matches!(nameless, Err(Unsaid::Fault(Fault::Unsure { .. }))));
        let dead = r#"{"ErrorCode":10,"Message":"no"}"#;
        assert_eq!(read(401, dead), Err(Unsaid::Dead("401 ErrorCode 10".into())));
        let inactive = r#"{"ErrorCode":406,"Message":"inactive"}"#;
        assert!(matches!(read(422, inactive), Err(Unsaid::Fault(Fault::Refused { .. }))));
        assert!(matches!(read(403, "<html>"), Err(Unsaid::Fault(Fault::Later { .. }))));
        assert!(matches!(read(500, ""), Err(Unsaid::Fault(Fault::Unsure { .. }))));
    }
}
