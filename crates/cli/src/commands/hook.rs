//! `rollover hook`: git looks for tokens before each commit and each push.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use scan::hook::{self, Hook as Kind};
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::programs;

/// Have git look for tokens before each commit and push
#[derive(Subcommand, Debug)]
pub(crate) enum Hook {
    /// Put the hooks into a repository; a hook that is there already runs first
    Install(Place),
    /// Say which hooks are there
    Status(Place),
    /// Take the hooks away, and put back what was there before
    Uninstall(Place),
}

/// Which repository
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// The repository; the one of the directory here without it
    #[arg(default_value = ".")]
    pub(crate) repository: PathBuf,
}

/// What is there under the name of a hook.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Ours,
    Others,
}

pub(crate) fn run(args: &Hook, global: &Global, output: Output) -> Result<Exit> {
    match args {
        Hook::Install(place) => install(place, global, output),
        Hook::Status(place) => status(place, output),
        Hook::Uninstall(place) => uninstall(place, output),
    }
}

/// What an installation does.
#[derive(Default)]
pub(crate) struct Plan {
    parts: Vec<Part>,
    /// Where git looks for hooks.
    directory: PathBuf,
    /// Whether the tokens of an inventory are known to them.
    knows_ours: bool,
}

/// What an installation does about one hook.
pub(crate) struct Part {
    /// The hook's file.
    pub(crate) path: PathBuf,
    /// Where a hook that is there already is kept; it runs first.
    keeps: Option<PathBuf>,
    script: String,
}

/// What an installation into this repository would do.
///
/// # Errors
/// It is no repository, or a hook that is there cannot be kept.
pub(crate) fn plan(repository: &Path, global: &Global) -> Result<Plan> {
    let directory = hooks_of(repository)?;
    let program = std::env::current_exe().unwrap_or_else(|_| "rollover".into());
    let inventory = Home::find(global).ok().and_then(|home| home.directory.canonicalize().ok());
    let mut parts = Vec::new();
    for kind in Kind::ALL {
        let (path, kept) = (directory.join(kind.file()), directory.join(kind.kept()));
        let keeps = (there(&path) == There::Others).then_some(kept);
        if let Some(kept) = keeps.as_ref().filter(|kept| kept.exists()) {
            return Err(Fail::new(Exit::Failed, format!("{} is there already", kept.display()))
                .hint("look whether it is still needed, and remove it"));
        }
        let script = kind.script(&program.to_string_lossy(), inventory.as_deref());
        parts.push(Part { path, keeps, script });
    }
    Ok(Plan { parts, directory, knows_ours: inventory.is_some() })
}

impl Plan {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Its parts, in the order in which they are done.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Says what it would do, for somebody who has not asked for hooks by name.
    pub(crate) fn show(&self, output: Output) {
        for part in &self.parts {
            output.say(&format!("{}: a hook that looks for tokens:", part.path.display()));
            if let Some(kept) = &part.keeps {
                output.say(&format!("  the one that is there runs first, as {}", kept.display()));
            }
            for line in part.script.lines() {
                output.say(&format!("  + {line}"));
            }
        }
    }
}

impl Part {
    /// Keeps what is there, and puts the hook in its place.
    pub(crate) fn install(&self) -> Result<()> {
        let path = &self.path;
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| failed("make", directory, &error))?;
        }
        if let Some(kept) = &self.keeps {
            fs::rename(path, kept).map_err(|error| failed("keep", path, &error))?;
        }
        put(path, &self.script).map_err(|error| failed("write", path, &error))
    }
}

fn install(place: &Place, global: &Global, output: Output) -> Result<Exit> {
    let plan = plan(&place.repository, global)?;
    plan.parts.iter().try_for_each(Part::install)?;
    tell(&plan.directory, output)?;
    if !plan.knows_ours {
        output.say("hint: no inventory was found here, so only tokens that look like somebody's are found; \
                    install it with -C DIR to have your own known");
    }
    if tracked(&place.repository, &plan.directory) {
        output.say(
            "hint: core.hooksPath leads into the tree: what was written there would be committed",
        );
    }
    Ok(Exit::Ok)
}

/// Written whole or not at all, and executable.
fn put(path: &Path, script: &str) -> std::io::Result<()> {
    let beside = path.with_extension("rollover-new");
    fs::write(&beside, script)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755))?;
    fs::rename(&beside, path)
}

fn status(place: &Place, output: Output) -> Result<Exit> {
    let directory = hooks_of(&place.repository)?;
    tell(&directory, output)?;
    let all = Kind::ALL.iter().all(|kind| there(&directory.join(kind.file())) == There::Ours);
    Ok(if all { Exit::Ok } else { Exit::Changes })
}

fn uninstall(place: &Place, output: Output) -> Result<Exit> {
    let directory = hooks_of(&place.repository)?;
    for kind in Kind::ALL {
        let (path, kept) = (directory.join(kind.file()), directory.join(kind.kept()));
        if there(&path) != There::Ours {
            continue;
        }
        let done = if kept.exists() { fs::rename(&kept, &path) } else { fs::remove_file(&path) };
        done.map_err(|error| failed("take away", &path, &error))?;
    }
    tell(&directory, output)?;
    Ok(Exit::Ok)
}

fn tell(directory: &Path, output: Output) -> Result<()> {
    let word = |kind: Kind| match there(&directory.join(kind.file())) {
        There::Ours if directory.join(kind.kept()).exists() => {
            "rollover, after the one from before"
        }
        There::Ours => "rollover",
        There::Others => "another one",
        There::Nothing => "none",
    };
    output.json(&json!({
        "directory": directory,
        "hooks": Kind::ALL.iter().map(|kind| (kind.file(), word(*kind)))
            .collect::<std::collections::BTreeMap<_, _>>(),
    }))?;
    for kind in Kind::ALL {
        output.text(&format!("{}  {}", kind.file(), word(kind)))?;
    }
    output.text(&format!("in {}", directory.display()))
}

fn there(path: &Path) -> There {
    match fs::read(path) {
        Ok(bytes) if hook::is_ours(&String::from_utf8_lossy(&bytes)) => There::Ours,
        Ok(_) => There::Others,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => There::Nothing,
        Err(_) => There::Others,
    }
}

/// Where git looks for the hooks of a repository: it alone knows, because `core.hooksPath` may
/// come from anywhere.
fn hooks_of(repository: &Path) -> Result<PathBuf> {
    let asked = ["rev-parse", "--git-path", "hooks"].map(OsStr::new);
    let mut command = programs::program("git");
    command.arg("-C").arg(repository).args(asked);
    let ended = programs::succeeded("git rev-parse", command.output(), "install git")
        .map_err(|fail| fail.hint("name a directory in a git repository"))?;
    let path = String::from_utf8_lossy(&ended.stdout).trim_end().to_owned();
    Ok(repository.join(path))
}

/// Whether a directory lies in the tree that git keeps.
fn tracked(repository: &Path, directory: &Path) -> bool {
    let root = scan::git::Repository::discover(repository).ok();
    let root = root.and_then(|found| Some((found.work_tree?, found.common_dir)));
    let directory = directory.canonicalize().ok();
    root.zip(directory).is_some_and(|((tree, git), directory)| {
        directory.starts_with(tree) && !directory.starts_with(git)
    })
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Fail {
    Fail::new(Exit::Failed, format!("failed to {what} {}: {error}", path.display()))
}
