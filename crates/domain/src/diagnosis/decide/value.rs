//! Questions about the value as it stands there.

use super::{no, unknown, yes};
use crate::diagnosis::{Case, Cause, Finding, Flaw, Heard, Likeness, Place, Silence, Sure};

pub(super) fn missing(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Missing;
    if case.placed.unseen.is_some() {
        return None;
    }
    match &case.anatomy {
        Some(anatomy) if anatomy.has(|flaw| *flaw == Flaw::Empty) => {
            yes(cause, Sure::Certain, "the value is empty", case)
        }
        Some(anatomy) => no(cause, format!("{} characters are there", anatomy.chars)),
        None if case.placed.written == Some(None) => {
            yes(cause, Sure::Certain, "it was never written there", case)
        }
        None if case.placed.reads_back || case.place != Place::Given && !is_consumer(case) => {
            yes(cause, Sure::Certain, "there is nothing under its name", case)
        }
        None => None,
    }
}

fn is_consumer(case: &Case) -> bool {
    matches!(case.place, Place::Consumer(_))
}

pub(super) fn placeholder(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let anatomy = case.anatomy.as_ref()?;
    let is = |flaw: &Flaw| matches!(flaw, Flaw::Placeholder | Flaw::Unresolved | Flaw::Masked);
    match anatomy.flaws.iter().find(|flaw| is(flaw)) {
        Some(flaw) => yes(Cause::Placeholder, Sure::Certain, flaw.to_string(), case),
        None => None,
    }
}

pub(super) fn test_token(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let is = case.anatomy.as_ref()?.has(|flaw| *flaw == Flaw::TestToken);
    let evidence = "it is the literal POSTMARK_API_TEST, which is taken and sends nothing";
    is.then(|| yes(Cause::TestToken, Sure::Certain, evidence, case)).flatten()
}

pub(super) fn other_kind(case: &Case, _: Option<Cause>) -> Option<Finding> {
    let anatomy = case.anatomy.as_ref()?;
    let what = anatomy.flaws.iter().find_map(|flaw| match flaw {
        Flaw::OtherKind(what) => Some(what),
        _ => None,
    })?;
    let evidence = format!("by its beginning it is {what}, not a {}", case.kind.title());
    yes(Cause::OtherKind, Sure::Certain, evidence, case)
}

pub(super) fn mistyped(case: &Case, explained: Option<Cause>) -> Option<Finding> {
    let cause = Cause::Mistyped;
    let anatomy = case.anatomy.as_ref()?;
    if explained.is_some() {
        return None;
    }
    let likeness = case.stored.as_ref().map(|stored| stored.likeness);
    let kin = likeness.filter(|likeness| likeness.is_kin());
    let words = anatomy.words();
    if let Some(kin) = kin {
        // Postmark does not mind the case of letters.
        if kin == Likeness::SameButCase && case.heard.is_accepted() {
            return no(cause, format!("{words}, in another case, which is taken"));
        }
        if !anatomy.flaws.is_empty() || !case.heard.is_accepted() {
            return yes(cause, Sure::Certain, format!("{words}; {}", kin.words()), case);
        }
    }
    if anatomy.flaws.is_empty() {
        return no(cause, words);
    }
    let repaired = case.repaired.as_ref().is_some_and(|repaired| repaired.heard.is_accepted());
    let known = case.known.iter().any(|known| !known.as_it_stands);
    match &case.heard {
        _ if repaired => {
            yes(cause, Sure::Certain, format!("{words}; without that it is taken"), case)
        }
        _ if known => {
            yes(cause, Sure::Certain, format!("{words}; without that it is one of ours"), case)
        }
        Heard::Accepted { .. } => no(cause, format!("{words}; taken all the same")),
        Heard::Said { .. } | Heard::Silence { how: Silence::Unsendable, .. } => {
            yes(cause, Sure::Likely, words, case)
        }
        Heard::NotAsked => yes(cause, Sure::Likely, words, case),
        _ if !anatomy.fits => yes(cause, Sure::Possible, words, case),
        _ => unknown(cause, words),
    }
}
