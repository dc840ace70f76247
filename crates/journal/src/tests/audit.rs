//! Whoever can write the file but has no key cannot change the audit log unseen.

use domain::audit::{Broken, Hash};

use super::*;
use crate::AuditProblem;

/// A closed database with six records: three of a rotation, three of none.
fn logged() -> Home {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    journal.append_blocking(step("A", 1)).unwrap();
    for _ in 0..3 {
        journal.append_note_blocking(vec![record("none", "secret.looked")], vec![]).unwrap();
    }
    journal.append_blocking(end("A", 2)).unwrap();
    assert_eq!(home.reader().verify_audit().unwrap().events, 6);
    home
}

#[test]
fn a_whole_log_is_verified_with_its_head() {
    let home = logged();
    let verified = home.reader().verify_audit().unwrap();
    let lines = home.reader().audit_lines(1, 100).unwrap();
    assert_eq!(verified.head, lines[5].hash.to_string());
    let empty = Home::new();
    drop(empty.open());
    assert_eq!(empty.reader().verify_audit().unwrap().events, 0);
}

#[test]
fn every_change_is_found() {
    for sql in [
        // Changed.
        "UPDATE audit SET body = replace(body, 'tester', 'nobody') WHERE seq = 3",
        "UPDATE audit SET body = body || ' ' WHERE seq = 6",
        "UPDATE audit SET hash = randomblob(32) WHERE seq = 1",
        "UPDATE audit SET hash = x'00' WHERE seq = 1",
        "UPDATE audit SET signature = randomblob(64) WHERE seq = 4",
        "UPDATE audit SET signature = (SELECT signature FROM audit WHERE seq = 2) WHERE seq = 3",
        "UPDATE audit SET signature = x'' WHERE seq = 4",
        // Removed.
        "DELETE FROM audit WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3",
        // Inserted.
        "INSERT INTO audit SELECT 7, body, hash, signature FROM audit WHERE seq = 6",
        "UPDATE audit SET seq = -seq WHERE seq > 3; UPDATE audit SET seq = 1 - seq WHERE seq < 0;
         INSERT INTO audit SELECT 4, body, hash, signature FROM audit WHERE seq = 3",
        // In another order.
        "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;
         UPDATE audit SET seq = 3 WHERE seq = 100",
        // Cut.
        "DELETE FROM audit WHERE seq = 6",
        "DELETE FROM audit WHERE seq > 2; UPDATE audit_head SET seq = 2,
             hash = (SELECT hash FROM audit WHERE seq = 2)",
        "DELETE FROM audit",
        "DELETE FROM audit; DELETE FROM audit_head",
        "DELETE FROM audit; UPDATE audit_head SET seq = 0, hash = zeroblob(32)",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET signature = randomblob(64)",
    ] {
        let home = logged();
        let raw = home.raw();
        raw.pragma_update(None, "ignore_check_constraints", "ON").unwrap();
        raw.execute_batch(sql).unwrap();
        drop(raw);
        let problem = home.reader().verify_audit().unwrap_err();
        assert!(!problem.hint().is_empty(), "{sql}");
    }
}

/// Goal: a record in a chain that fits, signed by somebody else, is found.
#[test]
fn a_forged_record_is_found() {
    let home = logged();
    let last = home.reader().audit_lines(6, 1).unwrap().remove(0);
    let body = last.body.replace("tester", "nobody");
    let hash = last.hash.after(&body);
    home.raw()
        .execute(
            "INSERT INTO audit VALUES (7, ?1, ?2, randomblob(64))",
            rusqlite::params![body, hash.0],
        )
        .unwrap();
    let problem = home.reader().verify_audit().unwrap_err();
    assert!(matches!(problem, AuditProblem::Broken(Broken::Signature(7))), "{problem}");
}

/// Goal: an old head, once rightly signed, does not hide that the log was cut back to it: the
/// journal knows of more.
#[test]
fn a_log_cut_back_to_an_old_head_is_found() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    let raw = home.raw();
    raw.execute_batch("CREATE TABLE kept AS SELECT * FROM audit_head").unwrap();
    journal.append_blocking(step("A", 1)).unwrap();
    raw.execute_batch(
        "DELETE FROM audit WHERE seq > 1; DELETE FROM audit_head;
         INSERT INTO audit_head SELECT * FROM kept",
    )
    .unwrap();
    let problem = home.reader().verify_audit().unwrap_err();
    assert!(
        matches!(problem, AuditProblem::Unrecorded { entries: 2, records: 1, .. }),
        "{problem}"
    );
}

/// Goal: nothing is signed on top of a broken end.
#[test]
fn a_writer_refuses_a_log_whose_end_was_changed() {
    for sql in ["DELETE FROM audit_head", "DELETE FROM audit WHERE seq = 6"] {
        let home = logged();
        home.raw().execute_batch(sql).unwrap();
        let refused = home.try_open(Options::default()).unwrap_err();
        assert!(matches!(refused, JournalError::Audit(_)), "{refused}");
    }
    // Changed while a writer runs: it goes on from what it knows, and the change shows.
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    home.raw().execute("UPDATE audit_head SET hash = ?1", [Hash([1; 32]).0]).unwrap();
    journal.append_blocking(step("A", 1)).unwrap();
    assert_eq!(home.reader().verify_audit().unwrap().events, 2);
}

/// Goal: a record that cannot be written fails its batch and leaves the chain where it was.
/// Method: somebody stands in the next place, and goes again.
#[test]
fn a_record_that_was_refused_leaves_the_chain_whole() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    home.raw().execute("INSERT INTO audit VALUES (2, '{}', x'', x'')", []).unwrap();
    let refused = journal.append_blocking(step("A", 1)).unwrap_err();
    assert!(matches!(refused, JournalError::Refused(_)), "{refused}");
    assert_eq!(home.reader().events(&id("A")).unwrap().len(), 1);
    home.raw().execute("DELETE FROM audit WHERE seq = 2", []).unwrap();
    journal.append_blocking(step("A", 1)).unwrap();
    assert_eq!(home.reader().verify_audit().unwrap().events, 2);
}
