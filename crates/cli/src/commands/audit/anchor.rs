//! `rollover audit anchor`: the log's signed checkpoint goes where whoever can write the database
//! cannot change it. A log that does not go on from what is kept there already is refused.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Output as Ended, Stdio};

use domain::Act;
use domain::audit::{Checkpoint, Note};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use journal::{Holder, Reader};
use serde_json::json;

use super::{kept, verified};
use crate::args::Anchor;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::programs::{program, succeeded};

pub(super) fn run(args: &Anchor, home: &Home, output: Output) -> Result<Exit> {
    // Printing it is looking.
    if args.file.is_some() || args.git.is_some() || args.mail.is_some() {
        home.allow(Act::Anchor, None)?;
    }
    if let Some(path) = &args.file {
        let (note, new) = to_file(home, path)?;
        return done(&note, &path.display().to_string(), new, output);
    }
    if let Some(directory) = &args.git {
        return to_git(home, directory, output);
    }
    let note = verified(home, &[])?.checkpoint;
    if let Some(address) = &args.mail {
        send(&note, address, &home.actor.name)?;
        return done(&note, address, true, output);
    }
    output.json(&json!({ "checkpoint": note.as_str() }))?;
    output.text(note.as_str().trim_end_matches('\n'))?;
    Ok(Exit::Ok)
}

fn done(note: &Note, place: &str, new: bool, output: Output) -> Result<Exit> {
    output.json(&json!({ "checkpoint": note.as_str(), "place": place, "new": new }))?;
    let size = Checkpoint::claimed(note).map_or(0, |checkpoint| checkpoint.size);
    output.text(&if new {
        format!("the checkpoint of {size} records went to {place}")
    } else {
        format!("the checkpoint of {size} records is in {place} already")
    })?;
    Ok(Exit::Ok)
}

/// Checks the log against what the file holds, and appends its checkpoint, durably. Answers with
/// the checkpoint and whether it was not there yet.
fn to_file(home: &Home, path: &Path) -> Result<(Note, bool)> {
    let earlier = kept(path)?.unwrap_or_default();
    let note = verified(home, &earlier)?.checkpoint;
    if earlier.last() == Some(&note) {
        return Ok((note, false));
    }
    append(path, &note, earlier.is_empty()).map_err(|error| {
        Fail::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
            .hint("name a file in a directory that exists and that this user may write")
    })?;
    Ok((note, true))
}

/// One write at the end, on the disk before it is said that it is there.
fn append(path: &Path, note: &Note, first: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let between = if first { "" } else { "\n" };
    file.write_all(format!("{between}{note}").as_bytes())?;
    file.sync_all()?;
    // A file that was just made is not there before its directory is written.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Appends to a file of the log's own in the directory, and commits that file alone. A
/// checkpoint that an earlier run has written and could not commit is committed now.
fn to_git(home: &Home, directory: &Path, output: Output) -> Result<Exit> {
    git(directory, &["rev-parse", "--is-inside-work-tree"])?;
    let key = home.key()?;
    // Not `Home::reader`, which makes a database where there is none: its log would be another.
    let reader = Reader::open(&home.database(), &key).map_err(|error| home.failed(&error))?;
    let origin = reader.audit_key().map_err(super::broken)?.name().replace('/', "-");
    let name = format!("{origin}.checkpoints");
    let path = directory.join(&name);
    let (note, _) = to_file(home, &path)?;
    let status = git(directory, &["status", "--porcelain", "--ignored", "--", &name])?;
    let new = !status.stdout.is_empty();
    if new {
        let size = Checkpoint::claimed(&note).map_or(0, |checkpoint| checkpoint.size);
        let message = format!("audit: checkpoint of {size} records");
        git(directory, &["add", "--", &name])?;
        git(directory, &["commit", "--quiet", "--message", &message, "--", &name])?;
        output.say("hint: push it: a copy beside the database is lost or changed with it");
    }
    done(&note, &path.display().to_string(), new, output)
}

fn git(directory: &Path, arguments: &[&str]) -> Result<Ended> {
    let mut command = program("git");
    // No hook and no monitor of the repository runs with this user's rights.
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-C"]);
    command.arg(directory).args(arguments);
    let ended = command.stdin(Stdio::null()).output();
    let what = format!("git {} in {}", arguments.first().unwrap_or(&""), directory.display());
    succeeded(&what, ended, "install git, or anchor with `--file` or `--mail`").map_err(|fail| {
        fail.hint("`--git DIR` wants a directory in a repository in which this user may commit")
    })
}

fn send(note: &Note, address: &str, user: &str) -> Result<()> {
    let message = message(note, address, user)?;
    let mut command = program("sendmail");
    // `-i`: a line with a dot alone does not end the message.
    command.args(["-i", "--", address]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = piped.spawn().and_then(|mut child| {
        // Closed at the end of this block. Why it took no more, it says by how it ends.
        let written = child.stdin.take().map(|mut stdin| stdin.write_all(message.as_bytes()));
        let ended = child.wait_with_output()?;
        if ended.status.success() {
            written.transpose()?;
        }
        Ok(ended)
    });
    let install = "install a mail system that has it, or add its directory (/usr/sbin) to PATH";
    succeeded("sendmail", ended, install).map(drop).map_err(|fail| {
        fail.hint("look at the mail system's log, or anchor with `--file` or `--git`")
    })
}

/// A message as RFC 5322 has them, whose body is the checkpoint and nothing else, so that it can
/// be kept as it is.
fn message(note: &Note, address: &str, user: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_graphic() && !"<>()[]\\,;:\"".contains(c);
    let right = address.len() <= 254
        && address.chars().all(plain)
        && address.split('@').filter(|part| !part.is_empty()).count() == 2
        && address.matches('@').count() == 1;
    if !right || address.starts_with('-') {
        return Err(Fail::usage(format!("`{address}` is not a mail address"))
            .hint("write it alone, as `audit@example.com`"));
    }
    let checkpoint = Checkpoint::claimed(note);
    let (origin, size) = checkpoint.map_or((String::new(), 0), |said| (said.origin, said.size));
    let holder = Holder::here("audit anchor", user);
    let word = |text: &str, otherwise: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let fits = !text.is_empty() && text.len() < 64 && text.chars().all(fits);
        if fits { text.to_owned() } else { otherwise.to_owned() }
    };
    let from = format!("{}@{}", word(&holder.user, "rollover"), word(&holder.host, "localhost"));
    let date = rfc2822::DateTimePrinter::new()
        .timestamp_to_string(&Timestamp::now())
        .map_err(|error| Fail::new(Exit::Failed, format!("failed to write a date: {error}")))?;
    Ok(format!(
        "From: {from}\nTo: {address}\nDate: {date}\n\
         Subject: rollover audit checkpoint: {size} records of {origin}\n\
         Auto-Submitted: auto-generated\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{note}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_address_comes_into_no_header() {
        let note = Note::parse("a\n1\n\n\u{2014} a AAAAAAAA\n").unwrap();
        let message = |address: &str| super::message(&note, address, "ops-1");
        assert!(message("audit@example.com").unwrap().contains("\nTo: audit@example.com\n"));
        for wrong in [
            "",
            "audit",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "-a@b",
            "a@b\nBcc: c@d",
            "a@b, c@d",
            "A <a@b>",
            "\u{e4}@b",
        ] {
            assert!(message(wrong).is_err(), "{wrong}");
        }
        let body = message("a@b").unwrap();
        assert_eq!(body.split_once("\n\n").unwrap().1, note.as_str());
    }
}
