//! A decommission: there is no new token, and the same gate stands before the revocation.

use super::*;

fn story() -> Story {
    let mut plan = model::plan::plan(1);
    plan.mode = Mode::Decommission;
    plan.probes = Vec::new();
    Story::of(plan)
}

impl Story {
    fn absent(&mut self) {
        let evidence = Evidence::Proven { proof: Proof::Fingerprint, detail: String::new() };
        self.done(Action::Absent(c0()), evidence).unwrap();
    }
}

#[test]
fn the_token_lives_until_nobody_holds_it_and_the_soak_is_over() {
    let mut story = story();
    let begun = |action: Action| Event::Began { action };
    assert!(story.tell(begun(Action::Create)).is_err(), "there is no new token");
    assert!(story.tell(begun(Action::Propagate(c0()))).is_err());
    assert!(story.tell(begun(Action::Clear)).is_err(), "somebody may still fetch it");
    assert_eq!(story.rotation.next(story.at()), [Next::Do(Action::Remove(c0()))]);
    story.wrote(Action::Remove(c0()));
    assert!(story.tell(begun(Action::Clear)).is_err(), "before it is proven absent");
    story.absent();
    story.now += 60;
    story.wrote(Action::Clear);
    assert_eq!(story.rotation.stage(), "soak");
    story.now += 599;
    story.tell(Event::Resumed { by: "ops-1".into() }).unwrap();
    assert!(story.checked(Action::Soak).is_err(), "the soak begins when the store is cleared");
    story.now += 1;
    story.checked(Action::Soak).unwrap();
    assert_eq!(story.rotation.next(story.at()), [Next::Ask]);
    assert!(story.tell(begun(Action::Revoke)).is_err(), "before the agreement");
    story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
    assert!(story.tell(begun(Action::Revoke)).is_err(), "before the last look");
    story.checked(Action::Gate).unwrap();
    story.wrote(Action::Revoke);
    assert!(!story.rotation.may_turn_back());
    story.looked(true);
    story.now += 30;
    story.looked(true);
    story.checked(Action::Prove).unwrap();
    story.checked(Action::Confirm).unwrap();
    story.began(Action::Sweep);
    let swept = Evidence::Swept { removed: Vec::new(), unknown: Vec::new(), unlisted: false };
    story.done(Action::Sweep, swept).unwrap();
    assert_eq!(story.rotation.next(story.at()), [Next::Close(Outcome::Decommissioned)]);
}

#[test]
fn somebody_who_has_it_again_is_rid_of_it_before_anything_is_revoked() {
    let mut story = story();
    story.wrote(Action::Remove(c0()));
    story.absent();
    story.wrote(Action::Clear);
    story.now += 600;
    story.checked(Action::Soak).unwrap();
    story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
    story.tell(Event::Drifted { consumer: c0(), why: "it holds it again".into() }).unwrap();
    assert!(story.checked(Action::Gate).is_err());
    assert_eq!(story.rotation.next(story.at()), [Next::Do(Action::Remove(c0()))]);
}

#[test]
fn the_way_back_gives_the_value_to_whoever_lost_it() {
    let mut story = story();
    story.wrote(Action::Remove(c0()));
    story.absent();
    story.began(Action::Clear);
    story.tell(Event::Refused { action: Action::Clear, why: "403".into() }).unwrap();
    let due = [Next::Do(Action::Restore(c0())), Next::Do(Action::Unstore)];
    assert_eq!(story.rotation.next(story.at()), due, "also what was only tried");
    story.wrote(Action::Restore(c0()));
    let proven = Evidence::Proven { proof: Proof::Fingerprint, detail: String::new() };
    story.done(Action::Recheck(c0()), proven).unwrap();
    story.wrote(Action::Unstore);
    let end = Outcome::RolledBack { why: "clear: 403".into() };
    assert_eq!(story.rotation.next(story.at()), [Next::Close(end)]);
}
