//! What many rotations together cost: people, calls and time. Estimates, and said to be ones.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Write;
use crate::inventory::{ConnectionKind, ConsumerKind, Inventory, StoreKind};
use crate::{Doer, Plan, SecretName, Span};

/// How many calls a vendor lets an account make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// So many at once, when none were made for long.
    pub burst: u64,
    /// How long it takes until one more is allowed.
    pub each: Span,
    /// Whether what was used comes back little by little; all of it at once otherwise, so many
    /// times `each` later.
    pub steady: bool,
}

/// What a vendor documents. Heroku: 4,500 an hour and account, 75 come back a minute. GitHub:
/// 5,000 an hour and user, all back at the hour's end. Infisical: 600 a minute and address.
/// Postmark documents no number.
#[must_use]
pub fn allowance(kind: ConnectionKind) -> Option<Allowance> {
    let (burst, each, steady) = match kind {
        ConnectionKind::Heroku => (4_500, 800, true),
        ConnectionKind::Github => (5_000, 720, false),
        ConnectionKind::Infisical => (600, 100, false),
        ConnectionKind::Postmark => return None,
    };
    Some(Allowance { burst, each: Span::from_millis(each), steady })
}

/// What was measured, or is assumed, of the vendors.
#[derive(Clone, Debug)]
pub struct Costs {
    /// How long one call takes.
    pub latency: Span,
    /// How long a consumer takes to come up after a write that restarts it.
    pub restart: Span,
    /// How long a person takes for one step at a dashboard.
    pub person: Span,
    /// How many calls each connection has left, as far as its vendor told.
    pub left: BTreeMap<String, u64>,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            latency: Span::from_millis(200),
            restart: Span::from_secs(20),
            person: Span::from_secs(60),
            left: BTreeMap::new(),
        }
    }
}

/// How often people of a role are needed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct People {
    /// The least role.
    pub role: String,
    /// To create a token at an issuer's page.
    pub creates: usize,
    /// To revoke one there.
    pub revokes: usize,
    /// To agree to a revocation.
    pub agrees: usize,
}

/// How many calls a connection makes, about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Calls {
    /// The connection.
    pub connection: String,
    /// How many.
    pub calls: u64,
    /// How many are left now.
    pub left: Option<u64>,
    /// How long is waited for more of them.
    pub waits: Span,
}

/// For one rotation at an API: the look at the old token while planning, create, validate, revoke
/// and two looks that prove.
const AT_ISSUER: u64 = 6;
/// For all rotations of an issuer together: lists and rights, while planning and at the end.
const AT_ISSUER_ONCE: u64 = 6;
/// Read while planning, before and after the write, at the last looks before and after the
/// revocation; and the write.
const AT_STORE: u64 = 6;
/// The look while planning; read, write and release; config, releases and dynos while three looks
/// are made at its coming up, and at the last looks before and after the revocation.
const AT_APP: u64 = 19;
/// Key, metadata and shadows while planning; key, write and metadata; metadata and the five lists
/// of runs at three looks.
const AT_GITHUB: u64 = 24;
/// As in docs/figures.md: the calls of a rotation that follow one another.
const IN_A_ROW: u64 = 23;

pub(super) fn people(plans: &[&Plan]) -> Vec<People> {
    let mut roles: BTreeMap<&str, People> = BTreeMap::new();
    for plan in plans {
        let role = plan.role.clone();
        let one =
            roles.entry(&plan.role).or_insert(People { role, creates: 0, revokes: 0, agrees: 0 });
        let rounds = if plan.owes_reissue() { 2 } else { 1 };
        one.creates += if plan.issuer.creates == Doer::Operator { rounds } else { 0 };
        one.revokes += if plan.issuer.revokes == Doer::Operator { rounds } else { 0 };
        one.agrees += rounds;
    }
    roles.into_values().collect()
}

pub(super) fn calls(
    inventory: &Inventory,
    plans: &[&Plan],
    writes: &[Write],
    costs: &Costs,
) -> Vec<Calls> {
    let mut count: BTreeMap<&str, u64> = BTreeMap::new();
    let mut issuers: BTreeMap<&str, u64> = BTreeMap::new();
    let mut apps: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for plan in plans {
        let rounds = if plan.owes_reissue() { 2 } else { 1 };
        let Some(secret) = inventory.secret(&plan.secret) else { continue };
        if let Some(issuer) = inventory.issuers.get(&secret.issuer) {
            *count.entry(&issuer.via).or_default() += rounds * AT_ISSUER;
            issuers.insert(&issuer.via, AT_ISSUER_ONCE * rounds);
        }
        if let Some(store) = inventory.stores.get(&secret.store)
            && let StoreKind::Infisical { via, .. } = &store.kind
        {
            *count.entry(via).or_default() += rounds * AT_STORE;
        }
        for consumer in &secret.consumers {
            match &consumer.kind {
                ConsumerKind::HerokuConfig { via, app } => {
                    let written = writes
                        .iter()
                        .filter(|write| write.members.iter().any(|(_, id)| *id == consumer.id));
                    apps.entry((via, app)).or_insert_with(|| written.count() as u64 * AT_APP);
                }
                ConsumerKind::GithubSecret { via, .. } => {
                    *count.entry(via).or_default() += rounds * AT_GITHUB;
                }
                ConsumerKind::Dotenv { .. } | ConsumerKind::Workstation { .. } => {}
            }
        }
    }
    for (via, calls) in issuers {
        *count.entry(via).or_default() += calls;
    }
    for ((via, _), calls) in apps {
        *count.entry(via).or_default() += calls;
    }
    count.into_iter().map(|(name, calls)| of_connection(inventory, name, calls, costs)).collect()
}

fn of_connection(inventory: &Inventory, name: &str, calls: u64, costs: &Costs) -> Calls {
    let left = costs.left.get(name).copied();
    let kind = inventory.connections.get(name).map(|connection| connection.kind);
    let waits = kind.and_then(allowance).map_or(0, |allowed| {
        let over = calls.saturating_sub(left.unwrap_or(allowed.burst));
        let each = allowed.each.millis();
        match allowed.steady {
            true => over * each,
            false => over.div_ceil(allowed.burst) * allowed.burst * each,
        }
    });
    Calls { connection: name.to_owned(), calls, left, waits: Span::from_millis(waits) }
}

/// Levels follow one another; in each, the slowest rotation counts, people work one step after
/// the other, and calls that are not allowed yet are waited for.
pub(super) fn duration(
    plans: &[&Plan],
    levels: &BTreeMap<&SecretName, u32>,
    calls: &[Calls],
    costs: &Costs,
) -> Span {
    let mut slowest: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for plan in plans {
        let level = levels.get(&plan.secret).copied().unwrap_or(0);
        let (machine, people) = slowest.entry(level).or_default();
        let rounds = if plan.owes_reissue() { 2 } else { 1 };
        *machine = (*machine).max(rounds * alone(plan, costs));
        let steps = [plan.issuer.creates, plan.issuer.revokes];
        let steps = steps.iter().filter(|doer| **doer == Doer::Operator).count() as u64;
        *people += rounds * steps * costs.person.millis();
    }
    let levels: u64 = slowest.values().map(|(machine, people)| machine + people).sum();
    let waits = calls.iter().map(|one| one.waits.millis()).max().unwrap_or(0);
    Span::from_millis(levels + waits)
}

/// One rotation alone, without people.
fn alone(plan: &Plan, costs: &Costs) -> u64 {
    let waves: std::collections::BTreeSet<u8> =
        plan.consumers.iter().filter(|part| part.restarts).map(|part| part.wave).collect();
    IN_A_ROW * costs.latency.millis()
        + waves.len() as u64 * costs.restart.millis()
        + plan.limits.soak.millis()
        + plan.limits.proof_interval.millis()
}
