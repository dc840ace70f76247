//! How a command fails: what, why, and the next move, with an exit code.

use std::error::Error;
use std::fmt::Write as _;

use domain::Refusal;
use engine::EngineError;

use crate::exit::Exit;

/// A failure as a person meets it.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) exit: Exit,
    pub(crate) what: String,
    pub(crate) hints: Vec<String>,
    /// Already rendered text that replaces `what`, such as marked lines of a file.
    pub(crate) rendered: Option<String>,
}

pub(crate) type Result<T> = std::result::Result<T, Fail>;

impl Fail {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), hints: Vec::new(), rendered: None }
    }

    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The text for standard error.
    pub(crate) fn text(&self) -> String {
        let mut text = match &self.rendered {
            Some(rendered) => rendered.clone(),
            None => format!("error: {}", self.what),
        };
        for hint in &self.hints {
            // Writing to a String cannot fail.
            let _ = write!(text, "\nhint: {hint}");
        }
        text
    }
}

/// An error and everything under it, in one line. No error of ours repeats its source.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(under) = source {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {under}");
        source = under.source();
    }
    text
}

impl From<EngineError> for Fail {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Plan(plan) => refused(&plan.secret.to_string(), &plan.refusals),
            EngineError::Journal(journal) => journal_fail(journal),
            EngineError::NoSecret(_) => Self::new(Exit::Usage, chain(&error))
                .hint("`rollover status` lists the secrets of the inventory"),
            EngineError::NoRotation(_) => {
                Self::new(Exit::Usage, chain(&error)).hint("`rollover run ls` lists them")
            }
            EngineError::World(_) => Self::new(Exit::Usage, chain(&error))
                .hint("`rollover config check` tells more about the inventory"),
            EngineError::Denied(denied) => Self::from(&**denied),
            EngineError::Login { .. } => Self::new(Exit::TryLater, chain(&error)),
            _ => Self::new(Exit::Failed, chain(&error)),
        }
    }
}

impl From<journal::JournalError> for Fail {
    fn from(error: journal::JournalError) -> Self {
        journal_fail(&error)
    }
}

fn journal_fail(error: &journal::JournalError) -> Fail {
    let exit = match error {
        journal::JournalError::SetBack { .. } => Exit::SetBack,
        _ => Exit::Failed,
    };
    Fail::new(exit, chain(error)).hint(error.hint())
}

/// A rotation that is not begun, with every reason.
pub(crate) fn refused(secret: &str, refusals: &[Refusal]) -> Fail {
    let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    let later = refusals.iter().all(|refusal| matches!(refusal, Refusal::Unseen { .. }));
    let exit = if later { Exit::TryLater } else { Exit::Failed };
    let mut fail =
        Fail::new(exit, format!("{secret} cannot be rotated now: {}", reasons.join("; ")));
    for refusal in refusals {
        let hint = refusal.hint();
        if !fail.hints.contains(&hint) {
            fail.hints.push(hint);
        }
    }
    fail
}
