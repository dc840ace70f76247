//! A value judged by its form: length, shape, and what happened to it on the way.
//!
//! What comes out tells of places and counts, never of the characters themselves. The repaired
//! value stays a [`Token`], to be tried at the vendor.

use std::fmt;

use serde::Serialize;

use super::{Kind, repair};
use crate::Token;

/// The most edits by which two values still count as one that was mistyped.
const EDITS_MAX: usize = 4;

/// What is wrong with the form of a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "count")]
pub enum Flaw {
    /// Nothing is in it.
    Empty,
    /// It is an example's text.
    Placeholder,
    /// It is a reference that nobody resolved, such as `${NAME}`.
    Unresolved,
    /// Its characters are hidden by a mask.
    Masked,
    /// Quotes or brackets stand around it.
    Quoted,
    /// Blanks stand around it.
    BlanksAround,
    /// Blanks stand inside.
    BlanksInside,
    /// A line end is part of it.
    LineEnd,
    /// A line end was written as two characters.
    EscapedLineEnd,
    /// So many characters in it have no width.
    Invisible(usize),
    /// So many characters only look like the right ones.
    LookAlike(usize),
    /// A name and `=` or `:` stand before it.
    Assignment,
    /// A scheme such as `Bearer` stands before it.
    Scheme,
    /// Punctuation stands behind it.
    Trailing,
    /// It is percent-encoded.
    PercentEncoded,
    /// It is encoded in base64.
    Base64,
    /// Its dashes are missing.
    DashesMissing,
    /// It stands there twice, or together with another.
    Doubled,
    /// So many characters are missing at its end.
    CutAtEnd(usize),
    /// So many characters are missing at its beginning.
    CutAtStart(usize),
    /// The letters of its beginning are in the wrong case.
    Case,
    /// It has so many characters, which no token of the kind has.
    Length(usize),
    /// It has the right length, and so many characters that cannot stand there.
    Characters(usize),
    /// It is the literal for trying out.
    TestToken,
    /// It is this, by its own beginning.
    OtherKind(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing is in it"),
            Self::Placeholder => f.write_str("it is an example's text"),
            Self::Unresolved => f.write_str("it is a reference that nobody resolved"),
            Self::Masked => f.write_str("it is a masked value, not the value"),
            Self::Quoted => f.write_str("quotes are part of it"),
            Self::BlanksAround => f.write_str("blanks stand around it"),
            Self::BlanksInside => f.write_str("blanks stand inside"),
            Self::LineEnd => f.write_str("a line end is part of it"),
            Self::EscapedLineEnd => f.write_str("`\\n` was written into it as two characters"),
            Self::Invisible(1) => f.write_str("1 character without a width"),
            Self::Invisible(count) => write!(f, "{count} characters without a width"),
            Self::LookAlike(1) => f.write_str("1 character only looks like the right one"),
            Self::LookAlike(count) => write!(f, "{count} characters only look like the right ones"),
            Self::Assignment => f.write_str("a name stands before it"),
            Self::Scheme => f.write_str("a scheme such as `Bearer` stands before it"),
            Self::Trailing => f.write_str("punctuation stands behind it"),
            Self::PercentEncoded => f.write_str("it is percent-encoded"),
            Self::Base64 => f.write_str("it is encoded in base64"),
            Self::DashesMissing => f.write_str("its dashes are missing"),
            Self::Doubled => f.write_str("it stands there twice, or together with another"),
            Self::CutAtEnd(count) => write!(f, "{count} missing at its end"),
            Self::CutAtStart(count) => write!(f, "{count} missing at its beginning"),
            Self::Case => f.write_str("its beginning is in the wrong case"),
            Self::Length(count) => write!(f, "{count} characters, which no such token has"),
            Self::Characters(count) => write!(f, "{count} characters that cannot stand there"),
            Self::TestToken => f.write_str("it is the literal POSTMARK_API_TEST"),
            Self::OtherKind(what) => write!(f, "it is {what}"),
        }
    }
}

/// A value, judged by its form.
#[derive(Clone, Debug, Serialize)]
pub struct Anatomy {
    /// How many characters it has.
    pub chars: usize,
    /// What is wrong with it, in the order in which it was undone.
    pub flaws: Vec<Flaw>,
    /// Whether it has the form of the kind as it stands.
    pub fits: bool,
    #[serde(skip)]
    repaired: Option<Token>,
}

impl Anatomy {
    /// Judges a value.
    #[must_use]
    pub fn of(value: &Token, kind: Kind) -> Self {
        let text = value.expose();
        let chars = text.chars().count();
        let fits = kind.shape().fits(text) && !repair::is_one_character(text);
        let (flaws, repaired) =
            if fits { (Vec::new(), None) } else { repair::undone(text, kind.shape()) };
        Self { chars, flaws, fits, repaired }
    }

    /// The value without what is wrong with it, where that has the form of the kind.
    #[must_use]
    pub fn repaired(&self) -> Option<&Token> {
        self.repaired.as_ref()
    }

    /// Whether one of its flaws is such.
    pub(super) fn has(&self, is: impl Fn(&Flaw) -> bool) -> bool {
        self.flaws.iter().any(is)
    }

    /// Its flaws in words.
    #[must_use]
    pub fn words(&self) -> String {
        let shape = if self.fits { ", the right form" } else { "" };
        let flaws: Vec<String> = self.flaws.iter().map(ToString::to_string).collect();
        let flaws =
            if flaws.is_empty() { String::new() } else { format!(": {}", flaws.join("; ")) };
        format!("{} characters{shape}{flaws}", self.chars)
    }
}

/// How a value resembles the one that the store holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "count")]
pub enum Likeness {
    /// They are the same.
    Same,
    /// They are the same but for what is wrong with the form of this one, which was undone.
    SameRepaired,
    /// They are the same but for the case of letters.
    SameButCase,
    /// So many edits lie between them.
    Near(usize),
    /// This one is a part of the other.
    Part,
    /// The other is a part of this one.
    Holds,
    /// They have nothing in common.
    Unlike,
}

impl Likeness {
    /// Compares a value, and what became of it when its flaws were undone, with another.
    #[must_use]
    pub fn of(value: &Token, repaired: Option<&Token>, other: &Token) -> Self {
        if value == other {
            return Self::Same;
        }
        if repaired.is_some_and(|repaired| repaired == other) {
            return Self::SameRepaired;
        }
        let (mine, theirs) = (value.expose(), other.expose());
        if mine.eq_ignore_ascii_case(theirs) {
            return Self::SameButCase;
        }
        let long_enough = mine.len() >= 6 && theirs.len() >= 6;
        if long_enough && theirs.contains(mine) {
            return Self::Part;
        }
        if long_enough && mine.contains(theirs) {
            return Self::Holds;
        }
        let near = mine.len().abs_diff(theirs.len()) <= EDITS_MAX
            && mine.len() <= 200
            && theirs.len() <= 200;
        match near.then(|| strsim::osa_distance(mine, theirs)) {
            Some(edits) if edits <= EDITS_MAX => Self::Near(edits),
            _ => Self::Unlike,
        }
    }

    /// Whether one came from the other.
    #[must_use]
    pub fn is_kin(self) -> bool {
        !matches!(self, Self::Unlike | Self::Same)
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Same => "the store's own value".into(),
            Self::SameRepaired => "without that it is the store's value".into(),
            Self::SameButCase => "the store's value in another case".into(),
            Self::Near(1) => "1 character away from the store's value".into(),
            Self::Near(count) => format!("{count} characters away from the store's value"),
            Self::Part => "a part of the store's value".into(),
            Self::Holds => "the store's value with something more".into(),
            Self::Unlike => "nothing like the store's value".into(),
        }
    }
}
