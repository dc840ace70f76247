//! Which tokens are ours: the inventory's, as far as there is one and its key opens.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use connectors::ALL_PROFILES;
use domain::{Fingerprint, FingerprintKey};
use engine::Engine;
use journal::{Reader, TokenRow};
use scan::git::Repository;
use scan::{Known, Limits, Nothing, Remembered, Rules, Scanner};

use super::Scan;
use super::ours::Ours;
use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

/// What findings are held against.
pub(crate) struct Among {
    pub(crate) home: Option<Home>,
    ours: Option<Arc<Ours>>,
    /// What fingerprints are made with.
    pub(crate) key: FingerprintKey,
    /// Why our own tokens are not known.
    why_not: Option<String>,
}

impl Among {
    /// The inventory in `-C DIR`, or the nearest one, if there is any. Where it is `needed`, or was
    /// named, it has to be there.
    pub(crate) fn find(global: &Global, needed: bool) -> Result<Self> {
        let home = match Home::find(global) {
            Ok(home) => home,
            Err(fail) if needed || global.directory.is_some() => return Err(fail),
            // One that is there and wrong is not the same as none.
            Err(fail) if fail.rendered.is_some() => return Err(fail),
            Err(_) => {
                let why_not =
                    "tokens of an inventory: there is none here or above; name it by -C DIR".into();
                return Self::nobody(None, Some(why_not));
            }
        };
        let opened = home.key().and_then(|key| home.reader(&key));
        match opened {
            Ok(reader) => {
                let key = reader.fingerprint_key();
                let ours = Some(Arc::new(Ours::of(reader, cache())?));
                Ok(Self { home: Some(home), ours, key, why_not: None })
            }
            Err(fail) if needed => Err(fail),
            Err(fail) => {
                let why_not = format!("tokens of the inventory: {}", fail.what);
                Self::nobody(Some(home), Some(why_not))
            }
        }
    }

    fn nobody(home: Option<Home>, why_not: Option<String>) -> Result<Self> {
        Ok(Self { home, ours: None, key: own_key()?, why_not })
    }

    /// What looks for tokens. `allow_key` is that of the list of what may stay.
    pub(crate) fn scanner(
        &self,
        args: &Scan,
        allow_key: Option<FingerprintKey>,
    ) -> Result<Scanner> {
        Ok(self.scanner_of(!args.ours, args.verify, allow_key))
    }

    /// The same, for our own tokens alone or others, too; `keep_values` for whoever needs them.
    pub(crate) fn scanner_of(
        &self,
        strangers: bool,
        keep_values: bool,
        allow_key: Option<FingerprintKey>,
    ) -> Scanner {
        let known: Arc<dyn Known> = match &self.ours {
            Some(ours) => Arc::clone(ours) as Arc<dyn Known>,
            None => Arc::new(Nothing),
        };
        Scanner::new(Arc::new(Rules {
            profiles: ALL_PROFILES,
            key: self.key.clone(),
            allow_key,
            known,
            strangers,
            keep_values,
            limits: Limits::default(),
        }))
    }

    /// A journal that could not be read to the end makes a clean report worthless.
    pub(crate) fn check(&self) -> Result<()> {
        if self.ours.as_ref().is_some_and(|ours| ours.has_failed()) {
            let what = "the journal could not be read while looking up what was found";
            return Err(Fail::new(Exit::Failed, what).hint("run it again; nothing was changed"));
        }
        Ok(())
    }

    /// What is known of a token of ours.
    pub(crate) fn rows(&self, fingerprint: &Fingerprint) -> Result<Vec<TokenRow>> {
        match &self.ours {
            Some(ours) => Ok(ours.reader().tokens_of(fingerprint)?),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn reader(&self) -> Option<&Reader> {
        self.ours.as_ref().map(|ours| ours.reader())
    }

    /// Why a clean report would say less than one thinks.
    pub(crate) fn not_known(&self) -> Vec<String> {
        let mut not: Vec<String> = self.why_not.clone().into_iter().collect();
        if let (Some(home), Some(reader)) = (&self.home, self.reader()) {
            let unknown = home
                .inventory
                .secrets
                .keys()
                .filter(|name| reader.knows_a_token_of(name).is_ok_and(|known| !known));
            let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
            if !unknown.is_empty() {
                not.push(format!(
                    "tokens of {}: none is known yet; `rollover scan --learn` looks them up",
                    unknown.join(", ")
                ));
            }
        }
        not
    }

    /// Looks into the stores and consumers, and remembers the fingerprints of what they hold.
    pub(crate) async fn learn(&self, output: Output) -> Result<()> {
        let Some(home) = &self.home else { return Ok(()) };
        let pass = home.allow(domain::Act::Learn, None)?;
        let engine: Arc<Engine> = home.acting(&pass, "scan --learn", false)?;
        for (name, learned) in engine.learn().await? {
            match learned {
                Ok(0) => {}
                Ok(count) => output.say(&format!("{name}: {count} tokens are known from now on")),
                Err(why) => output.say(&format!("{name}: not looked up: {why}")),
            }
        }
        Ok(())
    }

    /// What was read of a repository before and held nothing.
    pub(crate) fn remembered(
        &self,
        repository: &Repository,
        args: &Scan,
    ) -> Result<Option<Remembered>> {
        let Some(cache) = cache() else { return Ok(None) };
        let tokens = match self.reader() {
            Some(reader) => reader.tokens_known()?,
            None => (0, 0),
        };
        let mut maker = self.key.maker();
        let looked_for = format!(
            "rules {} key {} tokens {} {} strangers {}",
            scan::RULES_VERSION,
            maker.of(b"scan").hex(),
            tokens.0,
            tokens.1,
            !args.ours,
        );
        let place = repository.common_dir.as_os_str().as_encoded_bytes();
        let file = format!("packs-{}.json", maker.of(place).hex());
        Ok(Some(Remembered::load(&cache.join(file), looked_for)))
    }
}

/// The user's own directory for what can be made again.
fn cache() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(cache?.join("rollover"))
}

/// The key of fingerprints where there is no installation: the user's own, made once.
fn own_key() -> Result<FingerprintKey> {
    let random = || {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map(|()| bytes)
            .map_err(|error| Fail::new(Exit::Failed, format!("failed to make a key: {error}")))
    };
    let Some(cache) = cache() else { return random().map(FingerprintKey::new) };
    let path = cache.join("scan.key");
    for _ in 0..2 {
        if let Ok(bytes) = fs::read(&path)
            && let Ok(bytes) = <[u8; 32]>::try_from(bytes)
        {
            return Ok(FingerprintKey::new(bytes));
        }
        // One that is there and is no key was cut off while it was written.
        let _ = fs::remove_file(&path);
        let bytes = random()?;
        let made = fs::create_dir_all(&cache).and_then(|()| {
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(&bytes)
        });
        if made.is_ok() {
            return Ok(FingerprintKey::new(bytes));
        }
    }
    // Where nothing can be kept, the fingerprints of this run are this run's own.
    random().map(FingerprintKey::new)
}
