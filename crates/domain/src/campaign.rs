//! Many rotations together: who goes before whom, which tokens are written in one go, and what
//! all of it costs in restarts, people, calls and time.
//!
//! A campaign has no machine of its own. Each of its rotations is one like any other, journaled
//! and resumed by itself; a campaign only says when each may begin, and which of their writes
//! meet at one place and so are made together. An app is restarted once for all that is new to
//! it. Nothing here is needed to be safe: whoever ignores it restarts more and waits longer.

mod cost;
mod order;
mod record;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::inventory::{ConsumerKind, Inventory, Secret};
use crate::{ConsumerId, Mode, Plan, SecretName, Span};

pub use cost::{Allowance, Calls, Costs, People, allowance};
pub use order::Member;
pub use record::{ACTIONS, Opened};

/// A place that one write reaches, however many secrets it is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Place {
    /// Its name: `heroku:acme-api-prod`.
    pub name: String,
    /// Whether a write restarts it.
    pub restarts: bool,
}

/// The place of a consumer; none where each secret is written by itself (GitHub).
#[must_use]
pub fn place_of(kind: &ConsumerKind) -> Option<Place> {
    match kind {
        // One app may be reached by several connections; to be written together, by the same.
        ConsumerKind::HerokuConfig { via, app } => {
            Some(Place { name: format!("heroku:{app} by {via}"), restarts: true })
        }
        ConsumerKind::Dotenv { path } => {
            Some(Place { name: format!("dotenv:{path}"), restarts: false })
        }
        ConsumerKind::GithubSecret { .. } | ConsumerKind::Workstation { .. } => None,
    }
}

/// Whether it serves production: one of its consumers does.
#[must_use]
pub fn is_production(secret: &Secret) -> bool {
    secret.consumers.iter().any(|consumer| consumer.production)
}

/// Which of several writes to one place it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Turn {
    /// Whether it is the second one of an emergency, to a place that had a first.
    pub again: bool,
    /// The level of its rotations; one begins when what it rests on in those before has ended.
    pub level: u32,
    /// The wave within its rotations.
    pub wave: u8,
}

/// One write: what goes to a place together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Write {
    /// Where.
    pub place: Place,
    /// Which one there.
    pub turn: Turn,
    /// Whose tokens, and as which of their consumers.
    pub members: Vec<(SecretName, ConsumerId)>,
}

/// Everything that many rotations together come to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CampaignPlan {
    /// Each rotation, those that begin first in front.
    pub members: Vec<Member>,
    /// Each write to a place that several secrets may share.
    pub writes: Vec<Write>,
    /// How many restarts that makes.
    pub restarts: usize,
    /// The fewest that could be: one a place that a write restarts, two where a leak is answered
    /// by two rotations.
    pub restarts_min: usize,
    /// Who is needed, by role.
    pub people: Vec<People>,
    /// How many calls each connection makes, about.
    pub calls: Vec<Calls>,
    /// How long it takes, about.
    pub duration: Span,
}

impl CampaignPlan {
    /// What these rotations come to together.
    #[must_use]
    pub fn make(inventory: &Inventory, plans: &[&Plan], costs: &Costs) -> Self {
        let places = Places::of(inventory, plans);
        let members = order::order(plans, &places);
        let levels: BTreeMap<&SecretName, u32> =
            members.iter().map(|member| (&member.secret, member.level)).collect();
        let mut writes = BTreeMap::new();
        for plan in plans {
            let level = levels.get(&plan.secret).copied().unwrap_or(0);
            let rounds: &[bool] = if plan.owes_reissue() { &[false, true] } else { &[false] };
            for (part, again) in plan
                .consumers
                .iter()
                .flat_map(|part| rounds.iter().map(move |again| (part, *again)))
            {
                let Some(place) = places.at(&plan.secret, &part.id) else { continue };
                // What is done again because of a leak is done as one that hurries.
                let again = again || plan.mode == Mode::Reissue;
                let turn = Turn { again, level, wave: part.wave };
                let members: &mut Vec<_> = writes.entry((place.clone(), turn)).or_default();
                members.push((plan.secret.clone(), part.id.clone()));
            }
        }
        let writes: Vec<Write> = writes
            .into_iter()
            .map(|((place, turn), members)| Write { place, turn, members })
            .collect();
        let restarting = writes.iter().filter(|write| write.place.restarts);
        let fewest: BTreeSet<(&Place, bool)> =
            restarting.clone().map(|write| (&write.place, write.turn.again)).collect();
        let calls = cost::calls(inventory, plans, &writes, costs);
        Self {
            restarts: restarting.count(),
            restarts_min: fewest.len(),
            people: cost::people(plans),
            duration: cost::duration(plans, &levels, &calls, costs),
            calls,
            members,
            writes,
        }
    }

    /// What is known of one rotation.
    #[must_use]
    pub fn member(&self, secret: &SecretName) -> Option<&Member> {
        self.members.iter().find(|member| member.secret == *secret)
    }
}

/// Where each consumer of these rotations is.
struct Places(BTreeMap<SecretName, BTreeMap<ConsumerId, Place>>);

impl Places {
    fn of(inventory: &Inventory, plans: &[&Plan]) -> Self {
        let of_secret = |plan: &&Plan| {
            let secret = inventory.secret(&plan.secret)?;
            let placed =
                |part: &crate::inventory::Consumer| Some((part.id.clone(), place_of(&part.kind)?));
            Some((plan.secret.clone(), secret.consumers.iter().filter_map(placed).collect()))
        };
        Self(plans.iter().filter_map(of_secret).collect())
    }

    fn at(&self, secret: &SecretName, consumer: &ConsumerId) -> Option<&Place> {
        self.0.get(secret)?.get(consumer)
    }
}
