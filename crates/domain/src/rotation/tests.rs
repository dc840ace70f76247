//! What the machine does not allow, whoever asks: time, order and evidence are checked by
//! [`Rotation::apply`] itself. (What it does allow is explored by the model.)

mod decommission;
mod probes;
mod reconcile;
mod removal;

use super::*;
use crate::{ConsumerId, Proof, Seen, Span, StepState};

/// A rotation with one consumer, a soak of 10 minutes and 30 seconds between two looks.
struct Story {
    rotation: Rotation,
    now: i64,
}

fn c0() -> ConsumerId {
    "c0".into()
}

impl Story {
    fn new() -> Self {
        Self::of(model::plan::plan(1))
    }

    fn of(mut plan: Plan) -> Self {
        plan.limits.soak = Span::from_secs(600);
        plan.limits.proof_interval = Span::from_secs(30);
        plan.limits.attempts_max = 2;
        let event = Event::Planned { plan: Box::new(plan), by: "ops-1".into() };
        let entry = Entry { seq: 0, at: Timestamp::UNIX_EPOCH, event };
        Self { rotation: Rotation::replay([&entry]).unwrap(), now: 0 }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_second(self.now).unwrap()
    }

    fn tell(&mut self, event: Event) -> Result<(), IllegalEvent> {
        let entry = Entry { seq: self.rotation.next_seq(), at: self.at(), event };
        self.rotation.apply(&entry)
    }

    fn began(&mut self, action: Action) {
        self.tell(Event::Began { action }).unwrap();
    }

    fn done(&mut self, action: Action, evidence: Evidence) -> Result<(), IllegalEvent> {
        self.tell(Event::Done { action, evidence })
    }

    fn wrote(&mut self, action: Action) {
        self.began(action.clone());
        self.done(action, Evidence::Written { receipt: "v1".into() }).unwrap();
    }

    fn created(&mut self) {
        self.began(Action::Create);
        let fingerprint = Fingerprint::from_bytes([1; 16]);
        let evidence = Evidence::Created { fingerprint, handle: None, seen: Seen::Minted };
        self.done(Action::Create, evidence).unwrap();
    }

    fn checked(&mut self, action: Action) -> Result<(), IllegalEvent> {
        self.done(action, Evidence::Checked { detail: String::new() })
    }

    fn verified(&mut self) {
        let evidence = Evidence::Proven { proof: Proof::Fingerprint, detail: String::new() };
        self.done(Action::Verify(c0()), evidence).unwrap();
    }

    /// Up to the soak, which has just begun.
    fn soaking() -> Self {
        let mut story = Self::new();
        story.created();
        story.checked(Action::Validate).unwrap();
        story.wrote(Action::Store);
        story.wrote(Action::Propagate(c0()));
        story.verified();
        story
    }

    /// Up to the revocation, which has just been made.
    fn revoked() -> Self {
        let mut story = Self::soaking();
        story.now += 600;
        story.checked(Action::Soak).unwrap();
        story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
        story.checked(Action::Gate).unwrap();
        story.wrote(Action::Revoke);
        story
    }

    fn looked(&mut self, dead: bool) {
        let liveness = if dead {
            Liveness::Dead { evidence: "401".into() }
        } else {
            Liveness::Alive { identity: "acme".into() }
        };
        self.tell(Event::Looked { look: Look { which: Which::Old, liveness } }).unwrap();
    }
}

#[test]
fn nothing_is_revoked_before_its_time_its_agreement_and_its_last_look() {
    let mut story = Story::soaking();
    let revoke = || Event::Began { action: Action::Revoke };
    assert!(story.tell(revoke()).is_err(), "before the soak");
    assert!(story.checked(Action::Soak).is_err(), "the soak takes its time");
    story.now += 600;
    story.checked(Action::Soak).unwrap();
    assert!(story.checked(Action::Gate).is_err(), "before the agreement");
    assert_eq!(story.rotation.next(story.at()), [Next::Ask]);
    story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
    assert!(story.tell(revoke()).is_err(), "before the last look");
    story.checked(Action::Gate).unwrap();
    assert_eq!(story.rotation.login(), Which::New, "the login goes over before the revocation");
    story.tell(revoke()).unwrap();
}

#[test]
fn a_last_look_grows_old_when_the_process_ends() {
    let mut story = Story::soaking();
    story.now += 600;
    story.checked(Action::Soak).unwrap();
    story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
    story.checked(Action::Gate).unwrap();
    story.tell(Event::Resumed { by: "ops-1".into() }).unwrap();
    assert_eq!(story.rotation.next(story.at()), [Next::Do(Action::Gate)]);
}

#[test]
fn death_is_two_answers_thirty_seconds_apart_with_no_life_between() {
    let mut story = Story::revoked();
    assert!(story.checked(Action::Prove).is_err(), "no look at all");
    story.looked(true);
    story.now += 29;
    story.looked(true);
    assert!(story.checked(Action::Prove).is_err(), "too close");
    story.looked(false);
    story.now += 30;
    story.looked(true);
    assert!(story.checked(Action::Prove).is_err(), "it lived in between");
    story.now += 30;
    story.looked(true);
    story.checked(Action::Prove).unwrap();
}

/// Goal: a clock that was set forward while nobody was there proves nothing and ends no soak.
#[test]
fn what_is_waited_for_is_waited_for_in_one_sitting() {
    const DAY: i64 = 86_400;
    let resumed = || Event::Resumed { by: "ops-1".into() };
    for step in [DAY, -DAY] {
        let mut story = Story::soaking();
        story.now += step;
        story.tell(resumed()).unwrap();
        assert!(story.checked(Action::Soak).is_err(), "the soak was not watched");
        story.now += 600;
        story.checked(Action::Soak).unwrap();

        let mut story = Story::revoked();
        story.looked(true);
        story.now += step;
        story.tell(resumed()).unwrap();
        story.looked(true);
        assert!(story.checked(Action::Prove).is_err(), "one answer in this sitting");
        let due = story.rotation.next(story.at());
        assert!(!due.iter().any(|next| matches!(next, Next::Attend { .. })), "{due:?}");
        story.now += 30;
        story.looked(true);
        story.checked(Action::Prove).unwrap();
        story.tell(resumed()).unwrap();
        assert!(story.rotation.old_is_proven_dead(), "what is proven stays so");
    }
}

#[test]
fn there_is_no_way_back_after_the_revocation_began() {
    let mut story = Story::revoked();
    let back = Event::TurnedBack { by: "ops-1".into(), why: String::new() };
    assert!(story.tell(back).is_err());
}

#[test]
fn a_refusal_turns_back_and_every_begun_effect_is_undone() {
    let mut story = Story::new();
    story.created();
    story.checked(Action::Validate).unwrap();
    story.wrote(Action::Store);
    story.began(Action::Propagate(c0()));
    let refused = Event::Refused { action: Action::Propagate(c0()), why: "404".into() };
    story.tell(refused).unwrap();
    let due = story.rotation.next(story.at());
    assert!(due.contains(&Next::Do(Action::Restore(c0()))), "{due:?}");
    assert!(due.contains(&Next::Do(Action::Unstore)), "{due:?}");
    assert!(!due.contains(&Next::Do(Action::Discard)), "not before everybody is back");
}

#[test]
fn a_step_that_fails_again_and_again_waits_for_a_person() {
    let mut story = Story::new();
    story.began(Action::Create);
    for _ in 0..2 {
        let (action, why, retry_at) = (Action::Create, "lost".into(), story.at());
        story.tell(Event::Unsure { action, why, retry_at }).unwrap();
    }
    let due = story.rotation.next(story.at());
    assert!(matches!(due.as_slice(), [Next::Attend { action: Action::Create, .. }]), "{due:?}");
    assert_eq!(story.rotation.tasks(story.at()).len(), 1);
    story.tell(Event::Resumed { by: "ops-1".into() }).unwrap();
    assert_eq!(story.rotation.next(story.at()), [Next::Settle(Action::Create)]);
}

#[test]
fn entries_out_of_order_and_after_the_end_are_refused() {
    let mut story = Story::new();
    let event = Event::Began { action: Action::Create };
    let entry = Entry { seq: 2, at: story.at(), event };
    assert_eq!(story.rotation.apply(&entry), Err(IllegalEvent::Order { expected: 1, found: 2 }));
    let outcome = Outcome::Completed;
    assert!(story.tell(Event::Closed { outcome }).is_err(), "nothing is done yet");
    assert_eq!(story.rotation.state(&Action::Create), StepState::Idle);
}

#[test]
fn whoever_started_it_does_not_agree_where_a_second_person_must() {
    let mut plan = model::plan::plan(1);
    plan.gates.second_person = true;
    let mut story = Story::of(plan);
    let agreed = |by: &str| Event::Approved { by: by.into() };
    let refused = story.tell(agreed("ops-1")).unwrap_err();
    assert!(refused.to_string().contains("whoever started it"), "{refused}");
    assert_eq!(story.rotation.approved(), None);
    // Whoever goes on with it has not started it.
    story.tell(Event::Resumed { by: "ops-2".into() }).unwrap();
    assert!(story.tell(agreed("ops-1")).is_err());
    story.tell(agreed("ops-2")).unwrap();
    assert_eq!(story.rotation.approved(), Some("ops-2"));
}
