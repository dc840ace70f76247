//! What the world of a pairing was like before, and whether it is now as it should be.
//!
//! All of it is read from the lab and the files; of the product only its list of rotations and its
//! own check of the audit log are asked for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::matrix::rotations;
use crate::pairing::FILE;
use crate::{Bench, Result};

/// The world before.
pub struct Facts {
    /// The token that was in use.
    pub old: String,
    live: BTreeSet<String>,
    everything: Vec<(String, String)>,
    files: BTreeSet<String>,
    restarts: usize,
}

/// Files that may come to be beside the inventory: the journal's.
const MADE: &str = "rollover.db";

impl Facts {
    /// The world as it is now.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn of(bench: &Bench) -> Result<Self> {
        let world = bench.lab().inspect();
        let pairing = bench.pairing();
        Ok(Self {
            old: (pairing.issuer.token)(&bench.lab().credentials()),
            live: (pairing.issuer.live)(&world),
            everything: bench.everything()?,
            files: bench.files()?,
            restarts: bench.restarts(),
        })
    }

    /// How often the app was restarted since.
    #[must_use]
    pub fn restarts_since(&self, bench: &Bench) -> usize {
        bench.restarts() - self.restarts
    }

    /// The end of an undisturbed rotation: store and consumer on one new token, the old one dead,
    /// nothing else changed.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn completed(&self, bench: &Bench) -> Result<()> {
        self.completed_in(bench, 1)
    }

    /// The same after so many rotations, one right after the other.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn completed_in(&self, bench: &Bench, rotations: usize) -> Result<()> {
        let place = (bench.pairing().store.place)(bench.pairing().issuer.key);
        let new = bench.everything()?.into_iter().find(|(name, _)| *name == place);
        let (_, new) = new.ok_or("LOST: the store holds nothing")?;
        let world = bench.lab().inspect();
        let honours = |token: &str| (bench.pairing().issuer.honours)(&world, token);
        let mut wrong = Vec::new();
        if new == self.old {
            wrong.push("FALSE DONE: the store holds the old token".into());
        }
        if !honours(&new) {
            wrong.push("LOST: the new token is refused".into());
        }
        if honours(&self.old) {
            wrong.push("FALSE DONE: the old token still answers".into());
        }
        let mut live = self.live.clone();
        live.remove(&self.old);
        live.insert(new.clone());
        wrong.extend(self.everybody_on(bench, &new, &live)?);
        wrong.extend(books(bench, &vec!["completed"; rotations]).err());
        said(wrong)
    }

    /// The end of a way back: store and consumer on the old token, which lives, and no other left.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn rolled_back(&self, bench: &Bench) -> Result<()> {
        let mut wrong = self.everybody_on(bench, &self.old, &self.live)?;
        wrong.extend(books(bench, &["rolled-back"]).err());
        said(wrong)
    }

    /// The end of a rehearsal: as after a way back, and said to be one.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn rehearsed(&self, bench: &Bench) -> Result<()> {
        let mut wrong = self.everybody_on(bench, &self.old, &self.live)?;
        wrong.extend(books(bench, &["rehearsed"]).err());
        said(wrong)
    }

    /// The end of a decommission: store and consumer hold nothing, the token is dead, and
    /// everything else is as before. What somebody has fetched to an own machine stays in the file
    /// there; nobody else can remove it.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn decommissioned(&self, bench: &Bench) -> Result<()> {
        let pairing = bench.pairing();
        let mut wrong = Vec::new();
        let world = bench.lab().inspect();
        if (pairing.issuer.honours)(&world, &self.old) {
            wrong.push("FALSE DONE: the token still answers".into());
        }
        let mut live = self.live.clone();
        live.remove(&self.old);
        let there = bench.everything()?;
        let may_not = |name: &str| self.is_ours(bench, name) && !is_fetched(bench, name);
        let held = there.iter().filter(|(name, _)| may_not(name));
        wrong.extend(held.map(|(name, _)| format!("{name} still holds something")));
        wrong.extend(self.others_changed(bench, &there, &live)?);
        wrong.extend(books(bench, &["decommissioned"]).err());
        said(wrong)
    }

    /// The end of the removal of a token that came to be after these facts: it is dead, and nothing
    /// else was changed.
    ///
    /// # Errors
    /// Everything that is not as it should be.
    pub fn removed(&self, bench: &Bench) -> Result<()> {
        let mut wrong = self.everybody_on(bench, &self.old, &self.live)?;
        wrong.extend(books(bench, &["removed"]).err());
        said(wrong)
    }

    /// Nothing has come to be and nothing was changed.
    ///
    /// # Errors
    /// What has.
    pub fn untouched(&self, bench: &Bench) -> Result<()> {
        said(self.everybody_on(bench, &self.old, &self.live)?)
    }

    /// What must hold at every instant: neither store nor consumer has a token that is refused.
    ///
    /// # Errors
    /// Who has one.
    pub fn nobody_out(&self, bench: &Bench) -> Result<()> {
        self.out(bench, |_| false)
    }

    /// The same while a secret goes out of use: what is in the file on an own machine may be dead.
    ///
    /// # Errors
    /// Who else has one.
    pub fn nobody_else_out(&self, bench: &Bench) -> Result<()> {
        self.out(bench, |name| is_fetched(bench, name))
    }

    fn out(&self, bench: &Bench, may_be: impl Fn(&str) -> bool) -> Result<()> {
        let world = bench.lab().inspect();
        let out = |(name, value): (String, String)| {
            let ours = self.is_ours(bench, &name) && !may_be(&name);
            let refused = ours && !(bench.pairing().issuer.honours)(&world, &value);
            refused.then(|| format!("OUTAGE: {name} holds a token that is refused"))
        };
        said(bench.everything()?.into_iter().filter_map(out).collect())
    }

    /// Everything is as before, save that our places hold this token, and that these tokens live.
    fn everybody_on(
        &self,
        bench: &Bench,
        token: &str,
        live: &BTreeSet<String>,
    ) -> Result<Vec<String>> {
        let there = bench.everything()?;
        let mut wrong = self.others_changed(bench, &there, live)?;
        for (name, value) in there.iter().filter(|(name, _)| self.is_ours(bench, name)) {
            if value != token {
                wrong.push(format!("{name} holds something else"));
            }
        }
        let pairing = bench.pairing();
        for place in [pairing.place(), (pairing.store.place)(pairing.issuer.key)] {
            if !there.iter().any(|(name, _)| *name == place) {
                wrong.push(format!("LOST: {place} holds nothing"));
            }
        }
        wrong.dedup();
        Ok(wrong)
    }

    /// What is not as before beside our places, and tokens that live or do not.
    fn others_changed(
        &self,
        bench: &Bench,
        there: &[(String, String)],
        live: &BTreeSet<String>,
    ) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let now = (bench.pairing().issuer.live)(&bench.lab().inspect());
        let (orphans, lost) = (now.difference(live).count(), live.difference(&now).count());
        if orphans > 0 {
            wrong.push(format!("ORPHANS: {orphans} live token(s) too many"));
        }
        if lost > 0 {
            wrong.push(format!("LOST: {lost} live token(s) too few"));
        }
        let others = |all: &[(String, String)]| -> BTreeSet<(String, String)> {
            all.iter().filter(|(name, _)| !self.is_ours(bench, name)).cloned().collect()
        };
        for (name, _) in others(&self.everything).symmetric_difference(&others(there)) {
            wrong.push(format!("{name} was changed and is none of ours"));
        }
        let files = bench.files()?;
        let made = |name: &&String| name.starts_with(MADE) || *name == FILE;
        let left = files.difference(&self.files).filter(|name| !made(name));
        wrong.extend(left.map(|name| format!("LEFT BEHIND: {name}")));
        wrong.dedup();
        Ok(wrong)
    }

    /// Whether a place is the store or the consumer of the pairing.
    fn is_ours(&self, bench: &Bench, name: &str) -> bool {
        let pairing = bench.pairing();
        let within = |place: &str| {
            name.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(" in "))
        };
        within(&pairing.place()) || within(&(pairing.store.place)(pairing.issuer.key))
    }
}

/// Whether this is what somebody has fetched to an own machine.
fn is_fetched(bench: &Bench, name: &str) -> bool {
    bench.pairing().consumer.is_fetched && name.strip_prefix("file ") == Some(FILE)
}

/// The product's own books: these rotations and no others, and an audit log that verifies.
fn books(bench: &Bench, outcomes: &[&str]) -> Result<()> {
    let all = rotations(bench)?;
    let ends: Vec<&str> = all.iter().map(|one| one["outcome"].as_str().unwrap_or("open")).collect();
    if ends != outcomes {
        return Err(format!("the rotations are {ends:?}, not {outcomes:?}"));
    }
    let verified = bench.rollover(&["audit", "verify", "--json"]).run()?.is(0)?.json()?;
    if verified["verified"] != Value::Bool(true) {
        return Err(format!("the audit log does not verify: {verified}"));
    }
    Ok(())
}

fn said(wrong: Vec<String>) -> Result<()> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}
