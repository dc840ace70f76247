//! Questions about the place: does it hold what the store holds, and does what runs know it?

use super::token::day;
use super::{no, unknown, yes};
use crate::diagnosis::{Case, Cause, Finding, Known, KnownState, Place, Sure};

fn is_consumer(case: &Case) -> bool {
    matches!(case.place, Place::Consumer(_))
}

pub(super) fn shadowed(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let shadow = case.placed.shadow.as_ref()?;
    yes(Cause::Shadowed, Sure::Certain, shadow.clone(), case)
}

pub(super) fn not_deployed(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::NotDeployed;
    if !is_consumer(case) || case.placed.unseen.is_some() {
        return None;
    }
    let stored = case.stored.as_ref()?;
    if case.placed.mixed && explained.is_none() {
        return yes(cause, Sure::Certain, "its names hold different values", case);
    }
    match (case.fingerprint, stored.fingerprint) {
        (Some(held), Some(wanted)) if held == wanted => {
            no(cause, format!("holds fp {held}, as {} does", stored.name))
        }
        (Some(_), Some(_)) if explained.is_some() => None,
        // What works is not overwritten in thought by a store that does not.
        (Some(_), Some(_)) if !stored.good && case.heard.is_accepted() => {
            no(cause, format!("it works; what {} holds does not", stored.name))
        }
        (Some(held), Some(wanted)) => {
            let old = case.known.iter().find(|known| is_old(known)).map(|known| {
                let run = known.rotation.as_ref().map(|id| format!(" by {id}")).unwrap_or_default();
                let since = known.since.map(|at| format!(" on {}", day(at))).unwrap_or_default();
                format!(", which was replaced{run}{since}")
            });
            let sure = if stored.good { Sure::Certain } else { Sure::Possible };
            let evidence = format!(
                "holds fp {held}{}, {} holds fp {wanted}",
                old.unwrap_or_default(),
                stored.name
            );
            yes(cause, sure, evidence, case)
        }
        (None, Some(_)) => unread(case, cause),
        _ => None,
    }
}

fn is_old(known: &Known) -> bool {
    known.as_it_stands && matches!(known.state, KnownState::Gone | KnownState::Retiring)
}

/// A place that cannot be read back is told by the times alone.
fn unread(case: &Case, cause: Cause) -> Option<Finding> {
    let written = case.placed.written.flatten()?;
    match case.made {
        // GitHub's times have a resolution of one second.
        Some(made) if written.as_second() < made.as_second() => {
            let evidence =
                format!("written {}, the current token is of {}", day(written), day(made));
            yes(cause, Sure::Likely, evidence, case)
        }
        Some(made) => no(cause, format!("written {}, after {}", day(written), day(made))),
        None => unknown(cause, format!("written {}; it cannot be read back", day(written))),
    }
}

pub(super) fn not_restarted(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let cause = Cause::NotRestarted;
    if !is_consumer(case) || case.placed.lag_is_of_runs || case.placed.unseen.is_some() {
        return None;
    }
    let restarts = case.place.at().is_some_and(|id| id.starts_with("heroku"));
    match &case.placed.lag {
        Some(lag) => yes(cause, Sure::Certain, lag.clone(), case),
        None if restarts => no(cause, "everything that runs was started with it"),
        None => None,
    }
}

pub(super) fn runs_older(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let lag = case.placed.lag.as_ref().filter(|_| case.placed.lag_is_of_runs)?;
    yes(Cause::RunsOlder, Sure::Certain, lag.clone(), case)
}

pub(super) fn unseen(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let why = case.placed.unseen.as_ref()?;
    yes(Cause::Unseen, Sure::Possible, why.clone(), case)
}
