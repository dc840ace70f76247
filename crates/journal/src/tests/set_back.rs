//! An older copy of the database in the place of the newer one is noticed, whatever it is a copy
//! of, and nothing is written on its word.

use std::fs;

use super::*;
use crate::{Inbox, Item, SetBack};

fn elsewhere(home: &Home) -> Options {
    Options { marks: Some(home.directory.path().join("state")), ..Options::default() }
}

/// A copy of the database, whole, as any program that copies files would make it.
fn copy(home: &Home, name: &str) -> PathBuf {
    let to = home.directory.path().join(name);
    home.raw().execute("VACUUM INTO ?1", [to.display().to_string()]).unwrap();
    to
}

fn put_back(home: &Home, copy: &Path) {
    for suffix in ["-wal", "-shm"] {
        let _none = fs::remove_file(crate::connection::beside(&home.path(), suffix));
    }
    fs::copy(copy, home.path()).unwrap();
}

fn refused(home: &Home, options: Options) -> SetBack {
    match home.try_open(options) {
        Err(JournalError::SetBack { why, .. }) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// Goal: every age of a copy is noticed, those of the middle of a process's life too. Method: a
/// copy after every write of three lives, the last of which ends without giving the lease back.
#[test]
fn a_copy_of_any_age_is_noticed() {
    let home = Home::new();
    let mut copies = Vec::new();
    for life in 0..3 {
        let journal = home.try_open(elsewhere(&home)).unwrap();
        for step in 0..4 {
            let name = format!("R{life}{step}");
            journal.append_blocking(with_values(begin(&name))).unwrap();
            copies.push(copy(&home, &name));
            journal.append_blocking(end(&name, 1)).unwrap();
        }
        if life == 2 {
            // What it is like after a crash: the newest state, and nobody has given it back.
            let newest = copy(&home, "newest");
            drop(journal);
            for copy in &copies {
                put_back(&home, copy);
                assert_eq!(refused(&home, elsewhere(&home)), SetBack::Behind);
                let reader = home.reader();
                assert_eq!(reader.set_back(None).unwrap(), Some(SetBack::Behind));
                assert!(reader.rotations(&crate::RotationFilter::default()).is_ok());
            }
            // The marks that count are in both places: either of them is enough.
            fs::remove_file(crate::connection::beside(&home.path(), ".mark")).unwrap();
            assert_eq!(refused(&home, elsewhere(&home)), SetBack::Behind);
            assert_eq!(refused(&home, Options::default()), SetBack::Unmarked);
            drop(newest);
        }
    }
}

#[test]
fn a_killed_process_is_no_older_copy() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(with_values(begin("A"))).unwrap();
    let newest = copy(&home, "newest");
    let mark = crate::connection::beside(&home.path(), ".mark");
    let marked = fs::read(&mark).unwrap();
    drop(journal);
    // As if the process had been killed right there.
    put_back(&home, &newest);
    fs::write(&mark, marked).unwrap();
    let journal = home.open();
    assert_eq!(journal.set_back(), None);
    journal.append_blocking(end("A", 1)).unwrap();
}

#[test]
fn answers_are_refused_too_and_a_lost_database_is_noticed() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(with_values(begin("A"))).unwrap();
    let older = copy(&home, "older");
    journal.append_blocking(step("A", 1)).unwrap();
    drop(journal);
    put_back(&home, &older);
    let item = Item {
        rotation: id("A"),
        kind: "approve".into(),
        body: serde_json::Value::Null,
        token: None,
        actor: "ops-1".into(),
        at: now(),
    };
    let posted = Inbox::post(&home.path(), &key(), &item).unwrap_err();
    assert!(matches!(posted, JournalError::SetBack { .. }), "{posted}");
    fs::remove_file(home.path()).unwrap();
    assert_eq!(refused(&home, Options::default()), SetBack::Replaced);
}

/// Goal: looking at the world is what ends it, a crash before that ends nothing, and copies of
/// the other history stay older for ever.
#[tokio::test]
async fn reconciled_is_taken_at_its_word_and_the_other_history_is_not() {
    let home = Home::new();
    let journal = home.open();
    journal.append(with_values(begin("A"))).await.unwrap();
    let older = copy(&home, "older");
    for seq in 1..40 {
        journal.append(step("A", seq)).await.unwrap();
    }
    let other_history = copy(&home, "other");
    drop(journal);
    put_back(&home, &older);
    let reconcile = || Options { reconcile: true, ..Options::default() };
    let journal = home.try_open(reconcile()).unwrap();
    assert_eq!(journal.set_back(), Some(SetBack::Behind));
    journal.append(step("A", 1)).await.unwrap();
    drop(journal);
    // It may be further than the mark by now; nobody has looked all the same.
    assert_eq!(refused(&home, Options::default()), SetBack::Restored);
    let journal = home.try_open(reconcile()).unwrap();
    journal.reconciled(record("A", "installation.reconciled")).await.unwrap();
    journal.append(step("A", 2)).await.unwrap();
    drop(journal);
    let journal = home.open();
    journal.append(end("A", 3)).await.unwrap();
    drop(journal);
    for older in [&older, &other_history] {
        put_back(&home, older);
        assert_eq!(refused(&home, Options::default()), SetBack::Behind);
    }
}
