//! One writer a place: collects what several rotations are about to write there, and sends it in
//! one go.
//!
//! A campaign says beforehand which consumers of which rotations meet in one write. Whoever comes
//! first waits for the others, as long as they work: one that has given up, has turned back or
//! has ended is no longer waited for, one that shows no sign of life only for a while. Every
//! rotation has journaled the beginning of its own write before it comes here, and journals its
//! own end after; so a crash, or an answer that is lost, is settled by each by looking, as if it
//! had written alone. Outside of a campaign nothing waits here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connectors::{Fault, Place, Placed, PlacedWrite, Receipt};
use domain::campaign::{Turn, Write};
use domain::{ConsumerId, SecretName, Token};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long others are waited for.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// With one that works, but journals nothing.
    works: Duration,
    /// With one that waits for a person.
    people: Duration,
    /// With anybody.
    longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self { works: minutes(1), people: minutes(15), longest: minutes(30) }
    }
}

/// A consumer of a rotation, in the first or the second round of an emergency.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Who {
    pub(crate) secret: SecretName,
    pub(crate) consumer: ConsumerId,
    pub(crate) again: bool,
}

/// What a rotation was seen doing last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Life {
    Works,
    WaitsForPeople,
}

/// Which write: a place, and which one there.
type Batch = (String, Turn);

#[derive(Clone, Default)]
pub(crate) struct Writers(Arc<Mutex<Desk>>);

#[derive(Default)]
struct Desk {
    patience: Patience,
    /// Who is expected in which write.
    coming: BTreeMap<Who, Batch>,
    /// Who has come.
    waiting: BTreeMap<Batch, Vec<Order>>,
    /// When each rotation was last seen, and what it did.
    seen: BTreeMap<SecretName, (Instant, Life)>,
}

struct Order {
    who: Who,
    place: Arc<dyn Place>,
    write: PlacedWrite,
    since: Instant,
    answer: oneshot::Sender<Result<Receipt, Fault>>,
}

impl Writers {
    /// Says who meets in which write.
    pub(crate) fn expect(&self, writes: &[Write]) {
        let mut desk = self.desk();
        for Write { place, turn, members } in writes {
            for (secret, consumer) in members {
                let (secret, consumer) = (secret.clone(), consumer.clone());
                desk.seen.entry(secret.clone()).or_insert((Instant::now(), Life::Works));
                let who = Who { secret, consumer, again: turn.again };
                desk.coming.insert(who, (place.name.clone(), *turn));
            }
        }
    }

    /// A rotation shows that it lives.
    pub(crate) fn sign(&self, secret: &SecretName, life: Life) {
        if let Some(seen) = self.desk().seen.get_mut(secret) {
            *seen = (Instant::now(), life);
        }
    }

    /// Nobody waits any longer for this consumer, or for any of this round of this rotation.
    pub(crate) fn leave(&self, secret: &SecretName, again: bool, consumer: Option<&ConsumerId>) {
        let ready: Vec<(Batch, Vec<Order>)> = {
            let mut desk = self.desk();
            let gone = |who: &Who| {
                who.secret == *secret
                    && who.again == again
                    && consumer.is_none_or(|one| *one == who.consumer)
            };
            let left: Vec<Batch> = desk
                .coming
                .iter()
                .filter(|(who, _)| gone(who))
                .map(|(_, batch)| batch.clone())
                .collect();
            desk.coming.retain(|who, _| !gone(who));
            let taken = left.into_iter().map(|batch| (desk.take(&batch, false), batch));
            taken.filter_map(|(orders, batch)| Some((batch, orders?))).collect()
        };
        for (batch, orders) in ready {
            self.send(batch, orders);
        }
    }

    /// Writes a token, together with others that are expected there.
    ///
    /// # Errors
    /// As [`Place::write_all`].
    pub(crate) async fn write(
        &self,
        who: Who,
        placed: Placed,
        token: Token,
    ) -> Result<Receipt, Fault> {
        let write = PlacedWrite { keys: placed.keys, token };
        let (answer, mut answered) = oneshot::channel();
        let expected = self.desk().coming.remove(&who);
        let Some(batch) = expected else {
            return placed.place.write_all(&[write]).await;
        };
        let ready = {
            let mut desk = self.desk();
            let order = Order { who, place: placed.place, write, since: Instant::now(), answer };
            desk.waiting.entry(batch.clone()).or_default().push(order);
            desk.take(&batch, false)
        };
        if let Some(orders) = ready {
            self.send(batch.clone(), orders);
        }
        loop {
            let patience = self.desk().waits_until(&batch);
            tokio::select! {
                answer = &mut answered => return answer.unwrap_or_else(|_| Err(lost(&batch))),
                () = until(patience) => {
                    let late = {
                        let mut desk = self.desk();
                        let over = desk.waits_until(&batch).is_some_and(|at| at <= Instant::now());
                        over.then(|| desk.take(&batch, true)).flatten()
                    };
                    if let Some(orders) = late {
                        self.send(batch.clone(), orders);
                    }
                }
            }
        }
    }

    /// Makes a write, on its own: who ordered it may go away meanwhile.
    fn send(&self, batch: Batch, orders: Vec<Order>) {
        let writers = self.clone();
        tokio::spawn(async move { writers.sent(batch, orders).await });
    }

    async fn sent(&self, batch: Batch, orders: Vec<Order>) {
        let Some(place) = orders.first().map(|order| Arc::clone(&order.place)) else { return };
        let writes: Vec<PlacedWrite> = orders.iter().map(|order| order.write.clone()).collect();
        let ended = place.write_all(&writes).await;
        let refused = matches!(ended, Err(Fault::Refused { .. }));
        if matches!(ended, Err(Fault::Later { .. } | Fault::Unsure { .. })) {
            // They look what became of it, and may all come again.
            let again = orders.iter().map(|order| (order.who.clone(), batch.clone()));
            self.desk().coming.extend(again);
        }
        for order in orders {
            // One that is refused must not turn the others back; nothing has happened yet.
            let own = match refused && writes.len() > 1 {
                true => place.write_all(std::slice::from_ref(&order.write)).await,
                false => ended.clone(),
            };
            // Whoever has gone away looks for himself when he comes back.
            let _ = order.answer.send(own);
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// The orders of a write for which nobody is waited any longer, or all that are there.
    /// Nobody is waited for who comes later.
    fn take(&mut self, batch: &Batch, late: bool) -> Option<Vec<Order>> {
        let all_here = !self.coming.values().any(|other| other == batch);
        (all_here || late).then(|| self.waiting.remove(batch)).flatten()
    }

    /// Until when the last of those who are missing is waited for; none where the write is under
    /// way.
    fn waits_until(&self, batch: &Batch) -> Option<Instant> {
        let now = Instant::now();
        let orders = self.waiting.get(batch)?;
        let missing = self.coming.iter().filter(|(_, other)| *other == batch);
        let until = missing
            .map(|(who, _)| match self.seen.get(&who.secret) {
                Some((at, Life::Works)) => *at + self.patience.works,
                Some((at, Life::WaitsForPeople)) => *at + self.patience.people,
                None => now,
            })
            .max();
        let longest =
            orders.iter().map(|order| order.since).min().unwrap_or(now) + self.patience.longest;
        Some(until.unwrap_or(now).min(longest))
    }
}

/// Sleeps until a moment; for ever without one.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Whoever made the write is gone; what became of it is looked at.
fn lost(batch: &Batch) -> Fault {
    Fault::Unsure {
        vendor: "rollover",
        call: format!("the write to {}", batch.0),
        why: "its answer was lost".into(),
    }
}

#[cfg(test)]
mod tests;
