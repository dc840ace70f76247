//! Files that hold values: read whole, locked while they are changed, replaced in one step.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::Fault;
use crate::http::Observer;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// How long a change waits for somebody else's change in the same directory.
const LOCK_MILLIS_MAX: u64 = 5_000;
const LOCK_MILLIS_STEP: u64 = 20;

/// What a call on a file is called, and the faults of it.
#[derive(Clone)]
pub(crate) struct FileCall {
    pub(crate) vendor: &'static str,
    pub(crate) call: String,
    /// Who hears of its instants.
    pub(crate) observer: Observer,
}

impl FileCall {
    pub(crate) fn refused(&self, why: impl Into<String>) -> Fault {
        Fault::Refused { vendor: self.vendor, call: self.call.clone(), why: why.into() }
    }

    /// A system call that failed and changed nothing.
    pub(crate) fn failed(&self, error: &io::Error) -> Fault {
        let why = error.to_string();
        match error.kind() {
            ErrorKind::PermissionDenied
            | ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidData
            | ErrorKind::ReadOnlyFilesystem => self.refused(why),
            _ => Fault::Later { vendor: self.vendor, call: self.call.clone(), why, after: None },
        }
    }

    pub(crate) fn unsure(&self, why: impl Into<String>) -> Fault {
        Fault::Unsure { vendor: self.vendor, call: self.call.clone(), why: why.into() }
    }

    /// Tells whoever rehearses crashes of an instant of a change.
    fn tell(&self, instant: &str) {
        if let Some(observer) = &self.observer {
            observer.within(self.vendor, instant);
        }
    }

    /// Whether the file may be changed, asked before anybody is kept from it.
    pub(crate) fn may_change(&self) -> Result<(), Fault> {
        let asked = self.observer.as_ref().map(|it| it.may_change(self.vendor, &self.call));
        asked.unwrap_or(Ok(())).map_err(|why| self.failed(&io::Error::other(why)))
    }

    /// Asked once more right before the new file takes the place of the old.
    fn may_go_on(&self) -> io::Result<()> {
        let asked = self.observer.as_ref().map(|it| it.may_go_on());
        asked.unwrap_or(Ok(())).map_err(io::Error::other)
    }

    /// Runs work on files where it may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let ended = tokio::task::spawn_blocking(work).await;
        ended.unwrap_or_else(|_| Err(self.unsure("the work on the file did not end")))
    }
}

/// The file that a path stands for: links are followed, and must lead to a regular file.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let resolved = match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => fs::canonicalize(path)?,
        Ok(_) => path.to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path.to_owned()),
        Err(error) => return Err(error),
    };
    match fs::metadata(&resolved)?.is_file() {
        true => Ok(resolved),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// The directory that a file lies in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The whole file; `None` where there is none. What it holds is durable when it is answered: what
/// is seen is acted upon, and a process that was killed before it had synced its replacement must
/// not have it taken for done, and then lost with the old token by a power cut.
pub(crate) fn read(path: &Path, call: &FileCall) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    if size > FILE_BYTES_MAX {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is larger than 4 MiB"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
    (&file).take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    call.tell("before the sync of what is found");
    let settled = settle(&file).and_then(|()| settle(&File::open(directory_of(path))?));
    call.tell("after the sync of what is found");
    settled.map(|()| Some(bytes))
}

/// Makes durable what others may have written. A file system that takes no writes, or knows no
/// syncing, has nothing to lose.
fn settle(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => Ok(()),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

/// Keeps others from changing files of a directory until it is dropped. The directory itself is
/// locked, so that no lock files lie about and a replaced file does not take the lock with it.
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its drop")] File);

pub(crate) fn lock(directory: &Path) -> io::Result<Lock> {
    let handle = File::open(directory)?;
    for _ in 0..LOCK_MILLIS_MAX / LOCK_MILLIS_STEP {
        match handle.try_lock() {
            Ok(()) => return Ok(Lock(handle)),
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(Duration::from_millis(LOCK_MILLIS_STEP));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "somebody else is changing files beside it"))
}

/// Where a replacement failed.
pub(crate) enum Replace {
    /// The old file is untouched.
    Before(io::Error),
    /// The new file is in place, but may not survive a power cut.
    After(io::Error),
}

/// Replaces a file in one step: whoever reads it sees all of the old or all of the new. The new
/// one has this mode, and the owner and group of the old. The call's observer hears of every
/// instant at which a crash would leave something else behind, and is asked whether the new one
/// may take the place of the old.
pub(crate) fn replace(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    call: &FileCall,
) -> Result<(), Replace> {
    let directory = directory_of(path);
    let beside = beside(path).map_err(Replace::Before)?;
    let written = fill(&beside, path, bytes, mode, call).and_then(|()| {
        call.tell("before the rename");
        call.may_go_on()?;
        fs::rename(&beside, path)
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&beside);
        return Err(Replace::Before(error));
    }
    call.tell("before the sync of the directory");
    let synced = File::open(directory).and_then(|handle| handle.sync_all());
    call.tell("after the sync of the directory");
    synced.map_err(Replace::After)
}

/// Removes what a process that died in [`replace`] has left beside the file; a value may stand
/// in it. Only whoever holds the lock knows that nobody is writing it right now.
pub(crate) fn clear_beside(path: &Path, _held: &Lock) -> io::Result<()> {
    let prefix = prefix(path);
    for entry in fs::read_dir(directory_of(path))? {
        let entry = entry?;
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(prefix.as_str()));
        let ours = |rest: &str| rest.len() == 16 && rest.bytes().all(|b| b.is_ascii_hexdigit());
        if random.is_some_and(ours) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A name in the same directory, where a rename is one step, that nobody can foresee.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| io::Error::other("no random numbers"))?;
    let name = format!("{}{:016x}", prefix(path), u64::from_le_bytes(random));
    Ok(directory_of(path).join(name))
}

fn prefix(path: &Path) -> String {
    format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy())
}

fn fill(beside: &Path, path: &Path, bytes: &[u8], mode: u32, call: &FileCall) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    call.tell("before the bytes are written");
    file.write_all(bytes)?;
    if let Ok(old) = fs::metadata(path) {
        let new = file.metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    call.tell("before the sync of the file");
    file.sync_all()?;
    call.tell("after the sync of the file");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Notes {
        told: std::sync::Mutex<Vec<String>>,
        barred: bool,
    }

    impl crate::CallObserver for Notes {
        fn before(&self, _: &str, _: &str) {}

        fn after(&self, _: &str, _: &str) {}

        fn may_go_on(&self) -> Result<(), String> {
            if self.barred { Err("not now".into()) } else { Ok(()) }
        }

        fn within(&self, _: &str, instant: &str) {
            self.told.lock().unwrap().push(instant.to_owned());
        }
    }

    fn call(observer: Option<std::sync::Arc<Notes>>) -> FileCall {
        let observer = observer.map(|notes| notes as std::sync::Arc<dyn crate::CallObserver>);
        FileCall { vendor: "the file", call: "writing it".into(), observer }
    }

    #[test]
    fn a_replacement_is_whole_has_its_mode_and_leaves_nothing_beside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let notes = std::sync::Arc::new(Notes::default());
        let heard = call(Some(notes.clone()));
        assert!(replace(&path, b"one", 0o600, &heard).is_ok());
        assert_eq!(notes.told.lock().unwrap().len(), 6, "every instant around a sync is told");
        assert!(replace(&path, b"two", 0o640, &call(None)).is_ok());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    /// Goal: where it may not be changed, the old file stays, and nothing else.
    #[test]
    fn a_file_that_may_not_be_changed_is_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "one").unwrap();
        let barred = Notes { barred: true, ..Notes::default() };
        let ended = replace(&path, b"two", 0o600, &call(Some(std::sync::Arc::new(barred))));
        let Err(Replace::Before(error)) = ended else { panic!("it was replaced") };
        let fault = call(None).failed(&error);
        assert!(matches!(&fault, Fault::Later { why, .. } if why == "not now"), "{fault}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_dead_process_left_beside_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let others = [".env.local", ".x.env.0123456789abcdef", ".env.0123456789abcdex", ".env"];
        for name in others.iter().chain(&[".env.0123456789abcdef"]) {
            fs::write(at(name), "x").unwrap();
        }
        fs::rename(at(".env.0123456789abcdef"), at("..env.0123456789abcdef")).unwrap();
        clear_beside(&at(".env"), &lock(directory.path()).unwrap()).unwrap();
        assert!(!at("..env.0123456789abcdef").exists());
        assert!(others.iter().all(|name| at(name).exists()));
    }

    #[test]
    fn a_link_is_followed_to_a_regular_file_only() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("real"), "x").unwrap();
        std::os::unix::fs::symlink(at("real"), at("good")).unwrap();
        std::os::unix::fs::symlink(directory.path(), at("folder")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        assert_eq!(resolve(&at("good")).unwrap(), fs::canonicalize(at("real")).unwrap());
        assert!(resolve(&at("folder")).is_err() && resolve(&at("dangling")).is_err());
        assert_eq!(resolve(&at("new")).unwrap(), at("new"));
    }

    #[test]
    fn one_change_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let held = lock(directory.path()).unwrap();
        let path = directory.path().to_owned();
        let other = std::thread::spawn(move || lock(&path).is_ok());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!other.is_finished());
        drop(held);
        assert!(other.join().unwrap());
    }
}
