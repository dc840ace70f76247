//! Order, refusals and group commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Fingerprint, Handle, Outcome};

use super::*;
use crate::{RotationFilter, TokenChange, TokenState, WriteObserver};

/// Goal: what was appended is read again in order, by this process and by the next one.
#[test]
fn what_is_appended_is_replayed_in_order() {
    let home = Home::new();
    let journal = home.open();
    let appended = journal.append_blocking(begin("A")).unwrap();
    assert_eq!((appended.seq, appended.audit), (1, 1));
    let mut batch = step("A", 1);
    batch.entries.extend([entry(2), entry(3)]);
    batch.audit.extend([record("A", "x"), record("A", "x")]);
    assert_eq!(journal.append_blocking(batch).unwrap().seq, 4);
    let expected: Vec<Entry> = (0..4).map(entry).collect();
    assert_eq!(journal.reader().unwrap().events(&id("A")).unwrap(), expected);
    drop(journal);
    let journal = home.open();
    assert_eq!(home.reader().events(&id("A")).unwrap(), expected);
    assert_eq!(journal.append_blocking(step("A", 4)).unwrap().seq, 5);
    assert_eq!(home.reader().events(&id("B")).unwrap(), []);
    assert_eq!(home.reader().verify_audit().unwrap().events, 5);
}

#[test]
fn rotations_are_listed_newest_first_and_filtered() {
    let home = Home::new();
    let journal = home.open();
    for rotation in ["A", "B", "C"] {
        journal.append_blocking(begin(rotation)).unwrap();
    }
    journal.append_blocking(end("B", 1)).unwrap();
    let list = |filter: RotationFilter| {
        let rows = home.reader().rotations(&filter).unwrap();
        rows.into_iter().map(|row| row.id.0).collect::<String>()
    };
    assert_eq!(list(RotationFilter::default()), "CBA");
    assert_eq!(list(RotationFilter { open: Some(true), ..Default::default() }), "CA");
    assert_eq!(list(RotationFilter { open: Some(false), ..Default::default() }), "B");
    assert_eq!(list(RotationFilter { secret: Some(secret("A")), ..Default::default() }), "A");
    assert_eq!(list(RotationFilter { limit: Some(2), ..Default::default() }), "CB");
    let open: String =
        home.reader().open_rotations().unwrap().into_iter().map(|row| row.id.0).collect();
    assert_eq!(open, "CA");
    let closed = home.reader().rotations(&RotationFilter { limit: Some(2), ..Default::default() });
    let closed = closed.unwrap().remove(1);
    assert_eq!((closed.secret, closed.started_at), (secret("B"), now()));
    assert_eq!((closed.closed_at, closed.outcome), (Some(now()), Some(Outcome::Completed)));
}

#[test]
fn a_batch_that_is_not_next_is_refused_whole() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    for (expected, found) in [(0, 1), (2, 1)] {
        let refused = journal.append_blocking(with_values(step("A", expected))).unwrap_err();
        assert!(matches!(
            refused,
            JournalError::Conflict { expected: e, found: f, .. } if (e, f) == (expected, found)
        ));
        assert!(refused.is_refusal());
    }
    let mut misnumbered = step("A", 1);
    misnumbered.entries[0].seq = 7;
    assert!(matches!(
        journal.append_blocking(misnumbered).unwrap_err(),
        JournalError::Misnumbered { expected: 1, found: 7, .. }
    ));
    let unknown = journal.append_blocking(step("Z", 0)).unwrap_err();
    assert!(matches!(unknown, JournalError::Unknown { .. }));
    journal.append_blocking(end("A", 1)).unwrap();
    let closed = journal.append_blocking(step("A", 2)).unwrap_err();
    assert!(matches!(closed, JournalError::Closed { .. }));
    assert_eq!(home.reader().events(&id("A")).unwrap().len(), 2);
    assert_eq!(home.reader().verify_audit().unwrap().events, 2);
}

#[test]
fn one_rotation_of_a_secret_is_open_at_a_time() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    let mut second = step("A2", 0);
    second.open = Some(secret("A"));
    let refused = journal.append_blocking(second.clone()).unwrap_err();
    assert!(matches!(&refused, JournalError::AlreadyOpen { rotation, .. } if rotation.0 == "A"));
    assert!(refused.hint().contains("resume rotation A"));
    let again = journal.append_blocking(begin("A")).unwrap_err();
    assert!(matches!(again, JournalError::Exists { .. }));
    // The schema says so too, to whoever forgets to ask.
    let raw = home
        .raw()
        .execute("INSERT INTO rotations (id, secret, started_at) VALUES ('A3', 'prod/A', '')", []);
    assert!(raw.is_err());
    journal.append_blocking(end("A", 1)).unwrap();
    journal.append_blocking(second).unwrap();
}

/// Goal: a row that the schema refuses fails its batch only.
#[test]
fn a_row_that_breaks_a_rule_does_not_stop_the_journal() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    let mut batch = step("A", 1);
    batch.tokens.push(change("A", 1, TokenState::Active, Some("Z")));
    let refused = journal.append_blocking(batch).unwrap_err();
    assert!(matches!(refused, JournalError::Refused(_)), "{refused}");
    journal.append_blocking(step("A", 1)).unwrap();
    assert_eq!(home.reader().verify_audit().unwrap().events, 2);
}

#[test]
fn a_tokens_last_state_is_remembered_with_what_was_known_of_it() {
    let home = Home::new();
    let journal = home.open();
    let mut batch = begin("A");
    batch.tokens.push(change("A", 1, TokenState::Active, Some("A")));
    batch.tokens.push(change("A", 2, TokenState::Candidate, Some("A")));
    journal.append_blocking(batch).unwrap();
    let mut retiring = change("A", 1, TokenState::Retiring, None);
    retiring.handle = None;
    retiring.at = now() + jiff::SignedDuration::from_millis(1);
    let note = journal.append_note_blocking(vec![record("A", "x")], vec![retiring.clone()]);
    assert_eq!(note.unwrap().audit, 2);
    let tokens = home.reader().tokens(&secret("A")).unwrap();
    assert_eq!(tokens.len(), 2);
    assert_eq!(tokens[0].fingerprint, retiring.fingerprint);
    assert_eq!((tokens[0].state, tokens[0].since), (TokenState::Retiring, retiring.at));
    assert_eq!(tokens[0].handle, Some(Handle("handle-1".into())));
    assert_eq!(tokens[0].rotation, Some(id("A")));
    assert_eq!(home.reader().tokens(&secret("B")).unwrap(), []);
}

/// Goal: whoever reads all fingerprints at once misses none that a look-up would find, and sees by
/// two numbers whether there are others now.
#[test]
fn all_fingerprints_are_shown_and_numbered() {
    let home = Home::new();
    let journal = home.open();
    assert_eq!(home.reader().tokens_known().unwrap(), (0, 0));
    let change = |key, number, state| change(key, number, state, None);
    let changes = vec![
        change("A", 1, TokenState::Active),
        change("A", 2, TokenState::Candidate),
        change("B", 1, TokenState::ProvenDead),
    ];
    journal.append_note_blocking(vec![record("A", "x")], changes).unwrap();
    let again = vec![change("A", 2, TokenState::Active)];
    journal.append_note_blocking(vec![record("A", "y")], again).unwrap();
    let seen = Fingerprint::from_bytes([3; 16]);
    let learned = "INSERT INTO learned VALUES (?1, 'prod/C', '2026-01-01T00:00:00.000000000Z')";
    home.raw().execute(learned, [seen.hex()]).unwrap();

    let reader = home.reader();
    assert_eq!(reader.tokens_known().unwrap(), (3, 1));
    let mut shown = std::collections::BTreeSet::new();
    reader.each_fingerprint(0, |one| _ = shown.insert(*one)).unwrap();
    assert_eq!(shown, [1, 2, 3].map(|number| Fingerprint::from_bytes([number; 16])).into());
    assert!(shown.iter().all(|one| !reader.tokens_of(one).unwrap().is_empty()));
    shown.clear();
    reader.each_fingerprint(2, |one| _ = shown.insert(*one)).unwrap();
    assert_eq!(shown, [1, 3].map(|number| Fingerprint::from_bytes([number; 16])).into());
    let second = Fingerprint::from_bytes([2; 16]);
    assert_eq!(reader.fingerprint_number(2).unwrap(), Some(second));
    assert_eq!(reader.fingerprint_number(4).unwrap(), None);
}

fn change(key: &str, number: u8, state: TokenState, rotation: Option<&str>) -> TokenChange {
    TokenChange {
        secret: secret(key),
        fingerprint: Fingerprint::from_bytes([number; 16]),
        handle: Some(Handle(format!("handle-{number}"))),
        state,
        at: now(),
        rotation: rotation.map(id),
    }
}

/// Counts commits and holds each up a little, so that others gather behind it.
#[derive(Default)]
struct Counting(AtomicU64);

impl WriteObserver for Counting {
    fn before_commit(&self) {
        std::thread::sleep(Duration::from_millis(5));
    }

    fn after_commit(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Goal: many who wait share commits; a conflict among them fails alone; nothing is lost or
/// changes its order. Method: 64 rotations side by side, every fifth step tried twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_shares_a_commit_and_a_conflict_fails_alone() {
    let home = Home::new();
    let counting = Arc::new(Counting::default());
    let options = Options { observer: Some(counting.clone()), ..Options::default() };
    let journal = home.try_open(options).unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let rotation = format!("R{n}");
                journal.append(begin(&rotation)).await.unwrap();
                for seq in 1..10 {
                    if seq % 5 == 0 {
                        let (wrong, right) = tokio::join!(
                            journal.append(step(&rotation, seq + 1)),
                            journal.append(step(&rotation, seq)),
                        );
                        assert!(matches!(wrong, Err(JournalError::Conflict { .. })));
                        right.unwrap();
                    } else {
                        journal.append(step(&rotation, seq)).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let commits = counting.0.load(Ordering::Relaxed);
    assert!(commits < 320, "640 batches took {commits} commits");
    let reader = journal.reader().unwrap();
    for n in 0..64 {
        let expected: Vec<Entry> = (0..10).map(entry).collect();
        assert_eq!(reader.events(&id(&format!("R{n}"))).unwrap(), expected);
    }
    assert_eq!(reader.verify_audit().unwrap().events, 640);
}

#[tokio::test]
async fn audit_records_of_no_rotation_are_written_too() {
    let home = Home::new();
    let journal = home.open();
    let appended = journal.append_audit(vec![record("A", "inventory.loaded")]).await.unwrap();
    assert_eq!((appended.seq, appended.audit), (0, 1));
    let lines = home.reader().audit_lines(1, 10).unwrap();
    assert!(lines.len() == 1 && lines[0].body.contains("inventory.loaded"));
    assert_eq!(home.reader().audit_lines(2, 10).unwrap(), []);
}

/// Goal: a reader learns cheaply that something was written.
#[test]
fn the_data_version_changes_with_every_commit() {
    let home = Home::new();
    let journal = home.open();
    let reader = home.reader();
    let before = reader.data_version().unwrap();
    assert_eq!(reader.data_version().unwrap(), before);
    journal.append_blocking(begin("A")).unwrap();
    assert_ne!(reader.data_version().unwrap(), before);
}
