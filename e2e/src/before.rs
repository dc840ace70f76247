//! What the world was like before a rotation, and whether it is afterwards as it should be.
//!
//! Everything about the vendors is read from the lab; of the product only its list of rotations
//! and its own check of the audit log are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use lab::{Inspection, SecretScope};
use serde_json::Value;

use crate::{HEROKU, POSTMARK, Result, SERVER, Secret, Stage};

/// The world before.
pub struct Before {
    /// The token that was in use.
    pub old: String,
    live: BTreeSet<String>,
    restarts: BTreeMap<String, usize>,
    others: Vec<(String, Option<String>)>,
}

/// How often an app may have been restarted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restarts {
    /// Once for each app that holds the secret, and no other.
    Once,
    /// As it comes.
    Any,
}

impl Before {
    /// The world as it is now, for a rotation of this secret.
    ///
    /// # Errors
    /// The store holds nothing.
    pub fn of(stage: &Stage, secret: &Secret) -> Result<Self> {
        let world = stage.lab().inspect();
        let old = world.infisical_value("prod", secret.key).ok_or("the store holds nothing")?;
        Ok(Self {
            old,
            live: live(&world),
            restarts: restarts(&world),
            others: bystanders(stage, &world, secret),
        })
    }

    /// Every live token at both issuers before.
    #[must_use]
    pub fn live(&self) -> &BTreeSet<String> {
        &self.live
    }

    /// Whether the issuers' tokens are what they were.
    ///
    /// # Errors
    /// How many are more or less.
    pub fn nothing_created(&self, stage: &Stage) -> Result<()> {
        same_tokens(&self.live, &live(&stage.lab().inspect()))
    }

    /// The end of an undisturbed run: everybody on one new token, the old one dead, nothing else
    /// changed. Answers the new token.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn completed(&self, stage: &Stage, secret: &Secret, allowed: Restarts) -> Result<String> {
        self.completed_in(1, stage, secret, allowed)
    }

    /// The same after so many rotations, one right after the other.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn completed_in(
        &self,
        rotations: usize,
        stage: &Stage,
        secret: &Secret,
        allowed: Restarts,
    ) -> Result<String> {
        let world = stage.lab().inspect();
        let new = world.infisical_value("prod", secret.key).ok_or("the store holds nothing")?;
        let mut wrong = Vec::new();
        let mut check = |right: bool, what: String| {
            if !right {
                wrong.push(what);
            }
        };
        check(new != self.old, "the store holds the old token".into());
        check(honours(&world, secret, &new), "the new token is refused".into());
        check(
            !honours(&world, secret, &self.old),
            "FALSE DONE: the old token still answers".into(),
        );
        let mut expected = self.live.clone();
        expected.remove(&self.old);
        expected.insert(new.clone());
        if let Err(what) = same_tokens(&expected, &live(&world)) {
            check(false, what);
        }
        if allowed == Restarts::Once {
            for (app, count) in self.restarts_since(&world) {
                let due = usize::from(secret.apps.contains(&app.as_str())) * rotations;
                check(count == due, format!("{app} was restarted {count} times"));
            }
        }
        wrong.extend(self.everybody_on(stage, &world, secret, &new));
        wrong.extend(books(stage, secret, &vec!["completed"; rotations]).err());
        said(wrong)?;
        Ok(new)
    }

    /// The end of a way back: everybody on the old token, which lives, and no other token left.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn rolled_back(&self, stage: &Stage, secret: &Secret) -> Result<()> {
        let world = stage.lab().inspect();
        let mut wrong = Vec::new();
        if world.infisical_value("prod", secret.key).as_deref() != Some(&self.old) {
            wrong.push("the store does not hold the old token".to_owned());
        }
        if !honours(&world, secret, &self.old) {
            wrong.push("the old token is refused".to_owned());
        }
        wrong.extend(same_tokens(&self.live, &live(&world)).err());
        wrong.extend(self.everybody_on(stage, &world, secret, &self.old));
        wrong.extend(books(stage, secret, &["rolled-back"]).err());
        said(wrong)
    }

    /// The end of a decommission: nobody holds anything, the token is dead, each app was restarted
    /// once, and nothing else was changed.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn decommissioned(&self, stage: &Stage, secret: &Secret) -> Result<()> {
        let world = stage.lab().inspect();
        let held = holders(stage, &world, secret).into_iter().filter(|(_, value)| value.is_some());
        let mut wrong: Vec<String> =
            held.map(|(who, _)| format!("{who} still holds something")).collect();
        if world.infisical_value("prod", secret.key).is_some() {
            wrong.push("the store still holds something".to_owned());
        }
        if honours(&world, secret, &self.old) {
            wrong.push("FALSE DONE: the token still answers".to_owned());
        }
        let mut expected = self.live.clone();
        expected.remove(&self.old);
        wrong.extend(same_tokens(&expected, &live(&world)).err());
        for (app, count) in self.restarts_since(&world) {
            if count != usize::from(secret.apps.contains(&app.as_str())) {
                wrong.push(format!("{app} was restarted {count} times"));
            }
        }
        wrong.extend(beside(stage, secret).err());
        if bystanders(stage, &world, secret) != self.others {
            wrong.push("something was changed that does not belong to this secret".into());
        }
        wrong.extend(books(stage, secret, &["decommissioned"]).err());
        said(wrong)
    }

    /// What must hold at every instant, ended or not: nobody holds a token that is refused, and
    /// the old token lives until everybody is on another one.
    ///
    /// # Errors
    /// Who holds a dead token.
    pub fn nobody_out(&self, stage: &Stage, secret: &Secret) -> Result<()> {
        let world = stage.lab().inspect();
        let held = holders(stage, &world, secret);
        said(
            held.into_iter()
                .filter_map(|(who, value)| {
                    let value = value.unwrap_or_default();
                    (!honours(&world, secret, &value)).then(|| format!("{who} is out of service"))
                })
                .collect(),
        )
    }

    /// How often each app was restarted since.
    #[must_use]
    pub fn restarts_since(&self, world: &Inspection) -> BTreeMap<String, usize> {
        let now = restarts(world);
        now.into_iter()
            .map(|(app, count)| {
                let before = self.restarts.get(&app).copied().unwrap_or(0);
                (app, count - before)
            })
            .collect()
    }

    fn everybody_on(
        &self,
        stage: &Stage,
        world: &Inspection,
        secret: &Secret,
        token: &str,
    ) -> Vec<String> {
        let mut wrong: Vec<String> = holders(stage, world, secret)
            .into_iter()
            .filter(|(_, value)| value.as_deref() != Some(token))
            .map(|(who, _)| format!("{who} is on something else"))
            .collect();
        wrong.extend(beside(stage, secret).err());
        if bystanders(stage, world, secret) != self.others {
            wrong.push("something was changed that does not belong to this secret".into());
        }
        wrong
    }
}

/// The product's own books: one rotation of the secret, ended so, and an audit log that verifies.
fn books(stage: &Stage, secret: &Secret, outcomes: &[&str]) -> Result<()> {
    let rotations = stage.rollover(&["run", "ls", "--json"]).run()?.is(0)?.json()?;
    let ends: Vec<&str> = rotations
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["secret"] == secret.name)
        .filter_map(|one| one["outcome"].as_str())
        .collect();
    if ends != outcomes {
        return Err(format!("the rotations are {ends:?}, not {outcomes:?}"));
    }
    let verified = stage.rollover(&["audit", "verify", "--json"]).run()?.is(0)?.json()?;
    if verified["verified"] != Value::Bool(true) {
        return Err(format!("the audit log does not verify: {verified}"));
    }
    Ok(())
}

fn said(wrong: Vec<String>) -> Result<()> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Whoever holds the secret, with what he holds: config vars, the environment of every process,
/// the decrypted GitHub secret, the line of the dotenv file.
fn holders(stage: &Stage, world: &Inspection, secret: &Secret) -> Vec<(String, Option<String>)> {
    let mut held = Vec::new();
    for app in secret.apps {
        let value = world.config_vars(app).get(secret.key).cloned();
        held.push((format!("config of {app}"), value));
        for dyno in world.dynos(app) {
            let value = dyno.env.get(secret.key).cloned();
            held.push((format!("{} of {app}", dyno.name), value));
        }
    }
    if secret.github {
        let value = world.github_secret(&SecretScope::Repo, secret.key);
        held.push(("GitHub".to_owned(), value));
    }
    held.push((secret.file.to_owned(), in_file(stage, secret)));
    held
}

fn in_file(stage: &Stage, secret: &Secret) -> Option<String> {
    let text = fs::read_to_string(stage.directory().join(secret.file)).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.trim_start_matches("export ").split_once('=')?;
        let value = value.split(" #").next()?.trim().trim_matches(['"', '\'']);
        (name == secret.key).then(|| value.to_owned())
    })
}

/// Nothing lies beside the dotenv file: a half-written one holds a value, too.
fn beside(stage: &Stage, secret: &Secret) -> Result<()> {
    let fail = |error: std::io::Error| format!("the inventory's directory: {error}");
    for entry in fs::read_dir(stage.directory()).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
        if name != secret.file && name.contains(secret.file) {
            return Err(format!("LEFT BEHIND: {name}"));
        }
    }
    Ok(())
}

/// Everything that a rotation of this secret must not touch.
fn bystanders(stage: &Stage, world: &Inspection, secret: &Secret) -> Vec<(String, Option<String>)> {
    let other = if secret.key == HEROKU.key { &POSTMARK } else { &HEROKU };
    let mut seen = vec![
        ("store".to_owned(), world.infisical_value("prod", other.key)),
        ("staging store".to_owned(), world.infisical_value("staging", secret.key)),
        (other.file.to_owned(), in_file(stage, other)),
    ];
    for app in world.apps() {
        for (key, value) in world.config_vars(&app) {
            if key != secret.key {
                seen.push((format!("{key} of {app}"), Some(value)));
            }
        }
    }
    for held in world.github_secrets() {
        if !(secret.github && held.name == secret.key && held.scope == SecretScope::Repo) {
            seen.push((format!("{} at GitHub", held.name), Some(held.value)));
        }
    }
    seen
}

fn honours(world: &Inspection, secret: &Secret, token: &str) -> bool {
    if secret.by_operator { world.postmark_honours(token) } else { world.heroku_honours(token) }
}

fn live(world: &Inspection) -> BTreeSet<String> {
    let heroku = world.heroku_authorizations();
    let heroku = heroku.into_iter().filter(|one| one.live).map(|one| one.token);
    world.live_postmark_tokens(SERVER).into_iter().chain(heroku).collect()
}

fn same_tokens(expected: &BTreeSet<String>, found: &BTreeSet<String>) -> Result<()> {
    let orphans = found.difference(expected).count();
    let lost = expected.difference(found).count();
    match (orphans, lost) {
        (0, 0) => Ok(()),
        _ => Err(format!("ORPHANS: {orphans} live token(s) too many, {lost} too few")),
    }
}

fn restarts(world: &Inspection) -> BTreeMap<String, usize> {
    world.apps().into_iter().map(|app| (app.clone(), world.restarts(&app).len())).collect()
}
