//! What happened in one step, told only when somebody wants to hear it.

use std::fmt;

use crate::Action;

/// One step of a story.
#[derive(Clone)]
pub(super) enum Told {
    /// The engine journals the beginnings and makes the calls.
    Begins(Vec<Action>),
    /// Something about an action.
    Of(Action, &'static str),
    /// Something about a token, by number.
    Token(u8, &'static str),
    /// Something about a consumer, by place.
    Consumer(usize, &'static str),
    /// Something else.
    Plain(&'static str),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begins(actions) => {
                let actions: Vec<String> = actions.iter().map(ToString::to_string).collect();
                write!(f, "the engine begins {}", actions.join(", "))
            }
            Self::Of(action, what) => write!(f, "{action}: {what}"),
            Self::Token(token, what) => write!(f, "token {token}: {what}"),
            Self::Consumer(place, what) => write!(f, "consumer c{place} {what}"),
            Self::Plain(what) => f.write_str(what),
        }
    }
}
