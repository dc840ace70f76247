//! Standard output carries data, standard error carries talk. A reader who goes away early is
//! not an error.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::text::clean;

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// One JSON object instead of text.
    pub(crate) json: bool,
    /// No talk.
    pub(crate) quiet: bool,
}

impl Output {
    /// Data, for people.
    pub(crate) fn text(self, text: &str) -> Result<()> {
        if self.json {
            return Ok(());
        }
        written(writeln!(io::stdout().lock(), "{}", clean(text)))
    }

    /// A file for other programs, as it is: its line ends are part of its form. What it is made
    /// of must be free of control characters.
    pub(crate) fn file(self, text: &str) -> Result<()> {
        if self.json {
            return Ok(());
        }
        written(write!(io::stdout().lock(), "{text}"))
    }

    /// Data, for machines.
    pub(crate) fn json<T: Serialize>(self, value: &T) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Fail::new(Exit::Failed, format!("failed to write JSON: {error}")))?;
        written(writeln!(io::stdout().lock(), "{text}"))
    }

    /// Data, for machines that read a stream: one object a line.
    pub(crate) fn json_line<T: Serialize>(self, value: &T) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(value)
            .map_err(|error| Fail::new(Exit::Failed, format!("failed to write JSON: {error}")))?;
        written(writeln!(io::stdout().lock(), "{text}"))
    }

    /// Talk: progress and advice.
    pub(crate) fn say(self, text: &str) {
        if !self.quiet {
            // Talk that nobody can hear is not worth failing for.
            let _ = writeln!(io::stderr().lock(), "{}", clean(text));
        }
    }

    /// Whether a person watches the talk.
    pub(crate) fn watched(self) -> bool {
        !self.quiet && !self.json && io::stderr().is_terminal()
    }
}

fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Fail::new(Exit::Failed, format!("failed to write output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// A table of left-aligned columns, wide as their widest cell.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text.push_str(&format!("{cell:<width$}  ", width = *width));
        }
        text.trim_end().to_owned()
    };
    let mut lines = vec![line(&mut head.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}
