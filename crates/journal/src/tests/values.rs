//! Values open at their place only, and are gone when their rotation is closed.

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::connection::beside;

fn two_rotations(home: &Home) -> Journal {
    let journal = home.open();
    for rotation in ["A", "B"] {
        journal.append_blocking(with_values(begin(rotation))).unwrap();
    }
    journal
}

fn refused(home: &Home, rotation: &str, slot: Slot) -> bool {
    let opened = home.reader().open_value(&id(rotation), slot);
    matches!(opened, Err(JournalError::Seal(_) | JournalError::Replayed))
}

#[test]
fn values_are_kept_until_the_rotation_closes() {
    let home = Home::new();
    let journal = two_rotations(&home);
    let reader = home.reader();
    assert_eq!(reader.open_value(&id("A"), Slot::Old).unwrap(), Some(value("old", &id("A"))));
    assert_eq!(reader.open_value(&id("A"), Slot::New).unwrap(), Some(value("new", &id("A"))));
    assert_eq!(reader.open_value(&id("Z"), Slot::New).unwrap(), None);
    let mut batch = step("A", 1);
    batch.seal.push((Slot::New, Token::from("another")));
    journal.append_blocking(batch).unwrap();
    assert_eq!(reader.open_value(&id("A"), Slot::New).unwrap(), Some(Token::from("another")));
    journal.append_blocking(end("A", 2)).unwrap();
    assert_eq!(reader.open_value(&id("A"), Slot::New).unwrap(), None);
    assert_eq!(reader.open_value(&id("B"), Slot::New).unwrap(), Some(value("new", &id("B"))));
}

/// Goal: a sealed row opens nowhere else. Method: raw SQL by somebody without the key.
#[test]
fn a_moved_row_is_refused() {
    for (sql, rotation, slot) in [
        (
            "UPDATE sealed SET blob = (SELECT blob FROM sealed
                 WHERE rotation = 'B' AND slot = 'old') WHERE rotation = 'A' AND slot = 'old'",
            "A",
            Slot::Old,
        ),
        (
            "UPDATE sealed SET blob = (SELECT blob FROM sealed
                 WHERE rotation = 'A' AND slot = 'old') WHERE rotation = 'A' AND slot = 'new'",
            "A",
            Slot::New,
        ),
        ("UPDATE sealed SET version = 2", "A", Slot::New),
        ("UPDATE sealed SET blob = substr(blob, 1, length(blob) - 1)", "A", Slot::Old),
        ("UPDATE sealed SET blob = zeroblob(0)", "A", Slot::Old),
        // With its key, and still at another place.
        (
            "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE rotation = 'B')
                 WHERE rotation = 'A'",
            "A",
            Slot::Old,
        ),
        (
            "DELETE FROM data_keys WHERE rotation = 'A';
             UPDATE data_keys SET rotation = 'A'; DELETE FROM sealed WHERE rotation = 'A';
             UPDATE sealed SET rotation = 'A'",
            "A",
            Slot::Old,
        ),
    ] {
        let home = Home::new();
        let _journal = two_rotations(&home);
        assert!(!refused(&home, rotation, slot));
        home.raw().execute_batch(sql).unwrap();
        assert!(refused(&home, rotation, slot), "{sql}");
    }
}

/// Goal: an older value put back in the place of a newer one is refused.
#[test]
fn an_older_value_of_the_same_slot_is_refused() {
    let home = Home::new();
    let journal = two_rotations(&home);
    let sql = "SELECT blob FROM sealed WHERE rotation = 'A' AND slot = 'new'";
    let older: Vec<u8> = home.raw().query_row(sql, [], |row| row.get(0)).unwrap();
    let mut batch = step("A", 1);
    batch.seal.push((Slot::New, Token::from("newer")));
    journal.append_blocking(batch).unwrap();
    let sql = "UPDATE sealed SET blob = ?1 WHERE rotation = 'A' AND slot = 'new'";
    home.raw().execute(sql, [older]).unwrap();
    assert!(refused(&home, "A", Slot::New));
}

/// Goal: neither a value nor what it was sealed with is left in any file after closing, while
/// the journal goes on and after it has ended. Method: many rotations, so that pages are split
/// and merged, closed in another order than they were begun; then every byte is looked at.
#[test]
fn nothing_is_left_of_a_closed_rotation() {
    let home = Home::new();
    let journal = home.open();
    let names: Vec<String> = (0..150).map(|n| format!("R{}", n * 7919 % 1000)).collect();
    for name in &names {
        journal.append_blocking(with_values(begin(name))).unwrap();
    }
    let mut traces = Vec::new();
    for sql in ["SELECT rotation, wrapped FROM data_keys", "SELECT rotation, blob FROM sealed"] {
        let raw = home.raw();
        let mut statement = raw.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        traces.extend(rows.map(|row| row.unwrap()).collect::<Vec<(String, Vec<u8>)>>());
    }
    assert_eq!(traces.len(), 450);
    let everything = || {
        ["", "-wal", "-shm"].iter().fold(Vec::new(), |mut bytes, suffix| {
            bytes.extend(std::fs::read(beside(&home.path(), suffix)).unwrap_or_default());
            bytes
        })
    };
    // The pieces are random bytes, so 12 of them are as good as all.
    let found = |closed: &dyn Fn(&str) -> bool| {
        let bytes = everything();
        let index: std::collections::HashSet<&[u8]> = bytes.windows(12).collect();
        let shown = traces.iter().any(|(name, _)| {
            let piece = |which| value(which, &id(name)).expose().as_bytes()[..12].to_vec();
            index.contains(piece("old").as_slice()) || index.contains(piece("new").as_slice())
        });
        assert!(!shown, "a value stands in a file");
        let left = |trace: &[u8]| trace.chunks_exact(12).any(|piece| index.contains(piece));
        traces.iter().filter(|(name, trace)| closed(name) && left(trace)).count()
    };
    assert_eq!(found(&|_| true), 450);
    let (first, second) = names.split_at(70);
    for name in first.iter().rev() {
        journal.append_blocking(end(name, 1)).unwrap();
    }
    let closed = |name: &str| first.iter().any(|closed| closed == name);
    eventually("the destruction of the first", || found(&closed) == 0);
    assert_eq!(found(&|name| !closed(name)), 240);
    for name in second {
        journal.append_blocking(end(name, 1)).unwrap();
    }
    eventually("the destruction of all", || found(&|_| true) == 0);
    drop(journal);
    assert_eq!(found(&|_| true), 0);
    let counts = "SELECT (SELECT count(*) FROM data_keys) + (SELECT count(*) FROM sealed)";
    assert_eq!(home.raw().query_row(counts, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// Goal: the log is emptied even when a reader was in the way at first.
#[test]
fn a_reader_in_the_way_puts_destruction_off_only() {
    let home = Home::new();
    let renew_every = Duration::from_millis(20);
    let journal = home.try_open(Options { renew_every, ..Options::default() }).unwrap();
    journal.append_blocking(with_values(begin("A"))).unwrap();
    let mut raw = home.raw();
    let snapshot = raw.transaction().unwrap();
    snapshot.query_row("SELECT count(*) FROM sealed", [], |row| row.get::<_, i64>(0)).unwrap();
    journal.append_blocking(end("A", 1)).unwrap();
    let wal = || beside(&home.path(), "-wal").metadata().unwrap().len();
    std::thread::sleep(Duration::from_millis(100));
    assert!(wal() > 0);
    drop(snapshot);
    // Renewals may begin the log anew; a handful of pages is not the old one.
    eventually("the destruction", || wal() < 20_000);
}

#[test]
fn all_files_are_private_whatever_the_umask() {
    let home = Home::new();
    std::fs::write(home.path(), "").unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .unwrap();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mode = beside(&home.path(), suffix).metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}
