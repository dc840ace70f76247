//! The inventory's probes: what they send, what they see of it, and how a lost answer is settled.

use std::sync::Arc;
use std::time::Duration;

use connectors::{Fault, ProbeOrder, Prober, Receipt, Sight};
use domain::inventory::{Probe, ProbeKind};
use domain::{Action, ConsumerId, Event, ProbeName, Token};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::act::{Context, End, checked, written};

/// The first pause between two looks at what is under way; it doubles.
const POLL_FIRST: Duration = Duration::from_millis(100);
/// A run of a workflow takes minutes, and GitHub allows 5,000 calls an hour.
const POLL_LONGEST: Duration = Duration::from_secs(10);
/// What was sent may appear in a list only after a while; a look that shows nothing is made twice.
const LIST_LAG: Duration = Duration::from_millis(1_500);

impl Context {
    /// Sends what a probe then looks for, or finds out whether it was sent.
    pub(crate) async fn send(&self, action: &Action, name: &ProbeName, settle: bool) -> End {
        let (probe, prober) = match self.prober(name) {
            Ok(found) => found,
            Err(why) => return self.unsure(action, why),
        };
        let (token, marker) = (self.new_token(), self.marker(probe));
        let order = ProbeOrder { token: &token, marker: &marker, since: self.since(), sent: None };
        if !settle {
            return match prober.send(&order).await {
                Ok(receipt) => self.sent(action, receipt, &token),
                Err(fault) => self.fault(action, &fault),
            };
        }
        let mut found = prober.find(&order).await;
        if matches!(found, Ok(None)) {
            tokio::time::sleep(LIST_LAG).await;
            found = prober.find(&order).await;
        }
        match found {
            Ok(Some(receipt)) => self.sent(action, receipt, &token),
            Ok(None) => {
                let why = "nothing is to be seen of it; it is sent again".into();
                End::of(action, Event::NotDone { action: action.clone(), why })
            }
            Err(fault) => self.unsure(action, fault.to_string()),
        }
    }

    /// A receipt is journaled and shown, so none may hold a token in the place of an id.
    fn sent(&self, action: &Action, receipt: Receipt, token: &Token) -> End {
        let key = &self.engine.fingerprints;
        let others = self.engine.others(&self.plan.secret).ok();
        let is_token = |word: &str| {
            let word = word.trim_matches(['(', ')', ',']);
            let fingerprint = key.of(&Token::from(word));
            word.eq_ignore_ascii_case(token.expose())
                || fingerprint == self.plan.old.fingerprint
                || others.as_ref().is_some_and(|others| others.user_of(&fingerprint).is_some())
                || self.plan.baseline.iter().any(|one| one.fingerprint == Some(fingerprint))
        };
        if receipt.0.split_whitespace().any(is_token) {
            let why = "the answer has a token where the id of a mail should be".into();
            return End::of(action, Event::Refused { action: action.clone(), why });
        }
        End::of(action, written(action, receipt.0))
    }

    /// Looks until there is something to be judged.
    pub(crate) async fn probe(&self, action: &Action, name: &ProbeName) -> End {
        let (probe, prober) = match self.prober(name) {
            Ok(found) => found,
            Err(why) => return self.unsure(action, why),
        };
        let started = Instant::now();
        let mut pause = POLL_FIRST;
        loop {
            let what = match self.look_through(probe, &*prober).await {
                Ok(Sight::Fine(seen)) => return End::of(action, checked(action, seen)),
                Ok(Sight::Wrong(why)) => {
                    return End::of(action, Event::Refused { action: action.clone(), why });
                }
                Ok(Sight::NotYet(why)) => return self.unsure(action, why),
                Ok(Sight::Going(what)) => what,
                // A definite no of a look says nothing about the token.
                Err(fault @ Fault::Refused { .. }) => {
                    return self.unsure(action, fault.to_string());
                }
                Err(fault) => return self.fault(action, &fault),
            };
            self.seen(action, &what);
            let limit = self.plan.limits.adopt_timeout;
            if started.elapsed() >= limit.duration() {
                return self.unsure(action, format!("after {limit}: {what}"));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_LONGEST);
        }
    }

    async fn look_through(&self, probe: &Probe, prober: &dyn Prober) -> Result<Sight, Fault> {
        let (token, marker) = (self.new_token(), self.marker(probe));
        let name = ProbeName::from(probe.name.as_str());
        let sent = self.receipts_of_probes.get(&name).map(String::as_str);
        let since = match &probe.kind {
            // Its lines count from when it has the token.
            ProbeKind::Log { app, .. } => self.given(app),
            _ => self.created,
        };
        prober.look(&ProbeOrder { token: &token, marker: &marker, since, sent }).await
    }

    /// The probes that cost little, once more: part of the last look, and of the first one after
    /// the revocation. Says what one of them sees that it should not.
    pub(crate) async fn probed_again(&self) -> Result<(), String> {
        let cheap = self.plan.probes.iter().filter(|part| part.repeats);
        let looks = cheap.map(|part| async {
            let (probe, prober) = self.prober(&part.name)?;
            match self.look_through(probe, &*prober).await {
                Ok(Sight::Fine(_)) => Ok(()),
                Ok(Sight::Going(why) | Sight::NotYet(why) | Sight::Wrong(why)) => {
                    Err(format!("{}: {why}", part.name))
                }
                Err(fault) => Err(format!("{}: {fault}", part.name)),
            }
        });
        join_all(looks).await.into_iter().collect()
    }

    fn prober(&self, name: &ProbeName) -> Result<(&Probe, Arc<dyn Prober>), String> {
        let gone = || format!("the probe `{name}` is no longer in the inventory");
        let secret = self.engine.secret(&self.plan.secret).map_err(|error| error.to_string())?;
        let probe = secret.probes.iter().find(|probe| probe.name == name.as_str());
        let prober = self.engine.prober(&self.plan.secret, name);
        Ok((probe.ok_or_else(gone)?, prober.ok_or_else(gone)?))
    }

    /// What is put into everything that the probe sends.
    fn marker(&self, probe: &Probe) -> String {
        let place = self.plan.probes.iter().position(|part| part.name.as_str() == probe.name);
        format!("{}-{}", self.plan.id, place.map_or(0, |place| place + 1))
    }

    /// When an app was given the new token; where it is no consumer, when the first one was.
    fn given(&self, app: &str) -> Timestamp {
        let own = self.given.get(&ConsumerId::from(format!("heroku:{app}")));
        own.or_else(|| self.given.values().min()).copied().unwrap_or(self.created)
    }

    /// When the step that is made or settled began.
    fn since(&self) -> Timestamp {
        self.began.unwrap_or_else(|| self.engine.clock.now())
    }
}
