//! One writer: told who it is, followed at once when it is gone, fenced when it comes back.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::*;

#[test]
fn a_second_writer_is_told_who_holds_it() {
    let home = Home::new();
    let journal = home.open();
    let held = home.try_open(Options::default()).unwrap_err();
    let JournalError::Held { holder, expired: false, .. } = &held else { panic!("{held}") };
    assert_eq!(holder.pid, std::process::id());
    for part in ["rollover test", "tester", &std::process::id().to_string(), &holder.host] {
        assert!(held.to_string().contains(part), "{held}");
    }
    // Taking over is for those who stopped renewing.
    let options = Options { take_over: true, ..Options::default() };
    assert!(matches!(home.try_open(options), Err(JournalError::Held { .. })));
    journal.append_blocking(begin("A")).unwrap();
    assert_eq!(home.reader().lease().unwrap().unwrap().epoch, 1);
    drop(journal);
    assert!(home.reader().lease().unwrap().unwrap().released);
    assert_eq!(home.open().epoch(), 2);
}

/// Goal: a path through a link leads to the same lock.
#[test]
fn a_link_to_the_database_is_the_same_database() {
    let home = Home::new();
    let _journal = home.open();
    let link = home.directory.path().join("link.db");
    std::os::unix::fs::symlink(home.path(), &link).unwrap();
    let second = Journal::open(&link, &key(), here(), Options::default());
    assert!(matches!(second, Err(JournalError::Held { .. })));
}

#[test]
fn an_idle_writer_renews() {
    let home = Home::new();
    let renew_every = Duration::from_millis(20);
    let _journal = home.try_open(Options { renew_every, ..Options::default() }).unwrap();
    let reader = home.reader();
    let first = reader.lease().unwrap().unwrap().renewed_at;
    eventually("renewal", || reader.lease().unwrap().unwrap().renewed_at > first);
}

/// Goal: another machine's lease is waited for, because its lock does not speak to us.
#[test]
fn another_machines_lease_is_left_alone_until_it_expires() {
    let home = Home::new();
    drop(home.open());
    let other = Holder { host: "other".into(), boot_id: "another-boot".into(), ..here() };
    home.raw()
        .execute(
            "UPDATE lease SET released = 0, holder = ?1, renewed_at = ?2",
            [serde_json::to_string(&other).unwrap(), crate::column::time(Timestamp::now())],
        )
        .unwrap();
    let held = home.try_open(Options::default()).unwrap_err();
    assert!(matches!(&held, JournalError::Held { holder, .. } if **holder == other), "{held}");
    home.raw().execute("UPDATE lease SET ttl_ms = 200", []).unwrap();
    let journal = home.try_open(Options { clock: ahead(11), ..Options::default() }).unwrap();
    assert_eq!(journal.epoch(), 2);
}

/// Goal: whoever has just taken the lock of one that was killed is not taken for that one. Method:
/// the row names a process that is gone, the lock is held, and the new holder's row comes once the
/// other one has begun to look.
#[test]
fn the_row_of_a_killed_process_does_not_speak_for_the_next() {
    struct Looks(std::sync::Mutex<mpsc::Sender<()>>);
    impl crate::WriteObserver for Looks {
        fn before_commit(&self) {}
        fn after_commit(&self) {}
        fn around(&self, instant: &str) {
            if instant == "after its place is made" {
                self.0.lock().unwrap().send(()).unwrap();
            }
        }
    }
    let home = Home::new();
    drop(home.open());
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let name = |holder: &Holder| {
        let holder = serde_json::to_string(holder).unwrap();
        home.raw().execute("UPDATE lease SET released = 0, holder = ?1", [holder]).unwrap();
    };
    name(&Holder { pid: gone.id(), ..here() });
    let lock = crate::lease::Lock::beside(&home.path()).unwrap();
    assert!(lock.held());
    let (told, looks) = mpsc::channel();
    let options = Options { observer: Some(Arc::new(Looks(told.into()))), ..Options::default() };
    let next = Holder { command: "notes".into(), ..here() };
    let held = std::thread::scope(|scope| {
        let held = scope.spawn(|| home.try_open(options).unwrap_err());
        looks.recv().unwrap();
        name(&next);
        held.join().unwrap()
    });
    assert!(matches!(&held, JournalError::Held { holder, .. } if **holder == next), "{held}");
}

const DAY: i64 = 86_400;

/// A writer that shows often that it lives.
fn lively() -> Options {
    let (ttl, renew_every) = (Duration::from_millis(600), Duration::from_millis(60));
    Options { ttl, renew_every, ..Options::default() }
}

/// Goal: a clock that was set does not make a live holder look dead. Method: a holder that
/// renews, and others whose clocks are a day off, both ways.
#[test]
fn a_live_holder_is_not_taken_over_from_by_a_clock_that_was_set() {
    let home = Home::new();
    let journal = home.try_open(lively()).unwrap();
    journal.append_blocking(begin("A")).unwrap();
    for seconds in [DAY, -DAY] {
        let options = Options { take_over: true, clock: ahead(seconds), ..Options::default() };
        let held = home.try_open(options).unwrap_err();
        assert!(matches!(held, JournalError::Held { .. }), "{held}");
    }
    journal.append_blocking(step("A", 1)).unwrap();
}

/// Goal: a clock that was set back does not keep a dead holder alive. Method: one that is
/// suspended, and a clock that is a day behind its last renewal.
#[test]
fn a_silent_holder_is_taken_over_from_whatever_the_clock_says() {
    let home = Home::new();
    home.open().append_blocking(begin("A")).unwrap();
    let _child = Running::suspended(&home.path());
    let options = Options { take_over: true, clock: ahead(-DAY), ..Options::default() };
    home.try_open(options).unwrap().append_blocking(step("A", 1)).unwrap();
}

/// Goal: a change asks for what is written, not for what is believed. Method: the epoch is moved on
/// under a writer that has just renewed.
#[test]
fn whoever_lost_the_lease_changes_nothing() {
    let home = Home::new();
    let journal = home.open();
    let fence = journal.fence().unwrap();
    fence.pass().unwrap();
    home.raw().execute("UPDATE lease SET epoch = epoch + 1", []).unwrap();
    assert!(matches!(fence.pass(), Err(JournalError::Fenced { holder: Some(_) })));
    drop(journal);
    assert!(matches!(fence.pass(), Err(JournalError::Stopped)));
}

/// Goal: nobody can take the lease while a change is on its way. Method: a writer that never
/// renews by itself does when it is asked, once half of its time is over.
#[test]
fn whoever_is_about_to_change_something_renews_first() {
    let home = Home::new();
    let (ttl, renew_every) = (Duration::from_millis(40), Duration::from_secs(3_600));
    let journal = home.try_open(Options { ttl, renew_every, ..Options::default() }).unwrap();
    let (fence, reader) = (journal.fence().unwrap(), home.reader());
    let renewed = || reader.lease().unwrap().unwrap().renewed_at;
    let first = renewed();
    eventually("half of the time", || {
        fence.pass().unwrap();
        renewed() > first
    });
}

/// Goal: whoever lost the lease writes nothing, now and later. Method: the epoch is moved on
/// under a writer that still has its lock.
#[test]
fn a_writer_that_lost_the_lease_writes_nothing() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    home.raw().execute("UPDATE lease SET epoch = epoch + 1", []).unwrap();
    for _ in 0..2 {
        let fenced = journal.append_blocking(step("A", 1)).unwrap_err();
        assert!(matches!(&fenced, JournalError::Fenced { holder: Some(_) }), "{fenced}");
    }
    home.raw().execute("UPDATE lease SET epoch = epoch - 1", []).unwrap();
    assert!(matches!(journal.append_blocking(step("A", 1)), Err(JournalError::Fenced { .. })));
    assert_eq!(home.reader().events(&id("A")).unwrap().len(), 1);
}

/// Goal: after kill -9 the same command goes on at once, nothing acknowledged is lost, nothing
/// is out of order. Method: a process that appends without pause, killed at different moments.
#[test]
fn a_killed_writer_is_followed_at_once_and_lost_nothing() {
    let home = Home::new();
    home.open().append_blocking(begin("A")).unwrap();
    for round in 0..8_u64 {
        let acknowledged = home.directory.path().join(format!("acknowledged-{round}"));
        let child = Running::start(&home.path(), "append", &acknowledged);
        eventually("the first append", || read_number(&acknowledged).is_some());
        std::thread::sleep(Duration::from_millis(3 * round));
        drop(child);
        let before = Instant::now();
        let journal = home.open();
        assert!(before.elapsed() < Duration::from_secs(2));
        let entries = home.reader().events(&id("A")).unwrap();
        assert!(entries.len() as u64 >= read_number(&acknowledged).unwrap());
        assert!(entries.iter().zip(0..).all(|(entry, seq)| entry.seq == seq));
        assert_eq!(home.reader().verify_audit().unwrap().events, entries.len() as u64);
        drop(journal);
    }
}

/// Goal: a suspended writer can be taken over from, and finds out when it goes on. Method:
/// SIGSTOP, a clock that is ahead, SIGCONT.
#[test]
fn a_suspended_writer_is_fenced_when_it_goes_on() {
    let home = Home::new();
    home.open().append_blocking(begin("A")).unwrap();
    let mut child = Running::suspended(&home.path());
    let expired = home.try_open(Options { clock: ahead(60), ..Options::default() }).unwrap_err();
    assert!(matches!(expired, JournalError::Held { expired: true, .. }), "{expired}");
    assert!(expired.hint().contains("take over"));
    let options = Options { clock: ahead(60), take_over: true, ..Options::default() };
    let journal = home.try_open(options).unwrap();
    journal.append_blocking(step("A", 1)).unwrap();
    // A third one, for whom the lease has not expired, is told of the new holder.
    let held = home.try_open(Options { clock: ahead(60), ..Options::default() }).unwrap_err();
    assert!(matches!(
        held,
        JournalError::Held { holder, expired: false, .. } if holder.pid == std::process::id()
    ));
    child.wake();
    child.until("fenced");
    journal.append_blocking(step("A", 2)).unwrap();
    assert_eq!(home.reader().events(&id("A")).unwrap().len(), 3);
    // When the other process has ended, the lock becomes ours.
    assert!(!home.reader().lease().unwrap().unwrap().locked);
    drop(child);
    journal.append_blocking(step("A", 3)).unwrap();
    assert!(home.reader().lease().unwrap().unwrap().locked);
}

/// This test binary again, as another process; killed with SIGKILL when dropped.
struct Running {
    child: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(database: &Path, role: &str, output: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["tests::lease::the_other_process", "--exact", "--nocapture"])
            .env("JOURNAL_TEST_ROLE", role)
            .env("JOURNAL_TEST_DATABASE", database)
            .env("JOURNAL_TEST_OUTPUT", output)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, says }
    }

    /// One that has the lease and is suspended where it is about to renew it. It must not be in
    /// the middle of a write: that would keep everybody else from writing.
    fn suspended(database: &Path) -> Self {
        let mut running = Self::start(database, "renew", Path::new(""));
        running.until("about to renew");
        let pid = Pid::from_child(&running.child);
        kill_process(pid, Signal::STOP).unwrap();
        let seen = waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED).unwrap().unwrap();
        assert!(seen.stopped());
        running
    }

    /// Lets it go on.
    fn wake(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
        self.child.stdin.as_mut().unwrap().write_all(b"go on\n").unwrap();
    }

    /// Waits until it has said this.
    fn until(&mut self, words: &str) {
        let line = self.says.find(|line| line.as_ref().is_ok_and(|line| line.contains(words)));
        assert!(line.is_some(), "it ended and never said {words:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn read_number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.parse().ok()
}

/// Not a test of its own: what [`Running`] runs. It ends by being killed.
#[test]
fn the_other_process() {
    let Ok(role) = std::env::var("JOURNAL_TEST_ROLE") else {
        return;
    };
    let variable = |name| PathBuf::from(std::env::var(name).unwrap());
    let (database, output) = (variable("JOURNAL_TEST_DATABASE"), variable("JOURNAL_TEST_OUTPUT"));
    match role.as_str() {
        "append" => append_for_ever(&database, &output),
        _ => renew_when_told(&database),
    }
}

fn append_for_ever(database: &Path, output: &Path) {
    let journal = Journal::open(database, &key(), here(), lively()).unwrap();
    let mut seq = journal.reader().unwrap().events(&id("A")).unwrap().len() as u64;
    loop {
        seq = journal.append_blocking(step("A", seq)).unwrap().seq;
        // Renamed into place, so that the number is read whole.
        std::fs::write(output.with_extension("part"), seq.to_string()).unwrap();
        std::fs::rename(output.with_extension("part"), output).unwrap();
    }
}

/// Its first renewal waits in its clock, which is asked before anything is written.
fn renew_when_told(database: &Path) {
    let armed = Arc::new(AtomicBool::new(false));
    let (woken, wakes) = std::sync::mpsc::channel();
    let clock: crate::Clock = {
        let armed = Arc::clone(&armed);
        Arc::new(move || {
            if armed.swap(false, Ordering::SeqCst) {
                println!("about to renew");
                std::io::stdin().read_line(&mut String::new()).unwrap();
                woken.send(()).unwrap();
            }
            Timestamp::now()
        })
    };
    let journal = Journal::open(database, &key(), here(), Options { clock, ..lively() }).unwrap();
    let seq = journal.reader().unwrap().events(&id("A")).unwrap().len() as u64;
    armed.store(true, Ordering::SeqCst);
    wakes.recv().unwrap();
    match journal.append_blocking(step("A", seq)) {
        Err(JournalError::Fenced { .. }) => println!("fenced"),
        other => println!("{other:?}"),
    }
    std::thread::park();
}
