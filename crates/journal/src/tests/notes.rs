//! What processes without the lease leave: records for the log, and remarks on tasks.

use domain::{Remark, Span};

use super::*;
use crate::{Notes, Remarks};

fn denied(actor: &str) -> Record {
    Record { action: "access.denied".into(), actor: actor.into(), ..record("A", "") }
}

fn actors(home: &Home) -> Vec<String> {
    let lines = home.reader().audit_lines(1, 1000).unwrap();
    let records = lines.iter().map(|line| serde_json::from_str::<Record>(&line.body).unwrap());
    records.filter(|one| one.action == "access.denied").map(|one| one.actor).collect()
}

fn soon() -> Options {
    Options { renew_every: Duration::from_millis(20), ..Options::default() }
}

/// Goal: a note becomes a record whoever holds the lease: by its next write, by its next renewal,
/// or by whoever takes it next.
#[test]
fn a_note_becomes_a_record_with_and_without_a_writer() {
    let home = Home::new();
    let journal = home.open();
    Notes::post(&home.path(), &key(), &denied("ops-1")).unwrap();
    assert!(actors(&home).is_empty(), "nobody but the holder writes the log");
    journal.append_blocking(begin("A")).unwrap();
    assert_eq!(actors(&home), ["ops-1"]);
    drop(journal);
    Notes::post(&home.path(), &key(), &denied("ops-2")).unwrap();
    drop(home.open());
    assert_eq!(actors(&home), ["ops-1", "ops-2"]);
    let journal = home.try_open(soon()).unwrap();
    Notes::post(&home.path(), &key(), &denied("ops-3")).unwrap();
    eventually("the note is taken", || actors(&home).len() == 3);
    drop(journal);
    let verified = home.reader().verify_audit().unwrap();
    assert_eq!(verified.events, 4);
}

/// Goal: what a process leaves for itself, while it holds the lease, is in the log when it ends.
#[test]
fn a_note_is_taken_before_the_lease_is_given_back() {
    let home = Home::new();
    let journal = home.open();
    Notes::post(&home.path(), &key(), &denied("ops-1")).unwrap();
    drop(journal);
    assert_eq!(actors(&home), ["ops-1"]);
}

/// Goal: who has no key can put no words into the log. Method: raw SQL.
#[test]
fn a_forged_note_is_told_and_not_taken() {
    let home = Home::new();
    drop(home.open());
    let other = Key::from_bytes(&[1; 32]);
    let refused = Notes::post(&home.path(), &other, &denied("ops-1")).unwrap_err();
    assert!(matches!(refused, JournalError::WrongKey { .. }), "{refused}");
    let forged = serde_json::to_string(&denied("ops-2")).unwrap();
    let sql = "INSERT INTO notes (number, body, code) VALUES ('1', ?1, '00')";
    home.raw().execute(sql, [forged]).unwrap();
    drop(home.open());
    assert!(actors(&home).is_empty());
    let lines = home.reader().audit_lines(1, 10).unwrap();
    assert!(lines[0].body.contains("audit.note_forged"), "{lines:?}");
    assert!(home.reader().verify_audit().is_ok());
}

/// Goal: a record that stands beside a rotation's entries makes up for none that is missing.
#[test]
fn a_note_stands_for_no_entry() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    journal.append_note_blocking(vec![denied("ops-1")], Vec::new()).unwrap();
    drop(journal);
    let body = serde_json::to_string(&entry(1)).unwrap();
    let sql = "INSERT INTO events (rotation, seq, at, body) VALUES ('A', 1, '2026-11-21', ?1)";
    home.raw().execute(sql, [body]).unwrap();
    let problem = home.reader().verify_audit().unwrap_err();
    assert!(matches!(problem, crate::AuditProblem::Unrecorded { .. }), "{problem}");
}

fn say(home: &Home, who: &'static str) -> Result<Result<Remark, &'static str>, JournalError> {
    Remarks::change(&home.path(), &key(), &id("A"), "A.create", |remark| {
        if remark.failed.is_some() {
            return Err("somebody was faster");
        }
        remark.fail(who, "no second factor", now());
        Ok(Record { action: "task.failed".into(), actor: who.into(), ..record("A", "") })
    })
}

/// Goal: what is said of a task is seen at once, from every process, and only once; it goes with
/// its rotation, and its record is in the log.
#[test]
fn a_remark_is_seen_at_once_and_goes_with_its_rotation() {
    let home = Home::new();
    let journal = home.open();
    assert!(matches!(say(&home, "ops-1"), Err(JournalError::Unknown { .. })));
    journal.append_blocking(begin("A")).unwrap();
    let said = say(&home, "ops-1").unwrap().unwrap();
    assert_eq!(home.reader().remarks().unwrap()["A.create"], said);
    assert_eq!(say(&home, "ops-2").unwrap(), Err("somebody was faster"));
    journal.append_blocking(end("A", 1)).unwrap();
    assert!(home.reader().remarks().unwrap().is_empty());
    assert!(matches!(say(&home, "ops-1"), Err(JournalError::Closed { .. })));
    let lines = home.reader().audit_lines(1, 10).unwrap();
    assert_eq!(lines.iter().filter(|line| line.body.contains("task.failed")).count(), 1);
}

/// Goal: a remark that somebody without the key wrote or changed is as if it were not there, and
/// a replaced key takes the others over.
#[test]
fn a_forged_remark_is_not_there_and_a_new_key_takes_the_others_over() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    drop(journal);
    let mut claimed = Remark::default();
    let task = claim_task();
    claimed.take(&task, "ops-1", Span::from_secs(60), now()).unwrap();
    let change = Remarks::change(&home.path(), &key(), &id("A"), "A.create", |remark| {
        remark.clone_from(&claimed);
        Ok::<_, ()>(record("A", "task.claimed"))
    });
    change.unwrap().unwrap();
    let other = Key::from_bytes(&[43; 32]);
    let mut rekey = crate::Rekey::open(&home.path(), &key(), here(), Options::default()).unwrap();
    rekey.commit(&other, record("A", "installation.rekeyed")).unwrap();
    drop(rekey);
    let reader = Reader::open(&home.path(), &other).unwrap();
    assert_eq!(reader.remarks().unwrap()["A.create"], claimed);
    home.raw().execute("UPDATE remarks SET body = replace(body, 'ops-1', 'ops-2')", []).unwrap();
    assert!(reader.remarks().unwrap().is_empty());
}

fn claim_task() -> domain::Task {
    domain::Task {
        id: "A.create".into(),
        rotation: id("A"),
        secret: secret("A"),
        kind: domain::TaskKind::Create,
        role: "ops".into(),
        not_by: None,
        only: None,
        since: now(),
        deadline: now(),
        title: String::new(),
        page: None,
        takes: domain::Takes::Nothing,
        probe: None,
    }
}
