//! Probes: looks at the world that must succeed on the new token before the old one is revoked.

use std::collections::BTreeMap;

/// A look at the world, and whether a person has to say that what it sent arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What people call it; one secret has each name once.
    pub name: String,
    /// Whether an operator says whether what was sent has arrived. Only mails do.
    pub confirm_receipt: bool,
    /// Which kind, with what only that kind needs.
    pub kind: ProbeKind,
}

/// The kinds of probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// An address answers as it should.
    Health(Ask),
    /// A mail that the engine sends itself, with the new token of a Postmark server.
    TestMail {
        /// The connection that the secret's issuer is reached by.
        via: String,
        /// From whom.
        from: String,
        /// To whom.
        to: String,
        /// Its subject.
        subject: String,
        /// The message stream.
        stream: String,
    },
    /// A mail that an application sends when one of its addresses is asked to.
    AppMail {
        /// What the application is asked.
        ask: Ask,
        /// The field of its answer that holds the mail's id, as a dotted path.
        id: String,
    },
    /// The log of a Heroku app since it was given the new token.
    Log {
        /// The connection it is reached by.
        via: String,
        /// The app's name.
        app: String,
        /// Only lines that hold this count, whatever its case; all lines where it is not said.
        about: Option<String>,
        /// Words that no such line may hold.
        words: Vec<String>,
    },
    /// A run of a workflow of GitHub Actions, started for this.
    Workflow {
        /// The connection it is reached by.
        via: String,
        /// The repository, `owner/name`.
        repo: String,
        /// The workflow's file, or its id.
        workflow: String,
        /// The branch or tag that it runs on.
        git_ref: String,
        /// Its inputs.
        inputs: BTreeMap<String, String>,
        /// The input that is given the rotation's id, and that the run shows in its title: what a
        /// run is found by where the answer to its order was lost or names none.
        correlate: Option<String>,
    },
}

/// One question over HTTP, and what the answer has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// `GET` or `POST`.
    pub method: String,
    /// The address.
    pub url: String,
    /// Whether the name in it may stand for an address of a private network.
    pub private: bool,
    /// The body, as JSON text.
    pub json: Option<String>,
    /// The status that means success.
    pub expect_status: u16,
    /// A field of the JSON answer (dotted path) and the value it must have; `None` for any.
    pub expect_json: Vec<(String, Option<String>)>,
}

impl ProbeKind {
    /// Every kind, as it is written in the inventory.
    pub const ALL: [&'static str; 5] = ["health", "test-mail", "app-mail", "log", "workflow"];

    /// The kind, as it is written in the inventory.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Health(_) => "health",
            Self::TestMail { .. } => "test-mail",
            Self::AppMail { .. } => "app-mail",
            Self::Log { .. } => "log",
            Self::Workflow { .. } => "workflow",
        }
    }

    /// Whether it sends something first: a mail, an order for a run.
    #[must_use]
    pub fn sends(&self) -> bool {
        matches!(self, Self::TestMail { .. } | Self::AppMail { .. } | Self::Workflow { .. })
    }

    /// Whether it looks: at an address, at a log, at what came of what it sent. A mail has
    /// answered with its id already.
    #[must_use]
    pub fn looks(&self) -> bool {
        matches!(self, Self::Health(_) | Self::Log { .. } | Self::Workflow { .. })
    }

    /// Whether it costs so little that it is made again and again while both tokens live.
    #[must_use]
    pub fn repeats(&self) -> bool {
        matches!(self, Self::Health(_) | Self::Log { .. })
    }

    /// The question it asks over HTTP, where it asks one.
    #[must_use]
    pub fn ask(&self) -> Option<&Ask> {
        match self {
            Self::Health(ask) | Self::AppMail { ask, .. } => Some(ask),
            Self::TestMail { .. } | Self::Log { .. } | Self::Workflow { .. } => None,
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Health(ask) => format!("{} answers {}", ask.url, ask.expected()),
            Self::TestMail { to, .. } => format!("a mail to {to} with the new token"),
            Self::AppMail { ask, .. } => format!("the application sends a mail ({})", ask.url),
            Self::Log { app, about, words, .. } => {
                let about = about.as_ref().map(|about| format!(" of {about}"));
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                let about = about.unwrap_or_default();
                format!("the log of {app} says nothing{about} with {}", words.join(" or "))
            }
            Self::Workflow { repo, workflow, .. } => {
                format!("a run of {workflow} of {repo} ends in success")
            }
        }
    }
}

impl Ask {
    /// What the answer has to be, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        let fields = self.expect_json.iter().map(|(field, value)| match value {
            Some(value) => format!(", `{field}` is `{value}`"),
            None => format!(", `{field}` is there"),
        });
        format!("{}{}", self.expect_status, fields.collect::<String>())
    }
}
