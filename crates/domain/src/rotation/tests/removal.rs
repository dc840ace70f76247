//! The removal of a token that nobody answers for: nothing is written before the same gate.

use super::*;

fn story() -> Story {
    let mut plan = model::plan::plan(0);
    plan.mode = Mode::Removal;
    plan.limits.soak = crate::Span::from_secs(600);
    Story::of(plan)
}

#[test]
fn it_lives_for_the_whole_watch_and_is_revoked_after_the_last_look() {
    let mut story = story();
    let begun = |action: Action| Event::Began { action };
    for action in [Action::Create, Action::Store, Action::Clear, Action::Revoke] {
        assert!(story.tell(begun(action)).is_err(), "nothing is written, and nothing revoked yet");
    }
    assert_eq!(story.rotation.stage(), "soak");
    story.now += 300;
    story.tell(Event::Resumed { by: "ops-1".into() }).unwrap();
    assert!(story.checked(Action::Soak).is_err(), "its watch is not over");
    story.now += 300;
    story.checked(Action::Soak).unwrap();
    assert_eq!(story.rotation.next(story.at()), [Next::Ask]);
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
    assert_eq!(story.rotation.next(story.at()), [Next::Close(Outcome::Removed)]);
}

#[test]
fn whoever_holds_it_at_the_last_look_ends_it_and_there_is_nothing_to_undo() {
    let mut story = story();
    story.now += 600;
    story.checked(Action::Soak).unwrap();
    story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
    story.tell(Event::Refused { action: Action::Gate, why: "c0 holds it".into() }).unwrap();
    let end = Outcome::RolledBack { why: "gate: c0 holds it".into() };
    assert_eq!(story.rotation.next(story.at()), [Next::Close(end)]);
}
