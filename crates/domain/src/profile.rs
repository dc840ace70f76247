//! What an issuer declares about itself. Plans, tasks, refusals and help render from it.

use serde::{Deserialize, Serialize};

use crate::Span;

/// Who does a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doer {
    /// The engine, through the issuer's API.
    Api,
    /// A person, because the issuer offers no API for it; proven by a look, never by the click.
    Operator,
}

/// How old and new tokens may live side by side.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Up to so many tokens at once.
    Coexist(u32),
    /// As many as one likes, as far as the issuer says.
    Unlimited,
}

impl Overlap {
    /// How many tokens fit, where the issuer sets a limit.
    #[must_use]
    pub fn slots(self) -> Option<u32> {
        match self {
            Self::Coexist(slots) => Some(slots),
            Self::Unlimited => None,
        }
    }
}

/// The form of a token's value, for recognising a wrong one before it is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shape {
    /// `8-4-4-4-12` hexadecimal digits.
    Uuid,
    /// `HRKU-` and a UUID or 60 characters, or a bare UUID of old.
    Heroku,
}

impl Shape {
    /// Whether a value has this form.
    #[must_use]
    pub fn fits(self, value: &str) -> bool {
        match self {
            Self::Uuid => is_uuid(value),
            Self::Heroku => match value.strip_prefix("HRKU-") {
                Some(rest) => is_uuid(rest) || is_word_of(rest, 60),
                None => is_uuid(value),
            },
        }
    }

    /// The form in words, for error messages.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Uuid => "36 characters, 8-4-4-4-12 hexadecimal digits",
            Self::Heroku => "HRKU- and a UUID or 60 letters, digits, `_` and `-`",
        }
    }
}

/// How a token of an issuer is told, in a text, from other things of the same form.
#[derive(Clone, Copy, Debug)]
pub struct Traces {
    /// Words that stand near one: the vendor's name as it is part of variables, hosts, headers
    /// and sections. Lower case.
    pub words: &'static [&'static str],
    /// Names of ids that have the form of a token and are none, without separators and in lower
    /// case: `messageid`.
    pub ids: &'static [&'static str],
}

/// An issuer's declaration, constant per kind.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// The `kind` that the inventory names it by.
    pub kind: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How tokens coexist.
    pub overlap: Overlap,
    /// Who creates a token.
    pub creates: Doer,
    /// Who revokes one.
    pub revokes: Doer,
    /// Whether any API lists its tokens. Where none does, a person enters the new one, and what
    /// else lives there is not known.
    pub lists: bool,
    /// Whether a token of it can read its siblings' values; then an overlap does not protect
    /// against somebody who holds a leaked one.
    pub reads_siblings: bool,
    /// The form of a token.
    pub shape: Shape,
    /// How long a new token may answer 401 before it is really refused.
    pub activation_max: Span,
    /// The names under which programs usually read it.
    pub usual_names: &'static [&'static str],
    /// What a leaked one is found by.
    pub traces: Traces,
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_word_of(value: &str, length: usize) -> bool {
    value.len() == length
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        assert!(Shape::Uuid.fits(uuid) && Shape::Heroku.fits(uuid));
        assert!(Shape::Heroku.fits(&format!("HRKU-{uuid}")));
        assert!(Shape::Heroku.fits(&format!("HRKU-{}", "x_-1".repeat(15))));
        assert!(!Shape::Heroku.fits("HRKU-short") && !Shape::Uuid.fits(&uuid[1..]));
    }
}
