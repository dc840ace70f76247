//! Another key for everything: before the transaction the old one opens, after it the new one.

use serde_json::json;

use super::*;
use crate::{Inbox, Item, Rekey};

fn other() -> Key {
    Key::from_bytes(&[43; 32])
}

fn pasted() -> Item {
    Item {
        rotation: id("A"),
        kind: "token".into(),
        body: json!({}),
        token: Some(Token::from("a-pasted-value")),
        actor: "ops-1".into(),
        at: now(),
    }
}

fn filled(home: &Home) {
    let journal = home.open();
    journal.append_blocking(with_values(begin("A"))).unwrap();
    journal.append_blocking(with_values(begin("B"))).unwrap();
    drop(journal);
    Inbox::post(&home.path(), &key(), &pasted()).unwrap();
}

fn opens_with(home: &Home, key: &Key) {
    let reader = Reader::open(&home.path(), key).unwrap();
    for rotation in ["A", "B"].map(id) {
        for (slot, which) in [(Slot::Old, "old"), (Slot::New, "new")] {
            let opened = reader.open_value(&rotation, slot).unwrap().unwrap();
            assert_eq!(opened, value(which, &rotation));
        }
    }
    let pending = reader.inbox_pending(&id("A")).unwrap();
    assert_eq!(pending[0].item.token, Some(Token::from("a-pasted-value")));
    assert!(reader.verify_audit().is_ok());
}

#[test]
fn everything_goes_over_and_nothing_opens_with_the_old_key() {
    let home = Home::new();
    filled(&home);
    let token = Token::from("some-token");
    let fingerprint = home.reader().fingerprint_key().of(&token);
    let mut rekey = Rekey::open(&home.path(), &key(), here(), Options::default()).unwrap();
    assert!(!rekey.has_retired(&key()).unwrap());
    rekey.commit(&other(), record("A", "installation.rekeyed")).unwrap();
    assert!(rekey.has_retired(&key()).unwrap() && !rekey.has_retired(&other()).unwrap());
    drop(rekey);
    opens_with(&home, &other());
    assert!(matches!(Reader::open(&home.path(), &key()), Err(JournalError::WrongKey { .. })));
    let reader = Reader::open(&home.path(), &other()).unwrap();
    assert_eq!(reader.fingerprint_key().of(&token), fingerprint, "fingerprints stay comparable");
    assert_eq!(reader.verify_audit().unwrap().events, 3);
    // And again, and the journal goes on.
    let third = Key::from_bytes(&[44; 32]);
    let mut rekey = Rekey::open(&home.path(), &other(), here(), Options::default()).unwrap();
    rekey.commit(&third, record("A", "installation.rekeyed")).unwrap();
    drop(rekey);
    opens_with(&home, &third);
    let journal = Journal::open(&home.path(), &third, here(), Options::default()).unwrap();
    journal.append_blocking(end("A", 1)).unwrap();
    journal.append_blocking(with_values(begin("C"))).unwrap();
}

/// Goal: whoever has the old key and an old copy of the database opens nothing of the new one,
/// not even with the data keys of the old.
#[test]
fn data_keys_are_new_ones() {
    let home = Home::new();
    filled(&home);
    let data_key = |home: &Home, key: &Key| {
        let sql = "SELECT wrapped FROM data_keys WHERE rotation = 'A'";
        let wrapped: Vec<u8> = home.raw().query_row(sql, [], |row| row.get(0)).unwrap();
        let opened = key.derive("journal values").open_sealed("data-key/A", &wrapped).unwrap();
        opened.to_vec()
    };
    let before = data_key(&home, &key());
    let mut rekey = Rekey::open(&home.path(), &key(), here(), Options::default()).unwrap();
    rekey.commit(&other(), record("A", "installation.rekeyed")).unwrap();
    drop(rekey);
    assert_ne!(data_key(&home, &other()), before);
}

#[test]
fn not_while_somebody_else_writes() {
    let home = Home::new();
    let journal = home.open();
    let held = Rekey::open(&home.path(), &key(), here(), Options::default()).unwrap_err();
    assert!(matches!(held, JournalError::Held { .. }), "{held}");
    drop(journal);
    let rekey = Rekey::open(&home.path(), &key(), here(), Options::default()).unwrap();
    assert!(matches!(home.try_open(Options::default()), Err(JournalError::Held { .. })));
    drop(rekey);
    drop(home.open());
}

/// Goal: a value that was damaged stops the change, and nothing has changed then.
#[test]
fn a_value_that_does_not_open_stops_it() {
    let home = Home::new();
    filled(&home);
    home.raw().execute("UPDATE inbox SET sealed = zeroblob(60)", []).unwrap();
    let mut rekey = Rekey::open(&home.path(), &key(), here(), Options::default()).unwrap();
    rekey.commit(&other(), record("A", "installation.rekeyed")).unwrap_err();
    drop(rekey);
    let reader = home.reader();
    let opened = reader.open_value(&id("A"), Slot::New).unwrap().unwrap();
    assert_eq!(opened, value("new", &id("A")));
}
