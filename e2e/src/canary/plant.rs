//! Plants a value in every form in every kind of place, and lets the search find it with the code
//! that looks through the real ones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::catch::{Catch, strace_works};
use super::{Canary, Sink, Tap, forms};
use crate::{Result, Rollover};

/// A value with every character that some encoding writes in another way.
const VALUE: &str = "HRKU-c4n4ry_0123-456789/abcdefghijklmnopqrstuvwxyz+ABCDEFGHIJKLMN=";

/// How long a planted request may take to arrive on a busy machine.
const PLANTED_SECONDS_MAX: Duration = Duration::from_secs(5);

/// What was planted and found.
#[derive(Clone, Debug, Default)]
pub struct Planted {
    /// How many were planted.
    pub planted: usize,
    /// How many of them were found.
    pub found: usize,
    /// Those that were not, told.
    pub missed: Vec<String>,
    /// How many a place cannot hold: a zero byte in an argument, a slash in a file's name.
    pub impossible: usize,
    /// In how many kinds of places.
    pub sinks: BTreeMap<Sink, usize>,
    /// Kinds of places that cannot be tried on this machine, and why.
    pub skipped: Vec<(Sink, &'static str)>,
}

/// Plants every form in every kind of place.
///
/// # Errors
/// A place cannot be planted.
pub fn everywhere() -> Result<Planted> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let canary = Canary::new("planted", VALUE);
    let forms = forms::planted(VALUE)?;
    let mut sum = Planted::default();
    for sink in Sink::ALL {
        if let Some(why) = cannot_try(sink, place.path())? {
            sum.skipped.push((sink, why));
            continue;
        }
        for (number, (name, form)) in forms.iter().enumerate() {
            if !holds(sink, form) {
                sum.impossible += 1;
                continue;
            }
            let under = place.path().join(format!("{sink:?}-{number}"));
            fs::create_dir(&under).map_err(|error| error.to_string())?;
            let mut catch = Catch::default();
            plant(sink, &mut catch, &under, form)?;
            let search = catch.search(vec![canary.clone()]);
            sum.planted += 1;
            *sum.sinks.entry(sink).or_default() += 1;
            if search.hits.iter().any(|hit| hit.sink == sink) {
                sum.found += 1;
            } else {
                sum.missed.push(format!("{} in {}", name, sink.name()));
            }
        }
    }
    Ok(sum)
}

fn cannot_try(sink: Sink, place: &Path) -> Result<Option<&'static str>> {
    Ok(match sink {
        Sink::Started if !strace_works() => Some("there is no strace that may trace"),
        Sink::CoreDumps => {
            let under = place.join("dumps");
            fs::create_dir(&under).map_err(|error| error.to_string())?;
            let dumps = dump(&mut Catch::default(), &under, "x")?;
            (!dumps).then_some("this system writes no dumps, or not where the process runs")
        }
        Sink::Terminal if !Path::new("/usr/bin/setsid").exists() => Some("there is no setsid"),
        _ => None,
    })
}

/// Whether such a place can hold these bytes at all.
fn holds(sink: Sink, form: &[u8]) -> bool {
    let text = std::str::from_utf8(form).is_ok() && !form.contains(&0);
    match sink {
        Sink::Arguments | Sink::Environment | Sink::Started | Sink::CoreDumps => text,
        Sink::FileNames => !form.contains(&0) && !form.contains(&b'/') && form.len() <= 200,
        // A terminal puts a carriage return before each line feed.
        Sink::Terminal => !form.contains(&b'\n'),
        Sink::Addresses | Sink::Headers | Sink::Agents => text && !form.contains(&b'\n'),
        _ => true,
    }
}

fn plant(sink: Sink, catch: &mut Catch, under: &Path, form: &[u8]) -> Result<()> {
    let file = under.join("planted");
    let path = file.display().to_string();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(under.join(name), bytes).map_err(|error| format!("{name}: {error}"))
    };
    let shell = |script: &str| Rollover::stand_in("/bin/sh", under).args(&["-c", script, &path]);
    let text = || String::from_utf8_lossy(form).into_owned();
    match sink {
        Sink::Output | Sink::Json | Sink::Help | Sink::Tasks | Sink::Audit => {
            write("planted", form)?;
            let _ = catch.run((sink, Sink::Errors), "planted", shell("cat \"$0\""))?;
        }
        Sink::Errors => {
            write("planted", form)?;
            let run = shell("cat \"$0\" >&2");
            let _ = catch.run((Sink::Output, Sink::Errors), "planted", run)?;
        }
        Sink::Refusals => {
            write("planted", form)?;
            let run = shell("cat \"$0\" >&2; exit 2");
            let _ = catch.run((Sink::Output, Sink::Errors), "planted", run)?;
        }
        Sink::Panics => {
            write("planted", form)?;
            let run = shell("cat \"$0\" >&2; exit 101");
            let _ = catch.run((Sink::Output, Sink::Panics), "planted", run)?;
        }
        Sink::Terminal => {
            write("planted", form)?;
            let _code = catch.run_at_terminal("planted", &shell("cat \"$0\""), &[])?;
        }
        Sink::Support | Sink::SealedFile => {
            write("planted", form)?;
            catch.file(sink, &file)?;
        }
        Sink::Database | Sink::FreePages | Sink::Slack => {
            write("rollover.db", &database(sink, form))?;
            catch.database(&under.join("rollover.db"), "planted");
        }
        Sink::WriteAhead | Sink::SharedMemory | Sink::Locks => {
            let suffix = match sink {
                Sink::WriteAhead => "-wal",
                Sink::SharedMemory => "-shm",
                _ => ".lock",
            };
            let mut bytes = vec![0_u8; 4_093];
            bytes.extend_from_slice(form);
            bytes.extend_from_slice(&[0xff; 100]);
            write(&format!("rollover.db{suffix}"), &bytes)?;
            catch.database(&under.join("rollover.db"), "planted");
        }
        Sink::Inventory | Sink::Leftovers | Sink::HomeAndTemporary => {
            write("planted", form)?;
            catch.tree(sink, under, &|_| false)?;
        }
        Sink::FileNames => {
            let name = std::ffi::OsStr::from_bytes(form);
            File::create(under.join(name)).map_err(|error| format!("{name:?}: {error}"))?;
            catch.tree(Sink::Inventory, under, &|_| false)?;
        }
        Sink::CoreDumps => drop(dump(catch, under, &text())?),
        Sink::Arguments => {
            let run = Rollover::stand_in("/bin/sh", under).args(&["-c", "sleep 0.1", &text()]);
            let _ = catch.run((Sink::Output, Sink::Errors), "planted", run)?;
        }
        Sink::Environment => {
            // In a child of what is watched, not in itself.
            let script = "X=\"$0\" sleep 0.1; true";
            let run = Rollover::stand_in("/bin/sh", under).args(&["-c", script, &text()]);
            let _ = catch.run((Sink::Output, Sink::Errors), "planted", run)?;
        }
        Sink::Started => {
            let run = Rollover::stand_in("/bin/sh", under).env("PLANTED", text());
            let run = run.args(&["-c", "/bin/true; true"]);
            let traced = catch.traced("planted", run, under)?;
            let _ = traced.ok_or("strace worked a moment ago")?;
        }
        Sink::Addresses | Sink::Headers | Sink::Agents | Sink::Bodies => {
            request(sink, catch, form)?;
        }
    }
    Ok(())
}

/// A database of three pages: the first a tree without cells, the second the list of free pages,
/// the third the free page on it.
fn database(sink: Sink, form: &[u8]) -> Vec<u8> {
    const PAGE: usize = 4_096;
    let mut file = vec![0_u8; 3 * PAGE];
    file[..16].copy_from_slice(b"SQLite format 3\0");
    file[16..18].copy_from_slice(&[0x10, 0]);
    file[32..36].copy_from_slice(&2_u32.to_be_bytes());
    file[36..40].copy_from_slice(&2_u32.to_be_bytes());
    file[100] = 13;
    file[PAGE + 4..PAGE + 8].copy_from_slice(&1_u32.to_be_bytes());
    file[PAGE + 8..PAGE + 12].copy_from_slice(&3_u32.to_be_bytes());
    // In the first page nothing but its last bytes is in use.
    file[105..107].copy_from_slice(&4_000_u16.to_be_bytes());
    let at = if sink == Sink::Slack { 2_000 } else { 2 * PAGE + 100 };
    let end = (at + form.len()).min(file.len());
    file[at..end].copy_from_slice(&form[..end - at]);
    file
}

/// A process that crashes with this in its environment. Answers whether a dump was kept.
fn dump(catch: &mut Catch, under: &Path, text: &str) -> Result<bool> {
    let run = Rollover::stand_in("/bin/sleep", under).args(&["60"]).env("PLANTED", text);
    let sleeps = |pid: u32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"/bin/sleep"))
    };
    catch.crashed("planted", &run, Signal::ABORT, under, &sleeps)?;
    Ok(catch.holds_a_dump())
}

fn request(sink: Sink, catch: &mut Catch, form: &[u8]) -> Result<()> {
    let fail = |error: std::io::Error| format!("failed to send: {error}");
    let vendor = TcpListener::bind("127.0.0.1:0").map_err(fail)?;
    let tap = Tap::before(&vendor.local_addr().map_err(fail)?.to_string(), |_, _| false)?;
    let mut asked: Vec<u8> = Vec::new();
    let (mut path, mut agent, mut header, mut body) = (&b""[..], &b""[..], &b""[..], &b""[..]);
    match sink {
        Sink::Addresses => path = form,
        Sink::Agents => agent = form,
        Sink::Headers => header = form,
        _ => body = form,
    }
    let length = body.len().to_string();
    for part in [
        b"POST /x?q=",
        path,
        b" HTTP/1.1\r\nuser-agent: ",
        agent,
        b"\r\nx-more: ",
        header,
        b"\r\ncontent-length: ",
        length.as_bytes(),
        b"\r\n\r\n",
        body,
    ] {
        asked.extend_from_slice(part);
    }
    let mut wire = TcpStream::connect(tap.address()).map_err(fail)?;
    wire.write_all(&asked).map_err(fail)?;
    let until = Instant::now() + PLANTED_SECONDS_MAX;
    while tap.asked().is_empty() && Instant::now() < until {
        thread::sleep(Duration::from_millis(2));
    }
    catch.asked("planted", &tap);
    Ok(())
}
