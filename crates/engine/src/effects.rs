//! The steps that change the world, and how their doubtful ends are settled.

use std::time::Duration;

use connectors::{Found, Held, MintOrder, StoreWrite};
use domain::{
    Action, ConsumerId, Event, Evidence, Handle, Liveness, Look, Mode, Seen, Token, Which,
};

use crate::act::{Context, End, written};
use crate::writers::Who;

/// An issuer's list may lag behind its own writes; a look that shows nothing is made twice, so
/// far apart, before it counts.
const LIST_LAG: Duration = Duration::from_millis(1_500);
const APPROVAL: &str = "waits for an approval in the store";

impl Context {
    pub(crate) async fn create(&self, action: &Action) -> End {
        let order = MintOrder { marker: self.plan.issuer.marker.clone() };
        match self.issuer.create(&order).await {
            Ok(minted) => self.created(action, minted.token, Some(minted.handle), Seen::Minted),
            Err(fault) => self.fault(action, &fault),
        }
    }

    pub(crate) fn created(
        &self,
        action: &Action,
        token: Token,
        handle: Option<Handle>,
        seen: Seen,
    ) -> End {
        let fingerprint = self.engine.fingerprints.of(&token);
        let evidence = Evidence::Created { fingerprint, handle, seen };
        let mut end = End::of(action, Event::Done { action: action.clone(), evidence });
        end.created = Some(token);
        end
    }

    /// A create whose answer was lost: the marker in the description tells whether a token came
    /// to be. Its value is shown once, so a token without its value is swept away and another
    /// one created.
    pub(crate) async fn settle_create(&self, action: &Action) -> End {
        let marker = &self.plan.issuer.marker;
        let mut found = self.issuer.find(marker).await;
        if matches!(&found, Ok(found) if found.is_empty()) {
            tokio::time::sleep(LIST_LAG).await;
            found = self.issuer.find(marker).await;
        }
        match found {
            Err(fault) => self.unsure(action, fault.to_string()),
            Ok(found) => self.settle_found(action, found),
        }
    }

    fn settle_found(&self, action: &Action, mut found: Vec<Found>) -> End {
        if found.is_empty() {
            let why = "no token carries this rotation's marker".into();
            return End::of(action, Event::NotDone { action: action.clone(), why });
        }
        if let [Found { token: Some(_), .. }] = found.as_slice()
            && let Some(Found { handle, token: Some(token) }) = found.pop()
        {
            return self.created(action, token, Some(handle), Seen::Found);
        }
        let handles = found.into_iter().map(|found| found.handle).collect();
        End::of(action, Event::Orphaned { handles })
    }

    /// Puts the new token into the store, or the old one back.
    pub(crate) async fn write_store(&self, action: &Action, forward: bool, settle: bool) -> End {
        let token = if forward { self.new_token() } else { self.old.clone() };
        if settle {
            return self.settle_store(action, &token).await;
        }
        match self.store.write(&self.plan.store.key, &token).await {
            Ok(StoreWrite::Done(version)) => End::of(action, written(action, version)),
            Ok(StoreWrite::PendingApproval(what)) => {
                self.unsure(action, format!("{APPROVAL}: {what}"))
            }
            Err(fault) => self.fault(action, &fault),
        }
    }

    async fn settle_store(&self, action: &Action, token: &Token) -> End {
        match self.store.read(&self.plan.store.key).await {
            Ok(Some(stored)) if stored.token == *token => {
                End::of(action, written(action, stored.version))
            }
            Ok(_) if self.waits_for_approval() => self.unsure(action, APPROVAL),
            Ok(_) => not_done(action, "the store holds something else"),
            Err(fault) => self.unsure(action, fault.to_string()),
        }
    }

    /// Takes the value out of the store.
    pub(crate) async fn clear_store(&self, action: &Action, settle: bool) -> End {
        let key = &self.plan.store.key;
        if settle {
            return match self.store.read(key).await {
                Ok(None) => End::of(action, written(action, "found empty")),
                Ok(Some(_)) if self.waits_for_approval() => self.unsure(action, APPROVAL),
                Ok(Some(_)) => not_done(action, "the store still holds a value"),
                Err(fault) => self.unsure(action, fault.to_string()),
            };
        }
        match self.store.remove(key).await {
            Ok(StoreWrite::Done(what)) => End::of(action, written(action, what)),
            Ok(StoreWrite::PendingApproval(what)) => {
                self.unsure(action, format!("{APPROVAL}: {what}"))
            }
            Err(fault) => self.fault(action, &fault),
        }
    }

    /// A write that waits for its approval must not be ordered a second time.
    fn waits_for_approval(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.starts_with(APPROVAL))
    }

    /// Takes the secret's names out of a consumer. What is not there need not be taken out, so
    /// one whose end is unknown and that is not seen to have happened is simply made again.
    pub(crate) async fn remove_from(&self, action: &Action, id: &ConsumerId, settle: bool) -> End {
        let consumer = match self.consumer(id) {
            Ok(consumer) => consumer,
            Err(fault) => return self.unsure(action, fault.to_string()),
        };
        if settle {
            return match consumer.look().await {
                Ok(Held::Values(values)) if values.iter().all(Option::is_none) => {
                    End::of(action, written(action, "found removed"))
                }
                Ok(_) => not_done(action, "it is not seen to be removed"),
                Err(fault) => self.unsure(action, fault.to_string()),
            };
        }
        match consumer.remove().await {
            Ok(receipt) => End::of(action, written(action, receipt.0)),
            Err(fault) => self.fault(action, &fault),
        }
    }

    /// Gives a consumer the new token, or the old one back.
    pub(crate) async fn write_consumer(
        &self,
        action: &Action,
        id: &ConsumerId,
        forward: bool,
        settle: bool,
    ) -> End {
        let token = if forward { self.new_token() } else { self.old.clone() };
        let consumer = match self.consumer(id) {
            Ok(consumer) => consumer,
            Err(fault) => return self.unsure(action, fault.to_string()),
        };
        if settle {
            return match consumer.look().await {
                Ok(Held::Values(values)) if holds_all(&values, &token) => {
                    End::of(action, written(action, "found in place"))
                }
                // A write that cannot be read back is simply made again: it has one outcome.
                Ok(_) => not_done(action, "it does not hold this token"),
                Err(fault) => self.unsure(action, fault.to_string()),
            };
        }
        let written_there = match consumer.placed() {
            Some(placed) if forward => {
                let (secret, again) = (self.plan.secret.clone(), self.plan.mode == Mode::Reissue);
                let who = Who { secret, consumer: id.clone(), again };
                self.engine.writers.write(who, placed, token).await
            }
            _ => consumer.write(&token).await,
        };
        match written_there {
            Ok(receipt) => End::of(action, written(action, receipt.0)),
            Err(fault) => self.fault(action, &fault),
        }
    }

    pub(crate) async fn revoke(&self, action: &Action, settle: bool) -> End {
        let Some(handle) = &self.plan.old.handle else {
            return self.revoke_without_handle(action).await;
        };
        if settle {
            return self.settle_revoke(action, handle).await;
        }
        match self.issuer.revoke(handle).await {
            Ok(()) => End::of(action, written(action, format!("{handle} revoked"))),
            // Somebody else may have revoked it meanwhile: then there is nothing to refuse.
            Err(fault @ connectors::Fault::Refused { .. }) => {
                match self.issuer.look(&self.old).await {
                    Liveness::Dead { evidence } => {
                        End::of(action, written(action, format!("revoked elsewhere: {evidence}")))
                    }
                    _ => self.fault(action, &fault),
                }
            }
            Err(fault) => self.fault(action, &fault),
        }
    }

    /// Only a repair has no handle: its old token was dead before it began.
    async fn revoke_without_handle(&self, action: &Action) -> End {
        match self.issuer.look(&self.old).await {
            Liveness::Dead { evidence } => {
                End::of(action, written(action, format!("dead already: {evidence}")))
            }
            other => self.unsure(action, format!("no handle to revoke by, and it is {other}")),
        }
    }

    async fn settle_revoke(&self, action: &Action, handle: &Handle) -> End {
        if let Liveness::Dead { evidence } = self.issuer.look(&self.old).await {
            return End::of(action, written(action, format!("{handle} revoked: {evidence}")));
        }
        match self.issuer.list(&self.new_token()).await {
            Ok(listing) if listing.complete => {
                let listed = listing.tokens.iter().any(|t| t.handle.as_ref() == Some(handle));
                let event = if listed {
                    let why = "the issuer still lists it".into();
                    Event::NotDone { action: action.clone(), why }
                } else {
                    written(action, format!("{handle} is no longer listed"))
                };
                End::of(action, event)
            }
            Ok(_) => self.unsure(action, "the issuer does not show its list"),
            Err(fault) => self.unsure(action, fault.to_string()),
        }
    }

    /// Way back: revokes the new token by its handle and sees it dead. Revoking by handle may be
    /// repeated, so settling is the same call.
    pub(crate) async fn discard(&self, action: &Action) -> End {
        let Some(handle) = &self.new_handle else {
            return self.unsure(action, "the new token has no handle to revoke by");
        };
        if let Err(fault) = self.issuer.revoke(handle).await {
            return self.fault(action, &fault);
        }
        let liveness = self.issuer.look(&self.new_token()).await;
        self.discarded(action, liveness)
    }

    /// The new token's end, as it was seen.
    pub(crate) fn discarded(&self, action: &Action, liveness: Liveness) -> End {
        let mut end = match &liveness {
            Liveness::Dead { evidence } => End::of(action, written(action, evidence.clone())),
            other => self.unsure(action, format!("the new token is still {other}")),
        };
        let look = Look { which: Which::New, liveness };
        end.events.insert(0, Event::Looked { look });
        end
    }
}

/// Settled: it did not happen.
fn not_done(action: &Action, why: &str) -> End {
    End::of(action, Event::NotDone { action: action.clone(), why: why.into() })
}

fn holds_all(values: &[Option<Token>], token: &Token) -> bool {
    values.iter().all(|value| value.as_ref() == Some(token))
}
