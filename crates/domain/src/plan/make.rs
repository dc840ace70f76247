//! From what was seen to a plan, or to every reason why there is none.

use super::probes::{left_out, probe_interval, probe_parts};
use crate::inventory::{
    Consumer, ConsumerKind, GithubScope, Inventory, Issuer, IssuerKind, Secret, account_of,
};
use crate::{
    ConsumerPart, ConsumerSeen, Doer, Fingerprint, Handle, Holding, IssuerPart, Limits, LiveToken,
    Liveness, Mint, Mode, Observed, OldToken, Plan, PlanError, Profile, Refusal, RotationId, Span,
    StorePart, StoreSeen,
};

/// What a plan takes from the connectors' declarations rather than from the world.
pub struct Declared<'a> {
    /// The issuer's declaration.
    pub profile: &'a Profile,
    /// What a person is told for creating a token.
    pub create_text: Vec<String>,
    /// For each consumer in the inventory's order: can its value be read back, does a write
    /// restart it?
    pub consumers: Vec<(bool, bool)>,
}

impl Plan {
    /// Decides: a plan, or the refusals.
    ///
    /// # Errors
    /// Every reason found, in the order in which the world was looked at.
    pub fn make(
        inventory: &Inventory,
        secret: &Secret,
        mode: Mode,
        declared: Declared<'_>,
        observed: &Observed,
        id: RotationId,
    ) -> Result<Self, PlanError> {
        let Some(issuer) = inventory.issuers.get(&secret.issuer) else {
            return Err(PlanError { secret: secret.name.clone(), refusals: Vec::new() });
        };
        let expected = issuer.kind.identity().into_owned();
        let mut refusals = Vec::new();
        let old = old_token(secret, mode, declared.profile, observed, &expected, &mut refusals);
        if mode.creates() {
            check_issuer(declared.profile, mode, observed, &mut refusals);
        }
        check_logins(&issuer.kind, mode, observed, &mut refusals);
        check_consumers(secret, mode, observed, &mut refusals);
        if let Some(open) = &observed.open {
            refusals.insert(0, Refusal::AlreadyOpen(open.clone()));
        }
        let (Some((old, version)), true) = (old, refusals.is_empty()) else {
            return Err(PlanError { secret: secret.name.clone(), refusals });
        };
        let unknown = unknown_tokens(secret, &old, observed);
        let mut warnings = warnings(mode, &old, declared.profile, observed, &unknown);
        if mode == Mode::Scheduled {
            let closed = inventory.schedule.closed(observed.at);
            warnings.extend(closed.map(|why| format!("not a time for rotations: {why}")));
        }
        let of = (id, old, version);
        let mut plan = Self::bare(inventory, secret, issuer, mode, &declared, observed, of);
        (plan.unknown, plan.warnings) = (unknown, warnings);
        plan.probes = probe_parts(secret, mode);
        plan.consumers = consumer_parts(secret, &declared.consumers, observed);
        if mode.hurries() {
            plan.consumers.iter_mut().for_each(|consumer| consumer.wave = 0);
        }
        plan.warnings.extend(outage(&plan));
        plan.warnings.extend(left_out(secret, &plan));
        plan.warnings.extend(silent_readers(&plan));
        if mode.ends_use() {
            plan.warnings.extend(unseen_users(secret));
        }
        Ok(plan)
    }

    /// What every plan has. Consumers, probes, warnings and the tokens that nobody knows are added
    /// where there are any.
    pub(super) fn bare(
        inventory: &Inventory,
        secret: &Secret,
        issuer: &Issuer,
        mode: Mode,
        declared: &Declared<'_>,
        observed: &Observed,
        (id, old, version): (RotationId, OldToken, String),
    ) -> Self {
        let profile = declared.profile;
        Self {
            secret: secret.name.clone(),
            mode,
            issuer: IssuerPart {
                name: issuer.name.clone(),
                title: profile.title.to_owned(),
                identity: issuer.kind.identity().into_owned(),
                creates: profile.creates,
                revokes: profile.revokes,
                overlap: profile.overlap,
                reads_siblings: profile.reads_siblings,
                marker: format!("rollover {id} {}", secret.name),
                // Once it is dead, the old token shows no list to a person's new one.
                listed: observed.issuer.listed
                    && !(mode == Mode::RevokeFirst && profile.creates == Doer::Operator),
                activation_max: profile.activation_max,
                create_text: declared.create_text.clone(),
                page: observed.issuer.page.clone(),
            },
            store: StorePart { name: secret.store.clone(), key: secret.store_key.clone(), version },
            consumers: Vec::new(),
            old,
            baseline: observed.issuer.tokens.clone(),
            unknown: Vec::new(),
            probes: Vec::new(),
            limits: Limits {
                soak: if mode.hurries() { Span::from_millis(0) } else { secret.soak },
                proof_interval: inventory.policy.proof_interval,
                proof_timeout: inventory.policy.proof_timeout,
                adopt_timeout: inventory.policy.adopt_timeout,
                attempts_max: inventory.policy.attempts_max,
                probe_interval: probe_interval(secret.soak),
                task_deadline: inventory.policy.task_deadline,
            },
            role: secret.role.clone(),
            gates: secret.gates.clone(),
            login_is_old: observed.login_is_old,
            reason: None,
            audit_context: audit_context(&issuer.kind),
            warnings: Vec::new(),
            campaign: None,
            id,
        }
    }
}

fn audit_context(kind: &IssuerKind) -> Vec<(String, String)> {
    match kind {
        IssuerKind::PostmarkServer { server, .. } => {
            vec![("server_name".into(), server.clone())]
        }
        IssuerKind::PostmarkAccount { server, .. } => {
            vec![("account".into(), account_of(server))]
        }
        IssuerKind::HerokuAuthorization { account, .. } => {
            vec![("account".into(), account.clone())]
        }
    }
}

/// The old token and the store's version of it, or refusals.
fn old_token(
    secret: &Secret,
    mode: Mode,
    profile: &Profile,
    observed: &Observed,
    expected: &str,
    refusals: &mut Vec<Refusal>,
) -> Option<(OldToken, String)> {
    let (fingerprint, version) = match &observed.store {
        StoreSeen::Holds { fingerprint, version } => (*fingerprint, version.clone()),
        StoreSeen::Empty if observed.decommissioned.is_some() => {
            let gone = |at| Refusal::Decommissioned { secret: secret.name.clone(), at };
            refusals.extend(observed.decommissioned.map(gone));
            return None;
        }
        StoreSeen::Empty => {
            refusals.push(Refusal::StoreEmpty(secret.name.clone()));
            return None;
        }
        StoreSeen::Refuses(why) => {
            refusals.push(Refusal::StoreRefuses(why.clone()));
            return None;
        }
        StoreSeen::Unknown(why) => {
            refusals.push(unseen(format!("the store `{}`", secret.store), why));
            return None;
        }
    };
    match &observed.old {
        Liveness::Alive { identity } if identity != expected => {
            let (got, expected) = (identity.clone(), expected.to_owned());
            refusals.push(Refusal::OtherIdentity { expected, got });
        }
        Liveness::Alive { .. } if mode == Mode::Repair => refusals.push(Refusal::StillAlive),
        Liveness::Alive { .. } => {}
        // What is left of a token that is dead can be taken away all the same.
        Liveness::Dead { evidence } if !matches!(mode, Mode::Repair | Mode::Decommission) => {
            refusals.push(Refusal::OldTokenDead(evidence.clone()));
        }
        Liveness::Dead { .. } => {}
        Liveness::Unknown { why } => {
            refusals.push(unseen(format!("the current token at {}", profile.title), why));
        }
    }
    let handle = old_handle(secret, profile, mode, fingerprint, observed, refusals);
    let since = observed
        .remembered
        .as_ref()
        .filter(|known| known.fingerprint == fingerprint)
        .map(|known| known.since)
        .or_else(|| listed_as(observed, fingerprint, handle.as_ref())?.created);
    Some((OldToken { fingerprint, handle, since }, version))
}

/// The handle that the old token is revoked by: as remembered, as listed with its value, or as
/// described in the inventory. A guess is never made.
fn old_handle(
    secret: &Secret,
    profile: &Profile,
    mode: Mode,
    fingerprint: Fingerprint,
    observed: &Observed,
    refusals: &mut Vec<Refusal>,
) -> Option<Handle> {
    if profile.revokes == Doer::Operator {
        return None;
    }
    if let Some(known) = &observed.remembered
        && known.fingerprint == fingerprint
        && known.handle.is_some()
    {
        return known.handle.clone();
    }
    if let Some(listed) = listed_as(observed, fingerprint, None) {
        return listed.handle.clone();
    }
    let described: Vec<&LiveToken> = observed
        .issuer
        .tokens
        .iter()
        .filter(|token| {
            // In a repair the description is as likely that of a replacement made by hand.
            mode != Mode::Repair
                && secret.old_description.is_some()
                && token.description == secret.old_description
        })
        .collect();
    match described.as_slice() {
        [one] => one.handle.clone(),
        [] => {
            // One that is dead is not listed, and need not be revoked.
            let dead = mode == Mode::Repair || observed.old.is_dead();
            if !dead && observed.issuer.listed {
                refusals.push(Refusal::HandleUnknown);
            }
            None
        }
        several => {
            refusals.push(Refusal::HandleAmbiguous {
                count: several.len(),
                description: secret.old_description.clone().unwrap_or_default(),
            });
            None
        }
    }
}

fn listed_as<'a>(
    observed: &'a Observed,
    fingerprint: Fingerprint,
    handle: Option<&Handle>,
) -> Option<&'a LiveToken> {
    observed.issuer.tokens.iter().find(|token| {
        token.fingerprint == Some(fingerprint)
            || (handle.is_some() && token.handle.as_ref() == handle)
    })
}

/// The engine's own logins must survive the revocation.
fn check_logins(kind: &IssuerKind, mode: Mode, observed: &Observed, refusals: &mut Vec<Refusal>) {
    if mode.ends_use() {
        if observed.login_is_old || !observed.loose_logins.is_empty() {
            refusals.push(Refusal::LoginUsed);
        }
        refusals.extend(observed.shared_with.iter().cloned().map(Refusal::Shared));
        return;
    }
    if mode == Mode::RevokeFirst && observed.login_is_old {
        refusals.push(Refusal::LoginRevoked);
    }
    refusals.extend(observed.loose_logins.iter().cloned().map(Refusal::LooseLogin));
    if let IssuerKind::HerokuAuthorization { scope, .. } = kind
        && observed.login_is_old
        && !scope.iter().any(|word| word == "global")
    {
        refusals.push(Refusal::LoginTooNarrow);
    }
    refusals.extend(observed.shared_with.iter().cloned().map(Refusal::Shared));
}

fn check_issuer(profile: &Profile, mode: Mode, observed: &Observed, refusals: &mut Vec<Refusal>) {
    if let Some(max) = profile.overlap.slots()
        && observed.issuer.listed
        && mode != Mode::RevokeFirst
        && observed.issuer.tokens.len() >= max as usize
    {
        refusals.push(Refusal::SlotsFull { max });
    }
    match &observed.issuer.mint {
        Mint::Allowed => {}
        Mint::Refused(why) => refusals.push(Refusal::MayNotMint(why.clone())),
        // A dead token cannot ask for the list of its siblings; a person enters the new one.
        Mint::Unknown(_) if mode == Mode::Repair && profile.creates == Doer::Operator => {}
        Mint::Unknown(why) => refusals.push(unseen(format!("the issuer ({})", profile.title), why)),
    }
}

fn check_consumers(secret: &Secret, mode: Mode, observed: &Observed, refusals: &mut Vec<Refusal>) {
    if secret.consumers.is_empty() && !mode.ends_use() {
        refusals.push(Refusal::NoConsumers);
    }
    for seen in &observed.consumers {
        match &seen.holding {
            Holding::Refused(why) | Holding::Shadowed(why) => refusals
                .push(Refusal::ConsumerRefuses { consumer: seen.id.clone(), why: why.clone() }),
            Holding::Unknown(why) => {
                refusals.push(unseen(format!("consumer {}", seen.id), why));
            }
            _ => {}
        }
    }
}

pub(super) fn unseen(what: String, why: &str) -> Refusal {
    Refusal::Unseen { what, why: why.to_owned() }
}

/// Live tokens other than the old one and those that the inventory knows.
pub(super) fn unknown_tokens(
    secret: &Secret,
    old: &OldToken,
    observed: &Observed,
) -> Vec<LiveToken> {
    let is_old = |token: &LiveToken| match (&token.handle, token.fingerprint) {
        (Some(handle), _) if old.handle.is_some() => Some(handle) == old.handle.as_ref(),
        (_, Some(fingerprint)) => fingerprint == old.fingerprint,
        _ => false,
    };
    let is_known = |token: &LiveToken| {
        secret.known.iter().any(|known| {
            token.handle.as_ref().is_some_and(|handle| handle.0 == *known)
                || token
                    .fingerprint
                    .is_some_and(|fp| fp.hex() == *known || fp.to_string() == *known)
        })
    };
    let tokens = observed.issuer.tokens.iter();
    tokens.filter(|token| !is_old(token) && !is_known(token)).cloned().collect()
}

fn consumer_parts(
    secret: &Secret,
    declared: &[(bool, bool)],
    observed: &Observed,
) -> Vec<ConsumerPart> {
    let before = |seen: &ConsumerSeen| match &seen.holding {
        Holding::Token(fingerprint) => Some(*fingerprint),
        _ => None,
    };
    let mut parts: Vec<ConsumerPart> = secret
        .consumers
        .iter()
        .zip(declared)
        .map(|(consumer, (reads_back, restarts))| ConsumerPart {
            id: consumer.id.clone(),
            label: consumer.label.clone(),
            keys: consumer.keys.clone(),
            wave: u8::from(consumer.production),
            reads_back: *reads_back,
            restarts: *restarts,
            before: observed.consumers.iter().find(|seen| seen.id == consumer.id).and_then(before),
            fetched_by: match &consumer.kind {
                ConsumerKind::Workstation { member, .. } => Some(member.clone()),
                _ => None,
            },
        })
        .collect();
    parts.sort_by_key(|part| part.wave);
    parts
}

/// Places whose readers cannot be seen: a file proves nothing about who has read it before.
fn silent_readers(plan: &Plan) -> Vec<String> {
    let which = if plan.mode.ends_use() { "the token" } else { "the old token" };
    let silent = plan.consumers.iter().filter(|part| part.reads_back && !part.restarts);
    silent
        .map(|part| {
            format!("{}: programs that read it earlier keep {which}; restart them in time", part.id)
        })
        .collect()
}

/// Whom a revocation before everything else puts out of service.
fn outage(plan: &Plan) -> Option<String> {
    let hit: Vec<String> = plan.consumers.iter().map(|consumer| consumer.id.to_string()).collect();
    (plan.mode == Mode::RevokeFirst)
        .then(|| format!("OUT OF SERVICE until each is on the new token: {}", hit.join(", ")))
}

/// Who may use the token without the inventory's knowing, and how they are found.
fn unseen_users(secret: &Secret) -> Vec<String> {
    let mut lines = vec![
        "a program that reads it and is not in the inventory cannot be seen from here; during the \
         soak it shows itself while there is a way back. Look: rollover usage; the logs of what \
         had it"
            .to_owned(),
    ];
    let organisation = |consumer: &&Consumer| {
        matches!(
            &consumer.kind,
            ConsumerKind::GithubSecret { scope: GithubScope::Organisation(_), .. }
        )
    };
    lines.extend(secret.consumers.iter().filter(organisation).map(|consumer| {
        format!(
            "{}: the way back makes it again for private repositories only; note down which may \
             use it now",
            consumer.id
        )
    }));
    lines
}

fn warnings(
    mode: Mode,
    old: &OldToken,
    profile: &Profile,
    observed: &Observed,
    unknown: &[LiveToken],
) -> Vec<String> {
    let mut warnings = Vec::new();
    if mode.ends_use() && observed.old.is_dead() {
        warnings.push("the token is dead already; what is left of it is taken away".into());
    }
    for seen in &observed.consumers {
        match &seen.holding {
            Holding::Token(fingerprint) if mode.ends_use() && *fingerprint != old.fingerprint => {
                warnings.push(format!(
                    "{} holds fp {fingerprint}, not this token; that value is removed with the \
                     name, and the way back gives it fp {}",
                    seen.id, old.fingerprint
                ));
            }
            Holding::Mixed(_) if mode.ends_use() => warnings.push(format!(
                "{} holds different values; all are removed, and the way back gives it fp {}",
                seen.id, old.fingerprint
            )),
            Holding::Nothing | Holding::Unreadable(None) if mode.ends_use() => {
                warnings.push(format!("{} holds nothing", seen.id));
            }
            Holding::Unreadable(Some(at)) if mode.ends_use() => warnings.push(format!(
                "{} cannot be read back; whatever was written there at {at:.0} is removed",
                seen.id
            )),
            Holding::Token(fingerprint) if *fingerprint != old.fingerprint => {
                warnings.push(format!(
                    "{} holds fp {fingerprint}, the store has fp {}; it will be brought in step",
                    seen.id, old.fingerprint
                ))
            }
            Holding::Mixed(_) => warnings
                .push(format!("{} holds different values; it will be brought in step", seen.id)),
            Holding::Nothing => {
                warnings.push(format!("{} holds nothing yet; it will be added", seen.id));
            }
            _ => {}
        }
    }
    if !unknown.is_empty() && (!mode.creates() || profile.overlap.slots().is_some()) {
        warnings.push(format!(
            "{} live token{} at the issuer not known to rollover; left alone",
            unknown.len(),
            if unknown.len() == 1 { " is" } else { "s are" },
        ));
    }
    if observed.login_is_old {
        warnings.push(
            "rollover itself logs in with this token; it goes over to the new one before it revokes"
                .into(),
        );
    }
    if !observed.issuer.listed && !mode.creates() {
        let what = "the issuer does not show its tokens; whether others live there is not known";
        warnings.push(what.into());
    } else if !observed.issuer.listed {
        warnings.push("the issuer does not show its tokens; the new one must be entered".into());
    }
    warnings
}

#[cfg(test)]
mod tests;
