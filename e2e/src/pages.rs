//! The pages that say what to type, typed: every command of a page, in its order, in a lab.
//!
//! A test reads a [`Page`] from its top: each command is run as it stands there, in a shell, with
//! the page's examples (`r-7k2q9d`, `PATH`) put in for what they are here; or it is left out, with
//! the reason. A command that a test does not expect, or expects and does not find, fails it.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Ended, Result, Rollover, Stage};

/// Where the pages are.
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

/// A page of the documents, and how far it has been read.
pub struct Page<'a> {
    stage: &'a Stage,
    name: String,
    left: VecDeque<String>,
    means: Vec<(String, String)>,
    here: PathBuf,
    /// Commands that were run.
    pub ran: usize,
}

impl<'a> Page<'a> {
    /// The command blocks of `docs/{name}.md`, which begin with three backticks and `sh`.
    ///
    /// # Errors
    /// There is no such page, or it has no command.
    pub fn of(stage: &'a Stage, name: &str) -> Result<Self> {
        Self::with(stage, name, blocks(&text(name)?))
    }

    /// The commands of ours that stand in the sentences of `docs/{name}.md`.
    ///
    /// # Errors
    /// There is no such page.
    pub fn sentences(stage: &'a Stage, name: &str) -> Result<Self> {
        Self::with(stage, name, in_sentences(&text(name)?))
    }

    fn with(stage: &'a Stage, name: &str, left: Vec<String>) -> Result<Self> {
        let here = stage.directory();
        Ok(Self { stage, name: name.into(), left: left.into(), means: Vec::new(), here, ran: 0 })
    }

    /// What an example of the page is here.
    pub fn means(&mut self, example: &str, here: impl Into<String>) {
        self.means.retain(|(known, _)| known != example);
        self.means.push((example.into(), here.into()));
    }

    /// Where the commands are typed: the inventory's directory, unless it is said otherwise.
    pub fn at(&mut self, here: &Path) {
        self.here = here.to_owned();
    }

    /// Runs the next command, which begins so and ends with this code.
    ///
    /// # Errors
    /// It is another one, or ends otherwise.
    pub fn runs(&mut self, begins: &str, code: i32) -> Result<Ended> {
        self.typed(begins, code, None)
    }

    /// The same, with this on its standard input.
    ///
    /// # Errors
    /// As [`Page::runs`].
    pub fn reads(&mut self, begins: &str, input: &str, code: i32) -> Result<Ended> {
        self.typed(begins, code, Some(input))
    }

    fn typed(&mut self, begins: &str, code: i32, input: Option<&str>) -> Result<Ended> {
        let line = self.next(begins)?;
        let line = self.filled(&line);
        let mut shell = Rollover::stand_in("/bin/sh", &self.stage.home());
        shell = shell.args(&["-c", &format!("cd \"$0\" && {line}"), &self.here.to_string_lossy()]);
        let programs = self.stage.binary().parent().unwrap_or(Path::new("/"));
        shell = shell.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        // Nobody is at a terminal.
        let ended = shell.input(input.unwrap_or_default()).run()?;
        self.ran += 1;
        ended.is(code).map_err(|why| format!("{}: `{line}`: {why}", self.name))
    }

    /// Leaves the next command out, which begins so, because it cannot be run here.
    ///
    /// # Errors
    /// It is another one, or no reason is given.
    pub fn leaves(&mut self, begins: &str, why: &str) -> Result<()> {
        let line = self.next(begins)?;
        match why.is_empty() {
            true => Err(format!("{}: `{line}` is left out without a reason", self.name)),
            false => Ok(()),
        }
    }

    /// The next command, if there is one.
    #[must_use]
    pub fn upcoming(&self) -> Option<&str> {
        self.left.front().map(String::as_str)
    }

    fn next(&mut self, begins: &str) -> Result<String> {
        let name = &self.name;
        match self.left.pop_front() {
            Some(line) if line.starts_with(begins) => Ok(line),
            Some(line) => Err(format!("{name}: `{line}` comes where `{begins}` was expected")),
            None => Err(format!("{name}: it ends before `{begins}`")),
        }
    }

    /// The command with this installation's own names in it. A name ends where a word does; what
    /// follows a dot, such as a task of a rotation, stays.
    fn filled(&self, line: &str) -> String {
        let is_inner = |c: char| c.is_alphanumeric() || "-_/".contains(c);
        let mut filled = String::new();
        for word in line.split_inclusive(|c| !is_inner(c)) {
            let bare = word.trim_end_matches(|c| !is_inner(c));
            match self.means.iter().find(|(example, _)| example == bare) {
                Some((_, here)) => filled.push_str(&word.replacen(bare, here, 1)),
                None => filled.push_str(word),
            }
        }
        filled
    }

    /// The page was read to its end.
    ///
    /// # Errors
    /// Commands are left.
    pub fn end(self) -> Result<()> {
        match self.left.is_empty() {
            true => Ok(()),
            false => Err(format!("{}: nobody has typed {:?}", self.name, self.left)),
        }
    }
}

/// The names of all pages in a folder of the documents, without their ending, such as
/// `doctor/mistyped`.
///
/// # Errors
/// There is no such folder.
pub fn pages(folder: &str) -> Result<Vec<String>> {
    let place = Path::new(DOCS).join(folder);
    let entries = fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let name = name.strip_suffix(".md")?.to_owned();
        Some(if folder.is_empty() { name } else { format!("{folder}/{name}") })
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// Whether a page has a block of commands.
///
/// # Errors
/// There is no such page.
pub fn has_commands(name: &str) -> Result<bool> {
    Ok(!blocks(&text(name)?).is_empty())
}

fn text(name: &str) -> Result<String> {
    let path = Path::new(DOCS).join(format!("{name}.md"));
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The commands of all blocks, one each, however many lines it has. A script for other people's
/// machines, which begins with `#!`, is one command.
fn blocks(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut within = false;
    let mut goes_on = false;
    for line in text.lines() {
        match line {
            "```sh" => (within, goes_on) = (true, false),
            _ if line.starts_with("```") => within = false,
            _ if !within => {}
            _ => {
                let is_remark = line.trim().is_empty() || line.starts_with("# ");
                match commands.last_mut() {
                    Some(command) if goes_on => *command = format!("{command}\n{line}"),
                    _ if is_remark || line.starts_with("#  ") => continue,
                    _ => commands.push(line.to_owned()),
                }
                goes_on = line.ends_with('|') || line.ends_with('\\') || line.starts_with("#!");
            }
        }
    }
    commands
}

/// What stands between backticks in a sentence and begins with the program's name.
fn in_sentences(text: &str) -> Vec<String> {
    let joined = text.replace('\n', " ");
    let spans = joined.split('`').skip(1).step_by(2);
    spans.filter(|span| span.starts_with("rollover ")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_what_somebody_would_type() {
        let text = "x\n```sh\n# first\na b   # why\n\nc |\n  d\n```\n```text\nno\n```\n```sh\n#!/bin/sh\nexec e\n```\n";
        assert_eq!(blocks(text), ["a b   # why", "c |\n  d", "#!/bin/sh\nexec e"]);
        let text = "Say `rollover plan\nNAME`, or `x`, then `rollover rotate`.";
        assert_eq!(in_sentences(text), ["rollover plan NAME", "rollover rotate"]);
    }
}
