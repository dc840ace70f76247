//! `rollover task claim`, `release` and `fail`: who has a task, so that two people do not do the
//! same, and what becomes of one that somebody could not do.

use std::collections::BTreeMap;

use domain::audit::Record;
use domain::{Act, ClaimError, Guarded, Remark, Span};
use jiff::Timestamp;
use journal::{Reader, Remarks};
use serde_json::json;

use super::{Open, find};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

/// The longest that one claim holds.
const CLAIM_MAX: Span = Span::from_secs(86_400);
/// The most characters of why a task could not be done.
const WHY_CHARS_MAX: usize = 400;

pub(super) fn claim(home: &Home, id: &str, span: Option<Span>, output: Output) -> Result<Exit> {
    let span = span.unwrap_or(home.inventory.policy.claim);
    if span > CLAIM_MAX {
        return Err(Fail::usage(format!("nobody has a task for longer than {CLAIM_MAX}"))
            .hint("take it again before the time is over, or hand it over"));
    }
    let said = Said::about(home, id)?;
    home.allow_in(Act::answer(said.open.task.kind), &said.open.rotation)?;
    let me = &home.actor.name;
    let remark = said.change(home, "task.claimed", |remark, now| {
        remark.take(&said.open.task, me, span, now)?;
        Ok(until(remark))
    })?;
    output.json(&json!({ "task": id, "claim": remark.claim }))?;
    let claim = remark.claim.as_ref();
    output.text(
        &claim.map_or_else(String::new, |claim| format!("{id} is yours until {:.0}", claim.until)),
    )?;
    output.say(&format!("what is to be done: rollover task show {id}"));
    Ok(Exit::Ok)
}

pub(super) fn release(home: &Home, id: &str, to: Option<&str>, output: Output) -> Result<Exit> {
    let said = Said::about(home, id)?;
    let task = &said.open.task;
    home.allow_in(Act::answer(task.kind), &said.open.rotation)?;
    if said.open.remark.free_for(task, &home.actor.name, Timestamp::now()).is_err() {
        home.allow_in(Act::Reassign, &said.open.rotation)?;
    }
    if let Some(to) = to {
        may_be_given(home, &said.open, to)?;
    }
    let span = home.inventory.policy.claim;
    let action = if to.is_some() { "task.handed_over" } else { "task.released" };
    let remark = said.change(home, action, |remark, now| {
        let from = remark.held(task, now).map(|claim| claim.by.clone());
        remark.give(task, to, span, now)?;
        let mut context = until(remark);
        context.extend(from.map(|from| ("from".to_owned(), from)));
        context.extend(to.map(|to| ("to".to_owned(), to.to_owned())));
        Ok(context)
    })?;
    output.json(&json!({ "task": id, "claim": remark.claim }))?;
    output.text(&match &remark.claim {
        Some(claim) => format!("{} has {id} until {:.0}", claim.by, claim.until),
        None => format!("{id} is anybody's again"),
    })?;
    Ok(Exit::Ok)
}

pub(super) fn fail(home: &Home, id: &str, why: &str, output: Output) -> Result<Exit> {
    let why = why.trim();
    if why.is_empty() || why.chars().count() > WHY_CHARS_MAX {
        return Err(Fail::usage(format!("say why in up to {WHY_CHARS_MAX} characters")));
    }
    let said = Said::about(home, id)?;
    said.open.mine_to_answer(home, Act::answer(said.open.task.kind))?;
    let me = &home.actor.name;
    let remark = said.change(home, "task.failed", |remark, now| {
        remark.free_for(&said.open.task, me, now)?;
        remark.fail(me, why, now);
        Ok(BTreeMap::from([("why".to_owned(), why.to_owned())]))
    })?;
    let rotation = &said.open.rotation;
    let run = &rotation.plan().id;
    let back = rotation.may_turn_back();
    output.json(&json!({ "task": id, "failed": remark.failed, "may_turn_back": back }))?;
    output.text(&format!("noted: {id} could not be done"))?;
    output.say(&format!("somebody else can: rollover task claim {id}"));
    if back {
        output.say(&format!("or everybody stays on the old token: rollover run rollback {run}"));
    }
    Ok(Exit::Ok)
}

/// Refuses a hand-over to somebody who could not do it.
fn may_be_given(home: &Home, open: &Open, to: &str) -> Result<()> {
    let people = &home.inventory.people;
    if people.is_empty() {
        return Err(Fail::usage("no members are declared, so there is nobody to hand it over to")
            .hint("give it back: rollover task release ID, without --to"));
    }
    let of = Guarded::rotation(&open.rotation);
    people.may(&people.named(to), Act::answer(open.task.kind), Some(of)).map_err(|denied| {
        Fail::usage(format!("it cannot be handed over: {denied}")).hint(denied.hint())
    })
}

/// What the audit says besides, or why nothing is said.
type Decided = std::result::Result<BTreeMap<String, String>, ClaimError>;

/// A task about which something is said.
struct Said {
    key: seal::Key,
    reader: Reader,
    open: Open,
}

impl Said {
    fn about(home: &Home, id: &str) -> Result<Self> {
        let key = home.key()?;
        let reader = home.reader(&key)?;
        let open = find(&reader, id)?;
        Ok(Self { key, reader, open })
    }

    /// Changes what is said of it, with its audit record.
    fn change(
        &self,
        home: &Home,
        action: &str,
        decide: impl FnOnce(&mut Remark, Timestamp) -> Decided,
    ) -> Result<Remark> {
        let (task, now) = (&self.open.task, Timestamp::now());
        let said =
            Remarks::change(&home.database(), &self.key, &task.rotation, &task.id, |remark| {
                let mut context = decide(remark, now)?;
                context.insert("task".into(), task.id.clone());
                Ok(Record {
                    at: now,
                    action: action.to_owned(),
                    actor: home.actor.name.clone(),
                    secret: Some(task.secret.clone()),
                    rotation: Some(task.rotation.clone()),
                    context,
                })
            })?;
        let remark = said.map_err(|refused: ClaimError| {
            let hint = match &refused {
                ClaimError::Held { by, .. } => {
                    format!("ask {by} to hand it over: rollover task release {} --to YOU", task.id)
                }
                ClaimError::Free => "`rollover task show` says who has a task".into(),
            };
            Fail::new(Exit::Failed, refused.to_string()).hint(hint)
        })?;
        home.land_notes(&self.key, &self.reader)?;
        Ok(remark)
    }
}

fn until(remark: &Remark) -> BTreeMap<String, String> {
    let claim = remark.claim.as_ref();
    claim.map(|claim| ("until".to_owned(), claim.until.to_string())).into_iter().collect()
}
