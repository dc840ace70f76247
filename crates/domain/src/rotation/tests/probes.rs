//! Probes: nothing is revoked before they have shown what they should, and what costs little is
//! looked at again while both tokens live.

use super::*;
use crate::ProbePart;

fn part(sends: bool, looks: bool, repeats: bool, confirm: bool) -> ProbePart {
    let (name, kind, what) = ("p".into(), "x".into(), String::new());
    ProbePart { name, kind, what, sends, looks, repeats, confirm }
}

fn send() -> Action {
    Action::Send("p".into())
}

fn look() -> Action {
    Action::Probe("p".into())
}

fn receipt() -> Action {
    Action::Receipt("p".into())
}

/// Everybody is on the new token; the probe is due.
fn probing(part: ProbePart) -> Story {
    let mut plan = model::plan::plan(1);
    plan.probes = vec![part];
    plan.limits.probe_interval = Span::from_secs(60);
    let mut story = Story::of(plan);
    story.created();
    story.checked(Action::Validate).unwrap();
    story.wrote(Action::Store);
    story.wrote(Action::Propagate(c0()));
    story.verified();
    story
}

fn refused(action: Action) -> Event {
    Event::Refused { action, why: "no".into() }
}

fn unsure(action: Action, retry_at: Timestamp) -> Event {
    Event::Unsure { action, why: "no answer".into(), retry_at }
}

#[test]
fn a_mail_is_sent_then_seen_by_a_person_and_only_then_does_anything_go_on() {
    let mut story = probing(part(true, false, false, true));
    assert!(story.checked(receipt()).is_err(), "nothing was sent");
    assert_eq!(story.rotation.next(story.at()), [Next::Do(send())]);
    story.wrote(send());
    assert_eq!(story.rotation.next(story.at()), [Next::AskReceipt("p".into())]);
    assert_eq!(story.rotation.sent(&"p".into()), Some("v1"));
    story.now += 3_600;
    assert!(story.checked(Action::Soak).is_err(), "a person has not answered");
    let task = story.rotation.tasks(story.at()).pop().unwrap();
    assert_eq!((task.id.as_str(), task.takes), ("r-1.receipt-1", crate::Takes::Arrival));
    story.checked(receipt()).unwrap();
    story.checked(Action::Soak).unwrap();
}

#[test]
fn what_did_not_arrive_turns_back() {
    let mut story = probing(part(true, false, false, true));
    story.wrote(send());
    story.tell(refused(receipt())).unwrap();
    assert!(matches!(story.rotation.direction(), Direction::Back { .. }));
}

/// Where there is no way back a person has it sent again, and is asked about that mail.
#[test]
fn where_there_is_no_way_back_it_is_sent_again() {
    let mut story = probing(part(true, true, false, true));
    let mut plan = story.rotation.plan().clone();
    plan.mode = Mode::Repair;
    story.rotation.plan = plan.into();
    story.wrote(send());
    story.tell(refused(look())).unwrap();
    let due = story.rotation.next(story.at());
    assert!(
        due.iter().any(|next| matches!(next, Next::Attend { action, .. } if *action == look()))
    );
    story.tell(Event::Resumed { by: "ops-1".into() }).unwrap();
    assert_eq!(story.rotation.next(story.at()), [Next::Do(send())]);
}

#[test]
fn a_lost_order_is_settled_and_not_sent_blindly() {
    let mut story = probing(part(true, true, false, false));
    story.began(send());
    story.tell(unsure(send(), story.at())).unwrap();
    assert_eq!(story.rotation.next(story.at()), [Next::Settle(send())]);
    let why = "nothing is to be seen of it".into();
    story.tell(Event::NotDone { action: send(), why }).unwrap();
    assert_eq!(story.rotation.next(story.at()), [Next::Do(send())]);
}

/// Goal: a soak is ten minutes in which all was well. Method: a probe that succeeds again does
/// not make it longer, one that fails in between begins it anew.
#[test]
fn a_probe_is_made_again_in_the_soak_and_begins_it_anew_where_it_fails() {
    let mut story = probing(part(false, true, true, false));
    story.checked(look()).unwrap();
    assert!(!story.rotation.next(story.at()).contains(&Next::Do(look())), "not at once");
    story.now += 60;
    assert!(story.rotation.next(story.at()).contains(&Next::Do(look())));
    story.checked(look()).unwrap();
    story.now = 600;
    let due = story.rotation.next(story.at());
    assert!(
        due.contains(&Next::Do(Action::Soak)),
        "the soak began with the first success: {due:?}"
    );
    story.tell(unsure(look(), story.at())).unwrap();
    assert!(story.checked(Action::Soak).is_err(), "it does not succeed any more");
    story.checked(look()).unwrap();
    assert!(story.checked(Action::Soak).is_err(), "not ten minutes of it");
    story.now += 600;
    story.checked(Action::Soak).unwrap();
    assert!(story.checked(look()).is_err(), "the soak is over");
    assert!(story.rotation.waiting(story.at()).len() == 1, "only the agreement is waited for");
}
