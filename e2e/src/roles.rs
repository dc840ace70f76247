//! Who may do what, tried: every command that changes something, run by everybody, in every state
//! that a rotation waits in, and compared with a table that was written by hand from the rules in
//! `docs/reference.md`, not from the code.
//!
//! What is refused must change nothing (neither journal nor world) and be in the audit log. What
//! is not refused may still end badly for another reason; only a refusal would be wrong.

use std::collections::BTreeMap;
use std::path::Path;

use journal::Reader;
use lab::{FaultKind, FaultRule, Vendor};
use seal::Key;

use crate::crashes::open_rotation;
use crate::members::{MEMBERS, NOBODY, denials, work_as};
use crate::{HEROKU, POSTMARK, Pace, Result, SERVER, Secret, Stage, spread};

/// What a rotation waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// There is none.
    NoneOpen,
    /// A person is to create the new token.
    Create,
    /// Both tokens live for a while; the process that watched was killed.
    Soaking,
    /// A person is to agree to the revocation.
    Approve,
    /// A person is to delete the old token.
    Delete,
    /// The vendor refuses the revocation.
    Attention,
    /// On the way back, a person is to delete the new token.
    WayBack,
}

/// One state of one secret, with who started its rotation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scene {
    /// The state.
    pub state: State,
    /// The secret.
    pub secret: &'static Secret,
    /// Who started.
    pub starter: &'static str,
}

/// Every state, each with a secret that can come into it.
pub static SCENES: [Scene; 9] = [
    Scene { state: State::NoneOpen, secret: &POSTMARK, starter: "" },
    Scene { state: State::NoneOpen, secret: &HEROKU, starter: "" },
    Scene { state: State::Create, secret: &POSTMARK, starter: "ops-1" },
    Scene { state: State::Soaking, secret: &HEROKU, starter: "admin-1" },
    Scene { state: State::Approve, secret: &HEROKU, starter: "admin-1" },
    Scene { state: State::Approve, secret: &POSTMARK, starter: "ops-1" },
    Scene { state: State::Delete, secret: &POSTMARK, starter: "ops-1" },
    Scene { state: State::Attention, secret: &HEROKU, starter: "admin-1" },
    Scene { state: State::WayBack, secret: &POSTMARK, starter: "ops-1" },
];

/// A command that changes something. `NAME` is the secret, `ID` its open rotation, `TASK` what it
/// waits for.
struct Command {
    args: &'static [&'static str],
    /// What it needs.
    needs: Needs,
    /// The states in which there is something that it could be about; everywhere without any.
    only: &'static [State],
}

/// What a command needs, in the words of the documents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// The secret's role.
    Role,
    /// The secret's role, and not to be who starts it.
    Agreement,
    /// What the task that waits needs.
    Task,
    /// The role for the whole installation.
    Admin,
    /// To be anybody who is somebody.
    Member,
}

const OPEN: &[State] = &[
    State::Create,
    State::Soaking,
    State::Approve,
    State::Delete,
    State::Attention,
    State::WayBack,
];
const ASKED: &[State] =
    &[State::Create, State::Approve, State::Delete, State::Attention, State::WayBack];

static COMMANDS: [Command; 25] = [
    Command { args: &["rotate", "NAME", "--yes", "--no-wait"], needs: Needs::Role, only: &[] },
    Command {
        args: &["rotate", "NAME", "--confirm", "NAME", "--no-wait"],
        needs: Needs::Agreement,
        only: &[],
    },
    Command {
        args: &["rotate", "NAME", "--yes", "--no-wait", "--token-stdin"],
        needs: Needs::Role,
        only: &[],
    },
    Command {
        args: &["rotate", "NAME", "--emergency", "--yes", "--no-wait"],
        needs: Needs::Role,
        only: &[],
    },
    Command {
        args: &["rotate", "NAME", "--revoke-first", "--yes", "--no-wait"],
        needs: Needs::Role,
        only: &[],
    },
    Command {
        args: &["rotate", "NAME", "--repair", "--yes", "--no-wait"],
        needs: Needs::Role,
        only: &[],
    },
    Command { args: &["run", "resume", "ID", "--no-wait"], needs: Needs::Role, only: OPEN },
    Command {
        args: &["run", "resume", "ID", "--no-wait", "--confirm", "NAME"],
        needs: Needs::Agreement,
        only: OPEN,
    },
    Command { args: &["run", "rollback", "ID", "--no-wait"], needs: Needs::Role, only: OPEN },
    Command { args: &["run", "abort", "ID", "--no-wait"], needs: Needs::Role, only: OPEN },
    Command { args: &["task", "claim", "TASK"], needs: Needs::Task, only: ASKED },
    Command { args: &["task", "release", "TASK"], needs: Needs::Task, only: ASKED },
    Command {
        args: &["task", "fail", "TASK", "--why", "I cannot"],
        needs: Needs::Task,
        only: ASKED,
    },
    Command {
        args: &["task", "done", "TASK", "--confirm", "NAME"],
        needs: Needs::Task,
        only: ASKED,
    },
    Command {
        args: &["task", "done", "TASK", "--token-stdin"],
        needs: Needs::Task,
        only: &[State::Create],
    },
    Command { args: &["secret", "import", "NAME", "--token-stdin"], needs: Needs::Role, only: &[] },
    Command { args: &["secret", "sync", "NAME", "--yes"], needs: Needs::Role, only: &[] },
    Command {
        args: &["secret", "decommission", "NAME", "--reason", "tried", "--yes", "--no-wait"],
        needs: Needs::Role,
        only: &[],
    },
    Command {
        args: &["secret", "remove", "NAME", "unknown", "--reason", "tried", "--yes", "--no-wait"],
        needs: Needs::Role,
        only: &[],
    },
    Command {
        args: &["secret", "adopt", "NAME", "unknown", "--yes"],
        needs: Needs::Role,
        only: &[],
    },
    Command { args: &["rekey"], needs: Needs::Admin, only: &[] },
    Command {
        args: &["backup", "backup.age", "--passphrase-stdin"],
        needs: Needs::Admin,
        only: &[],
    },
    Command {
        args: &["restore", "backup.age", "--passphrase-stdin"],
        needs: Needs::Admin,
        only: &[],
    },
    Command { args: &["reconcile"], needs: Needs::Admin, only: &[] },
    Command {
        args: &["audit", "anchor", "--file", "anchors.txt"],
        needs: Needs::Member,
        only: &[],
    },
];

/// One cell of the matrix: somebody runs something in some state.
#[derive(Clone, Copy)]
pub struct Cell {
    scene: Scene,
    who: &'static str,
    command: usize,
}

impl Cell {
    /// Whether it should be refused. This is the table; nothing of the product is asked.
    fn is_forbidden(&self) -> bool {
        let Scene { state, secret, starter } = self.scene;
        let member = self.who != NOBODY;
        let admin = self.who.starts_with("admin-");
        // A superadmin may do whatever ops may.
        let role = if secret.by_operator { member } else { admin };
        // Whoever begins one is its starter.
        let starts = state == State::NoneOpen || self.who == starter;
        let may = match COMMANDS[self.command].needs {
            Needs::Role => role,
            Needs::Agreement => role && !starts,
            Needs::Task if state == State::Approve => role && !starts,
            Needs::Task => role,
            Needs::Admin => admin,
            Needs::Member => member,
        };
        !may
    }

    fn told(&self) -> String {
        let Scene { state, secret, starter } = self.scene;
        let args = COMMANDS[self.command].args.join(" ");
        format!("{state:?} of {} by {starter:?}: {} runs `{args}`", secret.name, self.who)
    }
}

/// Everything that can be tried.
#[must_use]
pub fn cells() -> Vec<Cell> {
    let who = || MEMBERS.iter().map(|(name, _)| *name).chain([NOBODY]);
    let of = |scene: &Scene| {
        let scene = *scene;
        who().flat_map(move |who| {
            let fits = move |(_, command): &(usize, &Command)| {
                command.only.is_empty() || command.only.contains(&scene.state)
            };
            let commands = COMMANDS.iter().enumerate().filter(fits);
            commands.map(move |(command, _)| Cell { scene, who, command })
        })
    };
    SCENES.iter().flat_map(of).collect()
}

/// What came of the matrix.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// How many cells were tried.
    pub tried: usize,
    /// How many of them should be refused.
    pub forbidden: usize,
    /// How many were refused, changed nothing and are in the audit log.
    pub refused: usize,
    /// Those that should have been refused, or that changed something before they were.
    pub successes: Vec<String>,
    /// Those that should not have been refused.
    pub refusals: Vec<String>,
    /// How many there are for each state.
    pub by_state: BTreeMap<String, usize>,
}

/// Tries one cell in so many, on so many stages side by side. What is forbidden changes nothing,
/// so all of that is tried in one run of its scene; whatever is allowed has a run of its own.
///
/// # Errors
/// A scene could not be set.
pub fn matrix(binary: &Path, every: usize, stages: usize) -> Result<Matrix> {
    let sample: Vec<Cell> = cells().into_iter().step_by(every.max(1)).collect();
    let mut groups: Vec<Vec<Cell>> = Vec::new();
    for scene in SCENES {
        let here = |cell: &&Cell| cell.scene == scene;
        let (forbidden, allowed): (Vec<Cell>, Vec<Cell>) =
            sample.iter().filter(here).copied().partition(Cell::is_forbidden);
        groups.extend(allowed.into_iter().map(|cell| vec![cell]));
        if !forbidden.is_empty() {
            groups.push(forbidden);
        }
    }
    let tried = spread(binary, &Pace::default(), stages, &groups, |stage, group| {
        Some(attempt(stage, group))
    })?;
    let mut matrix = Matrix::default();
    for (group, ends) in groups.iter().zip(tried) {
        for (cell, end) in group.iter().zip(ends?) {
            matrix.count(cell, end);
        }
    }
    Ok(matrix)
}

/// What became of a cell: refused or not, or why it is wrong whatever it was.
type End = Result<bool>;

impl Matrix {
    fn count(&mut self, cell: &Cell, end: End) {
        self.tried += 1;
        *self.by_state.entry(format!("{:?}", cell.scene.state)).or_default() += 1;
        let forbidden = cell.is_forbidden();
        self.forbidden += usize::from(forbidden);
        match end {
            Ok(true) if forbidden => self.refused += 1,
            Ok(false) if !forbidden => {}
            Ok(true) => self.refusals.push(cell.told()),
            Ok(false) => self.successes.push(cell.told()),
            Err(why) => self.successes.push(format!("{}: {why}", cell.told())),
        }
    }
}

fn attempt(stage: &Stage, group: &[Cell]) -> Result<Vec<End>> {
    let Some(first) = group.first() else { return Ok(Vec::new()) };
    let (id, task) = set(stage, first.scene)
        .map_err(|why| format!("{:?} of {}: {why}", first.scene.state, first.scene.secret.name))?;
    group.iter().map(|cell| run(stage, cell, &id, &task)).collect()
}

fn run(stage: &Stage, cell: &Cell, id: &str, task: &str) -> Result<End> {
    work_as(stage, cell.who)?;
    let args: Vec<String> = COMMANDS[cell.command]
        .args
        .iter()
        .map(|word| match *word {
            "NAME" => cell.scene.secret.name.to_owned(),
            "ID" => id.to_owned(),
            "TASK" => task.to_owned(),
            "backup.age" | "anchors.txt" => stage.home().join(word).display().to_string(),
            word => word.to_owned(),
        })
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (before, denied) = (standing(stage)?, denials(stage)?.len());
    let ended = stage.rollover(&args).input(UNISSUED).run()?;
    if ended.code != Some(5) {
        return Ok(Ok(false));
    }
    let found = denials(stage)?;
    let noted = found.len() == denied + 1
        && found.last().is_some_and(|(who, _)| cell.who == NOBODY || who == cell.who);
    let changed = standing(stage)? != before;
    Ok(match (noted, changed) {
        (true, false) => Ok(true),
        (false, _) => Err(format!("it is not in the audit log: {found:?}")),
        (_, true) => Err("it was refused, and something has changed".into()),
    })
}

/// A token that nobody has issued, and a passphrase.
const UNISSUED: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// How far everything is.
#[derive(PartialEq)]
struct Standing {
    /// How many entries each rotation has.
    entries: Vec<(String, usize)>,
    /// How many effects each vendor had.
    effects: Vec<Option<u64>>,
}

fn standing(stage: &Stage) -> Result<Standing> {
    let source = domain::inventory::KeySource::File("rollover.key".into());
    let nobody = || Err(std::io::Error::other("nobody is asked"));
    let key = Key::open(&source, &stage.directory(), nobody).map_err(|error| error.to_string())?;
    let path = stage.directory().join("rollover.db");
    let mut entries = Vec::new();
    if path.exists() {
        let reader = Reader::open(&path, &key).map_err(|error| error.to_string())?;
        for row in
            reader.rotations(&journal::RotationFilter::default()).map_err(|e| e.to_string())?
        {
            let events = reader.events(&row.id).map_err(|error| error.to_string())?;
            entries.push((row.id.0, events.len()));
        }
    }
    let effects = stage.lab().counters().effects;
    let vendors = [Vendor::Postmark, Vendor::Heroku, Vendor::Github];
    let effects = vendors.iter().map(|vendor| effects.get(vendor).copied()).collect();
    Ok(Standing { entries, effects })
}

/// Brings a stage into a scene; answers with the rotation's id and that of its task.
fn set(stage: &Stage, scene: Scene) -> Result<(String, String)> {
    let Scene { state, secret, starter } = scene;
    for file in ["secrets/postmark-server-token.toml", "secrets/heroku-api-key.toml"] {
        stage.edit(file, |text| format!("{text}\n[approve]\nsecond_person = true\n"))?;
    }
    if state == State::NoneOpen {
        work_as(stage, "admin-1")?;
        // So that there is a database for what is refused.
        let _ = stage.rollover(&["status"]).run()?.is(0)?;
        return Ok(("r-none".into(), "r-none.create".into()));
    }
    work_as(stage, starter)?;
    let begin = ["rotate", secret.name, "--yes", "--no-wait"];
    let run = |args: &[&str], code| stage.rollover(args).run().and_then(|ended| ended.is(code));
    if state == State::Soaking {
        stage.edit("rollover.toml", |text| text.replace("soak = \"0s\"", "soak = \"2s\""))?;
        let mut running = stage.rollover(&begin).start()?;
        running.wait_for("ok   store")?;
        while !is_soaking(stage)? {
            if running.has_ended() {
                return Err(format!("it ended before its soak: {}", running.said()));
            }
        }
        drop(running);
        return Ok((open_rotation(stage)?, String::new()));
    }
    let _ = run(&begin, 10)?;
    let id = open_rotation(stage)?;
    let task = |kind: &str| format!("{id}.{kind}");
    if state == State::Create {
        return Ok((id.clone(), task("create")));
    }
    let operator = stage.lab().operator();
    let resume = ["run", "resume", id.as_str(), "--no-wait"];
    if secret.by_operator {
        let made = stage.runtime().block_on(operator.generate_token(SERVER));
        made.map_err(|error| error.to_string())?;
        let _ = run(&resume, 10)?;
    }
    let kind = match state {
        State::Approve => "approve",
        State::WayBack => {
            let _ = run(&["run", "rollback", &id, "--no-wait"], 10)?;
            "discard"
        }
        State::Delete | State::Attention => {
            if state == State::Attention {
                let refused = FaultRule::new(Vendor::Heroku, FaultKind::Refused { status: 403 });
                stage.lab().fault(refused.on("DELETE", "/oauth/authorizations"));
            }
            let second = if secret.by_operator { "ops-2" } else { "admin-2" };
            work_as(stage, second)?;
            let _ = run(&["task", "done", &task("approve"), "--confirm", secret.name], 0)?;
            let waits = if state == State::Delete { 10 } else { 12 };
            let _ = run(&resume, waits)?;
            if state == State::Delete { "revoke" } else { "attend" }
        }
        State::NoneOpen | State::Create | State::Soaking => return Err("not reached".into()),
    };
    Ok((id.clone(), task(kind)))
}

/// Whether everybody is on the new token, and the soak has begun.
fn is_soaking(stage: &Stage) -> Result<bool> {
    let ended = stage.rollover(&["status", HEROKU.name, "--json"]).run()?.is(0)?;
    Ok(ended.json()?[0]["stage"] == "soak")
}
