//! Brings consumers that have drifted back in step: gives them the token that the store holds.
//!
//! Not a rotation: nothing comes to be and nothing is revoked. The token is seen alive at the
//! issuer first, so that a dead one is never spread. Each write has its record of intent before
//! and of outcome after it; a lost answer is settled by reading. A sync that was killed is run
//! again: what was written already is found in step, and what it began gets its outcome.

use std::collections::BTreeSet;
use std::sync::Arc;

use connectors::{Consumer, Fault, Held};
use domain::drift::{Finding, Grade, Kind, Place, Report, Standing, Stands};
use domain::inventory::ConsumerKind;
use domain::{
    ConsumerId, Fingerprint, Holding, Liveness, PlanError, Refusal, SecretName, Span, Token,
    retry_delay,
};
use futures_util::future::join_all;
use serde::Serialize;

use crate::looks::{Adopted, wait_until_adopted};
use crate::observe::holding;
use crate::{Engine, EngineError};

/// What a sync would do.
#[derive(Serialize)]
pub struct SyncPlan {
    /// Of which secret.
    pub secret: SecretName,
    /// What the store holds, seen alive at the issuer.
    pub fingerprint: Fingerprint,
    /// Who gets it, those that do not serve production first.
    pub parts: Vec<SyncPart>,
    /// Who is left alone, and why.
    pub left: Vec<(ConsumerId, String)>,
    /// Consumers that an earlier sync began with and that are in step now.
    #[serde(skip)]
    settled: Vec<ConsumerId>,
    #[serde(skip)]
    token: Token,
}

/// One consumer of a sync.
#[derive(Clone, Serialize)]
pub struct SyncPart {
    /// Which.
    pub consumer: ConsumerId,
    /// What it is on now, for people.
    pub from: String,
    /// Whether the write restarts it.
    pub restarts: bool,
    /// Whether it serves production.
    pub production: bool,
    /// Whether its owner fetches the value.
    pub is_fetched: bool,
}

/// How a consumer's sync ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "end", content = "detail")]
pub enum SyncEnd {
    /// It runs on the token.
    Done(String),
    /// It was written, and was not seen to run on it in time.
    Late(String),
    /// The vendor said no; nothing happened.
    Refused(String),
    /// It is not known whether it was written, or it could not be written now.
    Open(String),
}

/// What happens while a sync runs, to be told.
pub type Tell<'a> = &'a (dyn Fn(&ConsumerId, &str) + Send + Sync);

impl Engine {
    /// Looks at the world and says what a sync would do; of all consumers that differ, or of
    /// those that are named.
    ///
    /// # Errors
    /// A rotation of the secret is open, or what the store holds must not be spread.
    pub async fn plan_sync(
        &self,
        name: &SecretName,
        only: &[ConsumerId],
    ) -> Result<SyncPlan, EngineError> {
        let refuse = |refusals| EngineError::Plan(PlanError { secret: name.clone(), refusals });
        if let Some(open) = self.rotating(name)? {
            return Err(refuse(vec![Refusal::AlreadyOpen(open)]));
        }
        let secret = self.secret(name)?;
        let report = self.drift(std::slice::from_ref(name)).await?.pop();
        let report = report.ok_or_else(|| EngineError::NoSecret(name.clone()))?;
        let expected =
            self.issuer(&secret.issuer).map(|issuer| issuer.expected_identity().to_owned());
        let refusals = refusals(name, &report, &expected.unwrap_or_default());
        let Some(fingerprint) = report.stored.filter(|_| refusals.is_empty()) else {
            return Err(refuse(refusals));
        };
        let token = self.stored_token(name, fingerprint).await.map_err(|why| refuse(vec![why]))?;
        let begun = self.past()?.begun(name);
        let (mut parts, mut left, mut settled) = (Vec::new(), Vec::new(), Vec::new());
        for (stands, conf) in report.consumers.iter().zip(&secret.consumers) {
            let id = &stands.consumer;
            let named = only.contains(id);
            let meant = only.is_empty() || named;
            match place_of(&report, stands, named, begun.contains(id)) {
                Turn::InStep => {
                    if begun.contains(id) {
                        settled.push(id.clone());
                    }
                    if named {
                        left.push((id.clone(), "in step".into()));
                    }
                }
                Turn::Write(from) if meant => parts.push(SyncPart {
                    consumer: id.clone(),
                    from,
                    restarts: self.consumer(name, id).is_some_and(|one| one.restarts()),
                    production: conf.production,
                    is_fetched: matches!(conf.kind, ConsumerKind::Workstation { .. }),
                }),
                Turn::Leave(why) if meant => left.push((id.clone(), why)),
                Turn::Write(_) | Turn::Leave(_) => {}
            }
        }
        parts.sort_by_key(|part| part.production);
        Ok(SyncPlan { secret: name.clone(), fingerprint, parts, left, settled, token })
    }

    /// The store's token, if it still is the one that was just seen.
    async fn stored_token(&self, name: &SecretName, seen: Fingerprint) -> Result<Token, Refusal> {
        let unseen = |why: String| Refusal::Unseen { what: "the store".into(), why };
        let secret = self.secret(name).map_err(|error| unseen(error.to_string()))?;
        let store = self.store(&secret.store).ok_or_else(|| unseen("there is none".into()))?;
        match store.read(&secret.store_key).await {
            Ok(Some(stored)) if self.fingerprints.of(&stored.token) == seen => Ok(stored.token),
            Ok(_) => Err(unseen("it holds something else than a moment ago".into())),
            Err(fault) => Err(unseen(fault.to_string())),
        }
    }

    /// Does what was planned. Production is written once everything else runs on the token.
    ///
    /// # Errors
    /// The journal does not take a record; then nothing more is written.
    pub async fn sync(
        &self,
        plan: &SyncPlan,
        tell: Tell<'_>,
    ) -> Result<Vec<(ConsumerId, SyncEnd)>, EngineError> {
        if self.journal.is_none() {
            return Err(EngineError::ReadOnly);
        }
        for id in &plan.settled {
            self.outcome(plan, id, "done", &[("receipt", "found in place")]).await?;
        }
        let mut ends = Vec::new();
        for production in [false, true] {
            let wave = plan.parts.iter().filter(|part| part.production == production);
            let written = join_all(wave.map(|part| async {
                Ok::<_, EngineError>((
                    part.consumer.clone(),
                    self.sync_one(plan, part, tell).await?,
                ))
            }));
            for end in written.await {
                ends.push(end?);
            }
            if ends.iter().any(|(_, end)| !matches!(end, SyncEnd::Done(_))) {
                break;
            }
        }
        Ok(ends)
    }

    async fn sync_one(
        &self,
        plan: &SyncPlan,
        part: &SyncPart,
        tell: Tell<'_>,
    ) -> Result<SyncEnd, EngineError> {
        let id = &part.consumer;
        let Some(consumer) = self.consumer(&plan.secret, id) else {
            return Ok(SyncEnd::Refused("it is not in the inventory".into()));
        };
        let receipt = match self.write(plan, part, &consumer, tell).await? {
            Ok(receipt) => receipt,
            Err(end) => return Ok(end),
        };
        tell(id, &format!("written, {receipt}"));
        // Whoever fetches it does so in their own time.
        let timeout = match part.is_fetched {
            true => Span::from_millis(0),
            false => self.inventory.policy.adopt_timeout,
        };
        let say = |what: &str| tell(id, what);
        let adopted =
            wait_until_adopted(&*consumer, Some(&plan.token), Some(&receipt), timeout, &say).await;
        Ok(match adopted {
            Adopted::On(_, detail) => {
                self.told(plan, id, "secret.sync.verified", &[("evidence", &detail)]).await?;
                SyncEnd::Done(detail)
            }
            Adopted::Differs(why) | Adopted::Late(why) => SyncEnd::Late(why),
        })
    }

    /// Writes until it is certain what became of it, and answers with the receipt.
    async fn write(
        &self,
        plan: &SyncPlan,
        part: &SyncPart,
        consumer: &Arc<dyn Consumer>,
        tell: Tell<'_>,
    ) -> Result<Result<String, SyncEnd>, EngineError> {
        let id = &part.consumer;
        let mut why = String::new();
        for attempt in 1..=self.inventory.policy.attempts_max {
            self.told(plan, id, "secret.sync.intent", &[("from", &part.from)]).await?;
            let mut pause = retry_delay(attempt, None);
            match consumer.write(&plan.token).await {
                Ok(receipt) => {
                    self.outcome(plan, id, "done", &[("receipt", &receipt.0)]).await?;
                    return Ok(Ok(receipt.0));
                }
                Err(fault @ Fault::Refused { .. }) => {
                    let said = fault.to_string();
                    self.outcome(plan, id, "refused", &[("why", &said)]).await?;
                    return Ok(Err(SyncEnd::Refused(said)));
                }
                Err(fault @ Fault::Later { .. }) => {
                    why = fault.to_string();
                    self.outcome(plan, id, "later", &[("why", &why)]).await?;
                    if let Fault::Later { after, .. } = fault {
                        pause = retry_delay(attempt, after);
                    }
                }
                Err(fault @ Fault::Unsure { .. }) => {
                    why = fault.to_string();
                    tell(id, &format!("in doubt, looking: {why}"));
                    match self.settled(consumer, plan).await {
                        Settled::There => {
                            self.outcome(plan, id, "done", &[("receipt", "found in place")])
                                .await?;
                            return Ok(Ok("found in place".into()));
                        }
                        Settled::NotThere => {
                            self.outcome(plan, id, "not-done", &[("why", &why)]).await?;
                        }
                        Settled::Unknown(said) => {
                            // Without an outcome: whoever runs it again looks first.
                            return Ok(Err(SyncEnd::Open(said)));
                        }
                    }
                }
            }
            tell(id, &format!("{why}; again in {:.0?}", pause));
            tokio::time::sleep(pause).await;
        }
        Ok(Err(SyncEnd::Open(why)))
    }

    /// A write whose answer was lost, looked at until the consumer answers.
    async fn settled(&self, consumer: &Arc<dyn Consumer>, plan: &SyncPlan) -> Settled {
        let mut why = String::new();
        for attempt in 1..=self.inventory.policy.attempts_max {
            tokio::time::sleep(retry_delay(attempt, None)).await;
            match consumer.look().await {
                Ok(held @ Held::Values(_)) => {
                    return match holding(&self.fingerprints, held) {
                        Holding::Token(held) if held == plan.fingerprint => Settled::There,
                        _ => Settled::NotThere,
                    };
                }
                // It has one outcome, however often it is made.
                Ok(Held::Unreadable(_) | Held::Shadowed(_) | Held::Known(_)) => {
                    return Settled::NotThere;
                }
                Err(fault) => why = fault.to_string(),
            }
        }
        Settled::Unknown(why)
    }

    async fn outcome(
        &self,
        plan: &SyncPlan,
        id: &ConsumerId,
        result: &str,
        more: &[(&str, &str)],
    ) -> Result<(), EngineError> {
        let mut context = vec![("result", result)];
        context.extend_from_slice(more);
        self.told(plan, id, "secret.sync.outcome", &context).await
    }

    async fn told(
        &self,
        plan: &SyncPlan,
        id: &ConsumerId,
        action: &str,
        more: &[(&str, &str)],
    ) -> Result<(), EngineError> {
        let (consumer, fingerprint) = (id.to_string(), plan.fingerprint.hex());
        let mut context = vec![("consumer", consumer), ("fingerprint", fingerprint)];
        context.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
        self.audit(action, &plan.secret, &context).await
    }
}

enum Settled {
    There,
    NotThere,
    Unknown(String),
}

/// What a sync does with a consumer.
enum Turn {
    InStep,
    Write(String),
    Leave(String),
}

fn place_of(report: &Report, stands: &Stands, named: bool, begun: bool) -> Turn {
    let of_it = |finding: &&Finding| matches!(&finding.place, Place::Consumer(id) if *id == stands.consumer);
    let Some(finding) = report.findings.iter().find(of_it) else {
        return match stands.standing {
            // Whoever began a write of it and was killed does not know how it ended.
            Standing::Written if begun => Turn::Write(stands.how.clone()),
            _ => Turn::InStep,
        };
    };
    match finding.kind {
        Kind::HoldsFormer
        | Kind::HoldsForeign
        | Kind::HoldsUnknown
        | Kind::Mixed
        | Kind::Missing
        | Kind::WrittenSince => Turn::Write(finding.what.clone()),
        Kind::Unreadable if named || begun => Turn::Write(finding.what.clone()),
        Kind::Unreadable => Turn::Leave(format!("{}; name it to have it written", finding.what)),
        Kind::RunsOlder | Kind::NotInForce => {
            let fix = finding.fix.as_deref().unwrap_or("restart it");
            Turn::Leave(format!("{}: {fix}", finding.what))
        }
        _ => Turn::Leave(finding.what.clone()),
    }
}

/// Why what the store holds is not spread.
fn refusals(name: &SecretName, report: &Report, expected: &str) -> Vec<Refusal> {
    if let Some(at) = report.decommissioned {
        return vec![Refusal::Decommissioned { secret: name.clone(), at }];
    }
    let mut refusals = Vec::new();
    let at_store = |finding: &&Finding| matches!(finding.place, Place::Store(_));
    for finding in report.findings.iter().filter(at_store) {
        refusals.push(match (finding.grade, finding.kind) {
            (Grade::Unknown, _) => {
                Refusal::Unseen { what: "the store".into(), why: finding.what.clone() }
            }
            (_, Kind::Missing) => Refusal::StoreEmpty(name.clone()),
            (_, Kind::Refused) => Refusal::StoreRefuses(finding.what.clone()),
            (_, Kind::HoldsFormer | Kind::HoldsForeign) => {
                Refusal::StoreDrifted(finding.what.clone())
            }
            // One that works and that nobody knew is what somebody rotated by hand; a store whose
            // own rotation writes it is read all the same.
            _ => continue,
        });
    }
    match &report.live {
        Liveness::Alive { identity } if identity == expected => {}
        Liveness::Alive { identity } => refusals
            .push(Refusal::OtherIdentity { expected: expected.to_owned(), got: identity.clone() }),
        Liveness::Dead { evidence } => refusals.push(Refusal::OldTokenDead(evidence.clone())),
        Liveness::Unknown { .. } if report.stored.is_none() => {}
        Liveness::Unknown { why } => {
            refusals.push(Refusal::Unseen { what: "the store's token".into(), why: why.clone() });
        }
    }
    refusals
}

/// Consumers of which a sync began a write and no end is known.
pub(crate) type Begun = BTreeSet<ConsumerId>;
