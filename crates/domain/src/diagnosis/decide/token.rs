//! Questions about the token that the value is.

use jiff::Timestamp;

use super::{no, unknown, yes};
use crate::diagnosis::{Case, Cause, Finding, Heard, Kind, Known, KnownState, Place, Sure};

/// A status that a program was told, and the code beside it.
fn told<'a>(case: &'a Case, code: &str) -> Option<&'a str> {
    case.reported.as_ref()?.code.as_deref().filter(|told| *told == code)
}

pub(super) fn account_token(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::AccountToken;
    (case.kind == Kind::PostmarkServer && explained.is_none()).then_some(())?;
    let wrong = "Postmark takes it as an account token, on /servers; whoever has it reads the tokens of \
                 every server of the account";
    as_other(case, cause, "works on /server", wrong)
}

pub(super) fn server_token(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::ServerToken;
    (case.kind == Kind::PostmarkAccount && explained.is_none()).then_some(())?;
    as_other(case, cause, "works on /servers", "Postmark takes it as a server token, on /server")
}

fn as_other(case: &Case, cause: Cause, right: &str, wrong: &str) -> Option<Finding> {
    match (&case.heard, &case.as_other) {
        (Heard::Accepted { .. }, _) => no(cause, right),
        (_, Heard::Accepted { .. }) => yes(cause, Sure::Certain, wrong, case),
        (_, other) if other.is_unknown_token() => {
            no(cause, "the other header does not know it either")
        }
        (Heard::Said { .. }, other) => unknown(cause, other.words()),
        _ => None,
    }
}

pub(super) fn both_headers(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let reported = case.reported.as_ref().filter(|_| case.kind.vendor() == "Postmark")?;
    match reported.both_headers {
        true => {
            let evidence =
                "the program was told not to send the account's header beside the server's";
            yes(Cause::BothHeaders, Sure::Certain, evidence, case)
        }
        false => no(Cause::BothHeaders, "the program's error does not say so"),
    }
}

pub(super) fn wrong_header(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::WrongHeader;
    let reported = case.reported.as_ref()?;
    if reported.no_header {
        let evidence = "the program was told that its request carries no token";
        return yes(cause, Sure::Certain, evidence, case);
    }
    let refused = reported.status == Some(401)
        || told(case, "10").is_some()
        || told(case, "unauthorized").is_some();
    match refused && explained.is_none() && case.heard.is_accepted() {
        true => {
            let evidence = format!(
                "the program is answered 401 with a token that works here in {}",
                case.kind.header()
            );
            yes(cause, Sure::Possible, evidence, case)
        }
        false => no(cause, "the program's error does not say so"),
    }
}

pub(super) fn wrong_environment(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::WrongEnvironment;
    if explained.is_some() {
        return None;
    }
    let foreign = |known: &&Known| {
        known.as_it_stands
            && case.secret.as_ref() != Some(&known.secret)
            && matches!(known.state, KnownState::Current | KnownState::Stored)
    };
    let whose = case.known.iter().find(foreign).map(|known| known.secret.to_string());
    let ours = whose.as_ref().map(|name| format!("; it is the token of {name}"));
    match (&case.heard, &case.identity) {
        (Heard::Accepted { identity, .. }, Some(expected))
            if !identity.is_empty() && identity != expected =>
        {
            let vendor = case.kind.vendor();
            let evidence = format!(
                "{vendor} answers 200 as {identity}, expected {expected}{}",
                ours.unwrap_or_default()
            );
            yes(cause, Sure::Certain, evidence, case)
        }
        (Heard::Accepted { identity, .. }, _) => no(
            cause,
            match identity.is_empty() {
                true => "it answers".to_owned(),
                false => format!("answers as {identity}"),
            },
        ),
        (_, Some(_)) if whose.is_some() => {
            let evidence = format!("it is the token of {}", whose.unwrap_or_default());
            yes(cause, Sure::Likely, evidence, case)
        }
        (heard, Some(_)) if heard.is_unknown_token() => no(cause, "no other server has it"),
        (_, Some(_)) => unknown(cause, "nobody said whose it is"),
        _ => None,
    }
}

pub(super) fn not_yet_active(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::NotYetActive;
    let made = case.minted.filter(|_| explained.is_none())?;
    let age = case.at.as_second() - made.as_second();
    let young = (0..=i64::try_from(case.activation_seconds).unwrap_or(i64::MAX)).contains(&age);
    match case.heard.is_unknown_token() && young {
        true => {
            let evidence = format!(
                "it was made {age} s ago; a new one may take {} s",
                case.activation_seconds
            );
            yes(cause, Sure::Likely, evidence, case)
        }
        false => None,
    }
}

pub(super) fn expired(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let expires = case.expires.filter(|_| explained.is_none())?;
    match case.heard.is_unknown_token() && expires <= case.at {
        true => {
            let evidence = format!("made to end by itself on {}", day(expires));
            yes(Cause::Expired, Sure::Likely, evidence, case)
        }
        false => no(Cause::Expired, format!("ends by itself on {}", day(expires))),
    }
}

pub(super) fn replaced(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Replaced;
    let gone = |known: &&Known| {
        known.as_it_stands && matches!(known.state, KnownState::Gone | KnownState::Retiring)
    };
    let known = case.known.iter().find(gone)?;
    let run = known.rotation.as_ref().map(|id| format!(" by {id}")).unwrap_or_default();
    let since = known.since.map(|at| format!(" on {}", day(at))).unwrap_or_default();
    let what = if known.state == KnownState::Gone { "revoked" } else { "replaced" };
    let evidence = format!("{what}{run}{since}");
    // The cause for a consumer is that it was left behind; this one tells why that hurts.
    let left_behind = explained == Some(Cause::NotDeployed);
    match explained.is_none() || left_behind {
        true if !case.heard.is_accepted() => yes(cause, Sure::Certain, evidence, case),
        _ => no(cause, format!("{evidence}, and it still answers")),
    }
}

pub(super) fn revoked(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Revoked;
    if case.heard.is_accepted() {
        return no(cause, "it answers");
    }
    if !case.heard.is_unknown_token() {
        return None;
    }
    let said = format!("{} {}", case.kind.vendor(), case.heard.words());
    match explained {
        Some(Cause::Expired | Cause::NotYetActive | Cause::Replaced) => {
            no(cause, format!("{said}, as explained"))
        }
        Some(Cause::NotDeployed) if !case.known.is_empty() => yes(cause, Sure::Likely, said, case),
        Some(Cause::NotDeployed) | None => {
            let current = |known: &Known| known.as_it_stands && known.state == KnownState::Current;
            match case.known.iter().any(current) {
                true => yes(
                    cause,
                    Sure::Certain,
                    format!("{said}; it was the current one, and no rotation revoked it"),
                    case,
                ),
                false => yes(
                    cause,
                    Sure::Likely,
                    format!(
                        "{said}; no rotation here revoked it, so it was deleted there or never was"
                    ),
                    case,
                ),
            }
        }
        Some(other) => unknown(cause, format!("{said}; explained by {other}")),
    }
}

pub(super) fn missing_scope(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let cause = Cause::MissingScope;
    (case.kind == Kind::HerokuAuthorization).then_some(())?;
    let is_scope = |heard: &Heard| heard.coded() == Some((403, "forbidden"));
    let lacking: Vec<&str> = case
        .needs
        .iter()
        .filter(|(_, heard)| is_scope(heard))
        .map(|(need, _)| need.word())
        .collect();
    if !lacking.is_empty() || is_scope(&case.heard) {
        let which = if lacking.is_empty() { "identity".to_owned() } else { lacking.join(", ") };
        return yes(
            cause,
            Sure::Certain,
            format!("Heroku knows it and answers 403; it lacks {which}"),
            case,
        );
    }
    if told(case, "forbidden").is_some() {
        let evidence =
            "the program was answered 403 forbidden; the scope of the inventory is there";
        return yes(cause, Sure::Possible, evidence, case);
    }
    let tried: Vec<&str> = case
        .needs
        .iter()
        .filter(|(_, heard)| heard.is_accepted())
        .map(|(need, _)| need.word())
        .collect();
    match (case.heard.is_accepted(), tried.is_empty(), &case.place) {
        (true, false, _) => no(cause, format!("it may: {}", tried.join(", "))),
        (true, true, Place::Given) => unknown(cause, "nobody said what it is for"),
        _ => None,
    }
}

/// The day of a moment.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}
