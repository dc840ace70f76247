//! A terminal for one run: what a person would see, and typing into it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::OpenptFlags;
use rustix::termios::LocalModes;

use crate::Result;

const LIMIT: Duration = Duration::from_secs(60);

/// What is typed.
pub enum Typed<'a> {
    /// A line, once the screen shows this.
    After(&'a str, &'a str),
    /// A line, once the terminal shows no more what is typed.
    Hidden(&'a str),
}

/// Runs it at a terminal of its own, typing these one after another, and answers what the
/// terminal showed and how it ended.
///
/// # Errors
/// There are no terminals here, or it does not end.
pub(super) fn at_terminal(
    command: &mut Command,
    typed: &[Typed<'_>],
) -> Result<(Vec<u8>, Option<i32>)> {
    let fail = |error: rustix::io::Errno| format!("failed to make a terminal: {error}");
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(fail)?;
    rustix::pty::grantpt(&master).map_err(fail)?;
    rustix::pty::unlockpt(&master).map_err(fail)?;
    let name = rustix::pty::ptsname(&master, Vec::new()).map_err(fail)?;
    let name = name.to_string_lossy().into_owned();
    let open = || {
        let slave = OpenOptions::new().read(true).write(true).open(&name);
        slave.map_err(|error| format!("{name}: {error}"))
    };
    let slave = open()?;
    command.stdin(slave.try_clone().map_err(|error| error.to_string())?);
    command.stdout(slave.try_clone().map_err(|error| error.to_string())?);
    command.stderr(slave);
    let child = command.spawn();
    // The command holds the terminal open, too, and the end of it would never be seen.
    *command = Command::new("true");
    let mut child = child.map_err(|error| format!("failed to start: {error}"))?;
    let mut master = File::from(master);
    let screen = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&screen);
    let mut reads = master.try_clone().map_err(|error| error.to_string())?;
    let reader = thread::spawn(move || {
        let mut piece = [0; 4096];
        // It ends with an error when nobody holds the other side any more.
        while let Ok(length @ 1..) = reads.read(&mut piece) {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown.extend_from_slice(&piece[..length]);
        }
    });
    let started = Instant::now();
    let so_far = || screen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for one in typed {
        let line = loop {
            match one {
                Typed::After(words, line)
                    if memchr::memmem::find(&so_far(), words.as_bytes()).is_some() =>
                {
                    break line;
                }
                Typed::Hidden(line)
                    if rustix::termios::tcgetattr(&master)
                        .is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ECHO)) =>
                {
                    break line;
                }
                _ => {}
            }
            let ended = child.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || started.elapsed() > LIMIT {
                let _ = child.kill();
                let text = String::from_utf8_lossy(&so_far()).into_owned();
                return Err(format!("it did not ask ({ended:?}): {text}"));
            }
            thread::sleep(Duration::from_millis(5));
        };
        let typed = master.write_all(line.as_bytes()).and_then(|()| master.write_all(b"\n"));
        typed.map_err(|error| format!("failed to type: {error}"))?;
    }
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if started.elapsed() > LIMIT => {
                let _ = child.kill();
                return Err("it did not end at its terminal".into());
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    // A screen that was not read to its end has shown what it has shown.
    let _ = reader.join();
    Ok((so_far(), status.code().or(status.signal().map(|signal| 128 + signal))))
}
