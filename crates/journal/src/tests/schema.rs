//! Older, newer and foreign databases.

use super::*;

fn version(home: &Home) -> u32 {
    home.raw().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// Goal: an empty database, which is version 0, is brought up once.
#[test]
fn an_older_database_is_migrated() {
    let home = Home::new();
    std::fs::write(home.path(), "").unwrap();
    let unmade = Reader::open(&home.path(), &key()).unwrap_err();
    assert!(matches!(unmade, JournalError::Missing { .. }), "{unmade}");
    let journal = home.open();
    assert_eq!(version(&home), crate::schema::VERSION);
    journal.append_blocking(begin("A")).unwrap();
    drop(journal);
    drop(home.open());
    assert_eq!(version(&home), crate::schema::VERSION);
    assert_eq!(home.reader().events(&id("A")).unwrap().len(), 1);
}

/// Goal: what a database of version 3 knows is known afterwards, by fingerprint, too. Method: the
/// newest tables are taken away again.
#[test]
fn version_3_becomes_the_newest_and_loses_nothing() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    drop(journal);
    let raw = home.raw();
    raw.execute_batch(
        "DROP INDEX token_fingerprint; DROP TABLE learned; DROP TABLE cases;
         DROP TABLE notes; DROP TABLE remarks; DROP TABLE notified;
         DROP TABLE workstations; PRAGMA user_version = 3",
    )
    .unwrap();
    drop(raw);
    drop(home.open());
    assert_eq!(version(&home), crate::schema::VERSION);
    assert_eq!(home.reader().events(&id("A")).unwrap().len(), 1);
    assert_eq!(home.reader().cases().unwrap(), []);
}

/// Goal: version 1, from before the first release, is refused and left alone.
#[test]
fn a_database_from_before_the_first_release_is_refused() {
    let home = Home::new();
    drop(home.open());
    home.raw().pragma_update(None, "user_version", 1).unwrap();
    for refused in [
        home.try_open(Options::default()).unwrap_err(),
        Reader::open(&home.path(), &key()).unwrap_err(),
    ] {
        assert!(matches!(refused, JournalError::Older { found: 1, .. }), "{refused}");
        assert!(refused.hint().contains("new `database`"));
    }
    assert_eq!(version(&home), 1);
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let home = Home::new();
    drop(home.open());
    home.raw().pragma_update(None, "user_version", 99).unwrap();
    for refused in [
        home.try_open(Options::default()).unwrap_err(),
        Reader::open(&home.path(), &key()).unwrap_err(),
    ] {
        assert!(matches!(refused, JournalError::Newer { found: 99, .. }), "{refused}");
        assert!(refused.hint().contains("newer rollover"));
    }
    assert_eq!(version(&home), 99);
}

#[test]
fn what_is_not_ours_is_refused() {
    let home = Home::new();
    home.raw().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let refused = home.try_open(Options::default()).unwrap_err();
    assert!(matches!(refused, JournalError::NotOurs { .. }), "{refused}");
    std::fs::write(home.path(), "this is a text file and no database at all\n".repeat(50)).unwrap();
    let refused = home.try_open(Options::default()).unwrap_err();
    assert!(matches!(refused, JournalError::NotOurs { .. }), "{refused}");
    let missing = Reader::open(&home.directory.path().join("none.db"), &key()).unwrap_err();
    assert!(matches!(missing, JournalError::Missing { .. }));
}

#[test]
fn another_installations_key_is_refused() {
    let home = Home::new();
    drop(home.open());
    let other = Key::from_bytes(&[1; 32]);
    let writer = Journal::open(&home.path(), &other, here(), Options::default()).unwrap_err();
    assert!(matches!(writer, JournalError::WrongKey { .. }), "{writer}");
    let reader = Reader::open(&home.path(), &other).unwrap_err();
    assert!(matches!(reader, JournalError::WrongKey { .. }), "{reader}");
    drop(home.open());
}
