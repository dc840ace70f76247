//! The last look at the issuer: nothing of this rotation's may be left behind.

use connectors::{Fault, Listing};
use domain::{Action, Doer, Event, Evidence, Handle, LiveToken};

use crate::EngineError;
use crate::act::{Context, End};
use crate::observe::live;

impl Context {
    /// Revokes what carries this rotation's marker and is not the token that stays, and reports
    /// live tokens that nobody knows. Revoking by handle may be repeated, so settling a sweep is
    /// sweeping again.
    pub(crate) async fn sweep(&self, action: &Action) -> End {
        if !self.plan.mode.creates() {
            return self.list_others(action).await;
        }
        // Both look at the same list; the second counts where nothing had to be removed.
        let (removed, unknown) =
            tokio::join!(self.remove_marked(action), self.unknown(action, &[]));
        let swept = match (removed, unknown) {
            (Err(end), _) | (_, Err(end)) => Err(end),
            (Ok(removed), Ok(seen)) if removed.is_empty() => Ok((removed, seen)),
            (Ok(removed), Ok(_)) => {
                self.unknown(action, &removed).await.map(|seen| (removed, seen))
            }
        };
        match swept {
            Err(end) => end,
            Ok((removed, seen)) => {
                // A list that is not shown tells nothing of what is not on it.
                let unlisted = seen.is_none();
                let unknown = seen.unwrap_or_default();
                let evidence = Evidence::Swept { removed, unknown, unlisted };
                End::of(action, Event::Done { action: action.clone(), evidence })
            }
        }
    }

    /// The other live tokens that nobody knows, where no new one came to be. Where only a
    /// sibling may ask for the list there is none to ask with any more; then those that were seen
    /// when it was planned are told.
    async fn list_others(&self, action: &Action) -> End {
        let with = match self.plan.mode.takes_current() {
            true => self.old.clone(),
            // The secret's own token lives, and may ask.
            false => match self.store.read(&self.plan.store.key).await {
                Ok(stored) => stored.map_or_else(|| self.old.clone(), |stored| stored.token),
                Err(fault) => return self.unsure(action, fault.to_string()),
            },
        };
        let unknown = match self.issuer.list(&with).await {
            Ok(listing) if listing.complete => match self.nobodys(&listing) {
                Ok(unknown) => unknown,
                Err(error) => return self.unsure(action, error.to_string()),
            },
            Err(fault @ Fault::Later { .. }) => return self.fault(action, &fault),
            _ => self.plan.unknown.clone(),
        };
        // Where it was shown when this was planned, what lived then is told.
        let unlisted = !self.plan.issuer.listed;
        let evidence = Evidence::Swept { removed: Vec::new(), unknown, unlisted };
        End::of(action, Event::Done { action: action.clone(), evidence })
    }

    /// Those of a list that neither this secret nor another one of the inventory knows.
    fn nobodys(&self, listing: &Listing) -> Result<Vec<LiveToken>, EngineError> {
        let key = &self.engine.fingerprints;
        let others = self.engine.others(&self.plan.secret)?;
        let known_before = |token: &LiveToken| {
            let seen = self.plan.baseline.iter().any(|before| same(before, token));
            seen && !self.plan.unknown.iter().any(|unknown| same(unknown, token))
        };
        let all = listing.tokens.iter().map(|token| live(key, token));
        Ok(all.filter(|token| !others.has(token) && !known_before(token)).collect())
    }

    async fn remove_marked(&self, action: &Action) -> Result<Vec<Handle>, End> {
        if self.plan.issuer.creates == Doer::Operator {
            return Ok(Vec::new());
        }
        let found = self.issuer.find(&self.plan.issuer.marker).await;
        let found = found.map_err(|fault| self.unsure(action, fault.to_string()))?;
        let stays = if self.forward { self.new_handle.as_ref() } else { None };
        let mut removed = Vec::new();
        for leftover in found.into_iter().filter(|found| Some(&found.handle) != stays) {
            let revoked = self.issuer.revoke(&leftover.handle).await;
            revoked.map_err(|fault| self.fault(action, &fault))?;
            removed.push(leftover.handle);
        }
        Ok(removed)
    }

    /// Tokens that were not there before and are not the new one; `None` where the issuer does
    /// not show its tokens.
    async fn unknown(
        &self,
        action: &Action,
        removed: &[Handle],
    ) -> Result<Option<Vec<LiveToken>>, End> {
        let with = if self.forward { self.new_token() } else { self.old.clone() };
        let listing = self.issuer.list(&with).await;
        let listing = listing.map_err(|fault| self.unsure(action, fault.to_string()))?;
        if !listing.complete {
            return Ok(None);
        }
        let key = &self.engine.fingerprints;
        let new = self.new.as_ref().map(|token| key.of(token));
        let others = self.engine.others(&self.plan.secret);
        let others = others.map_err(|error| self.unsure(action, error.to_string()))?;
        let known = |token: &LiveToken| {
            others.has(token)
                || self.plan.baseline.iter().any(|before| same(before, token))
                || (token.fingerprint.is_some() && token.fingerprint == new)
                || (token.handle.is_some() && token.handle == self.new_handle)
                || token.handle.as_ref().is_some_and(|handle| removed.contains(handle))
        };
        let live = listing.tokens.iter().map(|token| live(key, token));
        Ok(Some(live.filter(|token| !known(token)).collect()))
    }
}

/// Whether two sightings are of one token.
pub(crate) fn same(a: &LiveToken, b: &LiveToken) -> bool {
    match (&a.handle, &b.handle) {
        (Some(a), Some(b)) => a == b,
        _ => a.fingerprint.is_some() && a.fingerprint == b.fingerprint,
    }
}
