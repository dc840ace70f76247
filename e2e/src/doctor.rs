//! Broken situations, each staged in the lab, put before `rollover doctor`, and mended by what it
//! says first.
//!
//! A [`Situation`] is data: what is broken, which cause is right, and who mends it. A situation is
//! won when the cause is named, the fix that is printed works, and the doctor then finds nothing
//! in that place any more. Where a person has to do something, a stand-in does it at the lab.

mod mend;
mod table;

use std::fs;
use std::path::Path;

use lab::{Credentials, SecretScope};
use serde_json::Value;

use crate::{HEROKU, POSTMARK, Pace, Result, Secret, Stage, spread};

pub use table::situations;

/// What is done to the world, or against it.
pub type Act = Box<dyn Fn(&Scene<'_>) -> Result<()> + Send + Sync>;

/// One broken situation.
pub struct Situation {
    /// What is broken, in a few words.
    pub name: String,
    /// Which secret it is about.
    pub secret: &'static Secret,
    /// How the doctor is asked.
    pub asked: Asked,
    /// What breaks it.
    pub breaks: Act,
    /// The cause that is to be named first.
    pub cause: &'static str,
    /// The place that it is to be named for: `store`, a consumer, `given`.
    pub place: String,
    /// What a person does where the doctor asks for one, or what passes by itself.
    pub mends: Option<Act>,
    /// What is given to the command that the doctor prints, where it reads something.
    pub input: Option<Input>,
}

/// What is given on standard input.
pub type Input = Box<dyn Fn(&Scene<'_>) -> Result<String> + Send + Sync>;

/// How the doctor is asked.
#[derive(Default)]
pub struct Asked {
    /// A value is given, under this kind where no secret is named.
    pub given: Option<Input>,
    /// The kind, where no secret is named.
    pub kind: Option<&'static str>,
    /// Options behind the secret's name.
    pub options: Vec<String>,
    /// A file of the inventory's directory with the program's error.
    pub error: Option<&'static str>,
}

/// The stage, and what a situation needs of it.
pub struct Scene<'a> {
    /// The lab and the inventory.
    pub stage: &'a Stage,
    /// The values that the lab was seeded with.
    pub credentials: Credentials,
}

/// What came of one situation.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub name: String,
    /// The cause that was expected.
    pub expected: &'static str,
    /// The cause that was named.
    pub named: String,
    /// Whether the fix worked, or why not.
    pub fixed: Result<()>,
}

impl Outcome {
    /// Whether the cause was named.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.named == self.expected
    }
}

/// Puts every situation on a stage of its own before the doctor, and does what it says.
///
/// # Errors
/// A stage cannot be set up.
pub fn examine(binary: &Path, situations: &[Situation], stages: usize) -> Result<Vec<Outcome>> {
    spread(binary, &Pace::default(), stages, situations, |stage, situation| {
        Some(one(stage, situation))
    })
}

fn one(stage: &Stage, situation: &Situation) -> Outcome {
    let scene = Scene { stage, credentials: stage.lab().credentials() };
    let outcome = |named: String, fixed| Outcome {
        name: situation.name.clone(),
        expected: situation.cause,
        named,
        fixed,
    };
    let seen = (situation.breaks)(&scene).and_then(|()| scene.doctor(situation, false));
    let (code, told) = match seen {
        Ok(seen) => seen,
        Err(why) => return outcome(format!("nothing: {why}"), Err("it was not asked".into())),
    };
    let first = &told["first"];
    let named = first["cause"].as_str().unwrap_or("none").to_owned();
    if named != situation.cause || first["place"] != situation.place.as_str() {
        let named = format!("{named} at {}", first["place"]);
        return outcome(named, Err(format!("exit {code}, {told:#}")));
    }
    if code == 0 {
        return outcome(named, Err("it ended with 0".into()));
    }
    let fixed = mend::mend(&scene, situation, &first["fix"]);
    outcome(named, fixed)
}

impl Scene<'_> {
    /// Asks the doctor; `plainly` is without what was broken around the question.
    fn doctor(&self, situation: &Situation, plainly: bool) -> Result<(i32, Value)> {
        let mut args = vec!["doctor".to_owned()];
        match situation.asked.kind {
            Some(kind) => args.extend(["--kind".into(), kind.into()]),
            None => args.push(situation.secret.name.to_owned()),
        }
        args.push("--json".into());
        let mut input = None;
        if let Some(given) = situation.asked.given.as_ref() {
            args.push("--token-stdin".into());
            input = Some(match (plainly, &situation.input) {
                (true, Some(right)) => right(self)?,
                _ => given(self)?,
            });
        }
        if !plainly {
            args.extend(situation.asked.options.iter().cloned());
            if let Some(error) = situation.asked.error {
                let path = self.stage.directory().join(error);
                args.extend(["--error".into(), path.display().to_string()]);
            }
        } else if situation.asked.given.is_none() {
            args.extend(["--at".into(), situation.place.clone()]);
        }
        self.run(&args, input.as_deref())
    }

    fn run(&self, args: &[String], input: Option<&str>) -> Result<(i32, Value)> {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut run = self.stage.rollover(&words);
        if let Some(input) = input {
            run = run.input(input);
        }
        let ended = run.run()?;
        let code = ended.code.ok_or_else(|| format!("it was killed: {ended}"))?;
        Ok((code, ended.json()?))
    }

    /// Sets a config var of an app.
    ///
    /// # Errors
    /// None; for the sake of its users.
    pub fn set(&self, app: &str, key: &str, value: Option<&str>) -> Result<()> {
        self.stage.lab().set_config_var(app, key, value);
        Ok(())
    }

    /// Sets the value that the store holds for a secret.
    pub fn store(&self, secret: &Secret, value: Option<&str>) {
        self.stage.lab().set_infisical_value("prod", secret.key, value);
    }

    /// Rotates a secret to the end.
    ///
    /// # Errors
    /// It does not complete.
    pub fn rotate(&self, secret: &Secret) -> Result<()> {
        mend::rotate(self, secret, &[]).map(drop)
    }

    /// The value that a secret was seeded with.
    #[must_use]
    pub fn seeded(&self, secret: &Secret) -> String {
        match secret.key {
            "HEROKU_API_KEY" => self.credentials.heroku_api_key.clone(),
            _ => self.credentials.postmark_server_token.clone(),
        }
    }

    /// The first token of a Postmark server.
    ///
    /// # Errors
    /// There is no such server.
    pub fn token_of(&self, server: &str) -> Result<String> {
        let tokens = self.credentials.postmark_tokens.get(server).and_then(|all| all.first());
        tokens.cloned().ok_or_else(|| format!("there is no server {server}"))
    }

    /// Writes a file into the inventory's directory.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.stage.directory().join(name), text).map_err(|error| error.to_string())
    }

    /// The environment of GitHub whose secrets shadow the repository's.
    #[must_use]
    pub fn production() -> SecretScope {
        SecretScope::Environment("production".into())
    }

    /// Sends a request as a program would, and answers the whole answer as text.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn request(&self, base: &str, path: &str, headers: &[(&str, &str)]) -> Result<String> {
        mend::request(base, path, headers)
    }
}

/// Both secrets, for whoever lists situations.
pub(crate) const SECRETS: [&Secret; 2] = [&POSTMARK, &HEROKU];
