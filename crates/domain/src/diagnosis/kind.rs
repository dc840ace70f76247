//! The kinds of tokens that can be examined.

use serde::Serialize;

use crate::Shape;

/// A kind of token, as far as finding out what is wrong with one needs it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A token of one Postmark server, for `X-Postmark-Server-Token`.
    PostmarkServer,
    /// A token of a whole Postmark account, for `X-Postmark-Account-Token`.
    PostmarkAccount,
    /// The token of a Heroku OAuth authorization.
    HerokuAuthorization,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] =
        [Self::PostmarkServer, Self::PostmarkAccount, Self::HerokuAuthorization];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PostmarkServer => "postmark-server",
            Self::PostmarkAccount => "postmark-account",
            Self::HerokuAuthorization => "heroku-authorization",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whose it is.
    #[must_use]
    pub fn vendor(self) -> &'static str {
        match self {
            Self::PostmarkServer | Self::PostmarkAccount => "Postmark",
            Self::HerokuAuthorization => "Heroku",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::PostmarkServer => "Postmark server token",
            Self::PostmarkAccount => "Postmark account token",
            Self::HerokuAuthorization => "Heroku token",
        }
    }

    /// The form of its value.
    #[must_use]
    pub fn shape(self) -> Shape {
        match self {
            Self::PostmarkServer | Self::PostmarkAccount => Shape::Uuid,
            Self::HerokuAuthorization => Shape::Heroku,
        }
    }

    /// The header that it travels in.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::PostmarkServer => "X-Postmark-Server-Token",
            Self::PostmarkAccount => "X-Postmark-Account-Token",
            Self::HerokuAuthorization => "Authorization",
        }
    }
}
