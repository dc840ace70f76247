//! One life of an installation, with crashes, faults and mistakes in it, during which everything
//! that leaves the program is kept; then every value that was about is looked for in all of it.

mod shows;
mod traced;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use lab::{FaultKind, FaultRule, Vendor};
use rustix::process::Signal;

use crate::canary::Typed;
use crate::canary::catch::Catch;
use crate::canary::{Canary, Search, Sink, Tap};
use crate::crashes::open_rotation;
use crate::{Before, Ended, HEROKU, Operator, POSTMARK, Pace, Restarts, Result, Rollover, Stage};

pub use traced::{Traced, trace};

/// A token that a person enters by mistake.
const MISTAKEN: &str = "5c0ffee5-0dd5-4bad-9bad-facade5eed01";

/// Standard output for people and for machines.
const TEXT: (Sink, Sink) = (Sink::Output, Sink::Errors);
const JSON: (Sink, Sink) = (Sink::Json, Sink::Errors);

/// The life so far.
struct Life<'a> {
    stage: &'a Stage,
    catch: Catch,
    files: u32,
}

impl Life<'_> {
    fn run(&mut self, sinks: (Sink, Sink), name: &str, run: Rollover) -> Result<Ended> {
        self.catch.run(sinks, name, run)
    }

    fn command(&mut self, args: &[&str]) -> Result<Ended> {
        self.run(TEXT, &args.join(" "), self.stage.rollover(args))
    }

    /// The database and everything beside it, as it is now.
    fn snapshot(&mut self, when: &str) {
        self.catch.database(&self.stage.directory().join("rollover.db"), when);
    }

    /// After a kill: the database, and whatever else was left.
    fn leftovers(&mut self, when: &str) -> Result<()> {
        self.snapshot(when);
        let spared = |path: &Path| belongs(path) || half_replaced(path);
        self.catch.tree(Sink::Leftovers, &self.stage.directory(), &spared)
    }
}

/// Lives that life, and looks.
///
/// # Errors
/// It does not go as it should; that is not a leak.
pub fn hunt(binary: &Path) -> Result<Search> {
    let pace = Pace { timeout: "1s".into(), ..Pace::default() };
    let stage = Stage::at_pace(binary, pace)?;
    let taps = tapped(&stage)?;
    let mut life = Life { stage: &stage, catch: Catch::default(), files: 0 };
    let mut values = seeded(&stage);
    shows::all(&mut life)?;
    values.extend(heroku(&mut life)?);
    shows::all(&mut life)?;
    values.extend(postmark(&mut life)?);
    shows::all(&mut life)?;
    shows::refusals(&mut life)?;
    at_a_terminal(&mut life)?;
    let newest = stage.lab().inspect().infisical_value("prod", HEROKU.key);
    values.extend(newest.map(|value| ("newest Heroku token".to_owned(), value)));
    sealed(&mut life)?;
    life.snapshot("at the end");
    for (name, tap) in &taps {
        life.catch.asked(name, tap);
    }
    life.catch.tree(Sink::Inventory, &stage.directory(), &belongs)?;
    life.catch.tree(Sink::HomeAndTemporary, &stage.home(), &|_| false)?;
    Ok(life.catch.search(values.iter().map(|(name, value)| Canary::new(name, value)).collect()))
}

/// Files in which a value belongs, and those that are kept as something else.
fn belongs(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == HEROKU.file
        || name == POSTMARK.file
        || name.starts_with("rollover.db")
        || path.parent().is_some_and(|under| under.ends_with("credentials"))
}

/// The next content of a dotenv file, beside it for as long as the process lives that replaces it;
/// after a kill until the next write. As private as the file itself, and gone in the end.
fn half_replaced(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = |file: &str| name.starts_with(&format!(".{file}."));
    let private = path.metadata().is_ok_and(|about| about.mode() & 0o077 == 0);
    private && [HEROKU.file, POSTMARK.file].into_iter().any(beside)
}

/// A tap before each vendor.
fn tapped(stage: &Stage) -> Result<Vec<(String, Tap)>> {
    let mut taps = Vec::new();
    for vendor in [Vendor::Postmark, Vendor::Heroku, Vendor::Github, Vendor::Infisical] {
        let address = stage.lab().urls().of(vendor).trim_start_matches("http://").to_owned();
        let tap = Tap::before(&address, brings)?;
        let own = tap.address().to_string();
        stage.edit("rollover.toml", |text| {
            // The probes and the pages for people have the vendors' own addresses.
            text.replace(&format!("url = \"http://{address}"), &format!("url = \"http://{own}"))
        })?;
        taps.push((vendor.name().to_owned(), tap));
    }
    Ok(taps)
}

/// Whether a request's body brings a value to where it belongs. A secret of GitHub's is sealed
/// before it leaves, so it is not among them.
fn brings(method: &str, path: &str) -> bool {
    (method == "PATCH" && path.ends_with("/config-vars"))
        || path.contains("/auth/universal-auth/login")
        || (path.starts_with("/api/v") && path.contains("/secrets/"))
}

/// The values that the installation is given.
fn seeded(stage: &Stage) -> Vec<(String, String)> {
    let given = stage.lab().credentials();
    let pairs = [
        ("Infisical client id", given.infisical_client_id),
        ("Infisical client secret", given.infisical_client_secret),
        ("GitHub token", given.github_token),
        ("old Postmark token", given.postmark_server_token),
        ("old Heroku token", given.heroku_api_key),
        ("mistaken token", MISTAKEN.to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The Heroku token: made to crash, killed and made to panic in the middle, with a lost answer and
/// a page of a firewall.
fn heroku(life: &mut Life<'_>) -> Result<Vec<(String, String)>> {
    let stage = life.stage;
    let before = Before::of(stage, &HEROKU)?;
    // With the new token stored and no consumer that takes it, the rotation stays where all of its
    // values are needed.
    let refuses = FaultKind::Error5xxBefore { status: 503 };
    stage.lab().fault(FaultRule::new(Vendor::Heroku, refuses).on("PATCH", "/config-vars"));
    for signal in [Signal::ABORT, Signal::SEGV] {
        let asked = stage.lab().requests().len();
        let under_way = |pid: u32| {
            let under_way = stage.lab().requests().len() > asked + 6;
            if under_way {
                // The process has taken its own limit to nothing; somebody with the right to do
                // so raises it again.
                let most = rustix::process::Rlimit { current: None, maximum: None };
                let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
                let _ = rustix::process::prlimit(pid, rustix::process::Resource::Core, most);
            }
            under_way
        };
        let name = format!("rotate, {signal:?}");
        let run = stage.rotate(&HEROKU);
        if life.catch.crashed(&name, &run, signal, &stage.home(), &under_way)? {
            return Err(format!("{name}: the system has written a dump"));
        }
        life.leftovers(&name)?;
    }
    for point in [21, 24] {
        let run = stage.rotate(&HEROKU).env("RUST_BACKTRACE", "full");
        let run = run.env("ROLLOVER_PANIC_AT", point.to_string());
        let ended = life.run((Sink::Output, Sink::Panics), "rotate, panics", run)?;
        if !ended.stderr.contains("a panic was rehearsed") {
            return Err(format!("no panic at {point}: {ended}"));
        }
        life.leftovers("after a panic")?;
    }
    life.run(TEXT, "rotate, killed", stage.rotate(&HEROKU).crash_at(30)).map(drop)?;
    life.leftovers("after a kill")?;
    shows::all(life)?;
    stage.lab().faults().clear();
    let rule = FaultRule::new(Vendor::Heroku, FaultKind::DropAfter).on("PATCH", "/config-vars");
    stage.lab().fault(rule.times(1));
    stage.lab().fault(FaultRule::new(Vendor::Heroku, FaultKind::Html403).times(2));
    stage.lab().fault(FaultRule::new(Vendor::Infisical, FaultKind::Garbage).times(1).skip(2));
    for _ in 0..4 {
        if life.run(TEXT, "rotate, resumed", stage.rotate(&HEROKU))?.code == Some(0) {
            break;
        }
        life.snapshot("after a fault");
    }
    life.snapshot("after the end");
    stage.lab().faults().clear();
    let new = before.completed(stage, &HEROKU, Restarts::Any)?;
    let orphans = stage
        .lab()
        .inspect()
        .heroku_authorizations()
        .into_iter()
        .filter(|one| one.token != new && !before.live().contains(&one.token))
        .map(|one| ("a leftover Heroku token".to_owned(), one.token));
    Ok(orphans.chain([("new Heroku token".to_owned(), new.clone())]).collect())
}

/// The Postmark token: mistakes of a person, a kill, and then all the way.
fn postmark(life: &mut Life<'_>) -> Result<Vec<(String, String)>> {
    let stage = life.stage;
    let before = Before::of(stage, &POSTMARK)?;
    let begin = ["rotate", POSTMARK.name, "--confirm", POSTMARK.name, "--no-wait"];
    let _waits = life.command(&begin)?;
    let id = open_rotation(stage)?;
    let task = format!("{id}.create");
    for mistaken in [before.old.as_str(), MISTAKEN, "not a token at all"] {
        let enter = ["task", "done", &task, "--token-stdin"];
        let _told = life.run(TEXT, "a mistake", stage.rollover(&enter).input(mistaken))?;
        life.snapshot("with an answer that waits");
        let _waits = life.command(&["run", "resume", &id, "--no-wait"])?;
    }
    // A token on the command line is refused; that it is then in the process table is the shell's
    // doing, so this one is not watched.
    let argued = stage.rollover(&["task", "done", &task, MISTAKEN]).run()?.is(2)?;
    life.catch.keep(Sink::Refusals, "a token in argv", argued.bytes.concat());
    let operator = Operator::at(stage)?;
    let killed = stage.rotate(&POSTMARK).heard_by(operator.ear()).crash_at(60);
    let _killed = life.run(TEXT, "rotate with an operator, killed", killed)?;
    life.leftovers("after a kill with an operator")?;
    shows::all(life)?;
    let resumed = stage.rotate(&POSTMARK).heard_by(operator.ear());
    let resumed = resumed.within(Duration::from_secs(60));
    let _done = life.run(TEXT, "rotate with an operator", resumed)?.is(0)?;
    let _clicks = operator.leave()?;
    life.snapshot("after the operator's rotation");
    let new = before.completed(stage, &POSTMARK, Restarts::Once)?;
    Ok(vec![("new Postmark token".to_owned(), new)])
}

/// What a person sees who sits there: a hidden prompt, and a rotation's progress.
fn at_a_terminal(life: &mut Life<'_>) -> Result<()> {
    let stage = life.stage;
    if !Path::new("/usr/bin/setsid").exists() {
        crate::hardening::skipped("no setsid here, so nothing is run at a terminal");
        return Ok(());
    }
    let stored = |key| stage.lab().inspect().infisical_value("prod", key);
    let current = stored(HEROKU.key).ok_or("the store holds nothing")?;
    let import = stage.rollover(&["secret", "import", HEROKU.name]);
    let code = life.catch.run_at_terminal("import", &import, &[Typed::Hidden(&current)])?;
    if code != Some(0) {
        return Err(format!("the import at a terminal ended with {code:?}"));
    }
    let rotate = stage.rollover(&["rotate", HEROKU.name, "--yes"]);
    let typed = [Typed::After("or nothing to leave it for later", HEROKU.name)];
    let code = life.catch.run_at_terminal("rotate", &rotate, &typed)?;
    if code != Some(0) {
        return Err(format!("the rotation at a terminal ended with {code:?}"));
    }
    Ok(())
}

/// The same secret in a sealed file.
fn sealed(life: &mut Life<'_>) -> Result<()> {
    let stage = life.stage;
    let current = stage.lab().inspect().infisical_value("prod", POSTMARK.key);
    let current = current.ok_or("the store holds nothing")?;
    stage.edit("rollover.toml", |text| {
        format!("{text}\n[stores.here]\nkind = \"sealed\"\nfile = \"here.sealed\"\n")
    })?;
    stage.edit("secrets/postmark-server-token.toml", |text| {
        text.replace("in = \"infisical-prod\"", "in = \"here\"")
    })?;
    let import = ["secret", "import", POSTMARK.name, "--token-stdin"];
    let import = stage.rollover(&import).input(&current);
    let _ = life.run(TEXT, "import into a sealed file", import)?.is(0)?;
    let _ = life.command(&["status"])?;
    life.catch.file(Sink::SealedFile, &stage.directory().join("here.sealed"))
}
