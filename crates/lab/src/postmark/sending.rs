//! Postmark's sending endpoints, where 200 does not mean that everything was accepted.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{MESSAGES_MAX, Message, Postmark, error, invalid, message_id, submitted_at};
use crate::clock::day;
use crate::wire::{Call, Reply, text};
use crate::world::Turn;
use crate::{PostmarkKnobs, Sending};

/// The largest batch.
const BATCH_MAX: usize = 500;
/// The most recipients of one mail.
const RECIPIENTS_MAX: usize = 50;

/// A mail that may not be sent: the error code and what it says.
struct Refused(u32, Cow<'static, str>);

/// One whose words are always the same.
fn refused(code: u32, message: &'static str) -> Refused {
    Refused(code, Cow::Borrowed(message))
}

pub(crate) fn send(
    postmark: &mut Postmark,
    knobs: &PostmarkKnobs,
    server: u64,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let mail = match read(call) {
        Ok(mail) => mail,
        Err(reply) => return reply,
    };
    match accept(postmark, knobs, server, &mail, call.is_from_traffic(), turn) {
        Ok(accepted) => Reply::json(200, &accepted),
        Err(Refused(code, message)) => invalid(code, &message),
    }
}

pub(crate) fn batch(
    postmark: &mut Postmark,
    knobs: &PostmarkKnobs,
    server: u64,
    call: &Call,
    turn: &mut Turn<'_>,
) -> Reply {
    let mails = match read_batch(call) {
        Ok(mails) => mails,
        Err(reply) => return reply,
    };
    let results: Vec<_> = mails
        .iter()
        .map(|mail| {
            accept(postmark, knobs, server, mail, call.is_from_traffic(), turn).unwrap_or_else(
                |Refused(code, message)| json!({ "ErrorCode": code, "Message": message }),
            )
        })
        .collect();
    Reply::json(200, &Value::Array(results))
}

/// With the literal `POSTMARK_API_TEST`: checked, and not sent.
pub(crate) fn dry_run(call: &Call, now: Timestamp) -> Reply {
    match read(call) {
        Ok(mail) => Reply::json(200, &dry(&mail, now)),
        Err(reply) => reply,
    }
}

pub(crate) fn dry_batch(call: &Call, now: Timestamp) -> Reply {
    match read_batch(call) {
        Ok(mails) => Reply::json(200, &mails.iter().map(|mail| dry(mail, now)).collect()),
        Err(reply) => reply,
    }
}

fn dry(mail: &Value, now: Timestamp) -> Value {
    match check(mail) {
        Ok(()) => accepted(mail, now, &message_id(), "Test job accepted"),
        Err(Refused(code, message)) => json!({ "ErrorCode": code, "Message": message }),
    }
}

fn read(call: &Call) -> Result<Value, Reply> {
    if !is_json(call) {
        return Err(error(415, 409, "The Content-Type header must be application/json."));
    }
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(mail)) => Ok(Value::Object(mail)),
        _ => Err(invalid(
            402,
            "Received invalid JSON input. The input you provided is not valid JSON.",
        )),
    }
}

fn read_batch(call: &Call) -> Result<Vec<Value>, Reply> {
    if !is_json(call) {
        return Err(error(415, 409, "The Content-Type header must be application/json."));
    }
    match serde_json::from_slice(&call.body) {
        Ok(Value::Array(mails)) if mails.len() > BATCH_MAX => {
            Err(invalid(410, "You may send no more than 500 messages in one batch."))
        }
        Ok(Value::Array(mails)) => Ok(mails),
        _ => Err(invalid(
            402,
            "Received invalid JSON input. The input you provided is not valid JSON.",
        )),
    }
}

fn is_json(call: &Call) -> bool {
    call.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
}

fn check(mail: &Value) -> Result<(), Refused> {
    let (Some(from), Some(to)) = (text(mail, "From"), text(mail, "To")) else {
        return Err(refused(300, "Zero recipients specified, or no 'From' address."));
    };
    if address(from).is_none() {
        return Err(refused(300, "Invalid 'From' address."));
    }
    let recipients: Vec<_> = to.split(',').map(str::trim).filter(|to| !to.is_empty()).collect();
    if recipients.is_empty() || recipients.iter().any(|to| address(to).is_none()) {
        return Err(refused(300, "Invalid 'To' address."));
    }
    if recipients.len() > RECIPIENTS_MAX {
        return Err(refused(300, "Too many recipients: no more than 50."));
    }
    if text(mail, "TextBody").is_none() && text(mail, "HtmlBody").is_none() {
        return Err(refused(300, "Provide either email TextBody or HtmlBody or both."));
    }
    match text(mail, "MessageStream") {
        None | Some("outbound" | "broadcast" | "") => Ok(()),
        Some(_) => {
            Err(refused(1226, "The 'MessageStream' provided does not exist on this server."))
        }
    }
}

fn accept(
    postmark: &mut Postmark,
    knobs: &PostmarkKnobs,
    server: u64,
    mail: &Value,
    traffic: bool,
    turn: &mut Turn<'_>,
) -> Result<Value, Refused> {
    check(mail)?;
    let field = |name: &str| text(mail, name).unwrap_or_default().to_owned();
    let from = field("From");
    let domain = address(&from).unwrap_or_default();
    if knobs.check_senders && !postmark.domains.iter().any(|known| known == domain) {
        return Err(refused(
            400,
            "The 'From' address you supplied is not a Sender Signature on your account.",
        ));
    }
    if knobs.unconfirmed.contains(&from) {
        return Err(refused(
            401,
            "The 'From' address you supplied is a Sender Signature that is not confirmed.",
        ));
    }
    match knobs.sending {
        Sending::Allowed => {}
        Sending::NoCredits => return Err(refused(405, "Not allowed to send: out of credits.")),
        Sending::Closed => return Err(refused(413, "Not allowed to send.")),
        Sending::Pending => {
            let to = field("To");
            if to.split(',').any(|to| address(to.trim()) != Some(domain)) {
                return Err(refused(
                    412,
                    "While the account waits for its approval, all recipients must share the \
                     domain of the 'From' address.",
                ));
            }
        }
    }
    let to = field("To");
    let inactive: Vec<&str> = to
        .split(',')
        .map(str::trim)
        .filter(|to| to.to_ascii_lowercase().contains("bounced@"))
        .collect();
    if !inactive.is_empty() {
        // Postmark's own clients read the addresses out of this sentence.
        let message = format!(
            "You tried to send to recipient(s) that have been marked as inactive. Found inactive \
             addresses: {}. Inactive recipients are ones that have generated a hard bounce, a spam \
             complaint, or a manual suppression.",
            inactive.join(", ")
        );
        return Err(Refused(406, Cow::Owned(message)));
    }
    let id = message_id();
    let answer = accepted(mail, turn.now, &id, "OK");
    postmark.days.entry((server, day(turn.now))).or_default().sent += 1;
    if !traffic {
        if postmark.messages.len() == MESSAGES_MAX {
            postmark.messages.pop_front();
        }
        let sandboxed =
            postmark.servers.get(&server).is_some_and(|server| server.delivery_type == "Sandbox");
        postmark.messages.push_back(Message {
            server,
            id,
            from,
            to: field("To"),
            bcc: field("Bcc"),
            subject: field("Subject"),
            tag: field("Tag"),
            metadata: mail.get("Metadata").cloned().unwrap_or_else(|| json!({})),
            stream: text(mail, "MessageStream").unwrap_or("outbound").to_owned(),
            at: turn.now,
            sandboxed,
        });
    }
    turn.effect();
    Ok(answer)
}

fn accepted(mail: &Value, now: Timestamp, id: &str, message: &str) -> Value {
    json!({
        "To": text(mail, "To").unwrap_or_default(),
        "SubmittedAt": submitted_at(now),
        "MessageID": id,
        "ErrorCode": 0,
        "Message": message,
    })
}

/// The domain of `name@domain` or `Full Name <name@domain>`.
fn address(text: &str) -> Option<&str> {
    let bare = match (text.rfind('<'), text.rfind('>')) {
        (Some(open), Some(close)) if open < close => &text[open + 1..close],
        _ => text.trim(),
    };
    let (name, domain) = bare.split_once('@')?;
    let plausible = !name.is_empty() && domain.contains('.') && !bare.contains(' ');
    plausible.then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_names() {
        assert_eq!(address("a@example.com"), Some("example.com"));
        assert_eq!(address("A B <a@example.com>"), Some("example.com"));
        assert_eq!(address("nobody"), None);
        assert_eq!(address("a@localhost"), None);
    }
}
