//! Who goes before whom.
//!
//! A secret that serves production goes after the secrets of the same key that do not, once those
//! are proven. Where people create or revoke, one secret of an issuer goes after the other, so
//! that nobody has to tell two new tokens on one page apart. And whoever shares a place with one
//! that has to wait waits along, so that the place is written once; but only if nobody waits for
//! it, and never in a hurry.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Place, Places};
use crate::{Doer, Plan, SecretName};

/// One rotation of a campaign, and when it may begin.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Member {
    /// Its secret.
    pub secret: SecretName,
    /// 0 begins at once.
    pub level: u32,
    /// These have to be completed before it begins.
    pub proven: Vec<SecretName>,
    /// These have to be over before it begins, in whatever way.
    pub over: Vec<SecretName>,
}

#[derive(Default)]
struct Standing {
    level: u32,
    proven: BTreeSet<SecretName>,
    over: BTreeSet<SecretName>,
}

pub(super) fn order(plans: &[&Plan], places: &Places) -> Vec<Member> {
    let mut all: BTreeMap<SecretName, Standing> =
        plans.iter().map(|plan| (plan.secret.clone(), Standing::default())).collect();
    rehearsals_first(plans, &mut all);
    one_at_a_dashboard(plans, &mut all);
    levels(&mut all);
    together(plans, places, &mut all);
    let mut members: Vec<Member> = all
        .into_iter()
        .map(|(secret, place)| Member {
            secret,
            level: place.level,
            proven: place.proven.into_iter().collect(),
            over: place.over.into_iter().collect(),
        })
        .collect();
    members.sort_by(|a, b| (a.level, &a.secret).cmp(&(b.level, &b.secret)));
    members
}

/// Whether a production consumer holds it. In a hurry nobody goes first.
fn is_production(plan: &Plan) -> bool {
    plan.consumers.iter().any(|part| part.wave > 0)
}

fn rehearsals_first(plans: &[&Plan], all: &mut BTreeMap<SecretName, Standing>) {
    let mut first: BTreeMap<&str, BTreeSet<SecretName>> = BTreeMap::new();
    for plan in plans.iter().filter(|plan| !plan.mode.hurries() && !is_production(plan)) {
        first.entry(plan.secret.key()).or_default().insert(plan.secret.clone());
    }
    for plan in plans.iter().filter(|plan| !plan.mode.hurries() && is_production(plan)) {
        if let (Some(before), Some(own)) = (first.get(plan.secret.key()), all.get_mut(&plan.secret))
        {
            own.proven.clone_from(before);
        }
    }
}

/// One rotation after the other where people work at one page of an issuer; those that others
/// wait for go first.
fn one_at_a_dashboard(plans: &[&Plan], all: &mut BTreeMap<SecretName, Standing>) {
    let mut pages: BTreeMap<&str, Vec<(bool, &SecretName)>> = BTreeMap::new();
    for plan in plans {
        if plan.issuer.creates == Doer::Operator || plan.issuer.revokes == Doer::Operator {
            let waits = all.get(&plan.secret).is_some_and(|own| !own.proven.is_empty());
            pages.entry(&plan.issuer.name).or_default().push((waits, &plan.secret));
        }
    }
    for queue in pages.values_mut() {
        queue.sort();
        for pair in queue.windows(2) {
            if let [(_, before), (_, next)] = pair
                && let Some(own) = all.get_mut(*next)
                && !own.proven.contains(*before)
            {
                own.over.insert((*before).clone());
            }
        }
    }
}

/// The longest way from one that waits for nobody. What waits is never waited for in a circle: a
/// rehearsal waits for no production, and a queue goes one way.
fn levels(all: &mut BTreeMap<SecretName, Standing>) {
    for _ in 0..all.len() {
        let known: BTreeMap<SecretName, u32> =
            all.iter().map(|(name, place)| (name.clone(), place.level)).collect();
        let mut changed = false;
        for place in all.values_mut() {
            let before = place.proven.iter().chain(&place.over);
            let level =
                before.filter_map(|name| known.get(name)).max().map_or(0, |level| level + 1);
            changed |= std::mem::replace(&mut place.level, level) != level;
        }
        if !changed {
            return;
        }
    }
}

/// Whoever is written together begins together.
fn together(plans: &[&Plan], places: &Places, all: &mut BTreeMap<SecretName, Standing>) {
    let awaited: BTreeSet<SecretName> =
        all.values().flat_map(|place| place.proven.iter().chain(&place.over)).cloned().collect();
    let may_wait = |plan: &Plan| !plan.mode.hurries() && !awaited.contains(&plan.secret);
    let mut shared: BTreeMap<(&Place, u8), BTreeSet<&SecretName>> = BTreeMap::new();
    for plan in plans.iter().filter(|plan| !plan.mode.hurries()) {
        for part in &plan.consumers {
            if let Some(place) = places.at(&plan.secret, &part.id) {
                shared.entry((place, part.wave)).or_default().insert(&plan.secret);
            }
        }
    }
    let waits: BTreeSet<&SecretName> =
        plans.iter().filter(|plan| may_wait(plan)).map(|plan| &plan.secret).collect();
    // Each round lifts somebody by at least one level, and no level is above the highest.
    loop {
        let mut changed = false;
        for group in shared.values() {
            let standings = || group.iter().filter_map(|name| all.get(*name));
            let level = standings().map(|own| own.level).max().unwrap_or(0);
            let last = standings().filter(|own| own.level == level);
            let before: BTreeSet<SecretName> =
                last.flat_map(|own| own.proven.union(&own.over)).cloned().collect();
            for name in group.iter().filter(|name| waits.contains(*name)) {
                let Some(own) = all.get_mut(*name) else { continue };
                let known = own.over.len();
                let others = before.iter().filter(|other| *other != *name);
                own.over.extend(others.filter(|other| !own.proven.contains(other)).cloned());
                changed |= own.over.len() > known || own.level < level;
                own.level = own.level.max(level);
            }
        }
        if !changed {
            return;
        }
    }
}
