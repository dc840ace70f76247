//! When writing fails, it is said once clearly, and nothing is written after it.

use super::*;
use crate::WriteObserver;

#[test]
fn a_path_that_cannot_be_written_is_named() {
    let home = Home::new();
    let file = home.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.join("rollover.db"), PathBuf::from("/proc/rollover/rollover.db")] {
        let refused = Journal::open(&path, &key(), here(), Options::default()).unwrap_err();
        assert!(matches!(refused, JournalError::File { .. }), "{refused}");
        assert!(refused.to_string().contains(&path.display().to_string()));
    }
}

/// Goal: a directory that does not take writes is told before anything happens. Root may write
/// everywhere, so as root only the message is looked at.
#[test]
fn a_read_only_directory_is_refused() {
    let home = Home::new();
    let directory = home.directory.path().join("shut");
    std::fs::create_dir(&directory).unwrap();
    let shut = std::os::unix::fs::PermissionsExt::from_mode(0o500);
    std::fs::set_permissions(&directory, shut).unwrap();
    let opened = Journal::open(&directory.join("db"), &key(), here(), Options::default());
    if !rustix::process::geteuid().is_root() {
        assert!(matches!(opened.unwrap_err(), JournalError::File { .. }));
    }
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let hint = JournalError::file(Path::new("/x/db"), denied).hint();
    assert_eq!(hint, "run as the user that `/x/db` belongs to");
    let code = rusqlite::ffi::SQLITE_READONLY;
    let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
    assert!(matches!(JournalError::from(error), JournalError::ReadOnly(_)));
}

/// Goal: a full disk fails the batch that met it and everything after, even what would fit; the
/// next process finds exactly what was acknowledged. Method: a limit on the database's size.
#[test]
fn a_full_disk_poisons() {
    let home = Home::new();
    let options = Options { size_pages_max: Some(60), ..Options::default() };
    let journal = home.try_open(options).unwrap();
    journal.append_blocking(begin("A")).unwrap();
    let fence = journal.fence().unwrap();
    fence.pass().unwrap();
    let (acknowledged, error) = (1..10_000)
        .find_map(|seq| journal.append_blocking(step("A", seq)).err().map(|error| (seq, error)))
        .unwrap();
    assert!(matches!(error, JournalError::Full(_)), "{error}");
    let after = journal.append_note_blocking(vec![], vec![]).unwrap_err();
    assert!(
        matches!(&after, JournalError::Poisoned(first) if matches!(**first, JournalError::Full(_)))
    );
    assert!(after.hint().contains("free some space"));
    assert!(matches!(fence.pass(), Err(JournalError::Poisoned(_))), "nothing is changed either");
    drop(journal);
    let journal = home.open();
    assert_eq!(home.reader().events(&id("A")).unwrap().len() as u64, acknowledged);
    journal.append_blocking(step("A", acknowledged)).unwrap();
    assert_eq!(home.reader().verify_audit().unwrap().events, acknowledged + 1);
}

/// Goal: after one failed write nothing is written, even when the cause is gone again.
#[test]
fn a_failed_write_poisons_for_good() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    home.raw().execute_batch("ALTER TABLE events RENAME TO gone").unwrap();
    let first = journal.append_blocking(step("A", 1)).unwrap_err();
    assert!(matches!(first, JournalError::Database(_)), "{first}");
    home.raw().execute_batch("ALTER TABLE gone RENAME TO events").unwrap();
    let later = journal.append_blocking(step("A", 1)).unwrap_err();
    assert!(matches!(later, JournalError::Poisoned(_)), "{later}");
    drop(journal);
    home.open().append_blocking(step("A", 1)).unwrap();
}

/// Dies at one of the two instants of a commit.
struct Dying {
    before: bool,
}

impl WriteObserver for Dying {
    fn before_commit(&self) {
        assert!(!self.before, "rehearsed crash");
    }

    fn after_commit(&self) {
        assert!(self.before, "rehearsed crash");
    }
}

/// Goal: a writer that dies around a commit leaves all of a batch or nothing, answers nobody,
/// and can be followed at once.
#[test]
fn a_crash_around_a_commit_leaves_all_or_nothing() {
    for before in [true, false] {
        let home = Home::new();
        home.open().append_blocking(begin("A")).unwrap();
        let observer = Some(Arc::new(Dying { before }) as Arc<dyn WriteObserver>);
        let journal = home.try_open(Options { observer, ..Options::default() }).unwrap();
        for _ in 0..2 {
            let died = journal.append_blocking(with_values(step("A", 1))).unwrap_err();
            assert!(matches!(died, JournalError::Stopped), "{died}");
        }
        let next = home.open();
        let written = if before { 1 } else { 2 };
        assert_eq!(home.reader().events(&id("A")).unwrap().len(), written);
        assert_eq!(home.reader().verify_audit().unwrap().events, written as u64);
        let kept = home.reader().open_value(&id("A"), Slot::New).unwrap();
        assert_eq!(kept.is_some(), !before);
        next.append_blocking(step("A", written as u64)).unwrap();
    }
}

#[test]
fn every_error_has_a_hint() {
    let errors = [
        JournalError::Missing { path: "x".into() },
        JournalError::Changing { path: "x".into() },
        JournalError::Fenced { holder: None },
        JournalError::Taken { id: 1, rotation: id("A") },
        JournalError::Stopped,
    ];
    assert!(errors.iter().all(|error| !error.hint().is_empty()));
}
