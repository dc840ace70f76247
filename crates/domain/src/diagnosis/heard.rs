//! What a vendor said to a token, or who answered in its place.

use serde::Serialize;

/// One answer, or none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Heard {
    /// Nobody was asked.
    NotAsked,
    /// The vendor took the token.
    Accepted {
        /// Who the token is, in the vendor's words; empty where the call does not tell.
        identity: String,
        /// Whether the server is a sandbox, where the vendor tells.
        sandbox: Option<bool>,
    },
    /// The vendor said something else in its own form of an error.
    Said {
        /// The HTTP status.
        status: u16,
        /// The vendor's code or id of the error.
        code: String,
        /// The vendor's words, made fit to be shown.
        message: String,
    },
    /// Somebody answered, and not in the vendor's form.
    Stranger {
        /// The HTTP status.
        status: u16,
        /// What the answer looks like; never what it holds.
        looks: String,
    },
    /// No answer.
    Silence {
        /// In what way.
        how: Silence,
        /// What was seen.
        why: String,
    },
}

/// In what way no answer came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// The name has no address.
    Name,
    /// Nobody listens there, or the way is closed.
    Refused,
    /// The encrypted connection did not come about.
    Tls,
    /// The proxy did not connect.
    Proxy,
    /// It took too long.
    Timeout,
    /// The connection broke.
    Broken,
    /// The value cannot stand in a header, so nothing was sent.
    Unsendable,
}

impl Heard {
    /// Whether the vendor took the token.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// Whether the vendor itself said that it does not know the token: 401 in its own form.
    #[must_use]
    pub fn is_unknown_token(&self) -> bool {
        match self {
            Self::Said { status: 401, code, .. } => code == "10" || code == "unauthorized",
            _ => false,
        }
    }

    /// Whether the vendor itself answered, well or not.
    #[must_use]
    pub fn is_the_vendor(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Said { .. })
    }

    /// The vendor's code as a number, with the status.
    #[must_use]
    pub fn coded(&self) -> Option<(u16, &str)> {
        match self {
            Self::Said { status, code, .. } => Some((*status, code)),
            _ => None,
        }
    }

    /// In words, for evidence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::NotAsked => "not asked".into(),
            Self::Accepted { identity, .. } if identity.is_empty() => "answers 200".into(),
            Self::Accepted { identity, .. } => format!("answers 200 as {identity}"),
            Self::Said { status, code, message } => {
                let code = match code.parse::<u64>() {
                    Ok(number) => format!(" ErrorCode {number}"),
                    Err(_) if code.is_empty() => String::new(),
                    Err(_) => format!(" {code}"),
                };
                let message = message.trim_end_matches('.');
                match message.is_empty() || self.is_unknown_token() {
                    true => format!("answers {status}{code}"),
                    false => format!("answers {status}{code}: {message}"),
                }
            }
            Self::Stranger { status, looks } => format!("{status} with {looks}"),
            Self::Silence { why, .. } => why.clone(),
        }
    }
}
