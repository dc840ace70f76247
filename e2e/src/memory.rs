//! Copies of a value in the memory of a running process, counted through `/proc/PID/mem`.
//!
//! The program keeps others of its user from its memory, so only who may trace everybody can look.
//! Whoever may not is told so; `unshare -r cargo test` makes one root enough.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use lab::Vendor;
use memchr::memmem;
use rustix::fs::OFlags;
use rustix::pipe::PipeFlags;

use crate::crashes::open_rotation;
use crate::tls::Certificate;
use crate::{Before, Operator, Result, Running, Secret, Stage};

/// How long no vendor may have been asked before a run counts as waiting. Longer than a connection
/// that nobody uses is kept.
const QUIET: Duration = Duration::from_millis(2_500);
/// How long a run may not have used the processor before it counts as waiting for its reader.
const IDLE: Duration = Duration::from_millis(700);
const QUIET_MAX: Duration = Duration::from_secs(30);
/// The largest piece that is read at once.
const PIECE: usize = 1 << 20;

/// A value that is looked for, and how many whole copies may be there.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is.
    pub name: &'static str,
    /// The value.
    pub value: Vec<u8>,
    /// How many copies are in use: a login, a value that a later step needs.
    pub in_use: usize,
}

/// How often a value was found.
#[derive(Clone, Debug)]
pub struct Count {
    /// What it is.
    pub name: &'static str,
    /// How many whole copies are in use.
    pub in_use: usize,
    /// How many whole copies there are.
    pub whole: usize,
    /// How many first or second halves there are without the other one.
    pub halves: usize,
    /// Where, for whoever has to find the reason: the mapping and what stands around it, with
    /// the value itself taken out.
    pub places: Vec<String>,
}

impl Count {
    /// Copies that nobody uses, and pieces.
    #[must_use]
    pub fn left(&self) -> usize {
        self.whole.saturating_sub(self.in_use) + self.halves
    }
}

/// What the vendors are reached over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// Plain http, as the lab speaks it.
    Plain,
    /// TLS, as the vendors' own services want it.
    Tls,
}

/// Copies at one moment of a rotation.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Which.
    pub when: String,
    /// Of each value.
    pub counts: Vec<Count>,
}

/// Whether this process may look into others that keep it out: `CAP_SYS_PTRACE`, which root has,
/// though not in every container.
#[must_use]
pub fn may_look() -> bool {
    const PTRACE: u32 = 19;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = capabilities.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.is_some_and(|bits| bits >> PTRACE & 1 == 1)
}

/// Counts the copies of values in everything that a process can write.
///
/// # Errors
/// Its memory cannot be read.
pub fn copies(pid: u32, wanted: &[Wanted]) -> Result<Vec<Count>> {
    let fail = |error: std::io::Error| format!("the memory of process {pid}: {error}");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).map_err(fail)?;
    let memory = File::open(format!("/proc/{pid}/mem")).map_err(fail)?;
    let mut counts: Vec<Count> = wanted
        .iter()
        .map(|one| Count {
            name: one.name,
            in_use: one.in_use,
            whole: 0,
            halves: 0,
            places: Vec::new(),
        })
        .collect();
    for line in maps.lines() {
        let Some((start, end, name)) = mapping(line) else { continue };
        let mut at = start;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            // A value that lies across two pieces is found in the second.
            let before = wanted.iter().map(|one| one.value.len()).max().unwrap_or(0) as u64;
            let from = at.saturating_sub(before).max(start);
            let overlap = usize::try_from(at - from).unwrap_or(0);
            let mut bytes = vec![0; length + overlap];
            // A page that is gone meanwhile holds nothing.
            if memory.read_exact_at(&mut bytes, from).is_ok() {
                for (one, count) in wanted.iter().zip(&mut counts) {
                    count_in(&bytes, overlap, one, count, name);
                }
            }
            at += length as u64;
        }
    }
    Ok(counts)
}

/// A mapping that can be written and read.
fn mapping(line: &str) -> Option<(u64, u64, &str)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let readable = words.next()?.starts_with("rw");
    let number = |text| u64::from_str_radix(text, 16).ok();
    readable.then_some((number(start)?, number(end)?, words.nth(3).unwrap_or("anonymous")))
}

fn count_in(bytes: &[u8], overlap: usize, one: &Wanted, count: &mut Count, mapping: &str) {
    let value = one.value.as_slice();
    let (first, second) = value.split_at(value.len() / 2);
    // What ends in the overlap was counted with the piece before.
    let fresh = |at: &usize, needle: &[u8]| at + needle.len() > overlap;
    let all = |needle: &[u8]| -> Vec<usize> {
        memmem::find_iter(bytes, needle).filter(|at| fresh(at, needle)).collect()
    };
    let whole = all(value);
    let firsts: Vec<usize> = all(first).into_iter().filter(|at| !whole.contains(at)).collect();
    let of_whole = |at: &usize| at.checked_sub(first.len()).is_some_and(|at| whole.contains(&at));
    let seconds: Vec<usize> = all(second).into_iter().filter(|at| !of_whole(at)).collect();
    for (at, what) in whole
        .iter()
        .map(|at| (at, "whole"))
        .chain(firsts.iter().map(|at| (at, "first half")))
        .chain(seconds.iter().map(|at| (at, "second half")))
    {
        let from = at.saturating_sub(48);
        let around = &bytes[from..(at + value.len() + 48).min(bytes.len())];
        count.places.push(format!("{mapping}, {what}: {}", without(around, first, second)));
    }
    count.whole += whole.len();
    count.halves += firsts.len() + seconds.len();
}

/// What stands around a value, without the value.
fn without(around: &[u8], first: &[u8], second: &[u8]) -> String {
    let mut around = around.to_vec();
    for half in [first, second] {
        let found: Vec<usize> = memmem::find_iter(&around, half).collect();
        for at in found {
            around[at..at + half.len()].fill(b'#');
        }
    }
    around.escape_ascii().to_string()
}

/// One rotation, looked into twice: while both tokens live side by side and nothing is under way,
/// and when all is done and only the report is not yet written.
///
/// `None` where TLS is wanted and there is no `openssl` to make a certificate.
///
/// # Errors
/// The rotation does not go as it should, or its memory cannot be read.
pub fn of_a_rotation(binary: &Path, secret: &Secret, wire: Wire) -> Result<Option<Vec<Moment>>> {
    let stage = Stage::new(binary)?;
    if wire == Wire::Tls && !over_tls(&stage)? {
        return Ok(None);
    }
    let before = Before::of(&stage, secret)?;
    let (reader, report) = clogged()?;
    let operator = secret.by_operator.then(|| Operator::at(&stage)).transpose()?;
    // Nobody has agreed to the revocation, so it waits for as long as it takes to look.
    let run = stage.rollover(&["rotate", secret.name, "--yes", "--wait"]);
    let mut run = run.stdout(report.into());
    if let Some(operator) = &operator {
        run = run.heard_by(operator.ear());
    }
    let mut running = run.start()?;
    running.wait_for("ok   soak")?;
    wait_quiet(&stage, &mut running)?;
    let new = stage
        .lab()
        .inspect()
        .infisical_value("prod", secret.key)
        .filter(|new| *new != before.old)
        .ok_or("there is no new token yet")?;
    let given = stage.lab().credentials();
    let key = fs::read_to_string(stage.directory().join("rollover.key"))
        .map_err(|error| format!("rollover.key: {error}"))?;
    let key = key.trim().to_owned();
    // A login is held by its connection, the tokens by the rotation; the Heroku token is both.
    let wanted = |during: bool| -> Vec<Wanted> {
        let old = if secret.by_operator { 1 } else { 2 };
        [
            ("old token", before.old.clone().into_bytes(), old),
            ("new token", new.clone().into_bytes(), 1),
            ("GitHub token", given.github_token.clone().into_bytes(), 1),
            ("Infisical client secret", given.infisical_client_secret.clone().into_bytes(), 1),
            ("installation's key", from_hex(&key), 1),
            ("installation's key in its file's form", key.clone().into_bytes(), 0),
        ]
        .into_iter()
        .map(|(name, value, in_use)| {
            // The lease is held until the end was said, and who holds it can write.
            let in_use = if during || name == "installation's key" { in_use } else { 0 };
            Wanted { name, value, in_use }
        })
        .collect()
    };
    let over = if wire == Wire::Tls { " over TLS" } else { "" };
    let mut moments = vec![Moment {
        when: format!("{}{over}, both tokens side by side", secret.key),
        counts: copies(running.pid(), &wanted(true))?,
    }];
    let approve = format!("{}.approve", open_rotation(&stage)?);
    let agree = ["task", "done", &approve, "--confirm", secret.name];
    let _ = stage.rollover(&agree).run()?.is(0)?;
    running.wait_for("ok   done in")?;
    wait_quiet(&stage, &mut running)?;
    moments.push(Moment {
        when: format!("{}{over}, after the last step", secret.key),
        counts: copies(running.pid(), &wanted(false))?,
    });
    let drained = thread::spawn(move || std::io::copy(&mut { reader }, &mut std::io::sink()));
    let _ = running.finish()?.is(0)?;
    drop(drained);
    if let Some(operator) = operator {
        let _clicks = operator.leave()?;
    }
    Ok(Some(moments))
}

/// TLS before every vendor of a stage; whether there is any.
fn over_tls(stage: &Stage) -> Result<bool> {
    let Some(certificate) = Certificate::new(&stage.directory())? else { return Ok(false) };
    for vendor in [Vendor::Postmark, Vendor::Heroku, Vendor::Github, Vendor::Infisical] {
        let url = stage.lab().urls().of(vendor).to_owned();
        let own = certificate.before(url.trim_start_matches("http://"))?;
        stage.edit("rollover.toml", |text| {
            let line = |line: &str| match line.strip_prefix(&format!("url = \"{url}")) {
                Some(rest) => format!("url = \"https://{own}{rest}\nca = \"authority.pem\"\n"),
                None => format!("{line}\n"),
            };
            text.lines().map(line).collect()
        })?;
    }
    Ok(true)
}

fn from_hex(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).filter_map(pair).collect()
}

/// A token that comes in by standard input, looked for when it has been read and dealt with and
/// only the answer is not yet written.
///
/// # Errors
/// The program does not run, or its memory cannot be read.
pub fn of_standard_input(binary: &Path) -> Result<Moment> {
    let stage = Stage::new(binary)?;
    let value = stage.lab().credentials().postmark_server_token;
    let (reader, answer) = clogged()?;
    let ask = stage.rollover(&["fingerprint"]).input(&value).stdout(answer.into());
    let mut running = ask.start()?;
    wait_idle(&mut running)?;
    let wanted = Wanted { name: "token", value: value.into_bytes(), in_use: 0 };
    let counts = copies(running.pid(), &[wanted])?;
    let drained = thread::spawn(move || std::io::copy(&mut { reader }, &mut std::io::sink()));
    let _ = running.finish()?.is(0)?;
    drop(drained);
    Ok(Moment { when: "a token from standard input, answered".into(), counts })
}

/// Waits until a run has not used the processor for a while.
fn wait_idle(running: &mut Running) -> Result<()> {
    let stat = format!("/proc/{}/stat", running.pid());
    let used = || -> Option<Vec<String>> {
        let text = fs::read_to_string(&stat).ok()?;
        let rest = text.rsplit_once(')')?.1;
        Some(rest.split_whitespace().skip(11).take(2).map(str::to_owned).collect())
    };
    let (mut last, mut since) = (used(), Instant::now());
    while since.elapsed() < IDLE {
        if running.has_ended() {
            return Err(format!("it has ended: {}", running.said()));
        }
        thread::sleep(Duration::from_millis(20));
        let now = used();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

/// A pipe that takes nothing more until somebody reads from it: whoever writes into it waits.
fn clogged() -> Result<(File, File)> {
    let fail = |error: rustix::io::Errno| format!("failed to make a pipe: {error}");
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(fail)?;
    rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK).map_err(fail)?;
    let mut writer = File::from(writer);
    while writer.write(&[b'.'; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, OFlags::empty()).map_err(fail)?;
    Ok((File::from(reader), writer))
}

/// Waits until no vendor has been asked for a while.
fn wait_quiet(stage: &Stage, running: &mut Running) -> Result<()> {
    let started = Instant::now();
    let asked = || stage.lab().requests().len();
    let (mut count, mut since) = (asked(), Instant::now());
    while since.elapsed() < QUIET {
        if running.has_ended() {
            return Err(format!("it has ended: {}", running.said()));
        }
        if started.elapsed() > QUIET_MAX {
            return Err("the vendors are asked all the time".into());
        }
        thread::sleep(Duration::from_millis(50));
        let now = asked();
        if now != count {
            (count, since) = (now, Instant::now());
        }
    }
    Ok(())
}
