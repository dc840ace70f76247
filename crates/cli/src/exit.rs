//! The numbers that the program ends with. Scripts rest on them; they never change meaning.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Ok = 0,
    /// It did not work.
    Failed = 1,
    /// The command line or the inventory is wrong; nothing was started.
    Usage = 2,
    /// `plan --detailed-exitcode` would change something; `status --check` found something due,
    /// `drift --check` something that differs.
    Changes = 3,
    /// Whoever ran it may not do this; nothing was changed.
    Denied = 5,
    /// It waits for an operator. Not a failure.
    Waiting = 10,
    /// Everybody is on the old token again.
    RolledBack = 11,
    /// A step does not go on by itself; nothing is lost.
    Attention = 12,
    /// A scan has found tokens.
    Found = 20,
    /// The token is refused, or is the wrong one where it stands.
    TokenInvalid = 21,
    /// The log was tampered with.
    Tampered = 30,
    /// The database may be older than the world.
    SetBack = 31,
    /// A vendor does not answer now.
    TryLater = 75,
    /// Interrupted; the run is journaled and can be resumed.
    Interrupted = 130,
}

impl Exit {
    /// How a command ended that did several things: as the one that needs most.
    pub(crate) fn worst(self, other: Self) -> Self {
        const ORDER: [Exit; 10] = [
            Exit::Ok,
            Exit::Waiting,
            Exit::Interrupted,
            Exit::TryLater,
            Exit::RolledBack,
            Exit::Attention,
            Exit::Failed,
            Exit::Usage,
            Exit::SetBack,
            Exit::Tampered,
        ];
        let place = |one: Self| ORDER.iter().position(|known| *known == one);
        if place(other) > place(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The text of `rollover help-exit-codes`.
pub(crate) const HELP: &str = "\
  0   done, or nothing to do
  1   it did not work
  2   the command line or the inventory is wrong; nothing was started
  3   something would change (plan --detailed-exitcode), is due (status --check) or differs (drift --check)
  5   you may not do this; nothing was changed
 10   it waits for an operator; not a failure
 11   rolled back: everybody is on the old token again
 12   needs attention: a step does not go on by itself; nothing is lost
 20   tokens were found where they should not be (scan)
 21   the token is refused, or is the wrong one where it stands (doctor)
 30   the audit log was tampered with
 31   the database may be older than the world; look first: rollover reconcile
 75   a vendor does not answer now, or it is no time for rotations; try later
130   interrupted; the run is journaled: rollover run resume
";
