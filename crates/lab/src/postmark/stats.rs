//! Postmark's numbers and searches: per server and day, never per token.

use serde_json::{Value, json};

use super::{Message, Postmark, invalid, submitted_at};
use crate::wire::{Call, Reply};

/// `/stats/…`; `rest` is the path after that word.
pub(crate) fn stats(postmark: &Postmark, server: u64, rest: &[&str], call: &Call) -> Reply {
    let days = days(postmark, server, call);
    let sent: u64 = days.iter().map(|(_, count)| count).sum();
    match rest {
        ["outbound"] => Reply::json(
            200,
            &json!({
                "Sent": sent, "Bounced": 0, "SMTPApiErrors": 0, "BounceRate": 0.0,
                "SpamComplaints": 0, "SpamComplaintsRate": 0.0, "Opens": 0, "UniqueOpens": 0,
                "Tracked": 0, "WithLinkTracking": 0, "WithOpenTracking": 0, "TotalClicks": 0,
                "UniqueLinksClicked": 0, "TotalTrackedLinksSent": 0, "WithClientRecorded": 0,
                "WithPlatformRecorded": 0,
            }),
        ),
        ["outbound", "sends"] => {
            let days: Vec<_> =
                days.iter().map(|(date, count)| json!({ "Date": date, "Sent": count })).collect();
            Reply::json(200, &json!({ "Days": days, "Sent": sent }))
        }
        ["outbound", "bounces" | "spam" | "tracked" | "opens" | "clicks"] => {
            Reply::json(200, &json!({ "Days": [] }))
        }
        _ => super::error(404, 0, "The requested resource was not found."),
    }
}

pub(crate) fn delivery(_postmark: &Postmark, _server: u64) -> Reply {
    Reply::json(200, &json!({ "InactiveMails": 0, "Bounces": [{ "Name": "All", "Count": 0 }] }))
}

pub(crate) fn bounces(_postmark: &Postmark, _server: u64, call: &Call) -> Reply {
    match page(call) {
        Some(_) => Reply::json(200, &json!({ "TotalCount": 0, "Bounces": [] })),
        None => missing_page(),
    }
}

/// `/messages/outbound`: newest first, searched by tag, subject, recipient, sender or metadata.
pub(crate) fn search(postmark: &Postmark, server: u64, call: &Call) -> Reply {
    let Some((count, offset)) = page(call) else {
        return missing_page();
    };
    let fits = |message: &&Message| {
        message.server == server
            && call.query.iter().all(|(key, wanted)| match key.as_str() {
                "tag" => message.tag == *wanted,
                "subject" => message.subject.contains(wanted.as_str()),
                "recipient" => message.to.contains(wanted.as_str()),
                "fromemail" => message.from.contains(wanted.as_str()),
                "messagestream" => message.stream == *wanted,
                _ => match key.strip_prefix("metadata_") {
                    Some(name) => {
                        message.metadata.get(name).and_then(Value::as_str) == Some(wanted)
                    }
                    None => true,
                },
            })
    };
    let found: Vec<_> = postmark.messages.iter().rev().filter(fits).collect();
    let page: Vec<_> = found.iter().skip(offset).take(count).map(|message| show(message)).collect();
    Reply::json(200, &json!({ "TotalCount": found.len(), "Messages": page }))
}

pub(crate) fn details(postmark: &Postmark, server: u64, id: &str) -> Reply {
    let found =
        postmark.messages.iter().find(|message| message.server == server && message.id == id);
    match found {
        Some(message) => Reply::json(200, &show(message)),
        None => invalid(701, "This message was not found."),
    }
}

fn show(message: &Message) -> Value {
    json!({
        "Tag": message.tag,
        "MessageID": message.id,
        "MessageStream": message.stream,
        "To": [{ "Email": message.to, "Name": null }],
        "Cc": [],
        "Bcc": [],
        "Recipients": [message.to],
        "ReceivedAt": submitted_at(message.at),
        "From": message.from,
        "Subject": message.subject,
        "Attachments": [],
        "Status": "Sent",
        "TrackOpens": false,
        "TrackLinks": "None",
        "Metadata": message.metadata,
        "Sandboxed": message.sandboxed,
    })
}

fn days(postmark: &Postmark, server: u64, call: &Call) -> Vec<(String, u64)> {
    let from = call.query("fromdate").unwrap_or("0000");
    let to = call.query("todate").unwrap_or("9999");
    postmark
        .sent
        .iter()
        .filter(|((id, day), _)| *id == server && from <= day.as_str() && day.as_str() <= to)
        .map(|((_, day), count)| (day.clone(), *count))
        .collect()
}

fn page(call: &Call) -> Option<(usize, usize)> {
    let number = |name: &str| call.query(name)?.parse().ok();
    Some((number("count")?, number("offset")?))
}

fn missing_page() -> Reply {
    invalid(13, "Required parameters missing or invalid: 'count' and 'offset'.")
}
