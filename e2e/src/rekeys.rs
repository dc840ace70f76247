//! The key replaced, and killed at every instant of it.
//!
//! A rotation is open meanwhile, with values in the journal and in a sealed file. At each instant
//! the process kills itself; the same command is run again; and then everything that was sealed
//! must open, with the new key and not with the old one.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::crashes::open_rotation;
use crate::{Before, HEROKU, Restarts, Result, Rollover, Stage};

/// What became of the kills.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// How many instants were tried.
    pub tried: usize,
    /// After how many of them everything was right.
    pub right: usize,
    /// Key files that were cut, half written or empty, and told from a key.
    pub torn: usize,
    /// The others, told.
    pub wrong: Vec<String>,
}

/// From which kind of place the key goes to which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// A file in the place of the same file.
    SameFile,
    /// From one file to another.
    OtherFile,
    /// From a file to one behind a passphrase, and back.
    Passphrase,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SameFile, Self::OtherFile, Self::Passphrase];
}

/// Kills at each `step`-th instant, on all ways, and lets the open rotation end after it.
///
/// # Errors
/// The stage cannot be set up, or the rotation does not come to its end afterwards.
pub fn sweep(binary: &Path, step: u64) -> Result<Sweep> {
    let stage = stage(binary)?;
    let before = Before::of(&stage, &HEROKU)?;
    let _waits = stage.rollover(&["rotate", HEROKU.name, "--yes", "--no-wait"]).run()?.is(10)?;
    let mut sum = Sweep::default();
    for way in Way::ALL {
        for point in (1..POINTS_MAX).step_by(usize::try_from(step).unwrap_or(1)) {
            let place = Place::of(&stage)?;
            match attempt(&stage, &place, way, point) {
                Ok(false) => break,
                Ok(true) => sum.right += 1,
                Err(why) => sum.wrong.push(format!("{way:?} at {point}: {why}")),
            }
            sum.tried += 1;
        }
    }
    sum.torn = torn(&stage)?;
    let id = open_rotation(&stage)?;
    let resume = ["run", "resume", &id, "--confirm", HEROKU.name, "--no-wait"];
    let _done = stage.rollover(&resume).run()?.is(0)?;
    before.completed(&stage, &HEROKU, Restarts::Once)?;
    Ok(sum)
}

/// More instants than a change has.
const POINTS_MAX: u64 = 60;

/// A stage whose Heroku token is also in a sealed file.
fn stage(binary: &Path) -> Result<Stage> {
    let stage = Stage::new(binary)?;
    furnish(&stage)?;
    Ok(stage)
}

fn furnish(stage: &Stage) -> Result<()> {
    stage.edit("rollover.toml", |text| {
        format!("{text}\n[stores.local]\nkind = \"sealed\"\nfile = \"secrets.sealed\"\n")
    })?;
    let secret = "name = \"SPARE\"\nenvironment = \"prod\"\nissuer = \"heroku-acme\"\n\
                  store = { in = \"local\" }\n[[consumers]]\nkind = \"dotenv\"\npath = \"spare.env\"\n";
    let path = stage.directory().join("secrets/spare.toml");
    fs::write(&path, secret).map_err(|error| format!("{}: {error}", path.display()))?;
    let import = stage.rollover(&["secret", "import", "prod/SPARE", "--token-stdin"]);
    let _imported = import.input(SPARE).run()?.is(0)?;
    Ok(())
}

/// What stands in the sealed file.
const SPARE: &str = "a-spare-value";
const PASSPHRASE: &str = "one two three four\n";

/// Where the key is now.
#[derive(Clone, Debug)]
struct Place {
    kind: String,
    path: String,
}

impl Place {
    fn of(stage: &Stage) -> Result<Self> {
        let path = stage.directory().join("rollover.toml");
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let line = text.lines().find(|line| line.starts_with("key = "));
        let mut words =
            line.unwrap_or_default().split(['{', '}', '=', '"', ' ']).filter(|w| !w.is_empty());
        let (_, kind, path) = (words.next(), words.next(), words.next());
        match (kind, path) {
            (Some(kind), Some(path)) => Ok(Self { kind: kind.into(), path: path.into() }),
            _ => Err("the inventory names no key".into()),
        }
    }
}

/// Kills one change, finishes it, and looks; `false` where it ended before this instant.
fn attempt(stage: &Stage, place: &Place, way: Way, point: u64) -> Result<bool> {
    let to = match way {
        Way::SameFile => place.clone(),
        Way::OtherFile => Place { kind: "file".into(), path: format!("key-{point}") },
        Way::Passphrase if place.kind == "file" => {
            Place { kind: "passphrase".into(), path: format!("salt-{point}") }
        }
        Way::Passphrase => Place { kind: "file".into(), path: format!("back-{point}") },
    };
    let old = fs::read(stage.directory().join(&place.path)).unwrap_or_default();
    if to.path != place.path {
        stage.edit("rollover.toml", |text| {
            let from = format!("{} = \"{}\"", place.kind, place.path);
            text.replace(&from, &format!("{} = \"{}\"", to.kind, to.path))
        })?;
    }
    let killed = rekey(stage, place, &to)?.crash_at(point).run()?;
    let killed_there = killed.was_killed();
    if killed_there {
        let _finished = rekey(stage, place, &to)?.run()?.is(0)?;
    } else {
        let _done = killed.is(0)?;
    }
    if fs::read(stage.directory().join(&to.path)).map_err(|error| error.to_string())? == old {
        return Err("the key is the old one".into());
    }
    if to.path != place.path && stage.directory().join(&place.path).exists() {
        return Err("the old key is still there".into());
    }
    if stage.directory().join(format!("{}.next", to.path)).exists() {
        return Err("a key was left beside".into());
    }
    // A key behind a passphrase is opened by the next change alone; nobody sits here.
    if to.kind == "file" {
        looks_right(stage)?;
    }
    Ok(killed_there)
}

fn rekey(stage: &Stage, from: &Place, to: &Place) -> Result<Rollover> {
    let file = stage.home().join("passphrase");
    if !file.exists() {
        let mut options = fs::OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(&file);
        made.and_then(|mut made| std::io::Write::write_all(&mut made, PASSPHRASE.as_bytes()))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let (mut run, file) = (stage.rollover(&["rekey", "--no-input"]), file.display().to_string());
    if from.path != to.path {
        run = run.args(&["--from", &format!("{}:{}", from.kind, from.path)]);
    }
    Ok(run.args(&["--passphrase-file", &file, "--old-passphrase-file", &file]))
}

/// Whether everything that was sealed opens: the audit's signatures, the open rotation's values
/// (which a resume reads; without an agreement it stops where it was) and the sealed file.
fn looks_right(stage: &Stage) -> Result<()> {
    let _log = stage.rollover(&["audit", "verify"]).run()?.is(0)?;
    let id = open_rotation(stage)?;
    let _waits = stage.rollover(&["run", "resume", &id, "--no-wait"]).run()?.is(10)?;
    let import = stage.rollover(&["secret", "import", "prod/SPARE", "--token-stdin", "--json"]);
    let same = import.input(SPARE).run()?.is(0)?.json()?;
    // A file that did not open would have taken the value as another version.
    if same["version"] != "1" {
        return Err(format!("the sealed file does not open: {same}"));
    }
    Ok(())
}

/// Kills a change at each `step`-th instant at which a key waits, looks that no backup is made of
/// it, and removes the key that waits by hand. Where nothing is under it yet, the next run replaces
/// the key from the beginning; where everything is, nothing opens any more, and no run says
/// otherwise. Answers how often each was so.
///
/// # Errors
/// A stage cannot be set up, or one ended otherwise.
pub fn removed(binary: &Path, step: u64) -> Result<(usize, usize)> {
    let mut stage = Stage::new(binary)?;
    let (mut replaced, mut lost) = (0, 0);
    for point in (1..POINTS_MAX).step_by(usize::try_from(step).unwrap_or(1)) {
        stage.again()?;
        furnish(&stage)?;
        let _waits =
            stage.rollover(&["rotate", HEROKU.name, "--yes", "--no-wait"]).run()?.is(10)?;
        let place = Place::of(&stage)?;
        if !rekey(&stage, &place, &place)?.crash_at(point).run()?.was_killed() {
            break;
        }
        let path = stage.directory().join(&place.path);
        let next = stage.directory().join(format!("{}.next", place.path));
        if !next.exists() {
            continue;
        }
        let file = stage.home().join(format!("backup-{point}.age")).display().to_string();
        let backup = stage.rollover(&["backup", &file, "--passphrase-stdin"]).input(PASSPHRASE);
        let refused = backup.run()?.is(2)?;
        if !refused.stderr.contains("being replaced") || Path::new(&file).exists() {
            return Err(format!("at {point}, a backup of halves: {refused}"));
        }
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let before = fs::read(&path).map_err(failed)?;
        fs::remove_file(&next).map_err(failed)?;
        let ended = rekey(&stage, &place, &place)?.run()?;
        if ended.code == Some(0) {
            if fs::read(&path).map_err(failed)? == before {
                return Err(format!("at {point}, it says so and the key is the old one: {ended}"));
            }
            looks_right(&stage).map_err(|why| format!("at {point}: {why}"))?;
            replaced += 1;
        } else {
            let told = ended.is(1).map_err(|why| format!("at {point}: {why}"))?;
            if !told.stderr.contains("the key does not belong to") {
                return Err(format!("at {point}, nobody is told: {told}"));
            }
            lost += 1;
        }
    }
    Ok((replaced, lost))
}

/// Key files as a full disk or a torn write leaves them: each is told from a key, and the next
/// run ends well, whichever of the two is torn.
fn torn(stage: &Stage) -> Result<usize> {
    let place = Place::of(stage)?;
    let path = stage.directory().join(&place.path);
    let next = stage.directory().join(format!("{}.next", place.path));
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
    };
    let mut right = 0;
    for length in [0, 1, 32, 63] {
        let whole = fs::read(&path).map_err(failed)?;
        // The place itself is torn, and the whole key waits.
        fs::rename(&path, &next).and_then(|()| write(&path, &whole[..length])).map_err(failed)?;
        let refused = stage.rollover(&["run", "ls"]).run()?.is(2)?;
        if !refused.stderr.contains("`rollover rekey` again") {
            return Err(format!("half a key was not told from one: {refused}"));
        }
        let _finished = rekey(stage, &place, &place)?.run()?.is(0)?;
        if fs::read(&path).map_err(failed)? != whole || next.exists() {
            return Err("the key that waited did not take its place".into());
        }
        // What waits is torn, and the key is whole.
        write(&next, &whole[..length]).map_err(failed)?;
        let _other = rekey(stage, &place, &place)?.run()?.is(0)?;
        let now = fs::read(&path).map_err(failed)?;
        if now == whole || now.len() != whole.len() || next.exists() {
            return Err("half a key was taken for one".into());
        }
        looks_right(stage)?;
        right += 2;
    }
    Ok(right)
}
