//! From what was seen of a live token that nobody answers for to the plan of its removal, or to
//! every reason why there is none.

use super::make::{Declared, unknown_tokens, unseen};
use crate::inventory::{Inventory, Secret};
use crate::{
    Doer, LiveToken, Liveness, Mode, Observed, OldToken, Plan, PlanError, Refusal, RotationId,
    SecretName, StoreSeen,
};

/// The token that is to be removed, as it was seen.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is called by whoever asks: the issuer's id of it or its fingerprint, or how one
    /// of them begins.
    pub name: String,
    /// Those that the issuer lists under that name.
    pub found: Vec<LiveToken>,
    /// Why the issuer's list could not be read, where it could not.
    pub unlisted: Option<String>,
    /// What the issuer says of it.
    pub liveness: Liveness,
    /// The secrets that have it: in their stores, or as the journal believes.
    pub of: Vec<SecretName>,
    /// The consumers that hold it.
    pub held_by: Vec<String>,
    /// Places of the inventory that could not be looked at, with the reason.
    pub unseen: Vec<(String, String)>,
    /// Places of the inventory that cannot be read back, so that they may hold it unseen.
    pub unreadable: Vec<String>,
    /// Whether the engine logs in somewhere with it.
    pub is_login: bool,
    /// How a person revokes it.
    pub by_hand: Vec<String>,
    /// The open rotation whose marker it carries.
    pub marked: Option<(RotationId, SecretName)>,
}

impl Plan {
    /// Decides whether a token may be removed: a plan, or the refusals.
    ///
    /// # Errors
    /// Every reason found.
    pub fn remove(
        inventory: &Inventory,
        secret: &Secret,
        declared: &Declared<'_>,
        observed: &Observed,
        wanted: &Wanted,
        id: RotationId,
    ) -> Result<Self, PlanError> {
        let error = |refusals| PlanError { secret: secret.name.clone(), refusals };
        let Some(issuer) = inventory.issuers.get(&secret.issuer) else {
            return Err(error(Vec::new()));
        };
        let mut refusals: Vec<Refusal> =
            observed.open.iter().cloned().map(Refusal::AlreadyOpen).collect();
        let token = match one(secret, observed, wanted) {
            Ok(token) => token,
            Err(refusal) => {
                refusals.push(refusal);
                return Err(error(refusals));
            }
        };
        refusals.extend(in_use(inventory, token, wanted));
        let Some(fingerprint) = token.fingerprint else {
            refusals.push(hidden(wanted));
            return Err(error(refusals));
        };
        match &wanted.liveness {
            Liveness::Alive { identity: got } if *got != issuer.kind.identity() => {
                let (expected, got) = (issuer.kind.identity().into_owned(), got.clone());
                refusals.push(Refusal::TokenOfAnother { expected, got });
            }
            Liveness::Alive { .. } => {}
            Liveness::Dead { evidence } => refusals.push(Refusal::TokenDead(evidence.clone())),
            Liveness::Unknown { why } => {
                refusals.push(unseen(format!("the token at {}", declared.profile.title), why));
            }
        }
        refusals.extend(wanted.unseen.iter().map(|(what, why)| unseen(what.clone(), why)));
        if !refusals.is_empty() {
            return Err(error(refusals));
        }
        let handle = match declared.profile.revokes {
            Doer::Api => token.handle.clone(),
            Doer::Operator => None,
        };
        let old = OldToken { fingerprint, handle, since: token.created };
        let (current, version) = match &observed.store {
            StoreSeen::Holds { fingerprint, version } => (Some(*fingerprint), version.clone()),
            _ => (None, String::new()),
        };
        let remembered = observed.remembered.as_ref().and_then(|known| known.handle.as_ref());
        let is_current = |other: &LiveToken| {
            (other.fingerprint.is_some() && other.fingerprint == current)
                || (remembered.is_some() && other.handle.as_ref() == remembered)
        };
        let mut unknown = unknown_tokens(secret, &old, observed);
        unknown.retain(|other| !is_current(other));
        let of = (id, old, version);
        let mut plan = Self::bare(inventory, secret, issuer, Mode::Removal, declared, observed, of);
        // The engine's logins are looked at one by one; none of them is this token.
        plan.login_is_old = false;
        plan.warnings = warnings(secret, token, wanted);
        plan.unknown = unknown;
        Ok(plan)
    }
}

/// The one token that is meant.
fn one<'a>(
    secret: &Secret,
    observed: &Observed,
    wanted: &'a Wanted,
) -> Result<&'a LiveToken, Refusal> {
    match wanted.found.as_slice() {
        [one] => Ok(one),
        [] if wanted.unlisted.is_some() => {
            let why = wanted.unlisted.as_deref().unwrap_or_default();
            Err(unseen(format!("the tokens of issuer {}", secret.issuer), why))
        }
        [] if !observed.issuer.listed => Err(hidden(wanted)),
        [] => Err(Refusal::NoSuchToken(wanted.name.clone())),
        several => Err(Refusal::SeveralTokens { name: wanted.name.clone(), count: several.len() }),
    }
}

fn hidden(wanted: &Wanted) -> Refusal {
    Refusal::ValueHidden { name: wanted.name.clone(), by_hand: wanted.by_hand.clone() }
}

/// Everything that shows that somebody uses it, or answers for it.
fn in_use(inventory: &Inventory, token: &LiveToken, wanted: &Wanted) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = wanted.of.iter().cloned().map(Refusal::TokenInUse).collect();
    let known = inventory
        .secrets
        .values()
        .filter(|secret| secret.known.iter().any(|known| token.is_called(known)));
    refusals.extend(known.map(|secret| Refusal::TokenKnown(secret.name.clone())));
    refusals.extend(wanted.held_by.iter().cloned().map(Refusal::TokenHeld));
    refusals.extend(wanted.is_login.then_some(Refusal::LoginUsed));
    refusals.extend(
        wanted.marked.clone().map(|(rotation, secret)| Refusal::TokenMarked { rotation, secret }),
    );
    refusals
}

fn warnings(secret: &Secret, token: &LiveToken, wanted: &Wanted) -> Vec<String> {
    let about = token.description.as_deref().unwrap_or("no description");
    let since = token.created.map(|at| format!(", created {at:.0}")).unwrap_or_default();
    let mut warnings = vec![
        format!("the issuer's words of it: {about}{since}"),
        "a program that has it and is not in the inventory cannot be seen from here; ask before \
         its time is over. Look: rollover usage"
            .to_owned(),
        format!(
            "until it is over {} is not rotated; turning back changes nothing and takes a moment",
            secret.name
        ),
    ];
    let blind = |place: &String| format!("{place} cannot be read back; it may hold it unseen");
    warnings.extend(wanted.unreadable.iter().map(blind));
    warnings
}
