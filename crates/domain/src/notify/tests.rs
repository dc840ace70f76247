//! Which messages follow from a journal, and that nothing else can be in them.

use super::*;
use crate::rotation::sample_plan;
use crate::{Action, Doer, Evidence, Proof, Seen, Span};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A rotation that a person creates for, up to the question whether to revoke; what vendors said
/// on the way stands in it.
fn journal() -> Vec<Entry> {
    let mut plan = sample_plan(1);
    plan.issuer.creates = Doer::Operator;
    plan.issuer.revokes = Doer::Operator;
    let consumer = plan.consumers[0].id.clone();
    let said = || "a vendor's words".to_owned();
    let done = |action: Action, evidence| Event::Done { action, evidence };
    let checked = || Evidence::Checked { detail: said() };
    let wrote = || Evidence::Written { receipt: said() };
    let created = Evidence::Created {
        fingerprint: Fingerprint::from_bytes([7; 16]),
        handle: None,
        seen: Seen::Watched,
    };
    let proven = Evidence::Proven { proof: Proof::Fingerprint, detail: said() };
    let story = vec![
        Event::Planned { plan: Box::new(plan), by: "ops-1".into() },
        Event::Began { action: Action::Create },
        done(Action::Create, created),
        done(Action::Validate, checked()),
        Event::Began { action: Action::Store },
        done(Action::Store, wrote()),
        Event::Began { action: Action::Propagate(consumer.clone()) },
        done(Action::Propagate(consumer.clone()), wrote()),
        done(Action::Verify(consumer.clone()), proven),
        Event::Drifted { consumer, why: said() },
    ];
    (0..).zip(story).map(|(seq, event)| Entry { seq, at: at(seq as i64), event }).collect()
}

/// Goal: whoever derives messages, and however often, comes to the same ones. Method: a journal
/// that grows; the messages of before are a beginning of those of after.
#[test]
fn messages_follow_from_the_journal_and_stay_the_same() {
    let entries = journal();
    let mut before = Vec::new();
    for end in 1..=entries.len() {
        let told = Message::of_journal(&entries[..end]);
        assert_eq!(told[..before.len()], before[..], "up to {end}");
        before = told;
    }
    let words: Vec<&str> = before.iter().map(|message| message.about.word()).collect();
    assert_eq!(words, ["run.started", "task.waiting", "drift"]);
    let mut ids: Vec<&String> = before.iter().map(|message| &message.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), before.len());
    assert!(before[1].title().contains("waits for ops to create a token"), "{}", before[1].title());
    assert!(Message::of_journal(&[]).is_empty());
}

/// Goal: a vendor's words, and so whatever a vendor may echo, reach no message. Method: they stand
/// all over the journal, and nowhere in what is said or serialized.
#[test]
fn nothing_that_a_vendor_said_is_in_a_message() {
    for message in Message::of_journal(&journal()) {
        let all = format!(
            "{} {:?} {}",
            message.title(),
            message.lines(),
            serde_json::to_string(&message).unwrap()
        );
        assert!(!all.contains("vendor's words"), "{all}");
    }
}

/// Goal: a task that nobody does is said once more, not before its time and with an id of its own.
#[test]
fn a_task_that_waits_is_said_again() {
    let rotation = Rotation::replay(&journal()[..2]).unwrap();
    let minutes = Span::from_secs(600);
    assert!(Message::escalations(&rotation, minutes, at(500)).is_empty());
    let again = Message::escalations(&rotation, minutes, at(700));
    assert_eq!(again.len(), 1);
    assert!(again[0].again && again[0].title().contains("still waits"), "{}", again[0].title());
    assert_eq!(again, {
        let mut later = Message::escalations(&rotation, minutes, at(9_000));
        later.iter_mut().for_each(|one| one.at = at(700));
        later
    });
}

/// Goal: quiet hours hold what can wait, in the inventory's zone, and nothing else.
#[test]
fn quiet_hours_hold_what_can_wait() {
    let channel = Channel {
        name: "team".into(),
        kind: ChannelKind::SlackWebhook { address: crate::inventory::Source::Env("X".into()) },
        events: vec![About::RunDone, About::RunRolledBack],
        quiet: vec!["daily 22:00-07:00".parse().unwrap()],
        escalate: None,
        secret: None,
        private: false,
    };
    let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
    let night: Timestamp = "2026-11-27T22:30:00Z".parse().unwrap();
    let day: Timestamp = "2026-11-27T09:00:00Z".parse().unwrap();
    let edge: Timestamp = "2026-11-27T21:30:00Z".parse().unwrap();
    let done = Message::new(About::RunDone, "x", night);
    assert!(channel.holds(&done, &zone, night) && channel.holds(&done, &zone, edge));
    assert!(!channel.holds(&done, &zone, day));
    assert!(!channel.holds(&Message::new(About::RunRolledBack, "x", night), &zone, night));
    let again = Message { again: true, ..done };
    assert!(!channel.holds(&again, &zone, night));
    assert!(channel.wants(About::RunDone) && !channel.wants(About::Drift));
    assert!(channel.wants(About::Test), "a test is always wanted");
}

#[test]
fn the_removal_of_a_token_is_told_as_that() {
    let mut plan = crate::rotation::sample_plan(0);
    plan.mode = crate::Mode::Removal;
    let event = Event::Planned { plan: Box::new(plan), by: "ops-1".into() };
    let planned = Entry { seq: 0, at: Timestamp::UNIX_EPOCH, event };
    let event = Event::TurnedBack { by: "ops-1".into(), why: "it is somebody's".into() };
    let turned = Entry { seq: 1, at: Timestamp::UNIX_EPOCH, event };
    let outcome = Outcome::RolledBack { why: "it is somebody's".into() };
    let closed = Entry { seq: 2, at: Timestamp::UNIX_EPOCH, event: Event::Closed { outcome } };
    let all = Message::of_journal(&[planned, turned, closed]);
    let titles: Vec<String> = all.iter().map(Message::title).collect();
    let said = |words: &str| titles.iter().any(|title| title.contains(words));
    assert!(said("a token that nobody answers for is to be removed"), "{titles:?}");
    assert!(said("was not removed; nothing was changed"), "{titles:?}");
    assert!(!said("rotation"), "{titles:?}");
}
