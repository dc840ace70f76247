//! Whoever can write the file but has no key cannot change the audit log unseen, and whoever has
//! an old copy of it cannot put it back unseen by whoever kept a checkpoint.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use domain::audit::{Broken, Checkpoint, Hash, Note, NoteError, NoteKey, Tree};
use rusqlite::params;

use super::*;
use crate::{AuditProblem, signed};

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

/// A closed database with this many different records of about 300 bytes.
fn filled(records: u32) -> Home {
    let home = Home::new();
    let journal = home.open();
    let numbered = |number: u32| Record {
        context: BTreeMap::from([("detail".into(), format!("{number:06} ").repeat(25))]),
        ..record("none", "secret.looked")
    };
    journal.append_note_blocking((0..records).map(numbered).collect(), vec![]).unwrap();
    drop(journal);
    home.raw().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    home
}

fn full() -> bool {
    std::env::var_os("ROLLOVER_FULL").is_some()
}

fn broken(home: &Home) -> Broken {
    match home.reader().verify_audit().unwrap_err() {
        AuditProblem::Broken(broken) => broken,
        other => panic!("{other}"),
    }
}

#[test]
fn a_whole_log_is_verified_with_its_checkpoint() {
    let home = logged();
    let verified = home.reader().verify_audit().unwrap();
    let mut tree = Tree::default();
    for line in home.reader().audit_lines(1, 100).unwrap() {
        assert_eq!(line.leaf, Hash::leaf(line.body.as_bytes()));
        tree.push(line.leaf);
    }
    assert_eq!((verified.events, verified.root), (6, tree.root()));
    let key = home.reader().audit_key().unwrap();
    let said = Checkpoint::open(&verified.checkpoint, std::slice::from_ref(&key), &signed).unwrap();
    assert_eq!(said, Checkpoint::of(key.name(), &tree));
    assert!(key.name().starts_with("rollover/"));
    assert_eq!(home.reader().audit_newest(2).unwrap()[0].seq, 5);
    assert_eq!(home.reader().audit_newest(100).unwrap().len(), 6);
    let empty = Home::new();
    drop(empty.open());
    assert_eq!(empty.reader().verify_audit().unwrap().events, 0);
    assert_ne!(empty.reader().audit_key().unwrap().name(), key.name());
}

/// The vectors of <https://c2sp.org/signed-note> and of Go's `sumdb/note`, where it comes from.
#[test]
fn known_notes_are_opened() {
    let vectors = [
        (
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
        ),
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
        ),
    ];
    for (key, text) in vectors {
        let key: NoteKey = key.parse().unwrap();
        let keys = std::slice::from_ref(&key);
        let note = Note::parse(text).unwrap();
        assert_eq!(
            note.open(keys, &signed).unwrap(),
            text.split_once("\n\n").unwrap().0.to_owned() + "\n"
        );
        let changed = Note::parse(&text.replacen('i', "j", 1)).unwrap();
        assert!(matches!(changed.open(keys, &signed), Err(NoteError::Forged(_))));
    }
}

#[test]
fn every_change_is_found() {
    for sql in [
        // Changed.
        "UPDATE audit SET body = replace(body, 'tester', 'nobody') WHERE seq = 3",
        "UPDATE audit SET body = body || ' ' WHERE seq = 6",
        "UPDATE audit SET body = CAST(x'ff' AS TEXT) WHERE seq = 6",
        "UPDATE audit SET leaf = randomblob(32) WHERE seq = 1",
        "UPDATE audit SET leaf = x'00' WHERE seq = 1",
        "UPDATE audit SET leaf = (SELECT leaf FROM audit WHERE seq = 2) WHERE seq = 3",
        // Removed.
        "DELETE FROM audit WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3",
        // Inserted.
        "INSERT INTO audit SELECT 7, body, leaf FROM audit WHERE seq = 6",
        "INSERT INTO audit SELECT 0, body, leaf FROM audit WHERE seq = 6",
        "INSERT INTO audit SELECT -1, body, leaf FROM audit WHERE seq = 6",
        "UPDATE audit SET seq = -seq WHERE seq > 3; UPDATE audit SET seq = 1 - seq WHERE seq < 0;
         INSERT INTO audit SELECT 4, body, leaf FROM audit WHERE seq = 3",
        // In another order.
        "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;
         UPDATE audit SET seq = 3 WHERE seq = 100",
        // Cut.
        "DELETE FROM audit WHERE seq = 6",
        "DELETE FROM audit WHERE seq > 2; UPDATE audit_head SET checkpoint =
             replace(checkpoint, char(10) || '6' || char(10), char(10) || '2' || char(10))",
        "DELETE FROM audit",
        "DELETE FROM audit; DELETE FROM audit_head",
        // The checkpoint.
        "DELETE FROM audit_head",
        "UPDATE audit_head SET checkpoint = ''",
        "UPDATE audit_head SET checkpoint = replace(checkpoint, 'rollover/', 'rollover/0')",
        "UPDATE audit_head SET checkpoint = replace(checkpoint, '6', '7')",
        "UPDATE audit_head SET checkpoint = CAST(x'ff' AS TEXT)",
        "UPDATE audit_head SET edge = zeroblob(64)",
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

/// Goal: a record with a hash that fits is found all the same, by the root.
#[test]
fn a_record_that_was_changed_with_its_hash_is_found() {
    let home = logged();
    let line = home.reader().audit_lines(4, 1).unwrap().remove(0);
    let body = line.body.replace("tester", "nobody");
    let sql = "UPDATE audit SET body = ?1, leaf = ?2 WHERE seq = 4";
    home.raw().execute(sql, params![body, Hash::leaf(body.as_bytes()).0]).unwrap();
    assert_eq!(broken(&home), Broken::Root(6));
}

/// Goal: an old checkpoint, once rightly signed, does not hide that the log was cut back to it:
/// the journal knows of more.
#[test]
fn a_log_cut_back_to_an_old_checkpoint_is_found() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    let raw = home.raw();
    raw.execute_batch("CREATE TABLE noted AS SELECT * FROM audit_head").unwrap();
    journal.append_blocking(step("A", 1)).unwrap();
    raw.execute_batch(
        "DELETE FROM audit WHERE seq > 1; DELETE FROM audit_head;
         INSERT INTO audit_head SELECT * FROM noted",
    )
    .unwrap();
    let problem = home.reader().verify_audit().unwrap_err();
    assert!(
        matches!(problem, AuditProblem::Unrecorded { entries: 2, records: 1, .. }),
        "{problem}"
    );
}

/// Goal: the whole path finds a flipped bit. Method: bits of the records are flipped in the
/// database file itself, a few hundred, or two thousand with `ROLLOVER_FULL=1`. That all of
/// them would be found is tried where it is quick: in the crate `domain`.
#[test]
fn a_bit_that_is_flipped_in_the_file_is_found() {
    let (records, flips) = if full() { (3_800, 2_000) } else { (380, 300) };
    let home = filled(records);
    let mut bytes = fs::read(home.path()).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(home.path()).unwrap();
    let mut write = |at: usize, byte: u8| {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    let lines = home.reader().audit_lines(1, u64::from(records)).unwrap();
    let bodies: usize = lines.iter().map(|line| line.body.len()).sum();
    assert!(!full() || bodies >= 1 << 20, "{bodies} bytes");
    // Where each record lies in the file: rows of one page lie one beside the other.
    let places: Vec<(usize, usize)> = lines
        .iter()
        .map(|line| {
            let body = line.body.as_bytes();
            let at = memchr(&bytes, body).unwrap();
            (at, body.len())
        })
        .collect();
    let reader = home.reader();
    for flip in 0..flips {
        let (start, length) = places[flip * 7_919 % places.len()];
        let bit = flip * 104_729 % (length * 8);
        let at = start + bit / 8;
        bytes[at] ^= 1 << (bit % 8);
        write(at, bytes[at]);
        let found = home.reader().verify_audit();
        assert!(matches!(found, Err(AuditProblem::Broken(_))), "bit {bit} at {at}: {found:?}");
        bytes[at] ^= 1 << (bit % 8);
        write(at, bytes[at]);
    }
    assert_eq!(reader.verify_audit().unwrap().events, u64::from(records));
    println!("{flips} bits flipped in the file, all found");
}

fn memchr(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Where the mark beside a database lies.
fn mark(database: &Path) -> PathBuf {
    crate::connection::beside(database, ".mark")
}

/// Goal: a database that was set back as a whole is found by one checkpoint kept elsewhere, from
/// whatever earlier moment the copy is; and so is one that went on after it was set back.
#[test]
fn a_whole_database_that_was_set_back_is_found() {
    let home = Home::new();
    let journal = home.open();
    let mut copies = Vec::new();
    for number in 0..12 {
        journal.append_note_blocking(vec![record("none", &format!("n{number}"))], vec![]).unwrap();
        copies.push(home.directory.path().join(format!("copy-{number}")));
        home.raw().execute("VACUUM INTO ?1", [copies[number].to_str()]).unwrap();
        fs::copy(mark(&home.path()), mark(&copies[number])).unwrap();
    }
    let anchor = home.reader().verify_audit().unwrap().checkpoint;
    let anchors = std::slice::from_ref(&anchor);
    journal.append_note_blocking(vec![record("none", "after")], vec![]).unwrap();
    assert_eq!(home.reader().verify_audit_against(anchors).unwrap().events, 13);
    drop(journal);
    for (number, copy) in copies.iter().enumerate() {
        let back = Home::new();
        // Whoever sets it back sets its mark back, too.
        fs::copy(copy, back.path()).unwrap();
        fs::copy(mark(copy), mark(&back.path())).unwrap();
        // The copy by itself is whole: nothing but the anchor can tell.
        assert_eq!(back.reader().verify_audit().unwrap().events, number as u64 + 1);
        let found = back.reader().verify_audit_against(anchors);
        let last = number + 1 == copies.len();
        match found {
            Ok(_) => assert!(last, "copy {number}"),
            Err(AuditProblem::Broken(Broken::Behind { anchored: 12, .. })) => assert!(!last),
            Err(other) => panic!("{other}"),
        }
        // It goes on, past where the anchor was made.
        let journal = back.open();
        for _ in 0..20 {
            journal.append_note_blocking(vec![record("none", "other")], vec![]).unwrap();
        }
        let found = back.reader().verify_audit_against(anchors);
        match found {
            Ok(_) => assert!(last, "copy {number}"),
            Err(AuditProblem::Broken(Broken::Forked(12))) => assert!(!last),
            Err(other) => panic!("{other}"),
        }
    }
    // A new database of the same key is another log.
    let new = Home::new();
    drop(new.open());
    let found = new.reader().verify_audit_against(anchors).unwrap_err();
    assert!(matches!(found, AuditProblem::Broken(Broken::Other { .. })), "{found}");
}

#[test]
fn an_anchor_that_nobody_known_signed_is_not_believed() {
    let home = logged();
    let right = home.reader().verify_audit().unwrap().checkpoint;
    let forged = Note::parse(&right.as_str().replace("\n6\n", "\n5\n")).unwrap();
    let anchors = [right, forged];
    let found = home.reader().verify_audit_against(&anchors).unwrap_err();
    let forged = AuditProblem::Anchor { number: 2, why: NoteError::Unsigned };
    assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&forged), "{found}");
    assert!(found.hint().contains("another place"));
}

#[test]
fn a_proof_needs_nothing_but_the_key() {
    let home = logged();
    let (reader, key) = (home.reader(), home.reader().audit_key().unwrap());
    for number in 1..=6 {
        let proof = reader.prove_audit(number).unwrap();
        let record = reader.audit_lines(number, 1).unwrap().remove(0);
        let read = domain::audit::Proof::parse(&proof.to_string()).unwrap();
        assert_eq!(read.extra.as_deref(), Some(record.body.as_bytes()));
        let said = read.check(record.leaf, std::slice::from_ref(&key), &signed).unwrap();
        assert_eq!((said.size, read.index + 1), (6, number));
    }
    for number in [0, 7] {
        let none = reader.prove_audit(number).unwrap_err();
        assert!(matches!(none, AuditProblem::NoRecord { records: 6, .. }), "{none}");
    }
    // A broken log proves nothing.
    home.raw().execute("UPDATE audit SET body = '{}' WHERE seq = 2", []).unwrap();
    assert!(matches!(reader.prove_audit(5), Err(AuditProblem::Broken(Broken::Record(2)))));
}

/// Goal: nothing is signed on top of a broken end.
#[test]
fn a_writer_refuses_a_log_whose_end_was_changed() {
    for sql in [
        "DELETE FROM audit_head",
        "DELETE FROM audit WHERE seq = 6",
        "UPDATE audit_head SET edge = zeroblob(64)",
        "UPDATE audit_head SET edge = x''",
    ] {
        let home = logged();
        home.raw().execute_batch(sql).unwrap();
        let refused = home.try_open(Options::default()).unwrap_err();
        assert!(matches!(refused, JournalError::Audit(_)), "{refused}");
    }
    // Changed while a writer runs: it goes on from what it knows, and the change shows or is
    // overwritten.
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    home.raw().execute("UPDATE audit_head SET edge = ?1", [[1; 32]]).unwrap();
    journal.append_blocking(step("A", 1)).unwrap();
    assert_eq!(home.reader().verify_audit().unwrap().events, 2);
}

/// Goal: a record that cannot be written fails its batch and leaves the log where it was.
/// Method: somebody stands in the next place, and goes again.
#[test]
fn a_record_that_was_refused_leaves_the_log_whole() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    home.raw().execute("INSERT INTO audit VALUES (2, '{}', x'')", []).unwrap();
    let refused = journal.append_blocking(step("A", 1)).unwrap_err();
    assert!(matches!(refused, JournalError::Refused(_)), "{refused}");
    assert_eq!(home.reader().events(&id("A")).unwrap().len(), 1);
    home.raw().execute("DELETE FROM audit WHERE seq = 2", []).unwrap();
    journal.append_blocking(step("A", 1)).unwrap();
    assert_eq!(home.reader().verify_audit().unwrap().events, 2);
}

/// Goal: where the audit cannot be written nothing else is, and everything can still be read.
/// Method: the database refuses rows of the log, or its checkpoint.
#[test]
fn an_audit_that_cannot_be_written_stops_every_change_and_no_look() {
    for table in ["audit", "audit_head"] {
        let home = Home::new();
        let journal = home.open();
        journal.append_blocking(with_values(begin("A"))).unwrap();
        home.raw()
            .execute_batch(&format!(
                "CREATE TRIGGER stopped BEFORE INSERT ON {table}
                 BEGIN SELECT RAISE(ABORT, 'rehearsed'); END"
            ))
            .unwrap();
        for refused in [
            journal.append_blocking(step("A", 1)).unwrap_err(),
            journal.append_blocking(end("A", 1)).unwrap_err(),
            journal.append_blocking(begin("B")).unwrap_err(),
            journal.append_note_blocking(vec![record("A", "x")], vec![]).unwrap_err(),
        ] {
            assert!(!refused.hint().is_empty(), "{refused}");
        }
        let reader = home.reader();
        assert_eq!(reader.events(&id("A")).unwrap().len(), 1);
        assert_eq!(reader.open_rotations().unwrap().len(), 1);
        assert!(reader.open_value(&id("A"), Slot::New).unwrap().is_some());
        assert_eq!(reader.audit_newest(10).unwrap().len(), 1);
        assert_eq!(reader.verify_audit().unwrap().events, 1);
        drop(journal);
        home.raw().execute_batch("DROP TRIGGER stopped").unwrap();
        home.open().append_blocking(step("A", 1)).unwrap();
        assert_eq!(home.reader().verify_audit().unwrap().events, 2);
    }
}

/// Goal: each record removed, inserted or exchanged with its neighbour is found by the whole
/// path, even with all others numbered anew. A sample; every one of 1,000 with `ROLLOVER_FULL=1`.
#[test]
fn a_record_removed_inserted_or_exchanged_is_found_in_the_database() {
    let (records, step) = if full() { (1_000_u64, 1) } else { (380, 19) };
    let home = filled(u32::try_from(records).unwrap());
    let mut raw = home.raw();
    let mut tried = 0;
    for at in (1..=records).step_by(step) {
        for sql in [
            "DELETE FROM audit WHERE seq = ?1",
            "DELETE FROM audit WHERE seq = ?1; UPDATE audit SET seq = -seq WHERE seq > ?1;
             UPDATE audit SET seq = -seq - 1 WHERE seq < 0",
            "UPDATE audit SET seq = -seq WHERE seq > ?1; UPDATE audit SET seq = 1 - seq WHERE seq < 0;
             INSERT INTO audit SELECT ?1 + 1, body, leaf FROM audit WHERE seq = ?1",
            "UPDATE audit SET seq = -1 WHERE seq = ?1; UPDATE audit SET seq = ?1 WHERE seq = ?1 % ?2 + 1;
             UPDATE audit SET seq = ?1 % ?2 + 1 WHERE seq = -1",
            "DELETE FROM audit WHERE seq >= ?1",
        ] {
            let changing = raw.transaction().unwrap();
            changing.pragma_update(None, "ignore_check_constraints", "ON").unwrap();
            let sql = sql.replace("?1", &at.to_string()).replace("?2", &records.to_string());
            changing.execute_batch(&sql).unwrap();
            let found = crate::audit_log::verify(&changing, &key(), &[]);
            assert!(matches!(found, Err(AuditProblem::Broken(_))), "{sql}: {found:?}");
            changing.rollback().unwrap();
            tried += 1;
        }
    }
    assert_eq!(home.reader().verify_audit().unwrap().events, records);
    println!("{tried} changes of the database, all found");
}
