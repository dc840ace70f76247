//! What becomes of an open rotation whose journal is older than the world.

use super::*;
use crate::reconcile::{Verdict, judge};
use crate::{ConsumerSeen, Holding, IssuerSeen, Liveness, Mint, Observed, StoreSeen};

const NEW: [u8; 16] = [1; 16];
const STRANGER: [u8; 16] = [9; 16];

fn old_of(story: &Story) -> Fingerprint {
    story.rotation.plan().old.fingerprint
}

fn world(store: Fingerprint, consumer: Holding) -> Observed {
    Observed {
        at: Timestamp::UNIX_EPOCH,
        open: None,
        remembered: None,
        store: StoreSeen::Holds { fingerprint: store, version: "1".into() },
        old: alive(),
        issuer: IssuerSeen { tokens: Vec::new(), listed: false, mint: Mint::Allowed, page: None },
        consumers: vec![ConsumerSeen { id: c0(), holding: consumer }],
        login_is_old: false,
        loose_logins: Vec::new(),
        decommissioned: None,
        shared_with: None,
    }
}

fn alive() -> Liveness {
    Liveness::Alive { identity: "acme".into() }
}

fn dead() -> Liveness {
    Liveness::Dead { evidence: "401".into() }
}

fn fp(bytes: [u8; 16]) -> Fingerprint {
    Fingerprint::from_bytes(bytes)
}

fn verdict(story: &Story, observed: &Observed, old: &Liveness, new: Option<&Liveness>) -> Verdict {
    judge(&story.rotation, observed, old, new, "ops-1")
}

/// A story in which the token was made, and nothing after it.
fn made() -> Story {
    let mut story = Story::new();
    story.created();
    story
}

/// Goal: what the journal does not tell of is settled by looking, and every event that says so
/// is one that the machine takes.
#[test]
fn everything_that_may_have_been_done_is_doubted() {
    let mut story = made();
    let old = old_of(&story);
    for (store, consumer, liveness, count) in [
        (fp(NEW), Holding::Token(old), alive(), 2),
        // Everybody is on it: the revocation may have been sent.
        (fp(NEW), Holding::Token(fp(NEW)), alive(), 3),
        (fp(NEW), Holding::Unreadable(None), alive(), 3),
        // It went on to its end: the revocation, too.
        (fp(NEW), Holding::Token(fp(NEW)), dead(), 3),
    ] {
        let seen = world(store, consumer);
        let Verdict::GoesOn(events) = verdict(&story, &seen, &liveness, Some(&alive())) else {
            unreachable!("it can be settled by looking")
        };
        assert_eq!(events.len(), count);
        assert!(events.iter().all(|event| matches!(event, Event::Doubted { .. })));
    }
    let seen = world(fp(NEW), Holding::Token(fp(NEW)));
    let Verdict::GoesOn(events) = verdict(&story, &seen, &dead(), Some(&alive())) else {
        unreachable!("it can be settled by looking")
    };
    for event in events {
        story.tell(event).unwrap();
    }
    assert!(story.rotation.past_return() && !story.rotation.may_turn_back());
    let due = story.rotation.next(story.at());
    assert!(
        due.contains(&Next::Settle(Action::Revoke)) && due.contains(&Next::Settle(Action::Store))
    );
    assert!(!due.iter().any(|next| matches!(next, Next::Ask)), "nobody agrees to what is done");
}

/// Goal: a revocation that was sent and has not taken effect yet puts nobody out of service. Where
/// everybody is on the new token the old one's may have been, and there is no way back; where
/// nobody is, the new one's, and nobody is given it.
#[test]
fn what_may_be_on_its_way_decides_the_way() {
    let told = |store: [u8; 16], holding: Holding| {
        let mut story = made();
        let seen = world(fp(store), holding);
        let Verdict::GoesOn(events) = verdict(&story, &seen, &alive(), Some(&alive())) else {
            unreachable!("it can be settled by looking")
        };
        events.into_iter().for_each(|event| story.tell(event).unwrap());
        let back = matches!(story.rotation.direction(), crate::Direction::Back { .. });
        (back, story.rotation.may_turn_back())
    };
    let old = [0; 16];
    assert_eq!(fp(old), old_of(&made()));
    let mixed = |one, other| Holding::Mixed(vec![Some(fp(one)), Some(fp(other))]);
    assert_eq!(told(old, Holding::Token(fp(old))), (true, false));
    assert_eq!(told(old, Holding::Unreadable(None)), (true, false));
    assert_eq!(told(old, mixed(old, NEW)), (false, true));
    assert_eq!(told(NEW, Holding::Token(fp(old))), (false, true));
    assert_eq!(told(NEW, Holding::Nothing), (false, true));
    assert_eq!(told(NEW, Holding::Unreadable(None)), (false, false));
    assert_eq!(told(NEW, Holding::Token(fp(NEW))), (false, false));
}

#[test]
fn a_create_that_the_journal_does_not_tell_of_is_looked_for() {
    let story = Story::new();
    let old = old_of(&story);
    let seen = world(old, Holding::Token(old));
    // What was made of it, too.
    let doubted = [Action::Create, Action::Store, Action::Propagate(c0())];
    let doubted = doubted.map(|action| Event::Doubted { action });
    let Verdict::GoesOn(events) = verdict(&story, &seen, &alive(), None) else {
        unreachable!("it can be settled by looking")
    };
    assert_eq!(events[..3], doubted);
    // Whoever is given it meanwhile could not be told, so everybody is put back.
    assert!(matches!(events[3..], [Event::TurnedBack { .. }]));
}

#[test]
fn one_that_was_rolled_back_meanwhile_turns_back() {
    let story = made();
    let old = old_of(&story);
    let seen = world(old, Holding::Token(old));
    let Verdict::GoesOn(events) = verdict(&story, &seen, &alive(), Some(&dead())) else {
        unreachable!("it can turn back")
    };
    assert!(matches!(events.last(), Some(Event::TurnedBack { .. })));
}

/// Goal: no write is ever made that would give somebody a dead token or take a strange one away.
#[test]
fn what_looking_cannot_settle_does_not_go_on() {
    let (fresh, made) = (Story::new(), made());
    let (old, stranger) = (old_of(&made), fp(STRANGER));
    let moved = |story: &Story, seen: &Observed, old: &Liveness, new: Option<&Liveness>| {
        matches!(verdict(story, seen, old, new), Verdict::MovedOn(_))
    };
    let on = |store, consumer| world(store, Holding::Token(consumer));
    assert!(moved(&made, &on(stranger, old), &alive(), Some(&alive())));
    assert!(moved(&made, &on(old, stranger), &alive(), Some(&alive())));
    let mixed = Holding::Mixed(vec![Some(old), None, Some(stranger)]);
    assert!(moved(&made, &world(old, mixed), &alive(), Some(&alive())));
    // Its own new token is a stranger to a journal that is from before it was made.
    assert!(moved(&fresh, &on(fp(NEW), fp(NEW)), &dead(), None));
    assert!(moved(&fresh, &on(old, old), &dead(), None));
    assert!(moved(&made, &on(old, old), &dead(), Some(&dead())));
    let mut empty = on(old, old);
    empty.store = StoreSeen::Empty;
    assert!(moved(&made, &empty, &alive(), Some(&alive())));
    let mut back = Story::new();
    back.created();
    back.tell(Event::TurnedBack { by: "ops-1".into(), why: "asked".into() }).unwrap();
    assert!(moved(&back, &on(old, old), &dead(), Some(&alive())));
}

#[test]
fn what_could_not_be_looked_at_is_no_answer() {
    let story = made();
    let old = old_of(&story);
    let unknown = Liveness::Unknown { why: "503".into() };
    let unseen = |seen: &Observed, old: &Liveness, new: &Liveness| {
        matches!(verdict(&story, seen, old, Some(new)), Verdict::Unseen(_))
    };
    assert!(unseen(&world(old, Holding::Token(old)), &unknown, &alive()));
    assert!(unseen(&world(old, Holding::Token(old)), &alive(), &unknown));
    assert!(unseen(&world(old, Holding::Unknown("503".into())), &alive(), &alive()));
    assert!(unseen(&world(old, Holding::Refused("404".into())), &alive(), &alive()));
    let mut store = world(old, Holding::Token(old));
    store.store = StoreSeen::Unknown("503".into());
    assert!(unseen(&store, &alive(), &alive()));
}

/// Goal: a doubt cannot be told of what could not have come next.
#[test]
fn only_what_could_have_come_next_is_doubted() {
    let mut story = Story::new();
    for action in [Action::Revoke, Action::Discard, Action::Unstore, Action::Restore(c0())] {
        assert!(story.tell(Event::Doubted { action }).is_err());
    }
    story.created();
    assert!(story.tell(Event::Doubted { action: Action::Create }).is_err());
    story.wrote_after_validation();
    story.tell(Event::Doubted { action: Action::Propagate(c0()) }).unwrap();
    assert!(story.tell(Event::Doubted { action: Action::Propagate(c0()) }).is_err());
    // On the way back nothing of the way forward is made again.
    let back = Event::TurnedBack { by: "ops-1".into(), why: "asked".into() };
    story.tell(back).unwrap();
    assert!(story.tell(Event::Doubted { action: Action::Store }).is_err());
}

/// Goal: a write that the journal calls done, and that was made once more after its last entry, is
/// waited for before anything is undone; what rested on it is looked at again.
#[test]
fn a_write_that_is_done_may_have_been_made_again() {
    let mut story = Story::soaking();
    let old = old_of(&story);
    let seen = world(old, Holding::Token(fp(NEW)));
    let Verdict::GoesOn(events) = verdict(&story, &seen, &alive(), Some(&alive())) else {
        unreachable!("it can be settled by looking")
    };
    let doubted = [Action::Store, Action::Propagate(c0())];
    assert_eq!(events, doubted.map(|action| Event::Doubted { action }));
    events.into_iter().for_each(|event| story.tell(event).unwrap());
    assert_eq!(story.rotation.state(&Action::Verify(c0())), StepState::Idle);
    story.tell(Event::TurnedBack { by: "ops-1".into(), why: "asked".into() }).unwrap();
    let due = story.rotation.next(story.at());
    assert!(!due.contains(&Next::Do(Action::Unstore)), "{due:?}");
    assert!(due.contains(&Next::Settle(Action::Store)), "{due:?}");
}

/// Goal: what was refused may have been tried again by a person.
#[test]
fn a_refused_step_may_have_been_tried_again() {
    let mut story = Story::new();
    let mut plan = (*story.rotation.plan).clone();
    plan.mode = crate::Mode::RevokeFirst;
    story.rotation.plan = plan.into();
    story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
    story.wrote(Action::Revoke);
    story.began(Action::Create);
    story.tell(Event::Refused { action: Action::Create, why: "403".into() }).unwrap();
    let old = old_of(&story);
    let seen = world(old, Holding::Token(old));
    let Verdict::GoesOn(events) = verdict(&story, &seen, &dead(), None) else {
        unreachable!("it can be settled by looking")
    };
    assert!(events.contains(&Event::Doubted { action: Action::Create }), "{events:?}");
}

impl Story {
    fn wrote_after_validation(&mut self) {
        self.checked(Action::Validate).unwrap();
        self.wrote(Action::Store);
    }
}

/// Goal: a rotation that revokes first and was set back to before its revocation is gone on with.
#[test]
fn where_the_revocation_comes_first_a_dead_token_is_its_own_doing() {
    let mut story = Story::new();
    let mut plan = (*story.rotation.plan).clone();
    plan.mode = crate::Mode::RevokeFirst;
    story.rotation.plan = plan.into();
    let old = old_of(&story);
    let seen = world(old, Holding::Token(old));
    let Verdict::GoesOn(events) = verdict(&story, &seen, &dead(), None) else {
        unreachable!("it can be settled by looking")
    };
    for event in events {
        story.tell(event).unwrap();
    }
    assert!(story.rotation.past_return());
}

/// Goal: a revocation that is only doubted was not agreed to in this journal, and can be; one
/// that was begun with an agreement cannot be agreed to once more.
#[test]
fn a_doubted_revocation_can_be_agreed_to() {
    let mut story = made();
    story.wrote_after_validation();
    assert!(story.rotation.may_be_agreed_to());
    story.tell(Event::Doubted { action: Action::Revoke }).unwrap();
    story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
    assert!(story.tell(Event::Approved { by: "ops-2".into() }).is_err());
}

/// Goal: nobody is asked to delete a token because an old journal makes its revocation doubtful:
/// the soak, the agreement of whoever must agree and the last look come first.
#[test]
fn a_doubted_revocation_asks_nobody_to_revoke() {
    let mut plan = model::plan::plan(1);
    plan.issuer.revokes = crate::Doer::Operator;
    plan.gates.second_person = true;
    let mut story = Story::of(plan);
    let asked = |story: &Story| {
        let tasks = story.rotation.tasks(story.at());
        tasks.into_iter().map(|task| task.kind).collect::<Vec<_>>()
    };
    story.created();
    story.wrote_after_validation();
    story.wrote(Action::Propagate(c0()));
    story.verified();
    story.tell(Event::Doubted { action: Action::Revoke }).unwrap();
    assert_eq!(asked(&story), []);
    assert!(story.tell(Event::Approved { by: "ops-1".into() }).is_err(), "alone");
    let why = "it still answers".into();
    story.tell(Event::NotDone { action: Action::Revoke, why }).unwrap();
    story.now += 600;
    story.checked(Action::Soak).unwrap();
    assert_eq!(asked(&story), [crate::TaskKind::Approve]);
    story.tell(Event::Approved { by: "ops-2".into() }).unwrap();
    story.checked(Action::Gate).unwrap();
    story.began(Action::Revoke);
    assert_eq!(asked(&story), [crate::TaskKind::Revoke]);
    // A last look grows old while nobody is there.
    story.tell(Event::Resumed { by: "ops-1".into() }).unwrap();
    assert_eq!(asked(&story), []);
    assert!(story.rotation.next(story.at()).contains(&Next::Settle(Action::Revoke)));
}

/// Goal: an agreement is given once, and to nothing that has ended.
#[test]
fn an_agreement_is_given_once() {
    let mut story = Story::new();
    story.tell(Event::Approved { by: "ops-1".into() }).unwrap();
    assert!(story.tell(Event::Approved { by: "ops-2".into() }).is_err());
    assert_eq!(story.rotation.approved(), Some("ops-1"));
    let mut story = Story::new();
    let outcome = Outcome::Abandoned { why: "the world went on".into() };
    story.tell(Event::Closed { outcome }).unwrap();
    assert!(!story.rotation.may_be_agreed_to());
}
