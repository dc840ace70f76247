//! Steps that a person does at the issuer. The click is never the proof: the engine watches the
//! issuer until it sees what was asked for.

use std::time::Duration;

use connectors::Adoption;
use domain::{Action, ConsumerId, Event, Liveness, Seen, TaskKind, Token};

use crate::Progress;
use crate::act::{Context, End, written};
use crate::engine::to_fetch;
use crate::observe::live;
use crate::sweep::same;

/// How often the issuer is looked at while a person works at it.
const WATCH: Duration = Duration::from_millis(700);

impl Context {
    /// Watches the issuer's list for a token that was not there before. `once` settles a create
    /// on the way back: one look, and no token means that nothing was created.
    pub(crate) async fn watch_create(&self, action: &Action, settle: bool) -> End {
        let once = settle && !self.forward;
        loop {
            match self.appeared().await {
                Ok(Some(token)) => return self.created(action, token, None, Seen::Watched),
                Ok(None) if once => {
                    let why = "no token was created".into();
                    return End::of(action, Event::NotDone { action: action.clone(), why });
                }
                Ok(None) => {}
                // On the way back, too, a list that cannot be read is a person's to tell of.
                Err(why) => self.seen(action, &why),
            }
            if !self.patient {
                return End::nothing(action);
            }
            self.pause().await;
        }
    }

    /// The token that appeared; the smallest fingerprint where several did, so that every look
    /// picks the same one. The others are reported at the end.
    async fn appeared(&self) -> Result<Option<Token>, String> {
        const ENTER: &str = "the issuer does not show its tokens; enter the new one";
        if !self.plan.issuer.listed {
            // Without the list from before nobody can tell which token is new.
            return Err(ENTER.into());
        }
        let listing = self.issuer.list(&self.old).await.map_err(|fault| fault.to_string())?;
        if !listing.complete {
            return Err(ENTER.into());
        }
        let key = &self.engine.fingerprints;
        let others = self.engine.others(&self.plan.secret).map_err(|error| error.to_string())?;
        let fresh = listing.tokens.iter().filter(|listed| {
            let seen = live(key, listed);
            let elsewhere = seen.fingerprint.is_some_and(|print| others.user_of(&print).is_some());
            let before = self.plan.baseline.iter().any(|before| same(before, &seen));
            !elsewhere && !before && seen.fingerprint != Some(self.plan.old.fingerprint)
        });
        Ok(fresh.filter_map(|listed| listed.token.clone()).min_by_key(|token| key.of(token)))
    }

    /// Watches until the old token is gone from the list, or answers as dead. A revocation whose
    /// last look was in an earlier sitting, or in a journal that was set back, is one look: nobody
    /// is asked to delete anything before the next one.
    pub(crate) async fn watch_revoke(&self, action: &Action, settle: bool) -> End {
        if settle && !self.looked_last {
            let event = match self.issuer.look(&self.old).await {
                Liveness::Dead { evidence } => written(action, format!("gone: {evidence}")),
                Liveness::Alive { .. } => {
                    Event::NotDone { action: action.clone(), why: "it still answers".into() }
                }
                Liveness::Unknown { why } => return self.unsure(action, why),
            };
            return End::of(action, event);
        }
        self.watch_gone(action, &self.old)
            .await
            .map_or_else(|| End::nothing(action), |how| End::of(action, written(action, how)))
    }

    /// The same for the new token, on the way back; its death is part of the evidence.
    pub(crate) async fn watch_discard(&self, action: &Action) -> End {
        let new = self.new_token();
        if self.watch_gone(action, &new).await.is_none() {
            return End::nothing(action);
        }
        self.discarded(action, self.issuer.look(&new).await)
    }

    /// Has a token wait for the owner of a workstation, and watches until it was fetched. A fetch
    /// of the new token that is settled on the way back is one look: what was not fetched by then
    /// is taken back.
    pub(crate) async fn watch_fetch(
        &self,
        action: &Action,
        id: &ConsumerId,
        new: bool,
        settle: bool,
    ) -> End {
        let once = settle && new && !self.forward;
        let token = if new { self.new_token() } else { self.old.clone() };
        let consumer = match self.consumer(id) {
            Ok(consumer) => consumer,
            Err(fault) => return self.unsure(action, fault.to_string()),
        };
        // Both may be repeated, so a lost answer is no doubt.
        let told = match once {
            true => consumer.withdraw(&token).await,
            false => consumer.write(&token).await.map(drop),
        };
        if let Err(fault) = told {
            return self.fault(action, &fault);
        }
        let mut asked = once;
        loop {
            match consumer.adopted(&token, None).await {
                Ok(Adoption::ByFingerprint(how) | Adoption::ByWrite(how)) => {
                    return End::of(action, written(action, how));
                }
                Ok(Adoption::NotYet(why) | Adoption::Differs(why)) if once => {
                    return End::of(action, Event::NotDone { action: action.clone(), why });
                }
                Ok(Adoption::NotYet(why) | Adoption::Differs(why)) => {
                    if !asked {
                        asked = true;
                        self.ask_to_fetch();
                    }
                    self.seen(action, &why);
                }
                Err(fault) if once => return self.unsure(action, fault.to_string()),
                Err(fault) => self.seen(action, &fault.to_string()),
            }
            if !self.patient {
                return End::nothing(action);
            }
            self.pause().await;
        }
    }

    /// Tells the owner of a workstation that a value waits there.
    fn ask_to_fetch(&self) {
        let lines = to_fetch(&self.plan.secret);
        // Nobody may be listening any more; then there is nobody to tell.
        let _ = self.progress.send(Progress::Asked { kind: TaskKind::Fetch, lines });
    }

    async fn watch_gone(&self, action: &Action, token: &Token) -> Option<String> {
        loop {
            match self.issuer.look(token).await {
                Liveness::Dead { evidence } => return Some(format!("gone: {evidence}")),
                Liveness::Alive { .. } => self.seen(action, "it still answers"),
                Liveness::Unknown { why } => self.seen(action, &why),
            }
            if !self.patient {
                return None;
            }
            self.pause().await;
        }
    }

    /// Until the next look: a while, or at once when a person says that it is done.
    async fn pause(&self) {
        tokio::select! {
            () = tokio::time::sleep(WATCH) => {}
            () = self.bell.notified() => {}
        }
    }
}
