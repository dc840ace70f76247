//! The steps that only look: is the new token right, is everybody on it, is the old one dead?

use std::time::Duration;

use connectors::{Adoption, Consumer, Fault};
use domain::{Action, ConsumerId, Event, Evidence, Liveness, Look, Proof, Span, Token, Which};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::act::{Context, End, checked};

/// The first pause between two looks at a consumer that is not there yet; it doubles.
const POLL_FIRST: Duration = Duration::from_millis(50);
/// At this pace four waiting apps use a quarter of Heroku's 4,500 calls an hour.
const POLL_LONGEST: Duration = Duration::from_secs(10);
/// How long a consumer may show another value, after a write that was taken, before it counts
/// as overwritten: reads may lag behind writes.
const READ_LAG: Duration = Duration::from_secs(5);

impl Context {
    /// The new token answers as the identity that the inventory expects.
    pub(crate) async fn validate(&self, action: &Action) -> End {
        let expected = &self.plan.issuer.identity;
        match self.issuer.look(&self.new_token()).await {
            Liveness::Alive { identity } if identity == *expected => {
                End::of(action, checked(action, format!("answers as {identity}")))
            }
            Liveness::Alive { identity } => {
                let why = format!("the new token answers as `{identity}`, expected `{expected}`");
                End::of(action, Event::Refused { action: action.clone(), why })
            }
            Liveness::Dead { evidence } => {
                let age = self.engine.clock.now().as_millisecond() - self.created.as_millisecond();
                let lag = self.plan.issuer.activation_max.millis();
                if u64::try_from(age).unwrap_or(0) < lag {
                    return self.unsure(action, format!("not active yet: {evidence}"));
                }
                let why = format!("the new token does not work: {evidence}");
                End::of(action, Event::Refused { action: action.clone(), why })
            }
            Liveness::Unknown { why } => self.unsure(action, why),
        }
    }

    /// Waits, looking, until a consumer is where the rotation goes, or on the old token again.
    pub(crate) async fn adopted(&self, action: &Action, id: &ConsumerId, forward: bool) -> End {
        match self.adoption(action, id, forward).await {
            Adopted::On(proof, detail) => {
                let evidence = Evidence::Proven { proof, detail };
                End::of(action, Event::Done { action: action.clone(), evidence })
            }
            Adopted::Differs(why) if forward => {
                End::of(action, Event::Drifted { consumer: id.clone(), why })
            }
            Adopted::Differs(why) | Adopted::Late(why) => self.unsure(action, why),
        }
    }

    async fn adoption(&self, action: &Action, id: &ConsumerId, forward: bool) -> Adopted {
        let token = if forward { self.target() } else { Some(self.old.clone()) };
        let consumer = match self.consumer(id) {
            Ok(consumer) => consumer,
            Err(fault) => return Adopted::Late(fault.to_string()),
        };
        let receipt = self.receipts.get(id).map(String::as_str);
        let timeout = self.plan.limits.adopt_timeout;
        let say = |what: &str| self.seen(action, what);
        wait_until_adopted(&*consumer, token.as_ref(), receipt, timeout, &say).await
    }

    /// The last look before the point of no return, and the first one after it: the store and
    /// every consumer, side by side.
    pub(crate) async fn look_everywhere(&self, action: &Action) -> End {
        let looks = self.plan.consumers.iter().map(|consumer| async {
            (consumer.id.clone(), self.adoption(action, &consumer.id, true).await)
        });
        let (looks, stored, probed) =
            tokio::join!(join_all(looks), self.stored(), self.probed_again());
        let mut end = End::nothing(action);
        let mut late = None;
        match stored {
            Adopted::On(..) => {}
            Adopted::Differs(why) => end.events.push(Event::StoreDrifted { why }),
            Adopted::Late(why) => late = Some(format!("{}: {why}", self.plan.store.name)),
        }
        for (id, seen) in looks {
            match seen {
                Adopted::On(..) => {}
                Adopted::Differs(why) => end.events.push(Event::Drifted { consumer: id, why }),
                Adopted::Late(why) => late = Some(format!("{id}: {why}")),
            }
        }
        match (end.events.is_empty(), late) {
            (true, None) => {
                if let Err(why) = probed {
                    return self.unsure(action, why);
                }
                let count = self.plan.consumers.len();
                let detail = format!("the store and {count} of {count} consumers in step");
                End::of(action, checked(action, detail))
            }
            (true, Some(why)) => self.unsure(action, why),
            // Drift is brought in step first; this look comes again after that.
            (false, _) => end,
        }
    }

    /// Whether the store holds the new token, or nothing. A read may lag behind the write, so a difference
    /// is looked at twice.
    async fn stored(&self) -> Adopted {
        let target = self.target();
        for last in [false, true] {
            match self.store.read(&self.plan.store.key).await {
                Ok(None) if target.is_none() => {
                    return Adopted::On(Proof::Fingerprint, "empty".into());
                }
                Ok(Some(stored)) if target.as_ref() == Some(&stored.token) => {
                    return Adopted::On(Proof::Fingerprint, stored.version);
                }
                Ok(_) if last => return Adopted::Differs("the store holds something else".into()),
                Ok(_) => tokio::time::sleep(READ_LAG).await,
                Err(fault) => return Adopted::Late(fault.to_string()),
            }
        }
        Adopted::Late("not looked at".into())
    }

    /// One look at the old token after its revocation. The machine counts the looks.
    pub(crate) async fn look_at_old(&self, action: &Action) -> End {
        let liveness = self.issuer.look(&self.old).await;
        self.seen(action, &liveness.to_string());
        let look = Look { which: Which::Old, liveness };
        End::of(action, Event::Looked { look })
    }
}

/// Waits, looking, until a consumer runs on a token, or holds none. What is not yet so is said.
pub(crate) async fn wait_until_adopted(
    consumer: &dyn Consumer,
    token: Option<&Token>,
    receipt: Option<&str>,
    timeout: Span,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Adopted {
    let started = Instant::now();
    let (mut pause, mut differs_since) = (POLL_FIRST, None);
    loop {
        let looked = match token {
            Some(token) => consumer.adopted(token, receipt).await,
            None => consumer.absent(receipt).await,
        };
        let not_yet = match looked {
            Ok(Adoption::ByFingerprint(detail)) => {
                return Adopted::On(Proof::Fingerprint, detail);
            }
            Ok(Adoption::ByWrite(detail)) => return Adopted::On(Proof::Write, detail),
            Ok(Adoption::NotYet(what)) => {
                differs_since = None;
                what
            }
            Ok(Adoption::Differs(what)) => {
                let since = *differs_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= READ_LAG {
                    return Adopted::Differs(what);
                }
                what
            }
            Err(fault) => {
                if let Fault::Later { after: Some(after), .. } = &fault {
                    pause = pause.max(*after);
                }
                fault.to_string()
            }
        };
        say(&not_yet);
        if started.elapsed() >= timeout.duration() {
            return Adopted::Late(format!("after {timeout}: {not_yet}"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(POLL_LONGEST);
    }
}

/// What became of a consumer.
pub(crate) enum Adopted {
    /// It runs on the token.
    On(Proof, String),
    /// It holds something else.
    Differs(String),
    /// It was not seen to in time.
    Late(String),
}
