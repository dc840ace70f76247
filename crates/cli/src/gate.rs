//! The gate: nothing is changed before it was asked whether whoever runs this may.
//!
//! [`Pass`] is what [`Home::allow`] answers with, and what everything wants that opens the
//! journal for writing; a command that forgets to ask does not compile.

use domain::{Act, Denied, Guarded, Rotation, SecretName};
use jiff::Timestamp;
use journal::{Journal, Notes, Reader, RotationFilter};

use crate::args::{How, TokenWay};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;

/// Whoever runs this may do what they were asked about.
#[derive(Debug)]
pub(crate) struct Pass(());

impl From<&Denied> for Fail {
    fn from(denied: &Denied) -> Self {
        Self::new(Exit::Denied, denied.to_string()).hint(denied.hint())
    }
}

impl Home {
    /// Whether whoever runs this may do something: to a secret, or to the whole installation.
    /// A refusal is in the audit log when this returns.
    pub(crate) fn allow(&self, act: Act, secret: Option<&SecretName>) -> Result<Pass> {
        let of = secret.and_then(|name| self.inventory.secret(name)).map(Guarded::from);
        self.allow_of(act, of, None)
    }

    /// The same of a rotation that exists: its plan says who may.
    pub(crate) fn allow_in(&self, act: Act, rotation: &Rotation) -> Result<Pass> {
        self.allow_of(act, Some(Guarded::rotation(rotation)), Some(rotation))
    }

    /// Whether whoever runs this may start a rotation with what its options say beforehand: the
    /// agreement to the revocation, the new token.
    pub(crate) fn allow_beforehand(&self, secret: &SecretName, how: &How) -> Result<()> {
        let of = self.inventory.secret(secret).map(Guarded::from);
        let by = Some(self.actor.name.as_str());
        let of = of.map(|of| Guarded { started_by: by, ..of });
        for act in beforehand(how) {
            self.allow_of(act, of, None)?;
        }
        Ok(())
    }

    /// The same for going on with one.
    pub(crate) fn allow_meanwhile(&self, rotation: &Rotation, how: &How) -> Result<()> {
        for act in beforehand(how) {
            self.allow_in(act, rotation)?;
        }
        Ok(())
    }

    fn allow_of(
        &self,
        act: Act,
        of: Option<Guarded<'_>>,
        rotation: Option<&Rotation>,
    ) -> Result<Pass> {
        let Err(denied) = self.inventory.people.may(&self.actor, act, of) else {
            return Ok(Pass(()));
        };
        let mut fail = Fail::from(&*denied);
        let id = rotation.map(|rotation| rotation.plan().id.clone());
        if let Err(why) = self.note_denied(&denied.record(Timestamp::now(), id)) {
            fail = fail.hint(format!("this refusal is in no audit log: {}", why.what));
        }
        Err(fail)
    }

    /// Leaves the refusal where the holder of the lease makes a record of it; where nobody holds
    /// it, that is done here and now.
    fn note_denied(&self, record: &domain::audit::Record) -> Result<()> {
        let key = self.key()?;
        let reader = self.reader(&key)?;
        Notes::post(&self.database(), &key, record)
            .map_err(|error| Fail::new(Exit::Failed, chain(&error)))?;
        self.land_notes(&key, &reader)
    }

    /// Makes records of what was left for whoever holds the lease, where nobody does.
    pub(crate) fn land_notes(&self, key: &seal::Key, reader: &Reader) -> Result<()> {
        // The lease of a process that was killed tells its next run whether it had come to the end
        // and could not say so; then the notes wait for that run.
        let untold = match reader.lease()? {
            Some(lease) if !lease.released => {
                let ended = RotationFilter { open: Some(false), limit: Some(1), secret: None };
                let ended = reader.rotations(&ended)?;
                ended.iter().any(|row| row.closed_at.is_some_and(|at| at >= lease.since))
            }
            _ => false,
        };
        if !untold {
            // Where somebody writes, or was faster, they take the notes.
            drop(Journal::open(&self.database(), key, self.holder("notes"), self.options()));
        }
        Ok(())
    }
}

impl TokenWay {
    /// Whether a token comes in.
    pub(crate) fn is_given(&self) -> bool {
        self.token_stdin || self.token_file.is_some()
    }
}

/// What the options of a run do before anybody is asked.
fn beforehand(how: &How) -> impl Iterator<Item = Act> {
    let agreed = how.confirm.is_some().then_some(Act::Approve);
    agreed.into_iter().chain(how.token.is_given().then_some(Act::EnterToken))
}
