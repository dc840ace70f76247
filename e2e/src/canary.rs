//! Looks for values where none may be: in what was printed, in files, in the process table.
//!
//! A value is looked for as it is, in base64 at each of the three offsets and in both alphabets,
//! in hexadecimal of both cases and percent-encoded. A search that has never found anything
//! proves nothing, so [`self_test`] plants each form in each kind of place first.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::Result;

/// How long a planted process may take to show itself on a busy machine.
const PLANTED_SECONDS_MAX: Duration = Duration::from_secs(5);

/// A value and what it is, for telling a find without showing it.
#[derive(Clone)]
pub struct Canary {
    /// What it is.
    pub name: String,
    forms: Vec<(String, Vec<u8>)>,
}

impl Canary {
    /// Every form of a value.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        let mut forms = vec![("raw".to_owned(), value.as_bytes().to_vec())];
        for offset in 0..3 {
            for (alphabet, engine) in [("standard", &STANDARD_NO_PAD), ("url", &URL_SAFE_NO_PAD)] {
                let form = inner_base64(value.as_bytes(), offset, engine);
                forms.push((format!("base64 {alphabet} +{offset}"), form.into_bytes()));
            }
        }
        let hex = |upper: bool| -> String {
            value
                .bytes()
                .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })
                .collect()
        };
        forms.push(("hex".to_owned(), hex(false).into_bytes()));
        forms.push(("HEX".to_owned(), hex(true).into_bytes()));
        let percent: String = value
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect();
        forms.push(("percent".to_owned(), percent.into_bytes()));
        let all: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        forms.push(("percent, all of it".to_owned(), all.into_bytes()));
        Self { name: name.to_owned(), forms }
    }

    /// The forms that it is looked for in.
    #[must_use]
    pub fn forms(&self) -> &[(String, Vec<u8>)] {
        &self.forms
    }
}

/// The characters of a base64 text that depend on the value alone, where the value stands at this
/// offset of a longer text.
fn inner_base64(value: &[u8], offset: usize, engine: &impl Engine) -> String {
    let mut text = vec![0_u8; offset];
    text.extend_from_slice(value);
    let code = engine.encode(&text);
    let first = (offset * 8).div_ceil(6);
    let last = text.len() * 8 / 6;
    code.chars().skip(first).take(last - first).collect()
}

/// A value that was found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hit {
    /// Which value.
    pub canary: String,
    /// In which form.
    pub form: String,
    /// Where.
    pub place: String,
}

/// What was looked through, and what was found.
#[derive(Default)]
pub struct Search {
    canaries: Vec<Canary>,
    /// How many places of each kind were looked through.
    pub places: BTreeMap<String, usize>,
    /// What was found.
    pub hits: Vec<Hit>,
}

impl Search {
    /// A search for these.
    #[must_use]
    pub fn of(canaries: Vec<Canary>) -> Self {
        Self { canaries, ..Self::default() }
    }

    /// How many forms of how many values are looked for.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let forms = self.canaries.first().map_or(0, |one| one.forms.len());
        (self.canaries.len(), forms)
    }

    /// Looks through a text or a file's content.
    pub fn bytes(&mut self, kind: &str, place: &str, bytes: &[u8]) {
        *self.places.entry(kind.to_owned()).or_default() += 1;
        for canary in &self.canaries {
            for (form, needle) in &canary.forms {
                if contains(bytes, needle) {
                    self.hits.push(Hit {
                        canary: canary.name.clone(),
                        form: form.clone(),
                        place: format!("{kind}: {place}"),
                    });
                }
            }
        }
    }

    /// Looks through every file under a directory, and through the names, except where `spared`
    /// says that a value belongs there.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn files(
        &mut self,
        kind: &str,
        under: &Path,
        spared: &impl Fn(&Path) -> bool,
    ) -> Result<()> {
        let fail = |error: std::io::Error| format!("{}: {error}", under.display());
        for entry in fs::read_dir(under).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let name = path.display().to_string();
            self.bytes("file name", &name, name.as_bytes());
            if path.is_dir() {
                self.files(kind, &path, spared)?;
            } else if path.is_file() && !spared(&path) {
                let bytes = fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
                self.bytes(kind, &name, &bytes);
            }
        }
        Ok(())
    }

    /// Looks through what a watch of the process table has seen.
    pub fn processes(&mut self, seen: &[Sight]) {
        for sight in seen {
            self.bytes(sight.kind, &format!("process {}", sight.pid), &sight.bytes);
        }
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    needle.first().is_some_and(|first| {
        bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| *byte == first)
            .any(|(at, _)| bytes[at..].starts_with(needle))
    })
}

/// What the process table showed of a process.
#[derive(Clone)]
pub struct Sight {
    /// Of which process.
    pub pid: u32,
    /// `cmdline` or `environ`.
    pub kind: &'static str,
    /// What.
    pub bytes: Vec<u8>,
}

/// Watches what the process table shows of one process, until it is told to end.
pub struct Watch {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Sight>>>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Watches a process.
    #[must_use]
    pub fn over(pid: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (told, book) = (Arc::clone(&over), Arc::clone(&seen));
        let thread = thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                for kind in ["cmdline", "environ"] {
                    // Unreadable is as good as empty: nobody else can read it either.
                    if let Ok(bytes) = fs::read(format!("/proc/{pid}/{kind}"))
                        && !bytes.is_empty()
                    {
                        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
                        let new = |one: &Sight| one.kind != kind || one.bytes != bytes;
                        if book.iter().all(new) {
                            book.push(Sight { pid, kind, bytes });
                        }
                    }
                }
                thread::sleep(Duration::from_millis(3));
            }
        });
        Self { over, seen, thread }
    }

    /// What was seen so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<Sight> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the watch and answers what was seen.
    #[must_use]
    pub fn end(self) -> Vec<Sight> {
        self.over.store(true, Ordering::SeqCst);
        // A watch that panicked has seen what it has seen.
        let _ = self.thread.join();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Plants a value in every form in every kind of place, and answers how many of how many were
/// found.
///
/// # Errors
/// A place cannot be planted.
pub fn self_test() -> Result<(usize, usize)> {
    let value = "HRKU-c4n4ry_0123-456789/abcdefghijklmnopqrstuvwxyz+ABCDEFGHIJKLMN=";
    let canary = Canary::new("planted", value);
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (mut planted, mut found) = (0, 0);
    for (number, (_, form)) in canary.forms().iter().enumerate() {
        for kind in ["output", "file", "file name", "cmdline", "environ"] {
            let mut search = Search::of(vec![canary.clone()]);
            let text = String::from_utf8_lossy(form).into_owned();
            match kind {
                "output" => search.bytes(kind, "planted", format!("x{text}y\n").as_bytes()),
                "file" => plant_file(&mut search, place.path(), number, &text)?,
                "file name" if text.contains('/') || text.len() > 200 => continue,
                "file name" => {
                    let under = place.path().join(format!("names-{number}"));
                    fs::create_dir(&under)
                        .and_then(|()| fs::write(under.join(&text), ""))
                        .map_err(|error| error.to_string())?;
                    search.files("file", &under, &|_| false)?;
                }
                _ => plant_process(&mut search, kind, &text)?,
            }
            planted += 1;
            found += usize::from(!search.hits.is_empty());
        }
    }
    // The form that stands for a value inside a longer base64 text, at each offset.
    for offset in 0..3 {
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let mut search = Search::of(vec![canary.clone()]);
            let code = engine.encode(format!("{}{value}tail", "p".repeat(offset)));
            search.bytes("output", "planted", code.as_bytes());
            planted += 1;
            found += usize::from(!search.hits.is_empty());
        }
    }
    Ok((found, planted))
}

fn plant_file(search: &mut Search, place: &Path, number: usize, text: &str) -> Result<()> {
    let under: PathBuf = place.join(format!("files-{number}"));
    let mut bytes = vec![0_u8; 4_093];
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&[0xff; 100]);
    fs::create_dir(&under)
        .and_then(|()| fs::write(under.join("rollover.db-wal"), bytes))
        .map_err(|error| error.to_string())?;
    search.files("file", &under, &|_| false)
}

fn plant_process(search: &mut Search, kind: &str, text: &str) -> Result<()> {
    let mut command = Command::new("/bin/sh");
    // A builtin waits, so that the shell keeps its own arguments and environment.
    command.args(["-c", "read line"]).env_clear();
    if kind == "cmdline" {
        command.arg(text);
    } else {
        command.env("TOKEN", text);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let watch = Watch::over(child.id());
    let until = Instant::now() + PLANTED_SECONDS_MAX;
    while search.hits.is_empty() && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
        search.processes(&watch.so_far());
    }
    drop(child.stdin.take());
    // It ends with its input.
    let _ = child.wait();
    drop(watch.end());
    Ok(())
}
