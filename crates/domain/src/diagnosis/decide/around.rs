//! Questions about what is not the token: account, message, network, vendor.

use super::{no, yes};
use crate::diagnosis::{Case, Cause, Finding, Heard, Kind, Silence, Sure};

/// A clock that is this far off is wrong.
const SECONDS_OFF_MAX: i64 = 300;

/// Everything that the vendor, or somebody in its place, said.
fn answers(case: &Case) -> impl Iterator<Item = &Heard> {
    let repaired = case.repaired.iter().map(|repaired| &repaired.heard);
    [&case.heard, &case.sent]
        .into_iter()
        .chain(repaired)
        .chain(case.needs.iter().map(|need| &need.1))
}

fn vendor(case: &Case) -> &'static str {
    case.kind.vendor()
}

/// The code that a program was told.
fn told(case: &Case) -> Option<&str> {
    case.reported.as_ref()?.code.as_deref()
}

pub(super) fn sandbox(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let Heard::Accepted { sandbox: Some(sandbox), .. } = &case.heard else {
        return None;
    };
    match (sandbox, case.production) {
        (true, true) => yes(
            Cause::Sandbox,
            Sure::Certain,
            "the server is a sandbox: it takes mail and delivers none",
            case,
        ),
        (true, false) => no(Cause::Sandbox, "a sandbox, as it should be outside production"),
        (false, _) => no(Cause::Sandbox, "a live server"),
    }
}

/// Codes of Postmark that say that the account may not send.
const ACCOUNT: [(&str, &str); 3] = [
    ("405", "the account is out of credits"),
    ("412", "the account waits for its approval"),
    ("413", "the account may not send"),
];

pub(super) fn account(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Account;
    if case.kind == Kind::HerokuAuthorization {
        return heroku_account(case, cause);
    }
    let named = |code: &str| ACCOUNT.iter().find(|(own, _)| *own == code);
    if let Some((code, what)) = case.sent.coded().and_then(|(_, code)| named(code)) {
        let evidence = format!("Postmark takes the token and answers 422 ErrorCode {code}: {what}");
        return yes(cause, Sure::Certain, evidence, case);
    }
    if let Some((code, what)) = told(case).and_then(named) {
        let evidence = format!("the program was told ErrorCode {code}: {what}");
        return yes(cause, Sure::Likely, evidence, case);
    }
    case.sent.is_accepted().then(|| no(cause, "a test mail was taken")).flatten()
}

fn heroku_account(case: &Case, cause: Cause) -> Option<Finding> {
    let is = |status: u16, code: &str| {
        status == 402
            || matches!(code, "delinquent" | "suspended" | "two_factor" | "verification_needed")
    };
    let heard = answers(case).find(|heard| heard.coded().is_some_and(|(s, c)| is(s, c)));
    if let Some(heard) = heard {
        return yes(cause, Sure::Certain, format!("Heroku {}", heard.words()), case);
    }
    let told = told(case).filter(|code| is(0, code))?;
    yes(cause, Sure::Likely, format!("the program was told `{told}`"), case)
}

pub(super) fn sender(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Sender;
    (case.kind == Kind::PostmarkServer).then_some(())?;
    if let Some((422, code @ ("400" | "401"))) = case.sent.coded() {
        let what = if code == "400" { "is no sender of the account" } else { "is not confirmed" };
        let evidence = format!("Postmark answers 422 ErrorCode {code}: the sending address {what}");
        return yes(cause, Sure::Certain, evidence, case);
    }
    let reported = case.reported.as_ref();
    let told = told(case).filter(|code| matches!(*code, "400" | "401"));
    match told.filter(|_| reported.is_some_and(|told| told.status != Some(401))) {
        Some(code) => {
            let evidence =
                format!("the program was told ErrorCode {code}, which is about the sender");
            yes(cause, Sure::Likely, evidence, case)
        }
        None => case.sent.is_accepted().then(|| no(cause, "a test mail was taken")).flatten(),
    }
}

/// Codes of Postmark that are about the message.
const MESSAGE: [&str; 9] = ["300", "402", "403", "406", "409", "410", "411", "1226", "1235"];

pub(super) fn message(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Message;
    (case.kind == Kind::PostmarkServer).then_some(())?;
    match case.sent.coded() {
        Some((415 | 422, code)) if MESSAGE.contains(&code) => {
            return yes(cause, Sure::Certain, format!("Postmark {}", case.sent.words()), case);
        }
        _ => {}
    }
    let told = told(case).filter(|code| MESSAGE.contains(code))?;
    yes(cause, Sure::Likely, format!("the program was told ErrorCode {told}"), case)
}

pub(super) fn rate_limit(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let limited = |heard: &&Heard| {
        matches!(heard, Heard::Said { status: 429, .. } | Heard::Stranger { status: 429, .. })
    };
    if answers(case).any(|heard| limited(&heard)) {
        let evidence = format!("{} answers 429; it takes no more calls for now", vendor(case));
        return yes(Cause::RateLimit, Sure::Certain, evidence, case);
    }
    let told = case.reported.as_ref().is_some_and(|told| {
        told.status == Some(429) || matches!(told.code.as_deref(), Some("429" | "rate_limit"))
    });
    told.then(|| yes(Cause::RateLimit, Sure::Likely, "the program was answered 429", case))
        .flatten()
}

pub(super) fn outage(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Outage;
    for heard in answers(case) {
        match heard {
            Heard::Said { status: 500.., .. } => {
                let evidence = format!("{} {}", vendor(case), heard.words());
                return yes(cause, Sure::Certain, evidence, case);
            }
            Heard::Stranger { status: 500.., .. } => {
                return yes(cause, Sure::Likely, heard.words(), case);
            }
            _ => {}
        }
    }
    let told = case.reported.as_ref().is_some_and(|told| {
        told.status.is_some_and(|status| status >= 500)
            || matches!(told.code.as_deref(), Some("100" | "maintenance"))
    });
    told.then(|| yes(cause, Sure::Likely, "the program was answered by an outage", case)).flatten()
}

/// What the answer of another service looks like: JSON, and not the vendor's.
const OTHER_JSON: &str = "other JSON";

pub(super) fn firewall(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let page = answers(case).find(|heard| match heard {
        Heard::Stranger { status: 404 | 407 | 429, .. } => false,
        Heard::Stranger { status: 400..=499, looks } => looks != OTHER_JSON,
        _ => false,
    });
    if let Some(heard) = page {
        let evidence = format!("{}; {} never saw the call", heard.words(), vendor(case));
        return yes(Cause::Firewall, Sure::Certain, evidence, case);
    }
    let told = case.reported.as_ref().is_some_and(|told| told.html);
    let evidence = "the program was answered with a page of HTML";
    told.then(|| yes(Cause::Firewall, Sure::Likely, evidence, case)).flatten()
}

/// The way in which no answer came, if none came.
fn silence(case: &Case) -> Option<(Silence, &str)> {
    answers(case).find_map(|heard| match heard {
        Heard::Silence { how: Silence::Unsendable, .. } => None,
        Heard::Silence { how, why } => Some((*how, why.as_str())),
        _ => None,
    })
}

pub(super) fn proxy(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let asked = answers(case).find(|heard| matches!(heard, Heard::Stranger { status: 407, .. }));
    if let Some(heard) = asked {
        return yes(
            Cause::Proxy,
            Sure::Certain,
            format!("{}: the proxy wants a login", heard.words()),
            case,
        );
    }
    match silence(case)? {
        (Silence::Proxy, why) => yes(Cause::Proxy, Sure::Certain, why, case),
        _ => None,
    }
}

pub(super) fn tls(case: &Case, _: Option<Cause>) -> Option<Finding> {
    if let Some((Silence::Tls, why)) = silence(case) {
        return yes(Cause::Tls, Sure::Certain, why, case);
    }
    let told = case.reported.as_ref().is_some_and(|told| told.tls);
    told.then(|| yes(Cause::Tls, Sure::Likely, "the program's error is about certificates", case))
        .flatten()
}

pub(super) fn unreachable(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Unreachable;
    match silence(case) {
        Some((Silence::Name | Silence::Refused, why)) => {
            return yes(cause, Sure::Certain, why, case);
        }
        Some((Silence::Timeout | Silence::Broken, why)) => {
            return yes(cause, Sure::Likely, why, case);
        }
        Some(_) => return None,
        None => {}
    }
    let told = case.reported.as_ref().is_some_and(|told| told.unreachable && !told.tls);
    told.then(|| yes(cause, Sure::Likely, "the program reached nobody", case)).flatten()
}

pub(super) fn wrong_address(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let elsewhere = |heard: &&Heard| match heard {
        Heard::Stranger { status: 200..=399 | 404, .. } => true,
        Heard::Stranger { status: 400..=499, looks } => looks == OTHER_JSON,
        _ => false,
    };
    let heard = answers(case).find(elsewhere)?;
    let evidence = format!("{}, not {}'s answer", heard.words(), vendor(case));
    yes(Cause::WrongAddress, Sure::Likely, evidence, case)
}

pub(super) fn clock(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let ahead = case.ahead_seconds?;
    let off = ahead.abs();
    if off <= SECONDS_OFF_MAX {
        return no(Cause::Clock, format!("{off} s from the vendor's"));
    }
    let which = if ahead > 0 { "behind" } else { "ahead of" };
    let evidence = format!("this machine's clock is {off} s {which} the vendor's");
    let in_tls = matches!(silence(case), Some((Silence::Tls, _)));
    yes(Cause::Clock, if in_tls { Sure::Likely } else { Sure::Possible }, evidence, case)
}
