//! One life of an installation, with a crash, faults and mistakes in it, during which everything
//! that leaves the program is kept; then every value that was about is looked for in all of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use lab::{FaultKind, FaultRule, Vendor};

use crate::canary::{Canary, Search, Sight, Watch};
use crate::crashes::open_rotation;
use crate::{Before, HEROKU, Operator, POSTMARK, Pace, Restarts, Result, Rollover, Stage};

/// A token that a person enters by mistake.
const MISTAKEN: &str = "5c0ffee5-0dd5-4bad-9bad-facade5eed01";

/// What was kept.
struct Kept<'a> {
    stage: &'a Stage,
    texts: Vec<(String, Vec<u8>)>,
    sights: Vec<Sight>,
}

impl Kept<'_> {
    /// Runs it, watched in the process table, and keeps what it prints.
    fn run(&mut self, name: &str, run: Rollover) -> Result<Option<i32>> {
        let running = run.start()?;
        let watch = Watch::over(running.pid());
        let ended = running.finish()?;
        self.sights.extend(watch.end());
        self.texts.push((format!("{name}, stdout"), ended.stdout.into_bytes()));
        self.texts.push((format!("{name}, stderr"), ended.stderr.into_bytes()));
        Ok(ended.code)
    }

    fn command(&mut self, args: &[&str]) -> Result<Option<i32>> {
        let run = self.stage.rollover(args);
        self.run(&args.join(" "), run)
    }

    /// Every command that shows something, for people and for machines.
    fn shows(&mut self) -> Result<()> {
        let mut commands: Vec<Vec<String>> = [
            "status",
            "plan",
            "plan --repair",
            "config check",
            "run ls",
            "task ls",
            "audit ls",
            "audit verify",
            "help-exit-codes",
            "--help",
            "rotate --help",
            "task done --help",
        ]
        .iter()
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect();
        let ids: Vec<String> = match self.stage.rollover(&["run", "ls", "--json"]).run()?.json() {
            Ok(all) => all
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one["rotation"].as_str().map(str::to_owned))
                .collect(),
            Err(_) => Vec::new(),
        };
        commands.extend(ids.into_iter().map(|id| vec!["run".into(), "show".into(), id]));
        for command in commands {
            let args: Vec<&str> = command.iter().map(String::as_str).collect();
            self.command(&args)?;
            self.command(&[&args[..], &["--json"]].concat())?;
        }
        Ok(())
    }

    /// The database and everything beside it, as it is now.
    fn snapshot(&mut self, when: &str) -> Result<()> {
        for name in ["rollover.db", "rollover.db-wal", "rollover.db-shm"] {
            if let Ok(bytes) = fs::read(self.stage.directory().join(name)) {
                self.texts.push((format!("{name} {when}"), bytes));
            }
        }
        Ok(())
    }
}

/// Lives that life, and looks.
///
/// # Errors
/// It does not go as it should; that is not a leak.
pub fn hunt(binary: &Path) -> Result<Search> {
    let pace = Pace { timeout: "1s".into(), ..Pace::default() };
    let stage = Stage::at_pace(binary, pace)?;
    let mut kept = Kept { stage: &stage, texts: Vec::new(), sights: Vec::new() };
    let mut values = seeded(&stage);
    kept.shows()?;
    values.extend(heroku(&mut kept)?);
    kept.shows()?;
    values.extend(postmark(&mut kept)?);
    kept.shows()?;
    let Kept { texts, sights, .. } = kept;
    let mut search =
        Search::of(values.iter().map(|(name, value)| Canary::new(name, value)).collect());
    for (name, bytes) in &texts {
        let kind = if name.starts_with("rollover.db") { "database" } else { "output" };
        search.bytes(kind, name, bytes);
    }
    search.processes(&sights);
    let belongs = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name == HEROKU.file
            || name == POSTMARK.file
            || path.parent().is_some_and(|under| under.ends_with("credentials"))
    };
    search.files("inventory and database", &stage.directory(), &belongs)?;
    search.files("home and temporary files", &stage.home(), &|_| false)?;
    Ok(search)
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

/// The Heroku token: killed in the middle, with a lost answer and a page of a firewall.
fn heroku(kept: &mut Kept<'_>) -> Result<Vec<(String, String)>> {
    let stage = kept.stage;
    let before = Before::of(stage, &HEROKU)?;
    kept.run("rotate, killed", stage.rotate(&HEROKU).crash_at(120))?;
    kept.snapshot("after a kill")?;
    kept.shows()?;
    let rule = FaultRule::new(Vendor::Heroku, FaultKind::DropAfter).on("PATCH", "/config-vars");
    stage.lab().fault(rule.times(1));
    stage.lab().fault(FaultRule::new(Vendor::Heroku, FaultKind::Html403).times(2));
    stage.lab().fault(FaultRule::new(Vendor::Infisical, FaultKind::Garbage).times(1).skip(2));
    for _ in 0..3 {
        if kept.run("rotate, resumed", stage.rotate(&HEROKU))? == Some(0) {
            break;
        }
        kept.snapshot("after a fault")?;
    }
    kept.snapshot("after the end")?;
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

/// The Postmark token: mistakes of a person, a way back, and then all the way.
fn postmark(kept: &mut Kept<'_>) -> Result<Vec<(String, String)>> {
    let stage = kept.stage;
    let before = Before::of(stage, &POSTMARK)?;
    let begin = ["rotate", POSTMARK.name, "--confirm", POSTMARK.name, "--no-wait"];
    kept.command(&begin)?;
    let id = open_rotation(stage)?;
    let task = format!("{id}.create");
    for mistaken in [before.old.as_str(), MISTAKEN, "not a token at all"] {
        let enter = ["task", "done", &task, "--token-stdin"];
        kept.run("a mistake", stage.rollover(&enter).input(mistaken))?;
        kept.snapshot("with an answer that waits")?;
        kept.command(&["run", "resume", &id, "--no-wait"])?;
    }
    // A token on the command line is refused; that it is then in the process table is the shell's
    // doing, so this one is not watched.
    let argued = stage.rollover(&["task", "done", &task, MISTAKEN]).run()?.is(2)?;
    kept.texts.push(("a token in argv".into(), argued.stderr.into_bytes()));
    let operator = Operator::at(stage)?;
    let killed = stage.rotate(&POSTMARK).heard_by(operator.ear()).crash_at(60);
    kept.run("rotate with an operator, killed", killed)?;
    kept.snapshot("after a kill with an operator")?;
    kept.shows()?;
    let resumed = stage.rotate(&POSTMARK).heard_by(operator.ear());
    let resumed = resumed.within(Duration::from_secs(60));
    if kept.run("rotate with an operator", resumed)? != Some(0) {
        return Err("the Postmark rotation did not complete".into());
    }
    let _clicks = operator.leave()?;
    kept.snapshot("at the end")?;
    let new = before.completed(stage, &POSTMARK, Restarts::Once)?;
    Ok(vec![("new Postmark token".to_owned(), new)])
}
