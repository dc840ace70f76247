//! Many rotations together, leaks, and rotations that begin when they are due.

use std::time::Duration;

use e2e::fleet::{Fleet, Size};
use e2e::hourly::{self, WINDOWS, ZONES};
use e2e::{HEROKU, Operator, POSTMARK, Pace, Secret, Stage};
use jiff::Timestamp;
use lab::{FaultKind, FaultRule, Vendor};

use super::{Means, Result, Section};

const LATENCY: Duration = Duration::from_millis(50);
const SECRETS: usize = 200;
const APPS: usize = 20;
/// The longest that a run may take.
const LIMIT: Duration = Duration::from_secs(600);

pub(crate) fn campaign(means: &Means) -> Result<Section> {
    let alone = if means.full { 20 } else { 5 };
    let size = Size {
        soak: "3s".into(),
        proof_interval: "1s".into(),
        dyno_start: Duration::from_millis(300),
        ..Size::of(SECRETS, APPS)
    };
    let mut fleet = Fleet::new(&means.binary, size)?;
    let mut section = Section::new(
        "Many secrets as one campaign",
        format!(
            "{SECRETS} secrets of one Heroku account on {APPS} apps are rotated by one command while every vendor\n\
             takes {} ms to answer: soak 3 s, the two looks that prove a death 1 s apart, dynos that start in\n\
             300 ms. From the start of the process to its end. Beside it, {alone} of them one after the other, each\n\
             by a command of its own; what all of them would take is that, times {}. The critical path is one of\n\
             those, the middle one: no campaign can be faster than one of its rotations. The vendors' limits are\n\
             Heroku's 4,500 calls and Infisical's 600 a minute; what is beyond them has to be waited for. Restarts\n\
             are counted by the lab.",
            LATENCY.as_millis(),
            SECRETS / alone
        ),
    );
    fleet.slow_down(LATENCY);
    let mut each = Vec::new();
    for secret in fleet.secrets().iter().take(alone) {
        let name = format!("prod/{}", secret.key);
        let args = ["rotate", &name, "--confirm", &name, "--no-wait"];
        each.push(fleet.rollover(&args).run()?.is(0)?.took);
    }
    let one_by_one: Duration = each.iter().sum();
    each.sort();
    let critical = each[each.len() / 2];
    let restarts_alone: usize = fleet.restarts().values().sum();

    fleet.again()?;
    fleet.slow_down(LATENCY);
    fleet.lab().forget_requests();
    let before = fleet.tokens()?;
    let ended = fleet.rotate_all().within(LIMIT).run()?.is(0)?;
    let requests = fleet.lab().requests();
    let calls = |vendor| requests.iter().filter(|it| it.vendor == vendor && !it.from_app).count();
    let refused = requests.iter().filter(|it| it.status == Some(429)).count();
    fleet.completed(&before, 1)?;
    let restarts: usize = fleet.restarts().values().sum();
    let (heroku, infisical) = (calls(Vendor::Heroku), calls(Vendor::Infisical));
    let waits = Duration::from_secs(60 * (infisical.saturating_sub(1) / 600) as u64)
        .max(Duration::from_millis(800) * u32::try_from(heroku.saturating_sub(4_500)).unwrap_or(0));
    let bound = critical.max(waits);
    section.add("campaign: secrets", SECRETS, "");
    section.add("campaign: apps, the least number of restarts", APPS, "");
    section.add("campaign: restarts", restarts, "");
    section.add("campaign: calls to Heroku", heroku, "");
    section.add("campaign: calls to Infisical", infisical, "");
    section.add("campaign: calls refused by a limit", refused, "");
    section.add("campaign: critical path", seconds(critical), "s");
    section.add("campaign: waits that the limits cause", seconds(waits), "s");
    section.add("campaign: makespan", seconds(ended.took), "s");
    let ratio = ended.took.as_secs_f64() / bound.as_secs_f64();
    section.add("campaign: makespan against the larger of the two", format!("{ratio:.2}"), "");
    let times = u32::try_from(SECRETS / alone).unwrap_or(1);
    section.add("campaign: one secret at a time", seconds(one_by_one * times), "s");
    section.add("campaign: restarts, one secret at a time", restarts_alone * SECRETS / alone, "");
    match restarts == APPS {
        true => Ok(section),
        false => Err(format!("{restarts} restarts of {APPS} apps")),
    }
}

pub(crate) fn plan(means: &Means) -> Result<Section> {
    let (secrets, apps) = (500, 50);
    let fleet = Fleet::new(&means.binary, Size::of(secrets, apps))?;
    let ended = fleet.rollover(&["plan", "--issuer", "it", "--json"]).within(LIMIT).run()?.is(0)?;
    let planned = ended.json()?;
    let members = planned["campaign"]["members"].as_array().map_or(0, Vec::len);
    let mut section = Section::new(
        "A plan for five hundred secrets",
        format!(
            "`rollover plan` of {secrets} secrets on {apps} apps: every store, issuer and consumer is looked at, in a\n\
             lab that answers at once. From the start of the process to its end."
        ),
    );
    section.add("plan: secrets planned", members, "");
    section.add("plan: restarts foreseen", &planned["campaign"]["restarts"], "");
    section.add("plan: machine time", seconds(ended.took), "s");
    match members == secrets {
        true => Ok(section),
        false => Err(format!("{members} of {secrets} were planned")),
    }
}

pub(crate) fn emergency(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "From a leak to two answers that prove the death",
        format!(
            "`rollover rotate NAME --emergency` with every consumer of the runbooks, while every vendor takes\n\
             {} ms to answer; dynos start in 300 ms, and the two answers are 30 s apart, as outside of a lab. From\n\
             the start of the process to the second 401. The operator is a stand-in who needs 20 ms for a page; a\n\
             click is one button at the vendor, and of those before the death there is one to create the new\n\
             token and one to delete the leaked one.",
            LATENCY.as_millis()
        ),
    );
    let (api, _) = leak(means, &HEROKU)?;
    section.add("emergency: API issuer, leaked token proven dead after", seconds(api), "s");
    let (operator, clicks) = leak(means, &POSTMARK)?;
    section.add(
        "emergency: operator issuer, leaked token proven dead after",
        seconds(operator),
        "s",
    );
    section.add("emergency: clicks of both rotations, to create and to delete", clicks, "");
    Ok(section)
}

/// How long a leaked token lives, and how often somebody clicked until its replacement was
/// replaced, too.
fn leak(means: &Means, secret: &Secret) -> Result<(Duration, u32)> {
    let pace = Pace {
        dyno_start: Duration::from_millis(300),
        proof_interval: "30s".into(),
        ..Pace::default()
    };
    let stage = Stage::at_pace(&means.binary, pace)?;
    let ms = u64::try_from(LATENCY.as_millis()).unwrap_or(u64::MAX);
    stage.lab().fault(FaultRule::everywhere(FaultKind::Latency { ms }));
    let operator = Operator::at(&stage)?;
    let begun = Timestamp::now();
    let args = ["rotate", secret.name, "--emergency", "--confirm", secret.name, "--wait"];
    let run = stage.rollover(&args).heard_by(operator.ear()).within(LIMIT);
    let _ended = run.run()?.is(0)?;
    let clicks = operator.leave()?;
    let runs = stage.rollover(&["run", "ls", "--json"]).run()?.is(0)?.json()?;
    let first = runs.as_array().and_then(|runs| runs.last()).ok_or("no rotation")?;
    let answers = first["old_token"]["answers"].as_array().ok_or("no answers")?;
    let dead =
        answers.iter().rev().find(|answer| answer["is"] == "dead" || !answer["evidence"].is_null());
    let at = dead.and_then(|answer| answer["at"].as_str()).ok_or("no death")?;
    let at: Timestamp = at.parse().map_err(|_| format!("no time: {at}"))?;
    let took = Duration::try_from(at.duration_since(begun)).map_err(|error| error.to_string())?;
    Ok((took, clicks))
}

pub(crate) fn schedule(_: &Means) -> Result<Section> {
    let years = 10;
    let mut section = Section::new(
        "Rotations that begin when they are due",
        format!(
            "`rollover rotate --due`, called at seven minutes past each hour for {years} years on a clock that is only\n\
             counted: {} time zones, {} sets of windows, a freeze at the end of each year, jitter, tokens of 14,\n\
             30, 90 and 365 days. Missed: not begun in the window that it was placed in. Doubled: begun again\n\
             although the token was fresh. Outside: begun in a freeze or outside of the windows.",
            ZONES.len(),
            WINDOWS.len()
        ),
    );
    let mut sum = hourly::Years::default();
    for zone in ZONES {
        for windows in WINDOWS {
            let one = hourly::years(zone, windows, years)?;
            sum.calls += one.calls;
            sum.rotations += one.rotations;
            sum.missed.extend(one.missed);
            sum.doubled.extend(one.doubled);
            sum.outside.extend(one.outside);
            sum.overdue.extend(one.overdue);
        }
    }
    section.add("schedule: calls", sum.calls, "");
    section.add("schedule: rotations", sum.rotations, "");
    section.add("schedule: missed", sum.missed.len(), "");
    section.add("schedule: doubled", sum.doubled.len(), "");
    section.add("schedule: outside of windows or in a freeze", sum.outside.len(), "");
    section.add("schedule: overdue although a window was early enough", sum.overdue.len(), "");
    let wrong = [sum.missed, sum.doubled, sum.outside, sum.overdue].concat();
    match wrong.first() {
        None => Ok(section),
        Some(first) => Err(format!("{} wrong, the first: {first}", wrong.len())),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}
