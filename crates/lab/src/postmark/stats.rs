//! Postmark's numbers and searches: per server and day, never per token.

use serde_json::{Value, json};

use super::{Day, Message, Postmark, invalid, submitted_at};
use crate::wire::{Call, Reply};

/// `/stats/…`; `rest` is the path after that word.
pub(crate) fn stats(postmark: &Postmark, server: u64, rest: &[&str], call: &Call) -> Reply {
    let days = days(postmark, server, call);
    let sum = |of: fn(&Day) -> u64| days.iter().map(|(_, day)| of(day)).sum::<u64>();
    let (sent, bounced, complaints) =
        (sum(|day| day.sent), sum(|day| day.bounced), sum(|day| day.complaints));
    match rest {
        ["outbound"] => Reply::json(
            200,
            &json!({
                "Sent": sent, "Bounced": bounced, "SMTPApiErrors": sum(|day| day.api_errors),
                "BounceRate": share(bounced, sent), "SpamComplaints": complaints,
                "SpamComplaintsRate": share(complaints, sent), "Opens": 0, "UniqueOpens": 0,
                "Tracked": 0, "WithLinkTracking": 0, "WithOpenTracking": 0, "TotalClicks": 0,
                "UniqueLinksClicked": 0, "TotalTrackedLinksSent": 0, "WithClientRecorded": 0,
                "WithPlatformRecorded": 0,
            }),
        ),
        ["outbound", "sends"] => {
            let days: Vec<_> =
                days.iter().map(|(date, day)| json!({ "Date": date, "Sent": day.sent })).collect();
            Reply::json(200, &json!({ "Days": days, "Sent": sent }))
        }
        ["outbound", "bounces"] => {
            let days: Vec<_> = days
                .iter()
                .map(|(date, day)| {
                    json!({ "Date": date, "HardBounce": day.bounced, "SMTPApiError": day.api_errors })
                })
                .collect();
            let errors = sum(|day| day.api_errors);
            Reply::json(
                200,
                &json!({ "Days": days, "HardBounce": bounced, "SMTPApiError": errors }),
            )
        }
        ["outbound", "spam"] => {
            let days: Vec<_> = days
                .iter()
                .map(|(date, day)| json!({ "Date": date, "SpamComplaint": day.complaints }))
                .collect();
            Reply::json(200, &json!({ "Days": days, "SpamComplaint": complaints }))
        }
        ["outbound", "tracked" | "opens" | "clicks"] => Reply::json(200, &json!({ "Days": [] })),
        _ => super::error(404, 0, "The requested resource was not found."),
    }
}

/// Per cent, as Postmark gives rates.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
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
        "Bcc": addresses(&message.bcc),
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

/// Addresses of a list, as the API shows them.
fn addresses(list: &str) -> Vec<Value> {
    let each = list.split(',').map(str::trim).filter(|one| !one.is_empty());
    each.map(|email| json!({ "Email": email, "Name": null })).collect()
}

fn days(postmark: &Postmark, server: u64, call: &Call) -> Vec<(String, Day)> {
    let from = call.query("fromdate").unwrap_or("0000");
    let to = call.query("todate").unwrap_or("9999");
    postmark
        .days
        .iter()
        .filter(|((id, day), _)| *id == server && from <= day.as_str() && day.as_str() <= to)
        .map(|((_, date), day)| (date.clone(), *day))
        .collect()
}

fn page(call: &Call) -> Option<(usize, usize)> {
    let number = |name: &str| call.query(name)?.parse().ok();
    Some((number("count")?, number("offset")?))
}

fn missing_page() -> Reply {
    invalid(13, "Required parameters missing or invalid: 'count' and 'offset'.")
}
