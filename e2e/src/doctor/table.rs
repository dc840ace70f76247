//! The table of broken situations.

mod around;
mod places;
mod values;

use super::{Act, Asked, Input, SECRETS, Scene, Situation};
use crate::{Result, Secret};

/// Every situation.
#[must_use]
pub fn situations() -> Vec<Situation> {
    [values::situations(), places::situations(), around::situations()]
        .into_iter()
        .flatten()
        .collect()
}

/// The secret whose tokens people make.
fn postmark() -> &'static Secret {
    SECRETS[0]
}

/// The secret that the API makes.
fn heroku() -> &'static Secret {
    SECRETS[1]
}

fn act(what: impl Fn(&Scene<'_>) -> Result<()> + Send + Sync + 'static) -> Act {
    Box::new(what)
}

fn input(what: impl Fn(&Scene<'_>) -> Result<String> + Send + Sync + 'static) -> Input {
    Box::new(what)
}

fn situation(
    name: impl Into<String>,
    secret: &'static Secret,
    place: &str,
    cause: &'static str,
    breaks: Act,
) -> Situation {
    Situation {
        name: name.into(),
        secret,
        asked: Asked::default(),
        breaks,
        cause,
        place: place.into(),
        mends: None,
        input: None,
    }
}

impl Situation {
    /// A person, or time, mends it so.
    fn mended(self, what: impl Fn(&Scene<'_>) -> Result<()> + Send + Sync + 'static) -> Self {
        Self { mends: Some(act(what)), ..self }
    }

    /// A person gives the right value to the command that asks for it.
    fn given_right(
        self,
        what: impl Fn(&Scene<'_>) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        Self { input: Some(input(what)), mends: Some(act(|_| Ok(()))), ..self }
    }

    fn asked(self, asked: Asked) -> Self {
        Self { asked, ..self }
    }
}
