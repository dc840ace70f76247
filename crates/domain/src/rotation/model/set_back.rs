//! A copy of the journal is put back, the world has gone on, and somebody looks at it before
//! anything is believed: what [`judge`] makes of it, and what follows from that.

use jiff::Timestamp;

use super::plan::fingerprint;
use super::told::Told;
use super::world::{Guard, NOTHING, OLD, STARTER, World, number};
use crate::reconcile::{Verdict, judge};
use crate::{
    Action, ConsumerSeen, Event, Holding, IssuerSeen, Liveness, Mint, Observed, Outcome, StoreSeen,
};

impl World {
    /// Somebody copies the journal; later, whatever has happened meanwhile, it is put back. All
    /// processes are dead then, and what they have sent may still take effect.
    pub(super) fn steps_of_setting_back(&self, steps: &mut Vec<(Told, Self)>) {
        if self.set_backs == 0 {
            return;
        }
        let Some(copy) = &self.copy else {
            if self.rotation.outcome.is_none() {
                let mut world = self.clone();
                world.copy = Some(self.rotation.clone());
                steps.push((Told::Plain("the journal is copied"), world));
            }
            return;
        };
        let mut world = self.clone();
        world.set_backs -= 1;
        world.rotation = copy.clone();
        (world.copy, world.rival, world.was_set_back) = (None, None, true);
        world.calls.haunt();
        let told = world.reconciled();
        steps.push((Told::Plain(told), world));
    }

    /// The world is looked at, and the journal is told of it.
    fn reconciled(&mut self) -> &'static str {
        let new = self.rotation.new.as_ref().map(|new| self.liveness(number(new.fingerprint)));
        let old = self.liveness(OLD);
        let by = STARTER;
        match judge(&self.rotation, &self.observed(), &old, new.as_ref(), by) {
            Verdict::GoesOn(mut events) => {
                if self.off(Guard::SentLast) {
                    // Believed as it is seen: whatever answers is not being revoked.
                    let gone =
                        |liveness: Option<&Liveness>| liveness.is_some_and(Liveness::is_dead);
                    events.retain(|event| match event {
                        Event::Doubted { action: Action::Revoke } => old.is_dead(),
                        Event::TurnedBack { .. } => gone(new.as_ref()),
                        _ => true,
                    });
                }
                if self.off(Guard::DoubtDone) {
                    events.retain(|event| match event {
                        Event::Doubted { action } => !self.is_done(action),
                        _ => true,
                    });
                }
                if !self.off(Guard::Doubt) {
                    events.into_iter().for_each(|event| self.apply(event));
                }
                self.picked_up();
                "the copy is put back, and the rotation goes on"
            }
            Verdict::MovedOn(why) => {
                self.apply(Event::Closed { outcome: Outcome::Abandoned { why } });
                "the copy is put back, and the rotation is abandoned"
            }
            Verdict::Unseen(why) => unreachable!("everything can be seen here: {why}"),
        }
    }

    fn liveness(&self, token: u8) -> Liveness {
        match self.answers(token) {
            true => Liveness::Alive { identity: String::new() },
            false => Liveness::Dead { evidence: String::new() },
        }
    }

    fn observed(&self) -> Observed {
        let parts = self.rotation.plan.consumers.iter().zip(self.held());
        let seen = |held: &u8| match *held {
            NOTHING => Holding::Nothing,
            held => Holding::Token(fingerprint(held)),
        };
        let store = match self.store {
            NOTHING => StoreSeen::Empty,
            stored => StoreSeen::Holds { fingerprint: fingerprint(stored), version: "1".into() },
        };
        Observed {
            at: Timestamp::UNIX_EPOCH,
            open: None,
            remembered: None,
            decommissioned: None,
            store,
            old: self.liveness(OLD),
            issuer: IssuerSeen {
                tokens: Vec::new(),
                listed: false,
                mint: Mint::Allowed,
                page: None,
            },
            consumers: parts
                .map(|(part, held)| ConsumerSeen { id: part.id.clone(), holding: seen(held) })
                .collect(),
            login_is_old: false,
            loose_logins: Vec::new(),
            shared_with: None,
        }
    }
}
