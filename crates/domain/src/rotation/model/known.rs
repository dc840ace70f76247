//! Each state of a rotation, held once for all the worlds that are in it.
//!
//! A world is copied for each of its next steps, and a rotation is most of a world. There are far
//! fewer rotations than worlds, so each is kept with what [`Rotation::apply`] and
//! [`Rotation::next`] once made of it, and a world holds a reference to it.
//!
//! Two that differ only in what no later step asks for are one: places in the journal, notes, the
//! reasons of a way back, moments (time stands still), and tries where they cannot run out.

#![expect(clippy::disallowed_types, reason = "their order matters nowhere")]

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::key::Parts;
use super::plan::FOR_EVER;
use crate::rotation::{IllegalEvent, Next, Rotation};
use crate::{Direction, Entry, Event};

/// One state of a rotation.
#[derive(Clone)]
pub(super) struct Known(Arc<Held>);

struct Held {
    rotation: Rotation,
    due: Vec<Next>,
    parts: Parts,
    /// What it became after each event that it was ever told.
    after: Mutex<Vec<(Event, Known)>>,
    all: Arc<All>,
}

/// Every state that was met, by its part of the key: few have one in common.
#[derive(Default)]
struct All(Mutex<HashMap<Parts, Vec<Known>>>);

/// The place of the next entry in every journal here: how far two are apart is known to the world.
const NEXT: u64 = 1_000_000;

impl Known {
    /// A rotation that was just planned, and nothing else is known.
    pub(super) fn first(rotation: Rotation) -> Self {
        known(&Arc::default(), rotation)
    }

    /// What it is due to do.
    pub(super) fn due(&self) -> &[Next] {
        &self.0.due
    }

    /// What it adds to the key of a world.
    pub(super) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// What the machine makes of an event.
    pub(super) fn told(&self, event: Event) -> Result<Self, IllegalEvent> {
        if let Some(next) = self.0.told(&event) {
            return Ok(next);
        }
        let mut rotation = self.0.rotation.clone();
        // Looks that follow one another are what a proof is made of; more of them prove no more.
        if rotation.looks.len() > 3 {
            rotation.looks.remove(0);
        }
        let entry = Entry { seq: NEXT, at: Timestamp::UNIX_EPOCH, event };
        rotation.apply(&entry)?;
        // Nobody waits for this: whoever asks for the same meanwhile makes the same of it.
        let next = known(&self.0.all, rotation);
        self.0.after.lock().unwrap().push((entry.event, next.clone()));
        Ok(next)
    }

    /// Whether it would take an event from somebody whose journal is so many entries behind.
    pub(super) fn takes(&self, event: Event, behind: u64) -> bool {
        let entry = Entry { seq: NEXT - behind, at: Timestamp::UNIX_EPOCH, event };
        self.check(&entry).is_ok()
    }

    /// The same with something changed that no event changes.
    pub(super) fn changed(&self, change: impl FnOnce(&mut Rotation)) -> Self {
        let mut rotation = self.0.rotation.clone();
        change(&mut rotation);
        known(&self.0.all, rotation)
    }

    /// They know one another, so nobody else frees them.
    pub(super) fn forget_all(&self) {
        let all = std::mem::take(&mut *self.0.all.0.lock().unwrap());
        all.values().flatten().for_each(|known| known.0.after.lock().unwrap().clear());
    }
}

impl Held {
    fn told(&self, event: &Event) -> Option<Known> {
        let after = self.after.lock().unwrap();
        after.iter().find(|(told, _)| told == event).map(|(_, next)| next.clone())
    }
}

impl All {
    fn find(&self, parts: &Parts, rotation: &Rotation) -> Option<Known> {
        let all = self.0.lock().unwrap();
        all.get(parts)?.iter().find(|known| ***known == *rotation).cloned()
    }
}

fn known(all: &Arc<All>, mut rotation: Rotation) -> Known {
    forget_details(&mut rotation);
    let parts = Parts::of(&rotation);
    if let Some(known) = all.find(&parts, &rotation) {
        return known;
    }
    let due = rotation.next(super::world::now());
    let (after, held_by) = (Mutex::default(), Arc::clone(all));
    let held = Held { rotation, due, parts: parts.clone(), after, all: held_by };
    let known = Known(Arc::new(held));
    all.0.lock().unwrap().entry(parts).or_default().push(known.clone());
    known
}

/// What no later step asks for.
fn forget_details(rotation: &mut Rotation) {
    rotation.next_seq = NEXT;
    if let Direction::Back { why } = &mut rotation.direction {
        why.clear();
    }
    let for_ever = rotation.plan.limits.attempts_max >= FOR_EVER;
    for step in rotation.steps.values_mut() {
        (step.note, step.not_before) = (None, None);
        if for_ever {
            step.attempts = 0;
        }
    }
}

impl Deref for Known {
    type Target = Rotation;

    fn deref(&self) -> &Rotation {
        &self.0.rotation
    }
}
