//! Whatever is sealed in the database: no other ciphertext than the newest of its own place
//! opens, and the list of what is sealed is the schema's.
//!
//! Every column of bytes is either named here as public, or tampered with in every way: cut at
//! each length, made longer, each bit flipped, moved from another row, put back from an earlier
//! state of the same row, sealed under another key. A column that somebody adds is refused until
//! it is named.

use std::collections::BTreeSet;

use rusqlite::params;
use serde_json::json;

use super::*;
use crate::{Inbox, Item, Rekey};

/// Columns of bytes that are no seals: hashes and signatures of the audit log, and the word on
/// what is sealed. Their tampering is tried in `audit.rs`, and below for the last.
const PUBLIC: [(&str, &str); 3] = [("audit", "leaf"), ("audit_head", "edge"), ("seals", "mac")];

/// Every sealed column, with what opens it.
const SEALED: [(&str, &str); 4] =
    [("data_keys", "wrapped"), ("inbox", "sealed"), ("kept", "sealed"), ("sealed", "blob")];

/// Every column of bytes that the schema has.
fn columns(home: &Home) -> BTreeSet<(String, String)> {
    let raw = home.raw();
    let mut statement = raw
        .prepare(
            "SELECT tables.name, columns.name
             FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table' AND columns.type = 'BLOB'",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn every_column_of_bytes_is_named_here() {
    let home = Home::new();
    drop(home.open());
    let named: BTreeSet<(String, String)> = SEALED
        .iter()
        .chain(&PUBLIC)
        .map(|(table, column)| ((*table).to_owned(), (*column).to_owned()))
        .collect();
    for column in columns(&home) {
        assert!(named.contains(&column), "{column:?} is new: is it tampered with here?");
    }
    for column in SEALED.map(|(table, column)| (table.to_owned(), column.to_owned())) {
        assert!(columns(&home).contains(&column), "{column:?} is gone");
    }
}

/// A database in which every sealed column has two rows and an earlier state.
fn filled() -> (Home, Vec<Earlier>) {
    let home = Home::new();
    let journal = home.open();
    for rotation in ["A", "B"] {
        journal.append_blocking(with_values(begin(rotation))).unwrap();
        Inbox::post(&home.path(), &key(), &item(rotation, 0)).unwrap();
    }
    drop(journal);
    // Under this key again after another one, so that what is kept has rows, and an earlier
    // state of everything opened with this very key.
    rekeyed(&home, &key(), &second());
    rekeyed(&home, &second(), &key());
    let earlier = SEALED.iter().flat_map(|(table, column)| rows(&home, table, column)).collect();
    let journal = home.open();
    let mut batch = step("A", 1);
    batch.seal = vec![(Slot::Old, Token::from("later")), (Slot::New, Token::from("later, too"))];
    batch.took = Some(1);
    journal.append_blocking(batch).unwrap();
    drop(journal);
    Inbox::post(&home.path(), &key(), &item("A", 1)).unwrap();
    rekeyed(&home, &key(), &second());
    rekeyed(&home, &second(), &key());
    (home, earlier)
}

fn second() -> Key {
    Key::from_bytes(&[7; 32])
}

fn rekeyed(home: &Home, old: &Key, new: &Key) {
    let mut rekey = Rekey::open(&home.path(), old, here(), Options::default()).unwrap();
    rekey.commit(new, record("A", "installation.rekeyed")).unwrap();
}

fn item(rotation: &str, number: u64) -> Item {
    Item {
        rotation: id(rotation),
        kind: "token".into(),
        body: json!({ "number": number }),
        token: Some(Token::from("a-pasted-value")),
        actor: "ops-1".into(),
        at: now(),
    }
}

/// A ciphertext and where it stood.
#[derive(Clone, Debug)]
struct Earlier {
    table: String,
    column: String,
    row: i64,
    bytes: Vec<u8>,
}

fn rows(home: &Home, table: &str, column: &str) -> Vec<Earlier> {
    let raw = home.raw();
    let sql = format!("SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL");
    let mut statement = raw.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        let (table, column) = (table.to_owned(), column.to_owned());
        Ok(Earlier { table, column, row: row.get(0)?, bytes: row.get(1)? })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn put(raw: &Connection, at: &Earlier, bytes: &[u8]) {
    let sql = format!("UPDATE {} SET {} = ?1 WHERE rowid = ?2", at.table, at.column);
    assert_eq!(raw.execute(&sql, params![bytes, at.row]).unwrap(), 1);
}

/// Whether everything that is sealed opens as it should, as a process would that starts now.
fn opens(home: &Home) -> bool {
    let Ok(reader) = Reader::open(&home.path(), &key()) else { return false };
    let values = ["A", "B"].map(id).into_iter().all(|rotation| {
        [Slot::Old, Slot::New]
            .into_iter()
            .all(|slot| matches!(reader.open_value(&rotation, slot), Ok(Some(_))))
            && reader.inbox_pending(&rotation).is_ok()
    });
    values && reader.verify_audit().is_ok()
}

/// Goal: 100 % refused. The number that was tried is what `cargo xtask figures` tells.
#[test]
fn nothing_but_the_newest_of_its_own_place_opens() {
    let (home, earlier) = filled();
    assert!(opens(&home));
    let raw = home.raw();
    let (mut tried, mut columns) = (0, BTreeSet::new());
    for (table, column) in SEALED {
        let rows = rows(&home, table, column);
        assert!(rows.len() > 1, "{table}.{column} has no two rows to swap");
        for (place, row) in rows.iter().enumerate() {
            let mut bad: Vec<Vec<u8>> =
                (0..row.bytes.len()).map(|n| row.bytes[..n].to_vec()).collect();
            bad.push([row.bytes.as_slice(), &[0]].concat());
            // Each bit of the first row, one bit of each byte of the others.
            let step = if place == 0 { 1 } else { 8 };
            for bit in (0..row.bytes.len() * 8).step_by(step) {
                let mut flipped = row.bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                bad.push(flipped);
            }
            bad.extend(rows.iter().filter(|other| other.row != row.row).map(|o| o.bytes.clone()));
            // An answer is written once; one that was taken and waits again is tried below.
            let before = earlier.iter().filter(|one| one.table == table && table != "inbox");
            let before = before.filter(|one| one.row == row.row);
            bad.extend(before.map(|one| one.bytes.clone()));
            bad.push(second().seal("anything", b"at all").unwrap());
            for bytes in bad.into_iter().filter(|bytes| *bytes != row.bytes) {
                put(&raw, row, &bytes);
                assert!(!opens(&home), "{table}.{column}, row {}, {} bytes", row.row, bytes.len());
                tried += 1;
            }
            put(&raw, row, &row.bytes);
        }
        columns.insert((table, column));
    }
    assert!(opens(&home), "everything was put back");
    println!("{tried} ciphertexts tried in {} columns, {tried} refused", columns.len());
    assert!(tried > 3_000);
}

/// Goal: an earlier state of everything sealed, whole and of one moment, opens neither, while the
/// audit log tells of what came after it; nor does an answer that was taken wait again.
#[test]
fn an_earlier_state_of_everything_is_refused() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(with_values(begin("A"))).unwrap();
    let taken = Inbox::post(&home.path(), &key(), &item("A", 0)).unwrap();
    let tables = ["data_keys", "sealed", "kept", "seals", "inbox"];
    let raw = home.raw();
    for table in tables {
        raw.execute_batch(&format!("CREATE TABLE old_{table} AS SELECT * FROM {table}")).unwrap();
    }
    let mut batch = step("A", 1);
    batch.seal = vec![(Slot::New, Token::from("later"))];
    batch.took = Some(taken);
    journal.append_blocking(batch).unwrap();
    let reader = home.reader();
    let newest = || reader.open_value(&id("A"), Slot::New);
    assert_eq!(newest().unwrap(), Some(Token::from("later")));
    let restore = |table: &str| {
        let sql = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM old_{table}");
        raw.execute_batch(&sql).unwrap();
    };
    raw.execute_batch("CREATE TABLE new_inbox AS SELECT * FROM inbox").unwrap();
    restore("inbox");
    assert!(matches!(reader.inbox_pending(&id("A")), Err(JournalError::Replayed)));
    raw.execute_batch("DELETE FROM inbox; INSERT INTO inbox SELECT * FROM new_inbox").unwrap();
    assert_eq!(reader.inbox_pending(&id("A")).unwrap().len(), 0);
    for table in tables {
        restore(table);
    }
    assert!(matches!(newest(), Err(JournalError::Replayed)));
    // A writer that runs signs nothing on top of it, and none starts on it.
    let refused = journal.append_blocking(with_values(step("A", 2))).unwrap_err();
    assert!(matches!(refused, JournalError::Replayed), "{refused}");
    drop(journal);
    let refused = home.try_open(Options::default()).unwrap_err();
    assert!(matches!(refused, JournalError::Replayed), "{refused}");
}
