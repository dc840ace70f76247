//! Does what the doctor says: runs the command, or has the stand-in do what a person is asked to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::{Scene, Situation};
use crate::{Ended, Operator, Result, Secret};

/// How long a socket may take.
const SOCKET: Duration = Duration::from_secs(5);

/// Does the fix, and asks the doctor whether it worked.
pub(super) fn mend(scene: &Scene<'_>, situation: &Situation, fix: &Value) -> Result<()> {
    let command = fix["command"].as_str().ok_or("no fix is printed")?;
    match fix["by"].as_str() {
        Some("command") => run(scene, situation, command)?,
        Some("person" | "wait") => {
            let mends = situation.mends.as_ref().ok_or("a person is asked, and nobody is there")?;
            mends(scene)?;
            run(scene, situation, command)?;
        }
        other => return Err(format!("nobody does {other:?}")),
    }
    match scene.doctor(situation, true)? {
        (0, _) => Ok(()),
        (code, told) => Err(format!("after the fix: exit {code}, {told:#}")),
    }
}

/// Runs the command that was printed, agreeing where it asks.
fn run(scene: &Scene<'_>, situation: &Situation, command: &str) -> Result<()> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let words = match words.as_slice() {
        ["rollover", rest @ ..] => rest.to_vec(),
        _ => return Err(format!("`{command}` is none of our commands")),
    };
    let more: Vec<&str> = words.iter().copied().skip(2).collect();
    let ended = match words.as_slice() {
        ["rotate", ..] => rotate(scene, situation.secret, &more)?,
        _ => {
            // Whoever types it reads the plan, and agrees.
            let agreed: &[&str] =
                if words.starts_with(&["secret", "sync"]) { &["--yes"] } else { &[] };
            let mut run = scene.stage.rollover(&[words.as_slice(), agreed].concat());
            if words.contains(&"--token-stdin") {
                let input = situation.input.as_ref().ok_or("the command reads a token")?;
                run = run.input(&input(scene)?);
            }
            run.run()?
        }
    };
    // The doctor as the last command may look at places that were never part of it.
    match (words.first(), ended.code) {
        (_, Some(0)) => Ok(()),
        _ => Err(format!("`{command}`: {ended}")),
    }
}

/// Rotates, with somebody at the dashboard who does what is asked.
pub(super) fn rotate(scene: &Scene<'_>, secret: &Secret, more: &[&str]) -> Result<Ended> {
    let stage = scene.stage;
    let mut args = vec!["rotate", secret.name, "--yes", "--confirm", secret.name];
    args.push(if secret.by_operator { "--wait" } else { "--no-wait" });
    args.extend(more);
    let operator = Operator::at(stage)?;
    // A dead token shows no list of its siblings: the new one is entered.
    let mut run = stage.rollover(&args).heard_by(operator.ear());
    if more.contains(&"--repair") && secret.by_operator {
        let made = stage.lab().add_postmark_token(crate::SERVER).ok_or("the server is full")?;
        run = stage
            .rollover(&[args.as_slice(), &["--token-stdin"]].concat())
            .input(&made)
            .heard_by(operator.ear());
    }
    let ended = run.run()?;
    let _clicks = operator.leave()?;
    Ok(ended)
}

/// One request over a socket, with these headers.
pub(super) fn request(base: &str, path: &str, headers: &[(&str, &str)]) -> Result<String> {
    let fail = |error: std::io::Error| format!("{base}: {error}");
    let host = base.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).map_err(fail)?;
    socket.set_read_timeout(Some(SOCKET)).map_err(fail)?;
    let mut text = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    socket.write_all(text.as_bytes()).map_err(fail)?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).map_err(fail)?;
    Ok(answer)
}
