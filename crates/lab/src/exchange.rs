//! One request's way through the lab: log, latency, moments, faults, and the vendor's answer in the middle.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::later;
use crate::faults::Hits;
use crate::lab::Shared;
use crate::wire::{Call, Reply};
use crate::world::Turn;
use crate::{
    FaultKind, Moment, MomentKind, RequestRecord, Vendor, Verdict, dashboard, github, heroku,
    infisical, postmark,
};

/// What is done with the connection.
pub(crate) enum Outcome {
    /// The answer is sent.
    Answer(Reply),
    /// The connection is closed without an answer.
    Close,
    /// Half of the answer is sent, then the connection is reset.
    Half(Reply),
    /// Nothing is sent until the client gives up.
    Hang,
}

/// Carries one request out. What has arrived is carried out even when the client is gone by then.
pub(crate) async fn exchange(shared: Arc<Shared>, vendor: Vendor, call: Call) -> Outcome {
    if vendor == Vendor::Dashboard && call.path.starts_with("/lab/") {
        // The control API is the lab's own and never goes wrong on purpose.
        return Outcome::Answer(dashboard::control_api::answer(&shared, &call));
    }
    let request = open_record(&shared, vendor, &call);
    let hits =
        shared.faults.take(vendor, &call.method, api_path(vendor, &call), call.is_from_app());
    if !hits.kinds.is_empty() {
        shared.log.note_faults(request, hits.names());
    }
    let outcome = carry_out(&shared, vendor, &call, request, &hits).await;
    let status = match &outcome {
        Outcome::Answer(reply) | Outcome::Half(reply) => Some(reply.status),
        Outcome::Close | Outcome::Hang => None,
    };
    shared.log.note(request, false, status, Some(Timestamp::now()));
    outcome
}

async fn carry_out(
    shared: &Arc<Shared>,
    vendor: Vendor,
    call: &Call,
    request: u64,
    hits: &Hits,
) -> Outcome {
    let latency = hits.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if moment(shared, MomentKind::Before, vendor, call, request, false).await == Verdict::Lost {
        return Outcome::Close;
    }
    if let Some(outcome) = fault_before(shared, vendor, call, hits) {
        return outcome;
    }
    let (reply, took_effect) = if vendor == Vendor::Dashboard {
        dashboard::answer(shared, call, hits).await
    } else {
        ask_vendor(shared, vendor, call, hits)
    };
    shared.log.note(request, took_effect, None, None);
    if moment(shared, MomentKind::After, vendor, call, request, took_effect).await == Verdict::Lost
    {
        return Outcome::Close;
    }
    fault_after(vendor, hits, reply)
}

fn fault_before(shared: &Shared, vendor: Vendor, call: &Call, hits: &Hits) -> Option<Outcome> {
    hits.find(|kind| match kind {
        FaultKind::Status429 { retry_after } => {
            Some(Outcome::Answer(too_many(vendor, *retry_after)))
        }
        FaultKind::Error5xxBefore { status } => {
            Some(Outcome::Answer(server_error(vendor, *status)))
        }
        FaultKind::Refused { status } => Some(Outcome::Answer(refused(vendor, *status))),
        FaultKind::DropBefore => Some(Outcome::Close),
        FaultKind::HangBefore => Some(Outcome::Hang),
        FaultKind::Html403 => Some(Outcome::Answer(firewall_page())),
        FaultKind::Garbage => Some(Outcome::Answer(garbage())),
        FaultKind::LateEffect { ms } => {
            let due = later(shared.clock.now(), Duration::from_millis(*ms));
            shared.world(|world, _| world.carry_out_later(due, vendor, call.clone()));
            Some(Outcome::Close)
        }
        _ => None,
    })
}

fn fault_after(vendor: Vendor, hits: &Hits, reply: Reply) -> Outcome {
    let fault = hits.find(|kind| match kind {
        FaultKind::Error5xxAfter { status } => Some(Outcome::Answer(server_error(vendor, *status))),
        FaultKind::DropAfter => Some(Outcome::Close),
        FaultKind::HangAfter => Some(Outcome::Hang),
        FaultKind::ResetInBody => Some(Outcome::Half(reply.clone())),
        _ => None,
    });
    fault.unwrap_or(Outcome::Answer(reply))
}

/// The vendor's own answer, twice or from the past where a fault says so.
fn ask_vendor(shared: &Shared, vendor: Vendor, call: &Call, hits: &Hits) -> (Reply, bool) {
    let stale = hits.find(|kind| match kind {
        FaultKind::StaleRead { ms } => Some(Duration::from_millis(*ms)),
        _ => None,
    });
    let keep_the_past = !call.only_reads() && !call.is_from_app() && shared.faults.keep_the_past();
    shared.world(|world, now| {
        let mut turn = Turn::new(now, Arc::clone(&world.urls)).with_faults(&shared.faults, hits);
        if keep_the_past {
            world.remember(now);
        }
        let reply = match stale {
            Some(ago) if call.only_reads() => {
                world.answer_from_the_past(ago, vendor, call, &mut turn)
            }
            _ => {
                if hits.has(&FaultKind::DuplicateDelivery) {
                    world.answer(vendor, call, &mut turn);
                }
                world.answer(vendor, call, &mut turn)
            }
        };
        let ahead = world.knobs.date_ahead;
        match ahead {
            Some(ahead) => (dated(reply, ahead), turn.took_effect),
            None => (reply, turn.took_effect),
        }
    })
}

/// With a `Date` (RFC 9110 section 6.6.1) of a clock that is that many seconds ahead of ours.
fn dated(reply: Reply, ahead: i64) -> Reply {
    let at = Timestamp::now().saturating_add(jiff::SignedDuration::from_secs(ahead));
    let at = at.unwrap_or(Timestamp::MAX);
    reply.header("date", at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

async fn moment(
    shared: &Shared,
    kind: MomentKind,
    vendor: Vendor,
    call: &Call,
    request: u64,
    took_effect: bool,
) -> Verdict {
    if call.is_from_app() {
        return Verdict::Go;
    }
    shared
        .hooks
        .call(Moment {
            kind,
            request,
            moment: 0,
            vendor,
            method: call.method.clone(),
            path: call.path.clone(),
            took_effect,
        })
        .await
}

fn open_record(shared: &Shared, vendor: Vendor, call: &Call) -> u64 {
    let known = |text: &str| shared.world(|world, _| world.scene.ever_knew(text));
    // Only long parts can be tokens; the others need no look at the world.
    let path: Vec<_> = call
        .path
        .split('/')
        .map(|part| if part.len() > 30 && known(part) { "[token]" } else { part })
        .collect();
    shared.log.open(RequestRecord {
        request: 0,
        vendor,
        method: call.method.clone(),
        path: path.join("/"),
        status: None,
        took_effect: false,
        faults: Vec::new(),
        from_app: call.is_from_app(),
        agent: call.header("user-agent").unwrap_or_default().chars().take(80).collect(),
        started: Timestamp::now(),
        ended: None,
    })
}

/// The path that fault rules are written against: GitHub's without the prefix of its server edition.
fn api_path(vendor: Vendor, call: &Call) -> &str {
    match vendor {
        Vendor::Github => call.path.strip_prefix("/api/v3").unwrap_or(&call.path),
        _ => &call.path,
    }
}

fn too_many(vendor: Vendor, retry_after: Option<u64>) -> Reply {
    let reply = match vendor {
        Vendor::Postmark => postmark::too_many(),
        Vendor::Heroku => heroku::too_many(),
        Vendor::Github => github::too_many(),
        Vendor::Infisical => infisical::too_many(retry_after.unwrap_or(60)),
        Vendor::Dashboard => Reply::text(429, "too many requests"),
    };
    match retry_after {
        Some(seconds) => reply.header("retry-after", seconds.to_string()),
        None => reply,
    }
}

fn server_error(vendor: Vendor, status: u16) -> Reply {
    match vendor {
        Vendor::Postmark => postmark::server_error(status),
        Vendor::Heroku => heroku::server_error(status),
        Vendor::Github => github::server_error(status),
        Vendor::Infisical => infisical::server_error(status),
        Vendor::Dashboard => Reply::text(status, "server error"),
    }
}

fn refused(vendor: Vendor, status: u16) -> Reply {
    let status = if status == 422 { 422 } else { 403 };
    match vendor {
        Vendor::Postmark => postmark::refused(status),
        Vendor::Heroku => heroku::refused(status),
        Vendor::Github => github::refused(status),
        Vendor::Infisical => infisical::refused(status),
        Vendor::Dashboard => Reply::text(status, "refused"),
    }
}

fn firewall_page() -> Reply {
    let page = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>403 Forbidden</title></head>\
                <body><h1>Access denied</h1><p>This request was blocked by a firewall.</p></body></html>\n";
    Reply::html(403, page.to_owned())
}

fn garbage() -> Reply {
    Reply {
        status: 200,
        headers: vec![("content-type", "application/json".to_owned())],
        body: b"{\"\xff\xfe<<<< not what you asked for".to_vec(),
    }
}
