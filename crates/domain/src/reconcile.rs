//! An open rotation whose journal may be older than the world: how it goes on, if it can.
//!
//! The rule is that nothing is known which was not looked at. Every effect that the journal does
//! not tell of may have been made after its last entry, so it is journaled as
//! [`Event::Doubted`], and the machine settles it by looking, as it does after a crash. Where
//! looking cannot settle it, because somebody holds a token that this rotation knows nothing of,
//! or the token that it would write is dead, the rotation does not go on: its writes would put
//! people out of service.
//!
//! What was sent and has not taken effect yet cannot be seen. So it matters what could have been
//! sent last. Only once everybody was on the new token could the old one be revoked, and only once
//! nobody was, the new one: where everybody is, there is no way back, and where nobody is, no way on.
//! Nor is there one where the journal knows of no new token: whoever is given one that was made
//! since could not be told from one who was not.

use crate::{
    Action, Direction, Event, Fingerprint, Holding, Liveness, Mode, Observed, Rotation, StoreSeen,
};

/// How an open rotation goes on.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// It goes on, after these were journaled.
    GoesOn(Vec<Event>),
    /// The world has moved on without it; it must be abandoned.
    MovedOn(String),
    /// It could not be looked at.
    Unseen(String),
}

/// How an open rotation goes on in the world that was seen. `old` and `new` are looks at the
/// tokens that its journal keeps.
#[must_use]
pub fn judge(
    rotation: &Rotation,
    observed: &Observed,
    old: &Liveness,
    new: Option<&Liveness>,
    by: &str,
) -> Verdict {
    if let Some(verdict) = strangers(rotation, observed) {
        return verdict;
    }
    for (which, liveness) in [("old", Some(old)), ("new", new)] {
        if let Some(Liveness::Unknown { why }) = liveness {
            return Verdict::Unseen(format!("the {which} token: {why}"));
        }
    }
    let moved = |why: &str| Verdict::MovedOn(why.to_owned());
    let repair = rotation.plan().mode == Mode::Repair;
    let new_dead = new.is_some_and(Liveness::is_dead);
    let mut events = doubts(rotation);
    match rotation.direction() {
        Direction::Back { .. } if old.is_dead() && rotation.plan().mode.takes_current() => {
            moved("it goes back to the old token, which is dead")
        }
        Direction::Back { .. } => Verdict::GoesOn(events),
        Direction::Forward if new_dead && old.is_dead() => moved("both of its tokens are dead"),
        Direction::Forward if new_dead && rotation.may_turn_back() => {
            let why = "the new token is dead: it was rolled back after the backup".to_owned();
            events.push(Event::TurnedBack { by: by.to_owned(), why });
            Verdict::GoesOn(events)
        }
        Direction::Forward if new_dead => moved("its new token is dead"),
        Direction::Forward if old.is_dead() && !rotation.past_return() && !repair => {
            let mode = rotation.plan().mode;
            let needs_new = mode.creates() && mode != Mode::RevokeFirst;
            if new.is_none() && needs_new {
                return moved("its old token is dead, and it has no new one");
            }
            events.push(Event::Doubted { action: Action::Revoke });
            Verdict::GoesOn(events)
        }
        Direction::Forward => {
            events.extend(sent_last(rotation, observed, by));
            Verdict::GoesOn(events)
        }
    }
}

/// What follows from the revocation that could have been sent last.
fn sent_last(rotation: &Rotation, observed: &Observed, by: &str) -> Option<Event> {
    let revoke = Event::Doubted { action: Action::Revoke };
    let doubted = rotation.may_be_doubted(&Action::Revoke).then_some(revoke);
    let plan = rotation.plan();
    // Nothing is written before these are revoked, so nothing shows how far it was.
    if matches!(plan.mode, Mode::RevokeFirst | Mode::Removal) {
        return doubted;
    }
    if plan.mode.ends_use() {
        // Nothing is revoked before nobody holds it, and the way back removes nothing.
        let gone = matches!(held(rotation, observed, &plan.old.fingerprint), Held::Nobody);
        return doubted.filter(|_| gone);
    }
    // What may be on its way of a token that the journal knows nothing of is seen by no look: a
    // consumer that is given it holds a stranger. Everybody is put back before it is removed.
    let new = rotation.new_fingerprint();
    match new.map_or(Held::Nobody, |new| held(rotation, observed, &new)) {
        Held::All => doubted,
        Held::Nobody if rotation.may_turn_back() => {
            let why = "nobody was seen on the new token, which may be being revoked".to_owned();
            Some(Event::TurnedBack { by: by.to_owned(), why })
        }
        Held::Nobody | Held::Part => None,
    }
}

/// By how many a token was seen to be held. What cannot be read back says nothing.
enum Held {
    All,
    Part,
    Nobody,
}

fn held(rotation: &Rotation, observed: &Observed, token: &Fingerprint) -> Held {
    let stored = match &observed.store {
        StoreSeen::Holds { fingerprint, .. } => fingerprint == token,
        _ => false,
    };
    let parts =
        observed.consumers.iter().filter(|seen| rotation.plan().consumer(&seen.id).is_some());
    let consumers = parts.filter_map(|seen| match &seen.holding {
        Holding::Token(found) => Some((found == token, found == token)),
        Holding::Mixed(all) => Some((false, all.contains(&Some(*token)))),
        Holding::Unreadable(_) => None,
        _ => Some((false, false)),
    });
    let (all, any) =
        consumers.fold((stored, stored), |(all, any), (whole, part)| (all && whole, any || part));
    match (all, any) {
        (true, _) => Held::All,
        (false, true) => Held::Part,
        (false, false) => Held::Nobody,
    }
}

/// Whoever holds what this rotation knows nothing of, or could not be looked at.
fn strangers(rotation: &Rotation, observed: &Observed) -> Option<Verdict> {
    let plan = rotation.plan();
    if !plan.mode.takes_current() {
        // Whoever holds that token is found by the last look, and nobody is written to.
        return None;
    }
    // A consumer may still hold what it held when the rotation was planned.
    let known = |found: &Fingerprint, before: Option<Fingerprint>| {
        *found == plan.old.fingerprint
            || Some(*found) == rotation.new_fingerprint()
            || Some(*found) == before
    };
    let before = |who: &str| plan.consumers.iter().find(|part| part.id.as_str() == who)?.before;
    let stranger = |who: &str, found: &Fingerprint| {
        (!known(found, before(who)))
            .then(|| Verdict::MovedOn(format!("{who} holds fp {found}, which it knows nothing of")))
    };
    let store = match &observed.store {
        StoreSeen::Holds { fingerprint, .. } => stranger("the store", fingerprint),
        StoreSeen::Empty if plan.mode.ends_use() => None,
        StoreSeen::Empty => Some(Verdict::MovedOn("the store is empty".into())),
        StoreSeen::Refuses(why) | StoreSeen::Unknown(why) => {
            Some(Verdict::Unseen(format!("the store: {why}")))
        }
    };
    let consumers = observed.consumers.iter().filter(|seen| plan.consumer(&seen.id).is_some());
    let mut found = consumers.filter_map(|seen| match &seen.holding {
        Holding::Token(fingerprint) => stranger(&seen.id.to_string(), fingerprint),
        Holding::Mixed(all) => {
            all.iter().flatten().find_map(|one| stranger(&seen.id.to_string(), one))
        }
        // What cannot be read back is written again, and proven by its write.
        Holding::Unreadable(_) | Holding::Nothing => None,
        Holding::Refused(why) | Holding::Shadowed(why) | Holding::Unknown(why) => {
            Some(Verdict::Unseen(format!("{}: {why}", seen.id)))
        }
    });
    store.or_else(|| found.next())
}

/// Every effect that may have been made after the journal's last entry; writes that it calls done,
/// too, because they may have been made once more.
fn doubts(rotation: &Rotation) -> Vec<Event> {
    let plan = rotation.plan();
    // Writes, too, of a token that the journal knows nothing of: they may be on their way.
    let mut actions = vec![Action::Create];
    actions.extend(plan.store_write());
    actions.extend(plan.consumers.iter().map(|part| plan.write(&part.id)));
    let open = |action: &Action| rotation.may_be_doubted(action);
    actions.into_iter().filter(open).map(|action| Event::Doubted { action }).collect()
}
