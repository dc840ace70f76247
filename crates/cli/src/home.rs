//! Where the inventory lies, and everything that is opened from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::inventory::{Diagnostic, Inventory, SourceFile, load};
use domain::{Actor, SecretName};
use engine::Engine;
use journal::{Holder, Journal, JournalError, Options, Reader};

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::gate::Pass;
use crate::people;
use crate::rehearsal::Rehearsal;
use crate::telling;
use crate::text::{hide, marked};

/// How long a lease is waited for that is held for a moment only.
const MOMENT: Duration = Duration::from_secs(3);

/// How long the lease holds of a process that rehearses being stopped.
const STOPPED_TTL: Duration = Duration::from_millis(400);

/// It renews only when it is asked whether it may change something: a process that is stopped in
/// the middle of a write keeps everybody else from writing.
const NEVER: Duration = Duration::from_secs(86_400);

/// The file that an inventory begins with.
pub(crate) const MAIN: &str = "rollover.toml";

/// An inventory that was found and is right.
pub(crate) struct Home {
    pub(crate) directory: PathBuf,
    pub(crate) inventory: Inventory,
    /// Who runs this.
    pub(crate) actor: Actor,
    /// Where the second mark of the database lies, if it is to have one.
    pub(crate) marks: Option<PathBuf>,
    no_input: bool,
}

impl Home {
    /// The inventory in `-C DIR`, or in the nearest directory from here upwards.
    pub(crate) fn find(global: &Global) -> Result<Self> {
        let directory = match &global.directory {
            Some(directory) => directory.clone(),
            None => nearest()?,
        };
        Self::at(&directory, global.no_input)
    }

    /// The inventory in this directory.
    pub(crate) fn at(directory: &Path, no_input: bool) -> Result<Self> {
        let main = read(&directory.join(MAIN))?;
        let secrets = secret_files(&directory.join("secrets"))?;
        match load(&main, &secrets) {
            Ok(inventory) => {
                let directory = directory.to_owned();
                let actor = people::actor(&inventory.people);
                Ok(Self { directory, inventory, actor, marks: marks(), no_input })
            }
            Err(wrong) => Err(diagnosed(&wrong, &main, &secrets)),
        }
    }

    /// The files that the inventory was read from, as they are now.
    pub(crate) fn files(&self) -> Result<(SourceFile, Vec<SourceFile>)> {
        let main = read(&self.directory.join(MAIN))?;
        Ok((main, secret_files(&self.directory.join("secrets"))?))
    }

    /// An inventory that stands in no file; it leaves nothing outside of its directory, and
    /// nobody is asked.
    pub(crate) fn made(directory: PathBuf, inventory: Inventory) -> Self {
        let actor = people::actor(&inventory.people);
        Self { directory, inventory, actor, marks: None, no_input: true }
    }

    /// The secret that a person means: its whole name, or its key where only one environment
    /// has it. A key that several environments have is an error that lists them.
    pub(crate) fn secret(&self, text: &str) -> Result<SecretName> {
        match self.inventory.matching(text).as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(self.no_such(text)),
            several => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(Fail::usage(format!("`{text}` is several secrets: {}", names.join(", ")))
                    .hint("name the environment, too"))
            }
        }
    }

    fn no_such(&self, text: &str) -> Fail {
        let fail = Fail::usage(format!("`{text}` is not in the inventory"));
        let nearest = self
            .inventory
            .secrets
            .keys()
            .map(|name| (strsim::jaro_winkler(&name.to_string(), text), name))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        match nearest {
            Some((nearness, name)) if nearness > 0.8 => {
                fail.hint(format!("did you mean `{name}`?"))
            }
            Some(_) => fail.hint("`rollover status` lists the secrets of the inventory"),
            None => fail.hint(format!(
                "{} has no secrets yet: add secrets/*.toml",
                self.directory.join(MAIN).display()
            )),
        }
    }

    /// The installation's key.
    pub(crate) fn key(&self) -> Result<seal::Key> {
        let no_input = self.no_input;
        seal::Key::open(&self.inventory.state.key, &self.directory, || {
            people::hidden("passphrase: ", no_input)
        })
        .map_err(|error| {
            let fail = Fail::new(Exit::Usage, chain(&error)).hint(error.hint());
            self.about_rekey(fail)
        })
    }

    /// Says what to do where a replacement of the key was interrupted.
    fn about_rekey(&self, mut fail: Fail) -> Fail {
        if seal::Key::is_staged(&self.inventory.state.key, &self.directory) {
            fail.hints =
                vec!["the key was being replaced: run `rollover rekey` again, it goes on".into()];
        }
        fail
    }

    /// Where the database lies.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join(&self.inventory.state.database)
    }

    /// The journal, for writing: this process holds the lease from here on.
    ///
    /// `take_over` takes it from a process that is stopped; that one finds its writes refused
    /// when it goes on.
    pub(crate) fn open_journal(
        &self,
        _pass: &Pass,
        key: &seal::Key,
        command: &str,
        take_over: bool,
    ) -> std::result::Result<Journal, JournalError> {
        self.written(key, command, Options { take_over, ..self.options() })
    }

    /// The same where the database may have been set back.
    pub(crate) fn open_set_back(
        &self,
        _pass: &Pass,
        key: &seal::Key,
        command: &str,
    ) -> std::result::Result<Journal, JournalError> {
        self.written(key, command, Options { reconcile: true, ..self.options() })
    }

    fn written(
        &self,
        key: &seal::Key,
        command: &str,
        options: Options,
    ) -> std::result::Result<Journal, JournalError> {
        let since = Instant::now();
        loop {
            match Journal::open(&self.database(), key, self.holder(command), options.clone()) {
                // These hold the lease for the moment of a record or two.
                Err(JournalError::Held { holder, .. })
                    if ["drift", "notes"].contains(&holder.command.as_str())
                        && since.elapsed() < MOMENT =>
                {
                    std::thread::sleep(Duration::from_millis(20));
                }
                other => return other,
            }
        }
    }

    /// This process, as others are told about it.
    pub(crate) fn holder(&self, command: &str) -> Holder {
        Holder::here(command, self.actor.name.as_str())
    }

    /// How the journal is opened.
    pub(crate) fn options(&self) -> Options {
        let observer = Rehearsal::from_environment();
        let mut options = Options { marks: self.marks.clone(), ..Options::default() };
        if observer.as_ref().is_some_and(|rehearsal| rehearsal.stops()) {
            (options.ttl, options.renew_every) = (STOPPED_TTL, NEVER);
        }
        options.observer = observer.map(|rehearsal| rehearsal as Arc<dyn journal::WriteObserver>);
        options
    }

    /// The journal, for looking. It is made where there is none yet, or one whose making was cut
    /// short, which whoever only looks cannot put right: the command that made it comes here first
    /// when it is run again.
    pub(crate) fn reader(&self, key: &seal::Key) -> Result<Reader> {
        use JournalError::{Missing, Older, ReadOnly};
        match Reader::open(&self.database(), key) {
            Err(Missing { .. } | Older { .. } | ReadOnly(_)) => {
                let made = self.written(key, "init", self.options());
                drop(made.map_err(|error| self.failed(&error))?);
                Ok(Reader::open(&self.database(), key)?)
            }
            other => other.map_err(|error| self.failed(&error)),
        }
    }

    pub(crate) fn failed(&self, error: &JournalError) -> Fail {
        let fail = Fail::from(error.clone());
        if matches!(error, JournalError::WrongKey { .. }) { self.about_rekey(fail) } else { fail }
    }

    /// An engine that only looks.
    pub(crate) fn looking(&self) -> Result<Arc<Engine>> {
        self.looking_with(&self.key()?)
    }

    /// The same, where the key has been opened already.
    pub(crate) fn looking_with(&self, key: &seal::Key) -> Result<Arc<Engine>> {
        let reader = self.reader(key)?;
        self.engine(key, None, reader)
    }

    /// An engine that acts; this process holds the lease from here on.
    pub(crate) fn acting(
        &self,
        pass: &Pass,
        command: &str,
        take_over: bool,
    ) -> Result<Arc<Engine>> {
        let key = self.key()?;
        let journal = self
            .open_journal(pass, &key, command, take_over)
            .map_err(|error| self.failed(&error))?;
        let reader = journal.reader()?;
        self.engine(&key, Some(journal), reader)
    }

    /// An engine that writes into a store even where the database was set back.
    pub(crate) fn importing(&self, pass: &Pass, command: &str) -> Result<Arc<Engine>> {
        let key = self.key()?;
        let journal =
            self.open_set_back(pass, &key, command).map_err(|error| self.failed(&error))?;
        let reader = journal.reader()?;
        self.engine(&key, Some(journal), reader)
    }

    /// An engine that acts even where the database was set back, and why it was.
    pub(crate) fn reconciling(
        &self,
        pass: &Pass,
    ) -> Result<(Arc<Engine>, Option<journal::SetBack>)> {
        let key = self.key()?;
        let journal =
            self.open_set_back(pass, &key, "reconcile").map_err(|error| self.failed(&error))?;
        let (reader, set_back) = (journal.reader()?, journal.set_back());
        Ok((self.engine(&key, Some(journal), reader)?, set_back))
    }

    fn engine(
        &self,
        key: &seal::Key,
        journal: Option<Journal>,
        reader: Reader,
    ) -> Result<Arc<Engine>> {
        telling::begin(self, key, journal.is_some());
        let observer = Rehearsal::from_environment()
            .map(|rehearsal| rehearsal as Arc<dyn connectors::CallObserver>);
        Ok(Arc::new(Engine::new(
            self.inventory.clone(),
            &self.directory,
            key,
            journal,
            reader,
            self.actor.name.clone(),
            observer,
        )?))
    }
}

/// Where the second marks lie: the user's own state directory, as the XDG base directory
/// specification has it.
pub(crate) fn marks() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Some(state?.join("rollover"))
}

fn nearest() -> Result<PathBuf> {
    let here = std::env::current_dir().map_err(|error| {
        Fail::new(Exit::Failed, format!("failed to find the directory: {error}"))
    })?;
    here.ancestors()
        .find(|directory| directory.join(MAIN).is_file())
        .map(Path::to_owned)
        .ok_or_else(|| {
            Fail::usage(format!("there is no {MAIN} here or above"))
                .hint("`rollover init` writes one; `rollover demo` shows everything without one")
        })
}

fn read(path: &Path) -> Result<SourceFile> {
    let text = fs::read_to_string(path).map_err(|error| {
        Fail::usage(format!("failed to read {}: {error}", path.display()))
            .hint("`rollover init` writes an inventory to start from")
    })?;
    Ok(SourceFile { path: path.display().to_string(), text })
}

fn secret_files(directory: &Path) -> Result<Vec<SourceFile>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// Everything that is wrong with an inventory, with the lines it stands in; a value that somebody
/// wrote there is not shown again.
fn diagnosed(wrong: &[Diagnostic], main: &SourceFile, secrets: &[SourceFile]) -> Fail {
    let hidden = |one: &Diagnostic| hide::starred(&one.to_string(), hide::is_secret).into_owned();
    let places: Vec<String> = wrong.iter().map(hidden).collect();
    let mut fail = Fail::usage(places.join("\n"));
    fail.rendered = Some(marked(wrong, main, secrets));
    fail
}
